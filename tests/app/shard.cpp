// ctgpt data shard, and ctgpt train on what it makes.
#include "app/documents.hpp"
#include "app/runs.hpp"
#include "ctgpt/data/token_set.hpp"
#include "ctgpt/text/tokenizer.hpp"

using namespace ctgpt_test;
using ctgpt::data::split;
using ctgpt::io::json_field;

namespace {

// A file of JSON lines, one for each paragraph of the world of this seed.
int write_pages(const std::string& path, int seed, int bytes = 60000) {
  const std::string text = output_of({"data", "world", "--bytes", std::to_string(bytes), "--seed",
                                      std::to_string(seed), "--out", path});
  std::string lines;
  int count = 0;
  std::string paragraph;
  for (const std::string& line : lines_of(contents(path))) {
    paragraph += line + "\n";
    if (!line.empty()) continue;
    ctgpt::io::json_writer(lines).begin_object().member("text", paragraph).end_object();
    lines += "\n";
    paragraph.clear();
    ++count;
  }
  ctgpt::write_file_atomic(path, lines);
  return count;
}

words shard(const std::string& data, const std::string& out, const words& more = {}) {
  return words{"data", "shard", "--data", data, "--tokenizer", "bytes", "--out", out} + more;
}

// The tokens of a text in two splits, as `ctgpt train` splits a text.
void write_same_split(const std::string& text, const std::string& out) {
  ctgpt::create_directories(out);
  const auto ids = ctgpt::text::bytes{}.encode(text);
  const auto train = static_cast<std::size_t>(static_cast<double>(ids.size()) * (1.0 - 0.1));
  ctgpt::data::token_set_writer writer(out, {.vocab = 256});
  writer.begin(split::train);
  writer.add(std::span(ids).first(train));
  writer.end();
  writer.begin(split::validation);
  writer.add(std::span(ids).subspan(train));
  writer.end();
  writer.finish();
  ctgpt::text::tokenizer(ctgpt::text::bytes{}).save(out + "/tokenizer.json");
}

void check_same_numbers(const std::string& left, const std::string& right) {
  CHECK(metrics_without_time(left) == metrics_without_time(right));
  CHECK(
      (contents(left + "/last/model.safetensors") == contents(right + "/last/model.safetensors")));
  CHECK(contents(left + "/samples.jsonl") == contents(right + "/samples.jsonl"));
}

const words on_bytes{"--steps", "6", "--eval-every", "3", "--tokenizer", "bytes"};

}  // namespace

TEST_CASE("data shard: every document is in one split, the same in every order of the files") {
  if (!has_data_verb("shard")) return;
  const temporary_directory here;
  const int pages = write_pages(here.file("a.jsonl"), 1) + write_pages(here.file("b.jsonl"), 2);
  const std::string said =
      output_of({"data", "shard", "--data", here.file("a.jsonl"), here.file("b.jsonl"),
                 "--tokenizer", "bytes", "--out", here.file("ab"), "--end-of-text", "0", "--json"});
  const ctgpt::io::json meta = parsed(said);
  const json_field facts(meta, "meta.json");
  CHECK(ctgpt::io::read_json(here.file("ab/meta.json")) == meta);
  CHECK(facts["documents"].integer() == pages);
  CHECK(facts["train"]["documents"].integer() + facts["val"]["documents"].integer() == pages);
  CHECK(facts["val"]["documents"].integer() > pages / 20);
  CHECK(facts["val"]["documents"].integer() < pages / 6);
  // The texts and an end for each.
  CHECK(facts["train"]["tokens"].integer() + facts["val"]["tokens"].integer() ==
        facts["bytes"].integer() + pages);
  output_of({"data", "shard", "--data", here.file("b.jsonl"), here.file("a.jsonl"), "--tokenizer",
             "bytes", "--out", here.file("ba"), "--end-of-text", "0"});
  const auto texts = [&](const std::string& out, const char* name) {
    const auto set = ctgpt::data::token_set::open(here.file(out));
    const auto& source = name == std::string("train") ? *set.train : *set.validation;
    std::vector<std::string> found;
    source.documents([&](ctgpt::isize begin, ctgpt::isize end) {
      std::vector<std::int32_t> ids(static_cast<std::size_t>(end - begin));
      source.read(begin, ids);
      found.push_back(ctgpt::text::bytes{}.decode(ids));
    });
    std::sort(found.begin(), found.end());
    return found;
  };
  for (const char* name : {"train", "val"}) CHECK(texts("ab", name) == texts("ba", name));
  // The same command, the same bytes.
  output_of({"data", "shard", "--data", here.file("a.jsonl"), here.file("b.jsonl"), "--tokenizer",
             "bytes", "--out", here.file("again"), "--end-of-text", "0"});
  for (const char* name :
       {"train.bin", "train.idx", "val.bin", "val.idx", "meta.json", "tokenizer.json"}) {
    CHECK((contents(here.file("ab/") + name) == contents(here.file("again/") + name)));
  }
}

