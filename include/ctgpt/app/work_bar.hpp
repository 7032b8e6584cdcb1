// work_bar: how far a long piece of work is, as a bar on a terminal and as plain lines elsewhere.
//
//   work_bar bar("Counting");
//   bar.show(done, all);        as often as one likes; draws ten times a second at most
//   bar.end();                  the line stays, with how long it took
//
// Writes to standard error. Errors: none.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

#include "ctgpt/base/clock.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class work_bar {
 public:
  explicit work_bar(std::string name)
      : name_(std::move(name)), terminal_(::isatty(2) == 1), start_(clock_seconds()) {}

  void show(double done, double all) {
    const double now = clock_seconds();
    if (now - shown_ < (terminal_ ? 0.1 : 10.0)) return;
    if (shown_ == 0.0 && !terminal_) {  // plain lines begin after ten seconds
      shown_ = now;
      return;
    }
    shown_ = now;
    const double part = all > 0.0 ? done / all : 1.0;
    const double left = part > 0.0 ? (now - start_) * (1.0 - part) / part : 0.0;
    if (terminal_) {
      const auto full = static_cast<std::size_t>(24.0 * part);
      std::fprintf(stderr, "\r\033[K[%s%s] %s %.0f%%  left %.0fs", std::string(full, '#').c_str(),
                   std::string(24 - full, '.').c_str(), name_.c_str(), 100.0 * part, left);
    } else {
      std::fprintf(stderr, "%s %.0f%%  left %.0fs\n", name_.c_str(), 100.0 * part, left);
    }
    std::fflush(stderr);
  }
  void end() const {
    std::fprintf(stderr, "%s%s took %.1fs\n", terminal_ ? "\r\033[K" : "", name_.c_str(),
                 clock_seconds() - start_);
  }

 private:
  std::string name_;
  bool terminal_;
  double start_, shown_ = 0.0;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
