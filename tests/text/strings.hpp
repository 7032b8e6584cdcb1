// Texts that tokenizers are tried on; tests/golden/make_tokens.py makes the same ones.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/text/utf8.hpp"

namespace ctgpt_test {

// SplitMix64.
class numbers {
 public:
  explicit numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

using string_visitor = std::function<void(const std::string&)>;

inline std::string spelled(char32_t code) {
  std::string text;
  ctgpt::utf8_append(text, code);
  return text;
}

// What patterns stumble over: contractions, blanks, line ends, digits, marks, letters without case.
inline const std::vector<std::string>& troublesome() {
  static const std::vector<std::string> characters = [] {
    std::vector<std::string> list;
    for (const char32_t code : U"aAbZsStdmLlVvRrEe''' \t\n\r019.,!/-_"
                               U"\u00e9\u00c9\u017f\u65e5\u672c\u0301\u0302\u00a0\u2028\u00b2"
                               U"\u2165\u01c5\u02b0\U0001F600\u0085\u3000\u00df\u212a\u05d0"
                               U"\u200b\ufeff") {
      if (code != 0) list.push_back(spelled(code));
    }
    return list;
  }();
  return characters;
}

inline void fuzzed_strings(const string_visitor& visit) {
  numbers random(1);
  for (int i = 0; i < 10000; ++i) {
    std::string text;
    const std::uint64_t size = 1 + random() % 24;
    for (std::uint64_t j = 0; j < size; ++j) text += troublesome()[random() % troublesome().size()];
    visit(text);
  }
}

inline std::string random_bytes(numbers& random, std::uint64_t size) {
  std::string text;
  for (std::uint64_t j = 0; j < size; ++j) text += static_cast<char>(random() % 256);
  return text;
}

// Random bytes with U+FFFD for what is no character.
inline void random_texts(const string_visitor& visit) {
  numbers random(2);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t size = 1 + random() % 40;
    visit(ctgpt::text::repair_utf8(random_bytes(random, size)));
  }
}

inline void all_scalars(const string_visitor& visit) {
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (!ctgpt::is_unicode_scalar(code)) continue;
    const std::string c = spelled(code);
    for (const std::string& text :
         {c, "a" + c, c + "a", " " + c, c + "1", c + " " + c + "'s" + c + "\n"}) {
      visit(text);
    }
  }
}

}  // namespace ctgpt_test
