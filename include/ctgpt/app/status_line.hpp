// status_line: how far a piece of work is, on standard error.
//
//   status_line line;
//   if (line.due(now)) line.show("3 of 9");    a line that is redrawn five times a second at most
//   line.clear();                              before something else is said; the destructor too
//
// On a terminal the line is redrawn; elsewhere there is a new one every ten seconds.
// Errors: none.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class status_line {
 public:
  status_line() = default;
  ~status_line() { clear(); }
  status_line(const status_line&) = delete;
  status_line& operator=(const status_line&) = delete;

  // Whether it is time for another; then the next is due later.
  bool due(double now) {
    if (now - shown_ < (terminal_ ? 0.2 : 10.0)) return false;
    shown_ = now;
    return true;
  }
  // As if one had been shown now.
  void wait_from(double now) { shown_ = now; }
  void show(const std::string& text) {
    std::fprintf(stderr, terminal_ ? "\r\033[K%.78s" : "%s\n", text.c_str());
    drawn_ = terminal_;
  }
  void clear() {
    if (drawn_) std::fputs("\r\033[K", stderr);
    drawn_ = false;
  }

 private:
  bool terminal_ = ::isatty(2) == 1, drawn_ = false;
  double shown_ = 0.0;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
