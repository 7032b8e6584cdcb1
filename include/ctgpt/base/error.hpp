// Errors: one exception type whose text is a complete sentence (what, where, what to do).
//
// fail("ctgpt: the file ", path, " is empty") joins its arguments and throws.
// The command-line program prints what() and exits with exit_code().
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

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

// Out of line: the many sentences of the library must not bloat the code that they stop.
template <class... Parts>
[[gnu::noinline, gnu::cold]] std::string join(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

template <class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void fail(const Parts&... parts) {
  throw error(join(parts...));
}

template <class... Parts>
inline void expects(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]] fail(parts...);
}

}  // namespace ctgpt::inline CTGPT_ABI
