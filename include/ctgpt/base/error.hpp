// Errors: one exception type whose text is a complete sentence (what, where, what to do).
//
// fail("ctgpt: the file ", path, " is empty") joins its arguments and throws.
// The command-line program prints what() and exits with exit_code().
#pragma once

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

class error : public std::runtime_error {
 public:
  explicit error(const std::string& sentence, int exit_code = 1)
      : std::runtime_error(sentence), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

// Wrong usage: a flag or an argument that cannot be right whatever the files hold (exit code 2).
class usage_error : public error {
 public:
  explicit usage_error(const std::string& sentence) : error(sentence, 2) {}
};

// A piece of a sentence: text, a character or a number.
class text_part {
 public:
  text_part(const char* text) : text_(text) {}
  text_part(std::string_view text) : text_(text) {}
  text_part(const std::string& text) : text_(text) {}
  text_part(char character) : kind_(kind::character), whole_(character) {}
  template <std::signed_integral Integer>
  text_part(Integer value) : kind_(kind::signed_whole), whole_(value) {}
  template <std::unsigned_integral Integer>
  text_part(Integer value)
      : kind_(kind::unsigned_whole), whole_(static_cast<std::int64_t>(std::uint64_t{value})) {}
  template <std::floating_point Real>
  text_part(Real value) : kind_(kind::real), real_(static_cast<double>(value)) {}

  [[gnu::cold]] void append_to(std::string& out) const {
    char digits[32];
    switch (kind_) {
      case kind::text:
        out += text_;
        return;
      case kind::character:
        out += static_cast<char>(whole_);
        return;
      case kind::signed_whole:
        std::snprintf(digits, sizeof digits, "%lld", static_cast<long long>(whole_));
        break;
      case kind::unsigned_whole:
        std::snprintf(digits, sizeof digits, "%llu", static_cast<unsigned long long>(whole_));
        break;
      case kind::real:
        std::snprintf(digits, sizeof digits, "%g", real_);
    }
    out += digits;
  }

 private:
  enum class kind : unsigned char { text, character, signed_whole, unsigned_whole, real };
  kind kind_ = kind::text;
  std::int64_t whole_ = 0;
  double real_ = 0.0;
  std::string_view text_;
};

// Out of line: the many sentences of the library must not bloat the code that they stop.
[[gnu::noinline, gnu::cold]] inline std::string join_parts(std::initializer_list<text_part> parts) {
  std::string text;
  for (const text_part& part : parts) part.append_to(text);
  return text;
}
[[noreturn, gnu::noinline, gnu::cold]] inline void fail_parts(
    std::initializer_list<text_part> parts) {
  throw error(join_parts(parts));
}

template <class... Parts>
std::string join(const Parts&... parts) {
  return join_parts({text_part(parts)...});
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  fail_parts({text_part(parts)...});
}

template <class... Parts>
inline void expects(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(parts...);
}

}  // namespace ctgpt::inline CTGPT_ABI
