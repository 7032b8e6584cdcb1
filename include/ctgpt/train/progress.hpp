// progress: a bar on a terminal, plain lines elsewhere.
//
//   run.steps(2000, ctgpt::progress{});
//
// Shows step, loss, validation loss, tokens a second, fraction of the machine's peak (where a peak
// is given) and the time left. Writes to standard error, so that standard output stays free for
// results. On a terminal it redraws one line at most ten times a second, never wider than the
// terminal; elsewhere it writes a line at the first step, at every `every`-th, at the last, and at
// least once in ten seconds.
// Errors: none.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>

#include "ctgpt/base/clock.hpp"
#include "ctgpt/train/trainer.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct progress_options {
  isize every = 0;    // steps between plain lines; 0: a tenth of the run
  double peak = 0.0;  // floating-point operations a second the machine can do; 0: not shown
  bool quiet = false;
};

class progress {
 public:
  explicit progress(progress_options options = {})
      : options_(options), terminal_(::isatty(2) == 1) {}

  // Called by trainer::steps before the first step.
  void begin(isize first, isize last, double flops_per_token) {
    first_ = first;
    last_ = last;
    flops_ = flops_per_token;
    start_ = shown_ = clock_seconds();
  }
  void validation(double loss) { validation_ = loss; }

  [[gnu::cold]] void operator()(const step_report& report) {
    if (options_.quiet) return;
    speed_ =
        speed_ == 0.0 ? report.tokens_per_second : 0.9 * speed_ + 0.1 * report.tokens_per_second;
    const double now = clock_seconds();
    const isize every =
        options_.every > 0 ? options_.every : std::max<isize>(1, (last_ - first_) / 10);
    const bool ends = report.step == last_ || report.step == first_ + 1;
    const double since = now - shown_;
    const bool due = terminal_ ? since > 0.1 : report.step % every == 0 || since > 10.0;
    if (!ends && !due) return;
    shown_ = now;
    const double elapsed = now - start_;
    std::string line =
        terminal_ ? "\r\033[K" + drawn(report, elapsed) : text(report, elapsed, true);
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
  static std::size_t columns() {
    struct winsize size {};
    const bool known = ::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
  }
  // One line of the terminal: a wider one would wrap, and could not be drawn over. The last column
  // stays free, since some terminals wrap as soon as it is written.
  std::string drawn(const step_report& report, double elapsed) const {
    constexpr std::size_t longest_bar = 24, shortest_bar = 4, frame = 3;
    const std::size_t room = columns() - 1;
    std::string line = text(report, elapsed, true);
    if (line.size() + frame + longest_bar > room) line = text(report, elapsed, false);
    if (line.size() + frame + shortest_bar <= room) {
      line.insert(0, bar(report.step, std::min(longest_bar, room - frame - line.size())));
    }
    return line.substr(0, room);
  }
  std::string bar(isize step, std::size_t cells) const {
    const isize span = std::max<isize>(1, last_ - first_);
    const auto all = static_cast<isize>(cells);
    const auto full =
        static_cast<std::size_t>(std::clamp<isize>((step - first_) * all / span, 0, all));
    return "[" + std::string(full, '#') + std::string(cells - full, '.') + "] ";
  }
  // wide: with room between the parts.
  [[gnu::cold, gnu::noinline]] std::string text(const step_report& report, double elapsed,
                                                bool wide) const {
    const std::string gap = wide ? "  " : " ";
    char piece[160];
    std::snprintf(piece, sizeof piece, "step %lld/%lld", static_cast<long long>(report.step),
                  static_cast<long long>(last_));
    std::string line = piece;
    std::snprintf(piece, sizeof piece, "loss %.4f", report.loss);
    line += gap + piece;
    if (validation_) {
      std::snprintf(piece, sizeof piece, "val %.4f", *validation_);
      line += gap + piece;
    }
    std::snprintf(piece, sizeof piece, wide ? "%.0f tokens/s" : "%.0f tok/s", speed_);
    line += gap + piece;
    if (options_.peak > 0.0) {
      std::snprintf(piece, sizeof piece, wide ? "%.0f%% of peak" : "%.0f%% peak",
                    100.0 * speed_ * flops_ / options_.peak);
      line += gap + piece;
    }
    const isize done = report.step - first_;
    const double left =
        elapsed / static_cast<double>(done) * static_cast<double>(last_ - report.step);
    return line + gap +
           (report.step == last_ ? "took " + duration(elapsed) : "left " + duration(left));
  }

  progress_options options_;
  bool terminal_, open_line_ = false;
  isize first_ = 0, last_ = 0;
  double flops_ = 0.0, speed_ = 0.0;
  std::optional<double> validation_;
  double start_ = 0.0, shown_ = 0.0;  // of clock_seconds()
};

}  // namespace ctgpt::inline CTGPT_ABI
