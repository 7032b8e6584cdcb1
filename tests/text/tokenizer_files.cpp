// Tokenizers in files: round trips of every format, what a damaged file is told, and the ids of
// Hugging Face's packages on what is written, where CTGPT_PYTHON has them.
#include "ctgpt/text/tokenizer.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"
#include "base/corpora.hpp"
#include "base/error_text.hpp"
#include "base/temporary.hpp"
#include "ctgpt/text/bpe_training.hpp"
#include "io/python.hpp"
#include "text/strings.hpp"

using namespace ctgpt;
using namespace ctgpt_test;
using text::bpe_tables;
using text::tokenizer;
using text::tokenizer_kind;
using ids = std::vector<std::int32_t>;

namespace {

std::string sample_text() {
  std::string made;
  fuzzed_strings([&](const std::string& each) { made += each; });
  return made + " the cat sat on the mat, the dog sat on the log; they'll say it's 2024.\n";
}

bpe_tables small_tables(std::vector<std::string> specials = {"<|end|>", "<pad id>"}) {
  text::piece_counts<text::gpt2> counts(specials);
  counts.add(sample_text());
  return *text::train_bpe(counts, {.vocab = 700, .specials = std::move(specials)});
}

void write(const std::string& path, std::string_view contents) {
  write_file_atomic(path, contents);
}

void check_same(const bpe_tables& one, const bpe_tables& other) {
  REQUIRE(one.vocab_size() == other.vocab_size());
  CHECK(one.specials() == other.specials());
  REQUIRE(one.token_count() == other.token_count());
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(one.token_count()); ++id) {
    REQUIRE(one.bytes(id) == other.bytes(id));
  }
  const text::bpe<text::gpt2> a(one), b(other);
  CHECK(a.encode_ordinary(sample_text()) == b.encode_ordinary(sample_text()));
}

// FNV-1a over each text's count and ids, as tests/golden/read_tokenizer.py has it.
struct summary {
  std::uint64_t sum = 0xCBF29CE484222325u;
  std::size_t count = 0;
  void add_number(std::uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) {
      sum = (sum ^ ((number >> shift) & 255u)) * 0x100000001B3u;
    }
  }
  void add(const ids& tokens) {
    count += tokens.size();
    add_number(static_cast<std::uint32_t>(tokens.size()));
    for (const std::int32_t token : tokens) add_number(static_cast<std::uint32_t>(token));
  }
};

// Compares with Hugging Face's packages; the texts hold the special tokens too.
void check_with_packages(const tokenizer& any) {
  if (!python_has("tokenizers")) return;
  const temporary_directory directory;
  any.save(directory.file("tokenizer.json"));
  write(directory.file("tokenizer_config.json"),
        R"({"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false})");
  std::string json;
  io::json_writer out(json);
  summary ours;
  const auto put = [&](const std::string& text) {
    out.value(text);
    ours.add(any.special_tokens().empty() ? any.encode(text)
                                          : any.encode(text, text::specials::allow_all()));
  };
  out.begin_array();
  fuzzed_strings(put);
  random_texts(put);
  for (const text::special_token& each : any.special_tokens()) put("a" + each.name + " b");
  for (const char* name : {"tinyshakespeare", "wikitext-2-test"}) {
    const std::string path = corpus("text/" + std::string(name) + ".txt");
    if (!path.empty()) put(text::repair_utf8(read_file(path)));
  }
  out.end_array();
  write(directory.file("texts.json"), json);
  const auto printed = python(quoted_for_shell(golden("read_tokenizer.py")) + " " +
                              quoted_for_shell(directory.path()) + " " +
                              quoted_for_shell(directory.file("texts.json")));
  REQUIRE(printed.has_value());
  const io::json parsed = io::parse_json(*printed, "what Python printed");
  const io::json_field theirs(parsed, "what Python printed");
  char sum[20];
  std::snprintf(sum, sizeof sum, "%016llx", static_cast<unsigned long long>(ours.sum));
  CHECK(theirs["ids"].integer() == static_cast<std::int64_t>(ours.count));
  CHECK(theirs["sum"].string() == sum);
  CHECK(theirs["same_file"].boolean());
}

