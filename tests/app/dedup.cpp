// ctgpt data dedup, as a user runs it.
#include "app/documents.hpp"
#include "ctgpt/base/directory.hpp"

using namespace ctgpt_test;

namespace {

struct pages {
  temporary_directory folder;
  std::string one = folder.file("in/1.jsonl"), two = folder.file("in/2.jsonl");
  std::string eval = folder.file("eval.jsonl");
  pages() {
    ctgpt::create_directories(folder.file("in"));
    ctgpt::write_file_atomic(one,
                             "{\"text\":\"A first page that has a few words of its own.\"}\n"
                             "{\"text\":\"How many boats are there in the old harbour? Six.\"}\n"
                             "{\"text\":\"Something else that nobody has said before today.\"}\n");
    ctgpt::write_file_atomic(two,
                             "{\"text\":\"A first page that has a few words of its own.\"}\n"
                             "{\"text\":\"a FIRST page, that has a few words of its own\"}\n"
                             "{\"text\":\"Quite another page, of eleven words, which goes on "
                             "like this:\\n"
                             "Something else that nobody has said before today.\"}\n"
                             "{\"text\":\n");
    ctgpt::write_file_atomic(eval, "{\"q\":\"how many boats are there in the old harbour\"}\n");
  }
  words call(const std::string& out, const words& more = {}) const {
    return words{"data", "dedup", "--data", folder.file("in"), "--out", folder.file(out)} + more;
  }
  std::string contents(const std::string& name) const {
    return ctgpt::read_file(folder.file(name));
  }
};

TEST_CASE("data dedup: without a mode equal and nearly equal documents are dropped") {
  if (!has_data_verb("dedup")) return;
  const pages given;
  const std::string table = output_of(given.call("out"));
  CHECK(contains(table, "read                             6"));
  CHECK(contains(table, "exact duplicates                 1"));
  CHECK(contains(table, "near-duplicates                  1"));
  CHECK(contains(table, "kept                             4"));
  CHECK_FALSE(contains(table, "lines"));
  CHECK(ctgpt::is_file(given.folder.file("out/part-00000.jsonl.zst")));
  CHECK_FALSE(ctgpt::is_directory(given.folder.file("out/signatures")));
}

TEST_CASE("data dedup: three shards and a last call are one run") {
  if (!has_data_verb("dedup")) return;
  const pages given;
  const words flags{"--exact", "--minhash", "--lines", "--decontaminate", given.eval, "--json"};
  const ctgpt::io::json text = parsed(output_of(given.call("one", flags)));
  const ctgpt::io::json_field report(text, "report.json");
  CHECK(report["kept"]["documents"].integer() == 3);
  for (const char* why : {"contaminated", "exact_duplicate", "near_duplicate"}) {
    CHECK(report["dropped"][why]["documents"].integer() == 1);
  }
  CHECK(report["dropped"]["no_line_left"]["documents"].integer() == 0);
  CHECK(report["lines"]["removed"].integer() == 1);
  CHECK(report["bad"].integer() == 1);
  CHECK(report["contaminated_by"][std::size_t{0}]["source"].string() == given.eval);
  for (const char* shard : {"2/3", "0/3", "1/3"}) {
    CHECK(output_of(given.call("three", flags + words{"--shard", shard})).empty());
  }
  output_of(given.call("three", flags + words{"--memory", "9500000", "--threads", "1"}));
  CHECK(given.contents("three/report.json") == given.contents("one/report.json"));
  CHECK(given.contents("three/part-00000.jsonl.zst") == given.contents("one/part-00000.jsonl.zst"));
}

TEST_CASE("data dedup: whatever is wrong is said in a sentence") {
  if (!has_data_verb("dedup")) return;
  const pages given;
  const auto said = [&](const words& arguments, int code) {
    return sentence(result_of(arguments), code);
  };
  CHECK(said({"data", "dedup", "--out", "x"}, 2) == "say what to read by --data PATH");
  CHECK(said({"data", "dedup", "--data", given.one}, 2) ==
        "say where the result goes by --out DIR");
  CHECK(contains(said(given.call("a", {"--memory", "1000"}), 2), "--memory must be a whole"));
  CHECK(contains(said(given.call("a", {"--shard", "3/3"}), 2), "I of --shard I/N must be"));
  CHECK(contains(said(given.call("a", {"--shard", "3"}), 2), "--shard must be I/N"));
  CHECK(contains(said(given.call("a", {"--min-line", "9"}), 2), "--min-line goes with --lines"));
  CHECK(said(given.call("in/../in"), 2) == "--out " + given.folder.file("in/../in") +
                                               " is what --data reads; choose another directory");
  CHECK(contains(said(given.call("a", {"--format", "pdf"}), 2), "there is no format 'pdf'"));
  CHECK(contains(said({"data", "dedup", "--data", given.folder.file("none"), "--out", "x"}, 1),
                 "cannot read "));
  CHECK(contains(said(given.call("a", {"--decontaminate", given.folder.file("none")}), 1),
                 "cannot read "));
  // Nothing is left of a run that has read nothing, so that the next one is not refused.
  CHECK(said(given.call("a", {"--field", "body"}), 1) ==
        "there is no document that can be read: " + given.one +
            ": line 1: there is no field 'body'; the object has text (and 6 more are wrong)");
  CHECK_FALSE(ctgpt::is_directory(given.folder.file("a")));
  output_of(given.call("b", {"--shard", "0/2"}));
  CHECK(contains(said(given.call("b"), 1), "lacks shard 1 of 2"));
  CHECK(contains(said(given.call("b", {"--shard", "0/2", "--exact"}), 1), "other flags"));
  output_of(given.call("c"));
  CHECK(contains(said(given.call("c"), 1), "holds the result of a run already"));
}

}  // namespace
