// ctgpt data clean: real text with things planted in it, of which every one is found; shards,
// threads and stopped runs; and what cannot be done.
#include <cmath>

#include "app/documents.hpp"
#include "ctgpt/io/json_field.hpp"

using namespace ctgpt_test;
using ctgpt::io::json_field;

namespace {

words clean(const std::string& data, const std::string& out, const words& more = {}) {
  return words{"data", "clean", "--data", data, "--out", out} + more;
}

}  // namespace

TEST_CASE("data clean: everything that was planted in real text is found, and the counts add up") {
  if (!has_data_verb("clean")) return;
  const std::string book = corpus("text/dickens.txt");
  if (book.empty()) return;
  const temporary_directory here;
  const words all{"--rules",    "gopher,c4,fineweb", "--language",
                  "en",         "--normalise",       "entities,control,nfc,whitespace",
                  "--mask-pii", "--drop-harmful"};
  // The pages that stay as they are.
  std::string raw;
  for (const std::string& page : pages_of(book, 400)) raw += line_of(page);
  ctgpt::write_file_atomic(here.file("book.jsonl"), raw);
  output_of(clean(here.file("book.jsonl"), here.file("book"), all));
  words pages = documents_of(here.file("book"), here.file("book"));
  for (std::string& page : pages) page += "\n";
  REQUIRE(pages.size() > 300);
  const std::vector<planted> bad = junk(pages[0]);
  const std::pair<const char*, const char*> personal[] = {
      {"Write to jane.doe@example-mail.com for it.", "pii_email"},
      {"Call (212) 555-0187 and ask for it.", "pii_phone"},
      {"Pay by card 4111 1111 1111 1111 for it.", "pii_card"},
      {"His number was 219-09-9999 in the book.", "pii_ssn"},
      {"The account GB29 NWBK 6016 1331 9268 19 has it.", "pii_iban"},
      {"The server 8.8.8.8 gave it to the world.", "pii_ip"}};
  std::string lines;
  std::size_t next = 0, at = 0;
  for (std::size_t i = 1; i < pages.size(); ++i) {
    std::string page = pages[i];
    if (i % 15 == 0 && next < std::size(personal))
      page += std::string(personal[next++].first) + "\n";
    if (i == 8) page += "It is &ldquo;said&rdquo; by many.\n";
    if (i == 9) page += "A zero\xE2\x80\x8Bwidth blank and a cafe\xCC\x81 are here.\n";
    if (i == 12) page += "Please accept our use of cookies now.\n";
    if (i == 13) page += "It was so in 1850.[12]\n";
    lines += line_of(page);
    if (i % 9 == 0 && at < bad.size()) lines += line_of(bad[at++].text);
    if (i == 20) lines += "{\"text\": \"cut-0ff\n";
    if (i == 40) lines += "{\"text\": 12}\n";
    if (i == 60) lines += line_of("");
  }
  REQUIRE(next == std::size(personal));
  REQUIRE(at == bad.size());
  ctgpt::write_file_atomic(here.file("web.jsonl"), lines);
  const std::string out = here.file("out");
  const auto report = parsed(output_of(clean(here.file("web.jsonl"), out, all + words{"--json"})));
  CHECK(ctgpt::io::read_json(out + "/report.json") == report);
  const json_field facts(report, "report.json");
  CHECK(facts["finished"].boolean());
  CHECK(facts["input"]["bad"].integer() == 2);
  CHECK(facts["input"]["left_out"].integer() == 1);
  const auto read = static_cast<std::int64_t>(pages.size() - 1 + bad.size());
  CHECK(facts["input"]["documents"].integer() == read);
  std::int64_t dropped = 0;
  for (const planted& each : bad) {
    INFO(each.reason);
    CHECK(facts["dropped"][each.reason].integer_or(0) == 1);
  }
  for (const auto& each : facts["dropped"].members()) {
    dropped += facts["dropped"][each.key].integer();
  }
  CHECK(dropped == static_cast<std::int64_t>(bad.size()));
  CHECK(facts["kept"]["documents"].integer() + dropped == read);
  for (const auto& each : personal) {
    const std::string change = each.second;
    INFO(change);
    CHECK(facts["changed"][change].integer_or(0) == 1);
  }
  CHECK(facts["changed"]["normalise_entities"].integer() == 1);
  CHECK(facts["changed"]["normalise_control"].integer() == 1);
  CHECK(facts["changed"]["normalise_nfc"].integer() == 1);
  CHECK(facts["changed"]["c4_policy"].integer() == 1);
  CHECK(facts["changed"]["c4_citations"].integer() == 1);
  const std::string kept = texts_of(out, out);
  for (const char* gone : {"jane.doe", "555-0187", "4111 1111", "219-09-9999", "GB29", "8.8.8.8",
                           "&ldquo;", "use of cookies", "[12]", "lorem ipsum", "cut-0ff"}) {
    INFO(std::string(gone));
    CHECK_FALSE(contains(kept, gone));
  }
  for (const char* there :
       {"Write to <EMAIL> for it.", "Call <PHONE> and", "card <CARD> for", "number was <SSN> in",
        "account <IBAN> has", "server <IP> gave", "\xE2\x80\x9Csaid\xE2\x80\x9D",
        "A zerowidth blank and a caf\xC3\xA9 are here.", "It was so in 1850.\n"}) {
    INFO(there);
    CHECK(contains(kept, there));
  }
  // The table says the same; three shards hold what one run does.
  const std::string table = output_of(clean(here.file("web.jsonl"), out, all));
  CHECK(contains(table, "gopher_bullets"));
  CHECK(contains(table, "bad records"));
  std::int64_t sum = 0;
  for (const char* shard : {"0/3", "1/3", "2/3"}) {
    const auto part =
        parsed(output_of(clean(here.file("web.jsonl"), here.file("shards"),
                               all + words{"--json", "--threads", "2", "--shard", shard})));
    sum += json_field(part, "report")["kept"]["documents"].integer();
  }
  CHECK(sum == facts["kept"]["documents"].integer());
  CHECK(texts_of(here.file("shards"), here.file("shards")) == kept);
}

