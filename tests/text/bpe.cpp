// The byte-pair tokenizer itself, on a small vocabulary that is made here: round trips, streams,
// threads, offsets, special tokens. tests/text/golden.cpp compares it with tiktoken.
#include "ctgpt/text/bpe.hpp"

#include <doctest/doctest.h>

#include "base/error_text.hpp"
#include "ctgpt/text/bpe_stream.hpp"
#include "text/strings.hpp"

using namespace ctgpt;
using namespace ctgpt_test;
using text::bpe_tables;
using text::specials;

namespace {

using ids = std::vector<std::int32_t>;

std::vector<std::string> byte_tokens() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  return tokens;
}

// Bytes, then "th", "he", "the", " the", "aa", "aaaa", "\xC3\xA9", and two specials.
bpe_tables small_tables() {
  std::vector<std::string> tokens = byte_tokens();
  std::vector<text::token_pair> merges;
  const auto add = [&](const std::string& left, const std::string& right) {
    const auto id = [&](const std::string& token) {
      return static_cast<std::int32_t>(std::find(tokens.begin(), tokens.end(), token) -
                                       tokens.begin());
    };
    merges.push_back({id(left), id(right)});
    tokens.push_back(left + right);
  };
  add("t", "h");
  add("h", "e");
  add("th", "e");
  add(" ", "the");
  add("a", "a");
  add("aa", "aa");
  add("\xC3", "\xA9");
  const std::vector<text::special_token> named = {{"<|end|>", 300}, {"<|end|><|end|>", 301}};
  return bpe_tables::from_merges(tokens, merges, named);
}

const text::bpe<text::gpt2>& small() {
  static const text::bpe<text::gpt2> tokens(small_tables());
  return tokens;
}

// As the paper says it: the best pair of all, merged wherever it stands, again and again.
ids naive(const text::merge_table& table, ids tokens) {
  for (;;) {
    text::merge best;
    std::size_t place = 0;
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const text::merge here = table.at(tokens[i], tokens[i + 1]);
      if (here.rank < best.rank) {
        best = here;
        place = i;
      }
    }
    if (best.token < 0) return tokens;
    tokens[place] = best.token;
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

std::string any_text(numbers& random, std::size_t size) {
  std::string made;
  while (made.size() < size) made += troublesome()[random() % troublesome().size()];
  return made;
}

}  // namespace

TEST_CASE("bpe: merges happen in their order, within pieces") {
  const auto& tokens = small();
  CHECK(tokens.encode("the") == ids{258});
  CHECK(tokens.encode(" the the") == ids{259, 259});
  CHECK(tokens.encode("he") == ids{257});
  CHECK(tokens.encode("aaaaaaa") == ids{261, 260, 'a'});
  CHECK(tokens.encode("t he") == ids{'t', ' ', 257});  // " he" is one piece; no merge makes it
  CHECK(tokens.encode("").empty());
  CHECK(tokens.vocab_size() == 302);
}

TEST_CASE("bpe: short and long merges equal the naive one") {
  numbers random(3);
  std::vector<std::string> all = byte_tokens();
  // A random vocabulary over three letters, in which many merges compete.
  std::vector<text::token_pair> merges;
  while (all.size() < 400) {
    const auto pick = [&]() -> std::int32_t {
      const std::uint64_t which = random() % (3 + all.size() - 256);
      return static_cast<std::int32_t>(which < 3 ? 'a' + which : 256 + which - 3);
    };
    const text::token_pair pair{pick(), pick()};
    const std::string both = all[static_cast<std::size_t>(pair.left)] +
                             all[static_cast<std::size_t>(pair.right)];
    if (both.size() > 12 || std::find(all.begin(), all.end(), both) != all.end()) continue;
    all.push_back(both);
    merges.push_back(pair);
  }
  const bpe_tables listed = bpe_tables::from_merges(all, merges);
  const bpe_tables ranked = bpe_tables::from_ranks(all);
  text::merge_space space;
  for (const bpe_tables* tables : {&listed, &ranked}) {
    for (int i = 0; i < 3000; ++i) {
      ids start(1 + random() % 60);
      for (std::int32_t& each : start) each = static_cast<std::int32_t>('a' + random() % 3);
      const ids expected = naive(tables->table(), start);
      ids one = start, two = start;
      one.resize(text::merge_small(tables->table(), one.data(), one.size()));
      two.resize(text::merge_large(tables->table(), two.data(), two.size(), space));
      REQUIRE(one == expected);
      REQUIRE(two == expected);
    }
  }
}

