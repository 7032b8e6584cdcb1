// Sums of the embedded world: in digits and in words, with the working that a small model needs.
//
// A sum has two numbers from 10 to 89 whose total is at most 99: 1,640 pairs without regard to
// order. The answer works units first, "8+5=13, 30+20=50, 63.": a small model that writes the steps
// down learns sums that it has not seen, and one that must say the total at once does not. The
// last word is the total.
//
// A step such as "30+20" adds two round numbers, so a pair of round numbers is never held out.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "ctgpt/data/world/people.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data::small_world {

struct sum {
  int left, right;
  constexpr bool operator==(const sum&) const = default;
};

inline constexpr int smallest_number = 10;
inline constexpr int largest_total = 99;

inline constexpr bool is_round(const sum& s) { return s.left % 10 == 0 && s.right % 10 == 0; }

// Every pair with left <= right, in a fixed order.
[[gnu::cold]] inline std::vector<sum> all_sums() {
  std::vector<sum> list;
  for (int left = smallest_number; left <= largest_total; ++left) {
    for (int right = left; left + right <= largest_total; ++right) list.push_back({left, right});
  }
  return list;
}

[[gnu::cold]] inline void append_digits(std::string& out, int number) {
  if (number >= 100) out += static_cast<char>('0' + number / 100);
  if (number >= 10) out += static_cast<char>('0' + number / 10 % 10);
  out += static_cast<char>('0' + number % 10);
}

// Requires: 0 <= number <= 99.
[[gnu::cold]] inline void append_words(std::string& out, int number) {
  constexpr std::array<word, 20> small = {
      "zero",     "one",     "two",     "three",     "four",     "five",    "six",
      "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
      "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  constexpr std::array<word, 8> tens = {"twenty", "thirty",  "forty",  "fifty",
                                        "sixty",  "seventy", "eighty", "ninety"};
  if (number < 20) {
    out += small[static_cast<std::size_t>(number)];
    return;
  }
  out += tens[static_cast<std::size_t>(number / 10 - 2)];
  if (number % 10 != 0) {
    out += '-';
    out += small[static_cast<std::size_t>(number % 10)];
  }
}

inline constexpr int sum_forms = 2;

[[gnu::cold]] inline void append_sum_question(std::string& out, const sum& s, bool words,
                                              int form) {
  out += form == 0 ? "What is " : "How much is ";
  if (words) {
    append_words(out, s.left);
    out += " plus ";
    append_words(out, s.right);
  } else {
    append_digits(out, s.left);
    out += '+';
    append_digits(out, s.right);
  }
  out += '?';
}

[[gnu::cold]] inline void append_working(std::string& out, const sum& s) {
  const auto step = [&out](int left, int right) {
    append_digits(out, left);
    out += '+';
    append_digits(out, right);
    out += '=';
    append_digits(out, left + right);
    out += ", ";
  };
  step(s.left % 10, s.right % 10);
  step(s.left - s.left % 10, s.right - s.right % 10);
  append_digits(out, s.left + s.right);
  out += '.';
}

// A sum as a plain sentence, without working: "38 and 25 make 63."
[[gnu::cold]] inline void append_sum_statement(std::string& out, const sum& s, bool words) {
  const auto number = [&](int n) { words ? append_words(out, n) : append_digits(out, n); };
  const std::size_t start = out.size();
  number(s.left);
  out += " and ";
  number(s.right);
  out += " make ";
  number(s.left + s.right);
  out += '.';
  if (words) out[start] = static_cast<char>(out[start] - 'a' + 'A');
}

}  // namespace data::small_world
}  // namespace ctgpt::inline CTGPT_ABI
