// progress: a bar on a terminal, plain lines elsewhere.
#include "ctgpt/train/progress.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <algorithm>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "base/terminal.hpp"
#include "ctgpt/base/file.hpp"

using namespace ctgpt;
using namespace ctgpt_test;

namespace {

step_report report_of(isize step) {
  step_report report;
  report.step = step;
  report.loss = 2.5;
  report.tokens_per_second = 1000.0;
  return report;
}

// What steps 1 to `last` write to a standard error that is a file.
template <class Change>
std::string written(progress_options options, isize last, Change change) {
  const temporary_directory made;
  const std::string path = made.file("stderr");
  const child_result result = in_child([&]() -> std::string {
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
    ::dup2(file, 2);
    progress bar(options);
    bar.begin(0, last, 1e6);
    for (isize step = 1; step <= last; ++step) {
      change(bar, step);
      bar(report_of(step));
    }
    bar.close_line();
    return read_file(path);
  });
  CHECK(result.exited());
  return result.said;
}
std::string written(progress_options options, isize last) {
  return written(options, last, [](progress&, isize) {});
}
std::ptrdiff_t lines_in(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}
bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("progress: plain lines come at the first step, at every tenth of the run, at the end") {
  const std::string text = written({}, 100);
  CHECK(lines_in(text) == 11);
  CHECK(text.find("step 1/100  loss 2.5000  1000 tokens/s  left 0s\n") == 0);
  CHECK(has(text, "\nstep 50/100 "));
  CHECK(has(text, "\nstep 100/100  loss 2.5000  1000 tokens/s  took 0s\n"));
  CHECK_FALSE(has(text, "\033"));  // nothing for terminals
  CHECK_FALSE(has(text, "\r"));
  CHECK(lines_in(written({.every = 40}, 100)) == 4);  // 1, 40, 80, 100
  CHECK(lines_in(written({}, 3)) == 3);
  CHECK(lines_in(written({}, 1)) == 1);
}

TEST_CASE("progress: shows validation loss and the fraction of the peak where they are known") {
  const std::string text = written({.every = 1, .peak = 4e9}, 4, [](progress& bar, isize step) {
    if (step == 3) bar.validation(2.25);
  });
  CHECK(has(text, "step 2/4  loss 2.5000  1000 tokens/s  25% of peak"));  // 1000 * 1e6 of 4e9
  CHECK(has(text, "step 3/4  loss 2.5000  val 2.2500  1000 tokens/s"));
  CHECK(has(text, "step 4/4  loss 2.5000  val 2.2500"));  // stays
}

TEST_CASE("progress: quiet is quiet") { CHECK(written({.quiet = true}, 100).empty()); }

TEST_CASE("progress: a terminal gets a bar that is redrawn, and a whole line at the end") {
  terminal screen;
  const child_result result = in_child([&]() -> std::string {
    ::dup2(screen.end(), 2);
    progress bar;
    bar.begin(0, 1000, 0.0);
    for (isize step = 1; step <= 1000; ++step) bar(report_of(step));
    bar.begin(0, 1000, 0.0);
    bar(report_of(1));
    bar.close_line();
    bar.close_line();  // once is enough
    return "done";
  });
  CHECK(result.said == "done");
  const std::string text = screen.shown();
  CHECK(text.find("\r\033[K[........................] step 1/1000") == 0);
  CHECK(has(text, "\r\033[K[########################] step 1000/1000"));
  CHECK(has(text, "took 0s\r\n"));
  CHECK(lines_in(text) == 2);  // the last step's, and the one that was closed
  // Ten times a second at most: a thousand steps in no time draw few bars.
  CHECK(std::count(text.begin(), text.end(), '[') < 40);
}

TEST_CASE("progress: durations are written as people say them") {
  CHECK(progress::duration(0.0) == "0s");
  CHECK(progress::duration(59.4) == "59s");
  CHECK(progress::duration(59.6) == "1m00s");
  CHECK(progress::duration(3599.0) == "59m59s");
  CHECK(progress::duration(3600.0) == "1h00m");
  CHECK(progress::duration(90061.0) == "25h01m");
  CHECK(progress::duration(-5.0) == "0s");
  CHECK(progress::duration(std::nan("")) == "0s");
}
