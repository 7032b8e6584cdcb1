// stop_signal: notices SIGINT and SIGTERM, so that a run can save before it ends.
//
// While one lives, the first signal is remembered (received()) and said; a second one ends the
// process at once. The previous handlers come back with the end of scope.
// Errors: none.
// Reference: POSIX sigaction; exit code 128 + signal.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class stop_signal {
 public:
  // said: what the first signal writes to standard error.
  explicit stop_signal(const char* said = "\nFinishing this step and saving; the same signal again "
                                          "ends at once.\n") {
    sentence() = said;
    last() = 0;
    struct sigaction action {};
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &interrupt_);
    sigaction(SIGTERM, &action, &terminate_);
  }
  ~stop_signal() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
  }
  stop_signal(const stop_signal&) = delete;
  stop_signal& operator=(const stop_signal&) = delete;

  // The signal, or 0.
  static int received() { return last(); }

 private:
  // Calls only what POSIX allows in a handler.
  static void handle(int signal) {
    const bool second = last() != 0;  // the other of the two: this one has no handler any more
    std::signal(signal, SIG_DFL);
    if (second) {
      std::raise(signal);
      return;
    }
    last() = signal;
    const int code = errno;
    [[maybe_unused]] const auto written = ::write(2, sentence(), std::strlen(sentence()));
    errno = code;
  }
  static const char*& sentence() {
    static const char* text = "";
    return text;
  }
  static volatile std::sig_atomic_t& last() {
    static volatile std::sig_atomic_t signal = 0;
    return signal;
  }
  struct sigaction interrupt_ {
  }, terminate_{};
};

}  // namespace ctgpt::inline CTGPT_ABI::app