std::string load_error(const std::string& path) {
  return sentence_of([&] { tokenizer::load(path); });
}

std::string changed(std::string text, const std::string& piece, const std::string& by) {
  const std::size_t at = text.find(piece);
  REQUIRE(at != std::string::npos);
  return text.replace(at, piece.size(), by);
}

}  // namespace

TEST_CASE("tokenizer files: vocab.json with merges.txt, .tiktoken and tokenizer.json round trips") {
  const temporary_directory directory;
  const bpe_tables made = small_tables({"<|end|>", "<pad>"});
  text::write_vocab_merges(made, directory.file("vocab.json"), directory.file("merges.txt"));
  const tokenizer folder = tokenizer::load(directory.path());
  CHECK(folder.kind() == tokenizer_kind::bpe);
  CHECK(folder.pattern() == "gpt2");
  check_same(folder.get_if<text::bpe<text::gpt2>>()->tables(), made);
  text::write_tiktoken(made, directory.file("small.tiktoken"));
  check_same(text::read_tiktoken(directory.file("small.tiktoken"), made.specials()), made);
  const tokenizer any = text::bpe_tokenizer(made, "cl100k");
  any.save(directory.file("tokenizer.json"));
  const tokenizer again = tokenizer::load(directory.path());  // comes before vocab.json
  CHECK(again.pattern() == "cl100k");
  CHECK(again.to_json() == any.to_json());
  check_same(again.get_if<text::bpe<text::cl100k>>()->tables(), made);
  CHECK(tokenizer::load(directory.file("small.tiktoken"), "o200k").pattern() == "o200k");
}

TEST_CASE("tokenizer files: special tokens are refused in texts, allowed by name, plain in data") {
  const tokenizer any = text::bpe_tokenizer(small_tables(), "gpt2");
  const std::string text = "the<|end|>";
  CHECK(sentence_of([&] { any.encode(text); }) ==
        "the text holds the special token \"<|end|>\" at byte 3; allow it by name, or encode it as "
        "plain text");
  CHECK(any.encode(text, text::specials::allow({"<|end|>"})).back() == 698);
  CHECK(any.decode(any.encode_ordinary(text)) == text);
  CHECK(any.encode_ordinary(text).back() != 698);
  CHECK(any.special_tokens().size() == 2);
  const tokenizer bytes = text::bytes{};
  CHECK(bytes.special_tokens().empty());
  CHECK(bytes.encode_ordinary("ab") == ids{'a', 'b'});
  CHECK(sentence_of([&] { bytes.encode("a", text::specials::allow({"<s>"})); }) ==
        "a tokenizer of bytes has no special tokens");
}

TEST_CASE("tokenizer files: tokenizer.json gives the ids of tokenizers and transformers") {
  for (const char* pattern : {"gpt2", "cl100k", "o200k", "nanochat"}) {
    INFO(pattern);
    check_with_packages(text::bpe_tokenizer(small_tables(), pattern));
  }
  check_with_packages(text::words::of(sample_text(), 500));
}

TEST_CASE("tokenizer files: GPT-2's, cl100k's and o200k's own vocabularies, as tokenizer.json") {
  for (const char* name : {"gpt2/vocab.json", "cl100k_base.tiktoken", "o200k_base.tiktoken"}) {
    INFO(name);
    std::string path = corpus("tokenizers/" + std::string(name));
    if (path.empty()) continue;
    if (path.ends_with("/vocab.json")) path = path.substr(0, path.rfind('/'));
    check_with_packages(tokenizer::load(path));
  }
}

