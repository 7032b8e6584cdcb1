#include "ctgpt/text/characters.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"
#include "base/corpora.hpp"

using namespace ctgpt;
using ctgpt::text::characters;
using ctgpt::text::unknown;
using ctgpt_test::sentence_of;
using tokens = std::vector<std::int32_t>;

TEST_CASE("characters: the corpus's distinct characters in code point order") {
  const characters letters =
      characters::of("b\xC3\xA9\xF0\x9F\x8E\x89 a\nab\xE6\x97\xA5", "corpus");
  CHECK(letters.alphabet() == std::vector<char32_t>{'\n', ' ', 'a', 'b', 0xE9, 0x65E5, 0x1F389});
  CHECK(letters.vocab_size() == 7);
  CHECK(letters.encode("ab \xC3\xA9\xF0\x9F\x8E\x89") == tokens{2, 3, 1, 4, 6});
  CHECK(letters.decode(tokens{6, 0, 5}) == "\xF0\x9F\x8E\x89\n\xE6\x97\xA5");
  CHECK(letters.token_bytes(4) == "\xC3\xA9");
  CHECK(letters.knows(U'a'));
  CHECK_FALSE(letters.knows(U'c'));
  CHECK_FALSE(letters.knows(0x10FFFF));
  CHECK(letters.encode("").empty());
}

TEST_CASE("characters: every Unicode scalar value can be one") {
  std::string corpus;
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (is_unicode_scalar(code)) utf8_append(corpus, code);
  }
  const characters all = characters::of(corpus, "corpus");
  CHECK(all.vocab_size() == static_cast<isize>(unicode_scalars));
  const tokens ids = all.encode(corpus);
  REQUIRE(ids.size() == unicode_scalars);
  CHECK(ids.front() == 0);
  CHECK(ids.back() == static_cast<std::int32_t>(unicode_scalars) - 1);
  CHECK(std::is_sorted(ids.begin(), ids.end()));
  CHECK(all.decode(ids) == corpus);
}

TEST_CASE("characters: a corpus that is not UTF-8 or is empty is refused, with a way out") {
  CHECK(sentence_of([] { characters::of("abc\xFFz", "data.txt"); }) ==
        "data.txt is not UTF-8 at byte 3; characters need UTF-8, but --tokenizer bytes takes any "
        "file");
  CHECK(sentence_of([] { characters::of("ab\xC3", "data.txt"); }).find("at byte 2") !=
        std::string::npos);
  CHECK(sentence_of([] { characters::of("", "data.txt"); }) ==
        "data.txt is empty; a character tokenizer needs a text");
}

TEST_CASE(
    "characters: an unknown character is refused by name and place, or skipped, or replaced") {
  const characters letters = characters::of("abc?", "corpus");
  CHECK(sentence_of([&] { letters.encode("ab\xC3\xA9"); }) ==
        "the tokenizer does not know the character '\xC3\xA9' (U+00E9) at byte 2 of the text; it "
        "knows the 4 characters of its corpus");
  CHECK(sentence_of([&] { letters.encode("a\n"); }).find("the character U+000A at byte 1") !=
        std::string::npos);
  CHECK(sentence_of([&] { letters.encode("\xF0\x9F\x8E\x89"); }).find("(U+01F389) at byte 0") !=
        std::string::npos);
  CHECK(letters.encode("axb\xC3\xA9"
                       "c",
                       unknown::skip) == tokens{1, 2, 3});
  CHECK(letters.encode("axb\xC3\xA9", unknown::replace) == tokens{1, 0, 2, 0});
  CHECK(letters.encode("ax", unknown::replace, U'b') == tokens{1, 2});
  CHECK(sentence_of([&] { letters.encode("a", unknown::replace, U'!'); }) ==
        "the substitute '!' (U+0021) is not in the tokenizer itself");
  for (const unknown policy : {unknown::refuse, unknown::skip, unknown::replace}) {
    CHECK(sentence_of([&] { letters.encode("a\x80", policy); }) ==
          "the text is not UTF-8 at byte 1; characters need UTF-8, but --tokenizer bytes takes any "
          "file");
  }
}

TEST_CASE("characters: an alphabet is checked, and a token outside it is refused") {
  CHECK(sentence_of([] { characters{std::vector<char32_t>{}}; }) ==
        "a character tokenizer needs at least one character");
  CHECK(sentence_of([] {
          characters{{U'a', U'b', U'a'}};
        }) == "the character 'a' (U+0061) is twice in a character tokenizer");
  CHECK(sentence_of([] { characters{{0xD800}}; }) == "the number 55296 is no Unicode character");
  CHECK(sentence_of([] { characters{{0x110000}}; }) ==
        "the number 1114112 is no Unicode character");
  const characters letters{{U'b', U'a'}};  // any order of ids
  CHECK(letters.encode("ab") == tokens{1, 0});
  CHECK(sentence_of([&] {
          letters.decode(tokens{0, 2});
        }) == "the token 2 is outside the vocabulary of 2");
  CHECK(sentence_of([&] { letters.token_bytes(-1); }) ==
        "the token -1 is outside the vocabulary of 2");
}

TEST_CASE("characters: tiny Shakespeare has nanoGPT's 65 characters") {
  const std::string path = ctgpt_test::corpus("text/tinyshakespeare.txt");
  if (path.empty()) return;
  const std::string corpus = read_file(path);
  const characters letters = characters::of(corpus, path);
  CHECK(letters.vocab_size() == 65);
  CHECK(letters.decode(tokens{0, 1, 13, 64}) == "\n Az");
  const tokens ids = letters.encode(corpus);
  CHECK(ids.size() == 1115394);
  CHECK(letters.decode(ids) == corpus);
}