TEST_CASE("data shard: llm.c's files are named after the directory, or as --name says") {
  if (!has_data_verb("shard")) return;
  const temporary_directory here;
  write_pages(here.file("a.jsonl"), 1);
  const words llmc{"--format", "llmc", "--end-of-text", "0", "--shard-tokens", "20000"};
  const std::string said = output_of(shard(here.file("a.jsonl"), here.file("web/"), llmc));
  CHECK(contains(said, "web_train_000000.bin to web_train_00000"));
  CHECK(ctgpt::is_file(here.file("web/web_val_000000.bin")));
  output_of(shard(here.file("a.jsonl"), here.file("b"), llmc + words{"--name", "c"}));
  CHECK(ctgpt::is_file(here.file("b/c_train_000001.bin")));
}

TEST_CASE("data shard: a vocabulary in which some ids are of no token, and too many for u16") {
  if (!has_data_verb("shard")) return;
  const std::string ranks = corpus("tokenizers/cl100k_base.tiktoken");
  if (ranks.empty()) return;
  const temporary_directory here;
  write_pages(here.file("a.jsonl"), 1);
  const auto call = [&](const std::string& tokenizer, const std::string& out) {
    return words{"data",        "shard",   "--data", here.file("a.jsonl"),
                 "--tokenizer", tokenizer, "--out",  here.file(out)};
  };
  const auto made = parsed(output_of(call(ranks, "tokens") + words{"--json"}));
  CHECK(json_field(made, "meta.json")["vocab_size"].integer() == 100277);
  output_of(call(here.file("tokens"), "again"));  // by the tokenizer.json that stands with them
  for (const char* name : {"train.bin", "val.bin", "meta.json", "tokenizer.json"}) {
    CHECK((contents(here.file("tokens/") + name) == contents(here.file("again/") + name)));
  }
  CHECK(contains(sentence(result_of(call(ranks, "small") + words{"--dtype", "u16"}), 1),
                 "a vocabulary of 100277 tokens does not fit u16"));
  const auto tokens = ctgpt::text::tokenizer::load(here.file("tokens"));
  CHECK(tokens.has(100255));
  CHECK_FALSE(tokens.has(100256));
  CHECK(tokens.has(100257));  // <|endoftext|>
}

TEST_CASE("data shard: what cannot be done is one sentence, and no directory is left") {
  if (!has_data_verb("shard")) return;
  const temporary_directory here;
  write_pages(here.file("a.jsonl"), 1);
  const std::string a = here.file("a.jsonl"), out = here.file("out");
  const std::vector<std::tuple<words, int, std::string>> wrong{
      {{"data", "shard", "--out", out}, 2, "say what to read by --data"},
      {{"data", "shard", "--data", a}, 2, "say where the tokens go by --out"},
      {{"data", "shard", "--data", a, "--out", out}, 2, "by --tokenizer DIR, FILE or bytes"},
      {{"data", "shard", "--data", a, "--out", out, "--tokenizer", "char"}, 2, "not known before"},
      {{"data", "shard", "--data", a, "--out", out, "--tokenizer", "words"}, 2, "no tokenizer"},
      {{"data", "shard", "--data", a, "--out", out, "--tokenizer", here.file("none.json")},
       1,
       "cannot read " + here.file("none.json")},
      {shard(a, out, {"--format", "bin"}), 2, "there is no format 'bin'"},
      {shard(a, out, {"--format", "llmc"}), 2, "choose one by --end-of-text N, or --format raw"},
      {shard(a, out, {"--dtype", "i32"}), 2, "there is no token type 'i32'"},
      {shard(a, out, {"--end-of-text", "256"}), 1, "end-of-text token 256 is outside"},
      {shard(a, out, {"--name", "a/b"}), 2, "cannot have a slash"},
      {shard(a, out, {"--val-fraction", "0.95"}), 2, "--val-fraction must be a number from 0 to"},
      {shard(here.file("none"), out), 1, "cannot read " + here.file("none")},
      {shard(a, here.path()), 1, "File exists"},
      {shard(a, out, {"--field", "body"}), 1,
       a + ": line 1: there is no field 'body'; the object has text (and "},
  };
  for (const auto& [flags, code, part] : wrong) {
    const std::string said = sentence(result_of(flags), code);
    INFO(said);
    CHECK(contains(said, part));
    CHECK(here.names() == names{"a.jsonl"});
  }
  ctgpt::write_file_atomic(here.file("one.txt"), "A single line.\n");
  CHECK(contains(sentence(result_of(shard(here.file("one.txt"), out)), 1),
                 "none of the 1 documents fell to"));
  CHECK(result_of(shard(here.file("one.txt"), out, {"--val-fraction", "0"})).code == 0);
}

