// The patterns and byte-pair encodings against tiktoken's tokens and Python's regex, by checksum
// (tests/golden/make_tokens.py makes the same texts).
//
// Every character in six contexts, 10,000 strings of troublesome characters, random bytes, and the
// texts of CTGPT_DATA. Seeds are fixed; nothing is tolerated.
#include <doctest/doctest.h>

#include <functional>

#include "base/corpora.hpp"
#include "ctgpt/base/checksum.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/text/bpe.hpp"
#include "ctgpt/text/bpe_files.hpp"
#include "ctgpt/text/utf8.hpp"
#include "text/strings.hpp"

using namespace ctgpt;
using namespace ctgpt_test;

namespace {

class summary {
 public:
  void add(const std::vector<std::int32_t>& values) {
    const auto size = static_cast<std::int32_t>(values.size());
    count += values.size();
    sum_.update(std::as_bytes(std::span(&size, 1)));
    sum_.update(std::as_bytes(std::span(values)));
  }
  std::string checksum() { return checksum_text(sum_.finish()); }
  std::size_t count = 0;

 private:
  xxh64 sum_;
};

using strings = std::function<void(const std::function<void(const std::string&)>&)>;

const std::vector<std::pair<std::string, strings>>& made_sets() {
  static const std::vector<std::pair<std::string, strings>> sets = {
      {"fuzzed", fuzzed_strings}, {"random bytes", random_texts}, {"every character", all_scalars}};
  return sets;
}

void compare(summary found, const io::json_field& expected, const std::string& kind) {
  INFO(kind);
  CHECK(found.count == static_cast<std::size_t>(expected[kind]["count"].integer()));
  CHECK(found.checksum() == expected[kind]["xxh64"].string());
}

const io::json& golden() {
  static const io::json text =
      io::read_json(std::string(CTGPT_REPOSITORY) + "/tests/golden/tokens.json");
  return text;
}

template <class Pattern>
std::vector<std::int32_t> sizes_of(const std::string& text) {
  std::vector<std::int32_t> sizes;
  text::for_each_piece<Pattern>(text, [&](const char*, std::size_t size) {
    sizes.push_back(static_cast<std::int32_t>(size));
  });
  return sizes;
}

// visit(text) of the files that are there; false where one is missing.
bool each_corpus(const std::function<void(const std::string&, const std::string&)>& visit) {
  for (const char* name : {"tinyshakespeare", "wikitext-2-valid", "wikitext-2-test", "dickens"}) {
    const std::string path = corpus(std::string("text/") + name + ".txt");
    if (path.empty()) return false;
    visit(name, text::repair_utf8(read_file(path)));
  }
  return true;
}

// Whether a text holds a character that came after the version of Unicode that is built in; regex
// knows those.
bool has_newer(const std::string& text) {
  static const std::vector<bool> newer = [] {
    std::vector<bool> marks(0x110000, false);
    const io::json_field ranges = io::json_field(golden(), "tokens.json")["newer"];
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      for (auto code = ranges[i][0].integer(); code <= ranges[i][1].integer(); ++code) {
        marks[static_cast<std::size_t>(code)] = true;
      }
    }
    return marks;
  }();
  for (std::string_view rest = text; !rest.empty();) {
    const utf8_character next = utf8_decode(rest);
    if (newer[next.code]) return true;
    rest.remove_prefix(next.length);
  }
  return false;
}

template <class Pattern>
void check_pieces() {
  const io::json_field expected =
      io::json_field(golden(), "tokens.json")["pieces"][Pattern::name()];
  for (const auto& [kind, each] : made_sets()) {
    summary found;
    each([&](const std::string& text) {
      if (!has_newer(text)) found.add(sizes_of<Pattern>(text));
    });
    compare(found, expected, kind);
  }
}

template <class Pattern>
void check_corpus_pieces() {
  const io::json_field expected =
      io::json_field(golden(), "tokens.json")["pieces"][Pattern::name()];
  each_corpus([&](const std::string& name, const std::string& text) {
    summary found;
    found.add(sizes_of<Pattern>(text));
    compare(found, expected, name);
  });
}

template <class Pattern>
void check_tokens(const text::bpe_tables& tables) {
  const text::bpe<Pattern> tokens(tables);
  const io::json_field expected =
      io::json_field(golden(), "tokens.json")["tokens"][Pattern::name()];
  for (const auto& [kind, each] : made_sets()) {
    summary found;
    each([&](const std::string& text) { found.add(tokens.encode_ordinary(text)); });
    compare(found, expected, kind);
  }
  each_corpus([&](const std::string& name, const std::string& text) {
    const std::vector<std::int32_t> made = tokens.encode_ordinary(text);
    summary found;
    found.add(made);
    compare(found, expected, name);
    CHECK(tokens.decode(made) == text);
    CHECK(tokens.encode_ordinary(text, 3) == made);
  });
}

std::size_t tokens_of(const std::string& folder, const std::string& document) {
  namespace text = ctgpt::text;
  const text::bpe<text::gpt2> tokens(
      text::read_vocab_merges(folder + "/vocab.json", folder + "/merges.txt"));
  const auto ids = tokens.encode(document, text::specials::allow({"<|endoftext|>"}));
  return tokens.decode(ids) == document ? ids.size() : 0;
}

}  // namespace

TEST_CASE("golden: pieces of gpt2 are those of its regular expression") {
  check_pieces<text::gpt2>();
}
TEST_CASE("golden: pieces of cl100k are those of its regular expression") {
  check_pieces<text::cl100k>();
}
TEST_CASE("golden: pieces of o200k are those of its regular expression") {
  check_pieces<text::o200k>();
}
TEST_CASE("golden: pieces of nanochat are those of its regular expression") {
  check_pieces<text::nanochat>();
}
TEST_CASE("golden: pieces of whole texts") {
  check_corpus_pieces<text::gpt2>();
  check_corpus_pieces<text::cl100k>();
  check_corpus_pieces<text::o200k>();
  check_corpus_pieces<text::nanochat>();
}

TEST_CASE("golden: GPT-2's tokens are tiktoken's") {
  const std::string vocab = corpus("tokenizers/gpt2/vocab.json");
  const std::string merges = corpus("tokenizers/gpt2/merges.txt");
  if (vocab.empty() || merges.empty()) return;
  const text::bpe_tables tables = text::read_vocab_merges(vocab, merges);
  CHECK(tables.vocab_size() == 50257);
  REQUIRE(tables.specials().size() == 1);
  CHECK(tables.specials()[0] == text::special_token{"<|endoftext|>", 50256});
  check_tokens<text::gpt2>(tables);
  const std::string folder = vocab.substr(0, vocab.rfind('/'));
  CHECK(tokens_of(folder, "Hello, world<|endoftext|>") == 4);
}
TEST_CASE("golden: cl100k's tokens are tiktoken's") {
  const std::string path = corpus("tokenizers/cl100k_base.tiktoken");
  if (!path.empty()) check_tokens<text::cl100k>(text::read_tiktoken(path));
}
TEST_CASE("golden: o200k's tokens are tiktoken's") {
  const std::string path = corpus("tokenizers/o200k_base.tiktoken");
  if (!path.empty()) check_tokens<text::o200k>(text::read_tiktoken(path));
}