TEST_CASE("tokenizer files: words keep blanks, and have one token for all others") {
  const tokenizer any = text::words::of("the cat the dog the cat\n", 4);
  CHECK(any.kind() == tokenizer_kind::words);
  CHECK(any.name() == "words");
  CHECK(any.get_if<text::words>()->tokens() ==
        std::vector<std::string>{"<unk>", " cat", " the", "\n"});
  CHECK(any.encode(" cat the\n") == ids{1, 2, 3});
  CHECK(any.decode(ids{1, 2, 3}) == " cat the\n");
  CHECK(any.decode(any.encode(" cat sat")) == " cat<unk>");
  CHECK(any.knows_newline());
  CHECK(tokenizer::from_json(any.to_json(), "f").to_json() == any.to_json());
  CHECK(sentence_of([] { text::words::of("a", 1); }) ==
        "a vocabulary of 1 has no room for words beside the unknown one");
}

TEST_CASE("tokenizer files: damaged vocab.json and merges.txt are refused with file and line") {
  const temporary_directory directory;
  const std::string vocab = directory.file("vocab.json"), merges = directory.file("merges.txt");
  text::write_vocab_merges(small_tables(), vocab, merges);
  const std::string good_vocab = read_file(vocab), good_merges = read_file(merges);
  const auto with = [&](const std::string& v, const std::string& m) {
    write(vocab, v);
    write(merges, m);
    return load_error(directory.path());
  };
  CHECK(with(good_vocab, good_merges) == "(no error)");
  const std::string second = good_merges.substr(good_merges.find('\n') + 1);
  const std::string first_merge = second.substr(0, second.find('\n'));
  CHECK(with(good_vocab, changed(good_merges, "\n", "\nnonsense\n")) ==
        merges + ":2: a merge is two tokens with a blank between them, not \"nonsense\"");
  CHECK(with(good_vocab, changed(good_merges, "\n", "\nthecatsat onthemat\n")) ==
        merges + ":2: \"thecatsat onthemat\" names a token that " + vocab + " does not have");
  CHECK(contains_text(with(good_vocab, good_merges + first_merge + "\n"), "is there twice"));
  CHECK(with(good_vocab, good_merges + first_merge + "\n").starts_with(merges + ": merge "));
  CHECK(contains_text(with(good_vocab.substr(0, good_vocab.size() / 2), good_merges), vocab));
  CHECK(with(changed(good_vocab, "\"!\":0", "\"!\":1"), good_merges) ==
        vocab + ": the id 1 is there twice, of \"!\" and \"\\\"\"");
  CHECK(with(changed(good_vocab, "\"!\":0", "\"!\":-4"), good_merges) ==
        vocab + ": the id of \"!\" must be an integer from 0 to 268,435,455");
  CHECK(with(changed(good_vocab, "\"\xC4\x80\":188,", ""), good_merges) ==
        vocab + ": the byte 0 has no token; a byte-level vocabulary has one for each of the 256");
}

TEST_CASE("tokenizer files: damaged .tiktoken files are refused with file and line") {
  const temporary_directory directory;
  const std::string path = directory.file("cl100k_base.tiktoken");
  text::write_tiktoken(small_tables({}), path);
  const std::string good = read_file(path);
  const auto with = [&](const std::string& contents) {
    write(path, contents);
    return load_error(path);
  };
  CHECK(with(good) == "(no error)");
  const std::string line = path + ":1: a line is a token in base64, a blank and its rank";
  CHECK(with("IQ==\n" + good) == line);
  CHECK(with("I 0\n" + good) == line);
  CHECK(with("IQ== 0x\n" + good) == line);
  CHECK(with("IQ== 999999999\n" + good) ==
        path + ":1: the rank 999999999 is far beyond the file's 701 tokens");
  CHECK(with(good + "IQ== 3\n") == path + ":701: the rank 3 is there twice");
  CHECK(with(good + "IQ== 700\n") == path + ": the tokens 0 and 700 are both \"!\"");
  CHECK(with(good.substr(0, 200)).starts_with(path + ":"));
  // Each way to cut a token in two is looked up: a token of megabytes would take hours.
  CHECK(with(text::encode_base64(std::string(3'000'000, '!')) + " 0\n" + good) ==
        path + ":1: the token has 3000000 bytes; those of a .tiktoken file have at most 4096");
  const std::string other = directory.file("other.tiktoken");
  write(other, good);
  CHECK(load_error(other) ==
        other + " does not say its pattern; give gpt2, cl100k, o200k or nanochat");
  CHECK(sentence_of([&] { tokenizer::load(other, "gpt3"); }) ==
        "there is no pattern \"gpt3\"; choose gpt2, cl100k, o200k or nanochat");
}

