// print: what the program's verbs say, and how they write results.
//
// put() writes to standard output and reports what a full disk refuses; results go there,
// everything else to standard error. grouped(1234567) is "1,234,567", bytes_text(5e6) "5.0 MB", and
// shell_quoted() makes a word that can be pasted into a shell.
// Errors: standard output that cannot be written: one sentence.
#pragma once

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline void put(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) fail_system("write", "standard output", errno);
}

inline std::string grouped(long long value) {
  std::string digits = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

inline std::string bytes_text(double bytes) {
  const char* units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  int unit = 0;
  while (bytes >= 1000.0 && unit < 5) bytes /= 1000.0, ++unit;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

inline std::string shell_quoted(const std::string& word) {
  const bool plain =
      !word.empty() && word.find_first_of(" \t\n\"'$\\`*?&;|<>()[]{}!#~") == word.npos;
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace ctgpt::inline CTGPT_ABI::app