TEST_CASE("data clean: every format that is read can be named, and a run that is done says so") {
  if (!has_data_verb("clean")) return;
  const temporary_directory here;
  ctgpt::write_file_atomic(here.file("a.data"), "name,body\nx,\"Some text, here.\"\ny,More\n");
  const words csv{"--format", "csv", "--field", "body", "--normalise", "lower", "--json"};
  const auto report = parsed(output_of(clean(here.file("a.data"), here.file("out"), csv)));
  CHECK(json_field(report, "report")["kept"]["documents"].integer() == 2);
  CHECK(contains(texts_of(here.file("out"), here.file("x")), "some text, here."));
  const outcome again = result_of(clean(here.file("a.data"), here.file("out"), csv));
  CHECK(again.code == 0);
  CHECK(contains(again.err, "This was done before"));
  CHECK(parsed(again.out) == report);
}

TEST_CASE("data clean: a run that is stopped keeps its parts, and the same command goes on") {
  if (!has_data_verb("clean")) return;
  const temporary_directory here;
  std::string lines;
  for (int i = 0; i < 20000; ++i) {
    lines += line_of("Document " + std::to_string(i) + std::string(2000, 'x') + ".");
  }
  ctgpt::write_file_atomic(here.file("a.jsonl"), lines);
  const words how{"--part-bytes", "1000000", "--normalise", "nfc", "--json"};
  const std::string whole = output_of(clean(here.file("a.jsonl"), here.file("whole"), how));
  running stopped(clean(here.file("a.jsonl"), here.file("out"), how));
  const bool running =
      stopped.until([&] { return ctgpt::is_file(here.file("out/part-00000.jsonl.zst")); });
  if (running) stopped.send(SIGINT);
  const outcome end = stopped.wait();
  const bool early = end.code == 128 + SIGINT;  // or it was done before the signal came
  CHECK((early || end.code == 0));
  CHECK(output_of(clean(here.file("a.jsonl"), here.file("out"), how)) == whole);
  const auto report = parsed(whole);
  const json_field parts = json_field(report, "report")["parts"];
  CHECK(parts.size() > 10);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string name = "/" + parts[i].string();
    CHECK(
        (ctgpt::read_file(here.file("out") + name) == ctgpt::read_file(here.file("whole") + name)));
  }
}