TEST_CASE(
    "tokenizer files: a tokenizer.json that would give other ids is refused with the reason") {
  const std::string good = text::bpe_tokenizer(small_tables(), "cl100k").to_json();
  const auto with = [&](const std::string& piece, const std::string& by) {
    return sentence_of([&] { tokenizer::from_json(changed(good, piece, by), "t.json"); });
  };
  CHECK(with("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}") ==
        "t.json: there is a normalizer");
  CHECK(with("\"special\": true", "\"special\": false") ==
        "t.json: the added token \"<|end|>\" is not special");
  CHECK(with("\"lstrip\": false", "\"lstrip\": true") ==
        "t.json: the added token \"<|end|>\" is lstrip");
  CHECK(with("\"add_prefix_space\": false", "\"add_prefix_space\": true") ==
        "t.json: the pre_tokenizer adds a space");
  CHECK(with("\"Isolated\"", "\"Removed\"") ==
        "t.json: the Split has the behavior \"Removed\"; only pieces that are kept each can be "
        "opened here");
  CHECK(contains_text(with("'(?i:[sdmt]", "'(?i:[sd]"),
                      "is not one of gpt2, cl100k, o200k or nanochat"));
  CHECK(with("\"unk_token\": null", "\"unk_token\": \"?\"") == "t.json: the model has a unk_token");
  CHECK(with("\"dropout\": null", "\"dropout\": 0.1") == "t.json: the model has a dropout");
  CHECK(with("\"byte_fallback\": false", "\"byte_fallback\": true") ==
        "t.json: the model has a byte_fallback");
  CHECK(with("\"merges\": [", "\"merges\": [\"a\",") ==
        "t.json: model.merges[0] must be two tokens with a blank between them, found the string "
        "\"a\"");
  CHECK(with("\"merges\": [", "\"merges\": [[\"a\"],") ==
        "t.json: model.merges[0] must be two tokens, found an array");
  CHECK(with("\"merges\": [", "\"merges\": [\"nowhere now\",") ==
        "t.json: merge 1, of \"nowhere\" and \"now\", names a token that the vocabulary does not "
        "have");
  CHECK(with("\"<|end|>\": 698", "\"<|end|>\": 900") ==
        "t.json: the added token \"<|end|>\" has another id in the vocabulary");
  CHECK(with("\"type\": \"ByteLevel\",\n    \"add_prefix_space\": true",
             "\"type\": \"Fuse\",\n    \"add_prefix_space\": true") ==
        "t.json: the decoder is Fuse, not ByteLevel");
  // An empty token far beyond the others.
  std::string empty = good;
  for (const char* spelled : {"\"content\": \"<|end|>\"", "\"<|end|>\": 698"}) {
    const std::string piece = spelled;
    empty = changed(empty, piece, changed(piece, "<|end|>", ""));
  }
  empty = changed(changed(empty, "\"\": 698", "\"\": 99999999"), "\"id\": 698", "\"id\": 99999999");
  CHECK(contains_text(sentence_of([&] { tokenizer::from_json(empty, "t.json"); }),
                      "t.json: the special token 99999999 has no name"));
  const std::string blanks = changed(good, "\"merges\": [", "\"merges\": [\"A Z\",");
  CHECK(contains_text(sentence_of([&] { tokenizer::from_json(blanks, "t.json"); }),
                      "t.json: merge 1 makes \"AZ\", which is not in the vocabulary"));
  CHECK(sentence_of([&] {
          tokenizer::from_json(good.substr(0, good.size() / 2), "t.json");
        }).starts_with("t.json"));
}
