// progress: a bar on a terminal, plain lines elsewhere.
//
//   run.steps(2000, ctgpt::progress{});
//
// Shows step, loss, validation loss, tokens a second, fraction of the machine's peak (where a peak
// is given) and the time left. Writes to standard error, so that standard output stays free for
// results. On a terminal it redraws one line at most ten times a second; elsewhere it writes a line
// at the first step, at every `every`-th, at the last, and at least once in ten seconds. Errors:
// none.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>

#include "ctgpt/train/trainer.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct progress_options {
  isize every = 0;    // steps between plain lines; 0: a tenth of the run
  double peak = 0.0;  // floating-point operations a second the machine can do; 0: not shown
  bool quiet = false;
};

class progress {
 public:
  using clock = std::chrono::steady_clock;

  explicit progress(progress_options options = {})
      : options_(options), terminal_(::isatty(2) == 1) {}

  // Called by trainer::steps before the first step.
  void begin(isize first, isize last, double flops_per_token) {
    first_ = first;
    last_ = last;
    flops_ = flops_per_token;
    start_ = shown_ = clock::now();
  }
  void validation(double loss) { validation_ = loss; }

  [[gnu::cold]] void operator()(const step_report& report) {
    if (options_.quiet) return;
    speed_ =
        speed_ == 0.0 ? report.tokens_per_second : 0.9 * speed_ + 0.1 * report.tokens_per_second;
    const clock::time_point now = clock::now();
    const isize every =
        options_.every > 0 ? options_.every : std::max<isize>(1, (last_ - first_) / 10);
    const bool ends = report.step == last_ || report.step == first_ + 1;
    const double since = std::chrono::duration<double>(now - shown_).count();
    const bool due = terminal_ ? since > 0.1 : report.step % every == 0 || since > 10.0;
    if (!ends && !due) return;
    shown_ = now;
    std::string line = terminal_ ? "\r\033[K" + bar(report.step) : std::string();
    line += text(report, std::chrono::duration<double>(now - start_).count());
    if (!terminal_ || report.step == last_) line += '\n';
    std::fputs(line.c_str(), stderr);
    std::fflush(stderr);
    open_line_ = terminal_ && report.step != last_;
  }

  // Ends a line that the bar left open, before something else is printed.
  void close_line() {
    if (open_line_) std::fputc('\n', stderr);
    open_line_ = false;
  }

  static std::string duration(double seconds) {
    const auto whole =
        static_cast<long long>(std::llround(std::fmin(std::fmax(seconds, 0.0), 1e12)));
    char text[64];
    if (whole >= 3600) {
      std::snprintf(text, sizeof text, "%lldh%02lldm", whole / 3600, whole / 60 % 60);
    } else if (whole >= 60) {
      std::snprintf(text, sizeof text, "%lldm%02llds", whole / 60, whole % 60);
    } else {
      std::snprintf(text, sizeof text, "%llds", whole);
    }
    return text;
  }

 private:
  std::string bar(isize step) const {
    constexpr isize cells = 24;
    const isize span = std::max<isize>(1, last_ - first_);
    const isize full = std::clamp<isize>((step - first_) * cells / span, 0, cells);
    return "[" + std::string(static_cast<std::size_t>(full), '#') +
           std::string(static_cast<std::size_t>(cells - full), '.') + "] ";
  }
  [[gnu::cold]] std::string text(const step_report& report, double elapsed) const {
    char piece[160];
    std::snprintf(piece, sizeof piece, "step %lld/%lld  loss %.4f",
                  static_cast<long long>(report.step), static_cast<long long>(last_), report.loss);
    std::string line = piece;
    if (validation_) {
      std::snprintf(piece, sizeof piece, "  val %.4f", *validation_);
      line += piece;
    }
    std::snprintf(piece, sizeof piece, "  %.0f tokens/s", speed_);
    line += piece;
    if (options_.peak > 0.0) {
      std::snprintf(piece, sizeof piece, "  %.0f%% of peak",
                    100.0 * speed_ * flops_ / options_.peak);
      line += piece;
    }
    const isize done = report.step - first_;
    const double left =
        elapsed / static_cast<double>(done) * static_cast<double>(last_ - report.step);
    return line +
           (report.step == last_ ? "  took " + duration(elapsed) : "  left " + duration(left));
  }

  progress_options options_;
  bool terminal_, open_line_ = false;
  isize first_ = 0, last_ = 0;
  double flops_ = 0.0, speed_ = 0.0;
  std::optional<double> validation_;
  clock::time_point start_, shown_;
};

}  // namespace ctgpt::inline CTGPT_ABI
