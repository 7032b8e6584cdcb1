// Texts for the tests of the filters.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ctgpt/data/filters.hpp"

namespace ctgpt_test {

// What a stage says of a text.
template <class Stage>
std::string said(Stage each, std::string text) {
  ctgpt::data::document page{.text = std::move(text)};
  return std::string(each(page).reason);
}

// Words that never come again: "w000000", 7 characters.
inline std::string fresh_word() {
  static int number = 0;
  const std::string digits = std::to_string(number++);
  return "w" + std::string(6 - digits.size(), '0') + digits;
}

inline std::string repeated(std::size_t count, const std::string& part) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += part;
  return all;
}

// The text, a blank, and one word, which make so many characters.
inline std::string padded(std::string text, std::size_t characters) {
  REQUIRE(text.size() + 1 < characters);
  text += ' ';
  return text + std::string(characters - text.size(), 'z');
}

}  // namespace ctgpt_test