TEST_CASE("train: tokens of a directory give the run that the text of the same tokens gives") {
  const playground here;
  write_same_split(contents(here.data()), here.file("tokens"));
  for (const char* order : {"random", "sequential", "shuffled"}) {
    const std::string name = order;
    const words how = on_bytes + words{"--order", order};
    const std::string text = here.trained("text-" + name, how);
    const std::string tokens =
        here.trained("tokens-" + name, how + words{"--data", here.file("tokens")});
    check_same_numbers(text, tokens);
  }
  CHECK(metrics_without_time(here.file("text-random")) !=
        metrics_without_time(here.file("text-shuffled")));
}

TEST_CASE("train: a run on tokens goes on bit for bit, in every order, and from its run.json") {
  const playground here;
  write_same_split(contents(here.data()), here.file("tokens"));
  if (has_data_verb("shard")) {
    write_pages(here.file("pages.jsonl"), 1);
    output_of(shard(here.file("pages.jsonl"), here.file("shards"),
                    {"--format", "llmc", "--end-of-text", "0", "--shard-tokens", "20000"}));
  }
  for (const char* order : {"random", "sequential", "shuffled", "documents"}) {
    const bool sharded = order == std::string("documents");
    if (sharded && !ctgpt::is_directory(here.file("shards"))) continue;
    const std::string name = order;
    const std::string data = here.file(sharded ? "shards" : "tokens");
    const words how{"--steps", "6",       "--eval-every", "3",           "--data",
                    data,      "--order", order,          "--tokenizer", data};
    const std::string whole = here.trained("whole-" + name, how);
    const std::string run = here.trained("run-" + name, how);
    std::filesystem::remove_all(run + "/step-6");
    std::filesystem::remove(run + "/last");
    std::filesystem::remove(run + "/best");
    REQUIRE(result_of(resume(run)).code == 0);
    check_same_runs(whole, run);
    const std::string again = here.file("again-" + name);
    output_of({"train", "--config", run + "/run.json", "--out", again});
    check_same_numbers(whole, again);
    CHECK(contains(sentence(result_of(resume(run, {"--order", "random", "--steps", "5"})), 2),
                   order == std::string("random") ? "steps = 6" : "order = \"" + name + "\""));
  }
}

TEST_CASE("train: documents are never learnt across, and padding is no loss") {
  if (!has_data_verb("shard")) return;
  const playground here;
  write_pages(here.file("pages.jsonl"), 1);
  output_of(shard(here.file("pages.jsonl"), here.file("shards")));
  const std::string run =
      here.trained("run", {"--steps", "4", "--eval-every", "2", "--data", here.file("shards"),
                           "--order", "documents", "--tokenizer", here.file("shards")});
  const double loss = number(parsed(metrics_lines(run)[0]), "loss");
  CHECK(std::fabs(loss - std::log(256.0)) < 0.2);  // of an untrained model: a mean over targets
  CHECK(contains(sentence(result_of(here.small("text", {"--order", "documents"})), 1),
                 "--order documents needs tokens of documents"));
  CHECK(contains(sentence(result_of(here.small("text", {"--order", "up"})), 2),
                 "there is no order 'up'"));
}