TEST_CASE("bpe: any bytes come back") {
  numbers random(4);
  for (int i = 0; i < 3000; ++i) {
    const std::string bytes = random_bytes(random, random() % 200);
    const ids made = small().encode_ordinary(bytes);
    REQUIRE(small().decode(made) == bytes);
  }
}

TEST_CASE("bpe: a stream gives the tokens of the whole, for every cut of short texts") {
  numbers random(5);
  const auto stream_of = [](const std::vector<std::string>& parts) {
    text::bpe_stream<text::gpt2> stream(small(), specials::allow_all());
    ids made;
    for (const std::string& part : parts) {
      for (const std::int32_t token : stream.push(part)) made.push_back(token);
    }
    for (const std::int32_t token : stream.finish()) made.push_back(token);
    CHECK(stream.pending() == 0);
    return made;
  };
  for (int i = 0; i < 300; ++i) {
    std::string whole = any_text(random, 1 + random() % 40);
    if (i % 3 == 0) whole.insert(random() % (whole.size() + 1), "<|end|>");
    const ids expected = small().encode(whole, specials::allow_all());
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      REQUIRE(stream_of({whole.substr(0, cut), whole.substr(cut)}) == expected);
    }
    std::vector<std::string> bytes;
    for (const char each : whole) bytes.emplace_back(1, each);
    REQUIRE(stream_of(bytes) == expected);
  }
}

TEST_CASE("bpe: a stream holds back little of a text of words, and all of one without an end") {
  text::bpe_stream<text::gpt2> stream(small());
  std::size_t most = 0, made = 0;
  for (int i = 0; i < 1000; ++i) {
    made += stream.push("the other one and ").size();
    most = std::max(most, stream.pending());
  }
  CHECK(most < 40);
  CHECK(made > 5000);
  text::bpe_stream<text::gpt2> letters(small());
  CHECK(letters.push(std::string(100000, 'a')).empty());
  CHECK(letters.finish() == ids(25000, 261));
}

TEST_CASE("bpe: a stream holds back little of any text that has lines") {
  const std::string ideographs = "\xE4\xB8\xAD\xE6\x96\x87\xE3\x80\x82\n";
  for (const std::string& line : {std::string("1,22,333\n"), ideographs, std::string("(1 2)\n")}) {
    INFO(line);
    text::bpe_stream<text::o200k> stream(text::bpe<text::o200k>(small().tables()));
    std::size_t most = 0;
    for (int i = 0; i < 1000; ++i) {
      static_cast<void>(stream.push(line));
      most = std::max(most, stream.pending());
    }
    CHECK(most < 100);
  }
}

TEST_CASE("bpe: the same ids on any number of threads") {
  numbers random(6);
  std::string whole;
  while (whole.size() < 600000) whole += any_text(random, 50) + " the other";
  const ids expected = small().encode_ordinary(whole);
  for (const int threads : {2, 3, 8}) CHECK(small().encode_ordinary(whole, threads) == expected);
  const std::string one(400000, 'a');
  CHECK(small().encode_ordinary(one, 4) == ids(100000, 261));
}

TEST_CASE("bpe: a long piece is encoded in linear time or nearly so") {
  // 1 MB of one letter, of blanks and of digits; a quadratic merge would take hours.
  for (const char each : {'a', ' ', '7'}) {
    const std::string whole(1'000'000, each);
    CHECK(small().decode(small().encode_ordinary(whole)) == whole);
  }
}

