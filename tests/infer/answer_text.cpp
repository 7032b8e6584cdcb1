// answer_text and text_screen: for any cutting into tokens the same text leaves, whole characters
// only, no part of a stop string, and each token's record with its text.
#include "ctgpt/infer/answer_text.hpp"

#include <doctest/doctest.h>

#include "ctgpt/base/random.hpp"

using namespace ctgpt;

namespace {

using strings = std::vector<std::string>;

token_record record(std::int32_t token) { return {{token, 0.0f}, {}}; }

struct shown {
  std::string text;
  std::vector<std::size_t> tokens;  // that had left after each push, and at the end
  bool stopped = false;
};
// Token i is tokens[i].
shown show(const strings& tokens, const strings& stops, const std::string& prompt = {}) {
  answer_text text(stops);
  text.begin(prompt);
  shown result;
  completion_piece all;
  for (std::size_t i = 0; i < tokens.size() && !text.stopped(); ++i) {
    completion_piece piece;
    text.push(tokens[i], record(static_cast<std::int32_t>(i)), piece);
    all.text += piece.text;
    for (token_record& each : piece.tokens) all.tokens.push_back(std::move(each));
    result.tokens.push_back(all.tokens.size());
  }
  if (!text.stopped()) text.flush(all);
  result.tokens.push_back(all.tokens.size());
  for (std::size_t i = 0; i < all.tokens.size(); ++i) {
    CHECK(all.tokens[i].chosen.token == static_cast<std::int32_t>(i));  // in order, each once
  }
  result.text = all.text;
  result.stopped = text.stopped();
  return result;
}

}  // namespace

TEST_CASE("answer_text: a record leaves when all of its token's text has") {
  const shown all = show({"Yes", ".\n", "Us", "er", " x"}, {"\nUser:"});
  CHECK(all.text == "Yes.\nUser x");
  CHECK(all.tokens == std::vector<std::size_t>{1, 1, 1, 1, 5, 5});
}

TEST_CASE("answer_text: of a stop string's tokens only one that began before it leaves a record") {
  const shown cut = show({"Yes", ".\n", "Us", "er", ": No"}, {"\nUser:"});
  CHECK(cut.stopped);
  CHECK(cut.text == "Yes.");
  CHECK(cut.tokens.back() == 2);  // "Yes" and ".\n"
  const shown at_start = show({"###", "x"}, {"#"});
  CHECK(at_start.text.empty());
  CHECK(at_start.tokens.back() == 0);
}

TEST_CASE("answer_text: a held-back beginning leaves at the end, with its records") {
  const shown all = show({"a", "#", "#"}, {"###"});
  CHECK(all.text == "a##");
  CHECK(all.tokens == std::vector<std::size_t>{1, 1, 1, 3});
}

TEST_CASE("answer_text: a character of several tokens leaves once, its records with it") {
  const shown all = show({"\xE6", "\x97", "\xA5", "!"}, {});
  CHECK(all.text == "\u65e5!");
  CHECK(all.tokens.back() == 4);
  const shown open = show({"ok", "\xF0\x9F"}, {});
  CHECK(open.text == "ok");
  CHECK(open.tokens.back() == 2);
}

TEST_CASE("answer_text: a character that the prompt left unfinished is the answer's") {
  CHECK(show({"\xA5", "!"}, {}, "x\xE6\x97").text == "\u65e5!");
  CHECK(show({"y"}, {}, "x\xE6\x97").text == "\ufffdy");
}

TEST_CASE("answer_text: every cutting of a text shows the same") {
  const strings stops{"\u00e9\u00e9", "abcab", "###"};
  const strings texts{"a\u00e9b\u00e9\u00e9c",   "ababcabc", "##\u65e5##",
                      "no stop \U0001F389 here", "abcabcab", "\xff\xfe ab\xe2\x82###"};
  random_stream random(3);
  for (const std::string& text : texts) {
    CAPTURE(text);
    const shown whole = show({text}, stops);
    for (int cut = 0; cut < 200; ++cut) {
      strings tokens(1);
      for (const char byte : text) {
        if (random.below(2) == 0) tokens.emplace_back();
        tokens.back() += byte;
      }
      const shown pieces = show(tokens, stops);
      CHECK(pieces.text == whole.text);
      CHECK(pieces.stopped == whole.stopped);
    }
  }
}