TEST_CASE("data clean: what cannot be done is one sentence") {
  if (!has_data_verb("clean")) return;
  const temporary_directory here;
  ctgpt::write_file_atomic(here.file("a.txt"), "A text.\n");
  const std::string a = here.file("a.txt"), out = here.file("out");
  const std::vector<std::tuple<words, int, std::string>> wrong{
      {{"data", "clean", "--out", out}, 2, "say what to read by --data"},
      {{"data", "clean", "--data", a}, 2, "say where the documents go by --out"},
      {clean(a, out, {"--rules", "gopher,nemo"}), 2, "no rule 'nemo': give gopher, c4 or fineweb"},
      {clean(here.path() + "/", here.path()), 2, here.path() + " is what --data reads"},
      {clean(a, out, {"--format", "pdf"}), 2, "no format 'pdf': give auto, text, jsonl"},
      {clean(a, out, {"--language", "xx"}), 2, "the language 'xx' is not known; known are am, ar"},
      {clean(a, out, {"--normalise", "nfd"}), 2, "no normalisation 'nfd': give entities, control"},
      {clean(a, out, {"--normalise", "nfc,nfkc"}), 2, "give one of them"},
      {clean(a, out, {"--shard", "3"}), 2, "--shard is I/N"},
      {clean(a, out, {"--shard", "3/3"}), 2, "counted from 0"},
      {clean(a, out, {"--shard", "0/0"}), 2, "--shard: N must be a whole number from 1"},
      {clean(here.file("none"), out), 1, "cannot read " + here.file("none")},
      {clean(here.path() + "/none/", out), 1, "cannot read"},
  };
  for (const auto& [flags, code, part] : wrong) {
    const std::string said = sentence(result_of(flags), code);
    INFO(said);
    CHECK(contains(said, part));
    CHECK(here.names() == words{"a.txt"});
  }
  output_of(clean(a, out));
  CHECK(contains(sentence(result_of(clean(a, out, {"--mask-pii"})), 1),
                 "holds a run with other settings or files"));
  // Neither the field nor a document: the directory is free for other flags.
  const std::string lines = here.file("b.jsonl"), other = here.file("other");
  ctgpt::write_file_atomic(lines,
                           "\n{\"body\": \"Some text.\", \"id\": 3}\n{\"body\": \"More\"}\n");
  CHECK(sentence(result_of(clean(lines, other)), 1) ==
        "there is no document that can be read: " + lines +
            ": line 2: there is no field 'text'; the object has body, id (and 1 more is wrong)");
  CHECK(sentence(result_of(words{"data", "shard", "--data", other, "--tokenizer", "bytes", "--out",
                                 here.file("tokens")}),
                 1) ==
        "there is no document in " + other + ": it holds the report of a run, and no part");
  output_of(clean(lines, other, {"--field", "body"}));
  ctgpt::write_file_atomic(lines, "");
  CHECK(sentence(result_of(clean(lines, here.file("none"))), 1) ==
        "there is no document in the files that were given");
  // A run that drops all it reads is no error; what comes next says that nothing is there.
  output_of(clean(a, here.file("dropped"), {"--rules", "gopher"}));
  CHECK(sentence(result_of(clean(here.file("dropped"), here.file("next"))), 1) ==
        "there is no document in " + here.file("dropped") +
            ": it holds the report of a run, and no part");
}