TEST_CASE("bpe: special tokens are refused, allowed by name, or plain text") {
  const auto& tokens = small();
  CHECK(contains_text(error_text([&] { tokens.encode("a<|end|>"); }),
                      "holds the special token \"<|end|>\" at byte 1"));
  CHECK(tokens.encode("a<|end|>a", specials::allow({"<|end|>"})) == ids{'a', 300, 'a'});
  CHECK(tokens.encode("<|end|><|end|>", specials::allow_all()) == ids{301});  // the longest
  CHECK(contains_text(
      error_text([&] { tokens.encode("<|end|><|end|>", specials::allow({"<|end|>"})); }),
      "\"<|end|><|end|>\" at byte 0"));
  CHECK(contains_text(error_text([&] { tokens.encode("a", specials::allow({"<|no|>"})); }),
                      "there is no special token \"<|no|>\""));
  const ids plain = tokens.encode("<|end|>", specials::as_text());
  CHECK(plain == tokens.encode_ordinary("<|end|>"));
  CHECK(std::find(plain.begin(), plain.end(), 300) == plain.end());
  CHECK(tokens.decode(plain) == "<|end|>");
  CHECK(tokens.decode(ids{300, 'a'}) == "<|end|>a");
  CHECK(tokens.count("the<|end|>", specials::allow_all()) == 2);
}

TEST_CASE("bpe: an id outside the vocabulary, or in a hole of it, is an error") {
  for (const std::int32_t id : {-1, 263, 299, 302, 1 << 30}) {
    CHECK(contains_text(error_text([&] { small().decode(ids{id}); }), "is not in the vocabulary"));
  }
}

TEST_CASE("bpe: offsets in bytes and characters") {
  const auto made = small().encode_offsets("\xC3\xA9 the\xE2\x82\xAC");
  CHECK(made.tokens == ids{262, 259, 0xE2, 0x82, 0xAC});
  CHECK(made.bytes == std::vector<std::size_t>{0, 2, 6, 7, 8, 9});
  CHECK(made.characters == std::vector<std::size_t>{0, 1, 5, 5, 5, 6});
}

TEST_CASE("bpe: batches are padded and cut") {
  const std::vector<std::string> texts = {"the", "aaaaa the", ""};
  auto made = small().encode_batch(texts, {.length = 0, .pad = -1});
  CHECK(made.length == 3);
  CHECK(made.tokens == ids{258, -1, -1, 261, 'a', 259, -1, -1, -1});
  CHECK(made.sizes == std::vector<std::size_t>{1, 3, 0});
  made = small().encode_batch(texts, {.length = 2, .pad = 7});
  CHECK(made.tokens == ids{258, 7, 261, 'a', 7, 7});
  made = small().encode_batch(texts, {.length = 2, .pad = 7, .cut_front = true});
  CHECK(made.tokens == ids{258, 7, 'a', 259, 7, 7});
}

TEST_CASE("bpe: a vocabulary that cannot be one says why") {
  std::vector<std::string> tokens = byte_tokens();
  tokens[7] = "";
  CHECK(contains_text(error_text([&] { bpe_tables::from_ranks(tokens); }),
                      "the byte 7 has no token"));
  tokens = byte_tokens();
  tokens.push_back("a");
  CHECK(contains_text(error_text([&] { bpe_tables::from_ranks(tokens); }), "are both \"a\""));
  tokens.back() = "ab";
  const std::vector<text::token_pair> wrong = {{'a', 'c'}}, far = {{'a', 999}};
  CHECK(contains_text(error_text([&] { bpe_tables::from_merges(tokens, wrong); }),
                      "merge 1 makes \"ac\""));
  CHECK(contains_text(error_text([&] { bpe_tables::from_merges(tokens, far); }),
                      "merge 1 names the token 999"));
  const std::vector<text::special_token> taken = {{"<|x|>", 256}};
  CHECK(contains_text(error_text([&] { bpe_tables::from_ranks(tokens, taken); }),
                      "is that of the token \"ab\""));
}

TEST_CASE("patterns: one of one's own") {
  struct letters : text::pattern<text::run<text::no_prefix, text::kind_any_letter>> {};
  std::vector<std::string> pieces;
  text::for_each_piece<letters>("ab\xC3\xA9 12c", [&](const char* p, std::size_t size) {
    pieces.emplace_back(p, size);
  });
  CHECK(pieces == std::vector<std::string>{"ab\xC3\xA9", " ", "1", "2", "c"});
}