TEST_CASE("train: --tokenizer names the kind, the file or the directory of a tokenizer") {
  const playground here;
  const std::string run = here.trained("run");
  const words how{"--steps", "6", "--eval-every", "3", "--tokenizer"};
  const std::string same = here.trained("same", how + words{run + "/last"});
  check_same_numbers(run, same);
  const std::string file = here.trained("file", how + words{run + "/last/tokenizer.json"});
  check_same_numbers(run, file);
  // A run goes on with its own, whatever becomes of that file.
  std::filesystem::remove_all(run);
  CHECK(result_of(resume(same, {"--steps", "7"})).code == 0);
  CHECK(contains(sentence(result_of(here.small("no", {"--tokenizer", run + "/last"})), 1),
                 "cannot read " + run + "/last"));
  CHECK(contains(sentence(result_of(here.small("no", {"--tokenizer", "word"})), 2),
                 "there is no tokenizer 'word'"));
}

TEST_CASE("train: tokens that do not fit the flags are refused before a directory is made") {
  const playground here;
  const std::string tokens = here.file("tokens");
  write_same_split(contents(here.data()), tokens);
  const auto said = [&](const words& more, int code) {
    words flags = here.small("no", words{"--data", tokens, "--tokenizer", tokens} + more);
    const std::string words = sentence(result_of(flags), code);
    CHECK_FALSE(std::filesystem::exists(here.file("no")));
    return words;
  };
  CHECK(contains(said({"--val-fraction", "0.2"}, 2), "are split already"));
  ctgpt::text::tokenizer(ctgpt::text::characters::of("abc", "abc")).save(here.file("abc.json"));
  CHECK(contains(
      sentence(
          result_of(here.small("no", {"--data", tokens, "--tokenizer", here.file("abc.json")})), 1),
      "are of a vocabulary of 256, but the tokenizer has 3"));
  const std::string good = contents(tokens + "/train.bin");
  ctgpt::write_file_atomic(tokens + "/train.bin", good.substr(0, good.size() - 1));
  CHECK(contains(said({}, 1), "which is no whole number of tokens"));
  ctgpt::write_file_atomic(tokens + "/train.bin", good.substr(0, good.size() - 2));
  CHECK(contains(said({}, 1), "meta.json says that train has 54000 tokens"));
  ctgpt::write_file_atomic(tokens + "/train.bin", good);
  CHECK(contains(said({"--context", "257"}, 2), "longer than the context"));
  std::filesystem::remove(tokens + "/tokenizer.json");
  const words bare{"train", "--data", tokens, "--preset", "quickstart", "--out", here.file("no")};
  CHECK(contains(sentence(result_of(bare), 1), "has no tokenizer.json"));
  // nanoGPT's own two files, with a tokenizer named; then with one split alone.
  std::filesystem::remove(tokens + "/meta.json");
  std::filesystem::remove(tokens + "/train.idx");
  std::filesystem::remove(tokens + "/val.idx");
  const std::string nano = here.trained("nano", on_bytes + words{"--data", tokens});
  check_same_numbers(nano, here.trained("text", on_bytes));
  std::filesystem::remove(tokens + "/val.bin");
  CHECK(
      contains(sentence(result_of(here.small("no", {"--data", tokens, "--tokenizer", "bytes"})), 1),
               "are 54000 to train with and 0 to validate with"));
  // A token outside the vocabulary is found when it is read, and names the file.
  std::string bad = good;
  for (std::size_t i = 1; i < bad.size(); i += 2) bad[i] = '\1';
  ctgpt::write_file_atomic(tokens + "/train.bin", bad);
  ctgpt::write_file_atomic(tokens + "/val.bin", good.substr(0, 200));
  const std::string read =
      sentence(result_of(here.small("bad", {"--data", tokens, "--tokenizer", "bytes"})), 1);
  CHECK(contains(read, tokens + "/train.bin: the token "));
  CHECK(contains(read, " is outside the vocabulary of 256"));
}

TEST_CASE("train: tokens that changed are not resumed with") {
  const playground here;
  const std::string tokens = here.file("tokens");
  write_same_split(contents(here.data()), tokens);
  const std::string run = here.trained("run", on_bytes + words{"--data", tokens});
  std::string changed = contents(tokens + "/val.bin");
  changed[10] = changed[10] == 'e' ? 'a' : 'e';
  ctgpt::write_file_atomic(tokens + "/val.bin", changed);
  CHECK(contains(sentence(result_of(resume(run, {"--steps", "8"})), 1),
                 "has changed since this run was started"));
}
