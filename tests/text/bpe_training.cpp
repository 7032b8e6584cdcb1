// Training of byte-pair encodings: against a naive trainer, against Hugging Face's by checksum
// (tests/golden/make_merges.py) and live where CTGPT_PYTHON has the package.
#include "ctgpt/text/bpe_training.hpp"

#include <doctest/doctest.h>

#include <map>

#include "base/child.hpp"
#include "base/corpora.hpp"
#include "base/temporary.hpp"
#include "ctgpt/base/checksum.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/text/bpe.hpp"
#include "io/python.hpp"
#include "text/strings.hpp"

using namespace ctgpt;
using namespace ctgpt_test;
using text::bpe_tables;
using text::piece_counts;
using text::token_pair;

namespace {

template <class Pattern = text::gpt2>
bpe_tables trained(std::string_view corpus, const text::bpe_training& how, int threads = 1) {
  piece_counts<Pattern> counts(how.specials, threads);
  counts.add(corpus);
  return *text::train_bpe(counts, how);
}

std::vector<token_pair> merges_of(const bpe_tables& tables) {
  return {tables.merges().begin(), tables.merges().end()};
}

// As the paper says it: every pair is counted anew for each merge.
std::vector<token_pair> naive(std::string_view corpus, std::size_t count) {
  std::map<std::string, std::int64_t> pieces;
  text::for_each_piece<text::gpt2>(
      corpus, [&](const char* p, std::size_t size) { ++pieces[std::string(p, size)]; });
  std::vector<std::pair<std::vector<std::int32_t>, std::int64_t>> words;
  for (const auto& [piece, times] : pieces) {
    words.push_back({{}, times});
    for (const char each : piece) {
      const auto at =
          std::find(text::bytes_in_symbol_order.begin(), text::bytes_in_symbol_order.end(),
                    static_cast<unsigned char>(each));
      words.back().first.push_back(
          static_cast<std::int32_t>(at - text::bytes_in_symbol_order.begin()));
    }
  }
  std::vector<token_pair> merges;
  while (merges.size() < count) {
    std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> pairs;
    for (const auto& [ids, times] : words) {
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) pairs[{ids[i], ids[i + 1]}] += times;
    }
    if (pairs.empty()) break;
    auto best = pairs.begin();  // in the order of the pairs, so the first of equals stays
    for (auto each = pairs.begin(); each != pairs.end(); ++each) {
      if (each->second > best->second) best = each;
    }
    const auto [left, right] = best->first;
    const auto made = static_cast<std::int32_t>(256 + merges.size());
    merges.push_back({left, right});
    for (auto& [ids, times] : words) {
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
        if (ids[i] != left || ids[i + 1] != right) continue;
        ids[i] = made;
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  return merges;
}

std::string lines_of(const bpe_tables& tables) {
  std::string lines;
  for (const token_pair& pair : tables.merges()) {
    lines += text::to_symbols(tables.bytes(pair.left)) + " " +
             text::to_symbols(tables.bytes(pair.right)) + "\n";
  }
  return lines;
}

}  // namespace

TEST_CASE("bpe training: the merges of a naive trainer, on texts where many tie and overlap") {
  numbers random(11);
  for (int round = 0; round < 12; ++round) {
    std::string corpus;
    for (int i = 0; i < 3000; ++i) {
      const std::uint64_t kind = random() % 8, letter = random();
      const auto letters = static_cast<std::uint64_t>(round % 3 + 1);
      corpus += kind == 0 ? ' ' : static_cast<char>('a' + letter % letters);
    }
    for (int i = 0; i < 300; ++i) corpus += troublesome()[random() % troublesome().size()];
    const std::vector<token_pair> expected = naive(corpus, 200);
    const bpe_tables made = trained(corpus, {.vocab = 456});
    REQUIRE(merges_of(made) == expected);
    CHECK(made.vocab_size() == 256 + static_cast<isize>(expected.size()));
  }
}

TEST_CASE("bpe training: the same merges for any number of threads, and of parts of a text") {
  std::string corpus;
  numbers random(5);
  while (corpus.size() < (std::size_t{3} << 20)) {
    corpus += troublesome()[random() % troublesome().size()];
    if (random() % 4 == 0) corpus += " some words";
  }
  const std::vector<token_pair> one = merges_of(trained(corpus, {.vocab = 600}));
  CHECK(one.size() == 344);
  CHECK(merges_of(trained(corpus, {.vocab = 600}, 2)) == one);
  CHECK(merges_of(trained(corpus, {.vocab = 600}, 7)) == one);
}

TEST_CASE("bpe training: specials come last and are no part of what is learnt") {
  const std::string corpus = "ab ab ab<|end|>ab<|end|>";
  const bpe_tables made = trained(corpus, {.vocab = 260, .specials = {"<|end|>", "<pad>"}});
  CHECK(made.vocab_size() == 260);
  CHECK(made.merges().size() == 2);
  CHECK(made.specials() == std::vector<text::special_token>{{"<|end|>", 258}, {"<pad>", 259}});
  CHECK(lines_of(made) == "a b\n\xC4\xA0 ab\n");
  const text::bpe<text::gpt2> tokens(made);
  CHECK(tokens.encode(corpus, text::specials::allow_all()) ==
        std::vector<std::int32_t>{256, 257, 257, 258, 256, 258});
}

TEST_CASE("bpe training: it ends where pairs are too rare, or where it is told to") {
  CHECK(trained("ab ab cd", {.vocab = 300}).merges().size() == 4);
  CHECK(trained("ab ab cd", {.vocab = 300, .least = 2}).merges().size() == 1);
  CHECK(trained("", {.vocab = 300}).vocab_size() == 256);
  piece_counts<text::gpt2> counts;
  std::string corpus;
  for (int i = 0; i < 3000; ++i) corpus += " w" + std::to_string(i * 7919);
  counts.add(corpus);
  isize last = 0;
  const auto stopped =
      text::train_bpe(counts, {.vocab = 1000, .goes_on = [&](isize made, isize all) {
                                 CHECK(all == 744);
                                 last = made;
                                 return made < 128;
                               }});
  CHECK_FALSE(stopped.has_value());
  CHECK(last == 128);
}

TEST_CASE("bpe training: a long piece is counted in parts, and said") {
  piece_counts<text::gpt2> counts;
  counts.add(std::string(std::size_t{1} << 20, 'a') + " b");
  CHECK(counts.cut_pieces() == 1);
  std::uint64_t total = 0;
  counts.each([&](std::string_view piece, std::uint64_t count) {
    CHECK(piece.size() <= text::most_piece);
    total += piece.size() * count;
  });
  CHECK(total == counts.bytes());
  CHECK(text::train_bpe(counts, {.vocab = 268})->merges().size() == 12);
}

TEST_CASE("bpe training: what cannot be trained is said in a sentence") {
  CHECK(sentence_of([] { trained("a", {.vocab = 256, .specials = {"<s>"}}); }) ==
        "a vocabulary of 256 is too small for the 256 bytes and 1 special tokens");
  CHECK(sentence_of([] { trained("ab ab", {.vocab = 300, .specials = {"x"}}); }) ==
        "the special token \"x\" is a token of text too; name it another way");
  CHECK(sentence_of([] {
          trained("a", {.vocab = 300, .specials = {"<s>", "<s>"}});
        }) == "the special token \"<s>\" is there twice");
  CHECK(sentence_of([] { trained("a", {.vocab = 300, .specials = {"<\xFF>"}}); }) ==
        "the special token \"<\xEF\xBF\xBD>\" is not UTF-8");
}

TEST_CASE("bpe training: the merges of Hugging Face's trainer on real texts, by checksum") {
  const io::json parsed = io::read_json(golden("merges.json"));
  const io::json_field expected(parsed, "merges.json");
  for (const io::json_member& each : expected.members()) {
    const std::string path = corpus("text/" + each.key + ".txt");
    if (path.empty()) continue;
    piece_counts<text::gpt2> counts({}, 2);
    counts.add(text::repair_utf8(read_file(path)));
    for (const io::json_member& size : expected[each.key].members()) {
      INFO(each.key << " " << size.key);
      const auto made = text::train_bpe(counts, {.vocab = std::stoi(size.key)});
      const std::string lines = lines_of(*made);
      xxh64 sum;
      sum.update(std::as_bytes(std::span(lines)));
      const io::json_field facts = expected[each.key][size.key];
      CHECK(static_cast<std::int64_t>(made->merges().size()) == facts["count"].integer());
      CHECK(checksum_text(sum.finish()) == facts["xxh64"].string());
    }
  }
}

TEST_CASE("bpe training: the merges of the installed tokenizers package, on fuzzed text") {
  if (!python_has("tokenizers")) return;
  const temporary_directory directory;
  std::string text;
  fuzzed_strings([&](const std::string& each) { text += each; });
  write_file_atomic(directory.file("text"), text);
  const auto theirs = python(quoted_for_shell(golden("make_merges.py")) + " " +
                             quoted_for_shell(directory.file("text")) + " 2048");
  REQUIRE(theirs.has_value());
  CHECK(lines_of(trained(text, {.vocab = 2048})) == *theirs);
}
