// stop_signal: notices SIGINT and SIGTERM, so that a run can save before it ends.
//
// While one lives, the first signal is remembered (received()) and a second one ends the process at
// once. The previous handlers come back with the end of scope. Errors: none.
// Reference: POSIX sigaction; exit code 128 + signal.
#pragma once

#include <csignal>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class stop_signal {
 public:
  stop_signal() {
    last() = 0;
    struct sigaction action {};
    action.sa_handler = [](int signal) {
      if (last() != 0) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
      }
      last() = signal;
    };
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
  static volatile std::sig_atomic_t& last() {
    static volatile std::sig_atomic_t signal = 0;
    return signal;
  }
  struct sigaction interrupt_ {
  }, terminate_{};
};

}  // namespace ctgpt::inline CTGPT_ABI::app
