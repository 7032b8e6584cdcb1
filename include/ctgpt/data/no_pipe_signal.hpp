// no_pipe_signal: while one lives, this thread meets a closed connection as an error (EPIPE), and
// not as the signal SIGPIPE.
//
// Some versions of libcurl let the signal through from the TLS library, and a library may not
// change what the whole process does with it. A signal that came meanwhile is taken back again.
// Errors: none.
// Reference: POSIX.1-2017, pthread_sigmask, sigpending, sigwait.
#pragma once

#include <pthread.h>
#include <signal.h>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class no_pipe_signal {
 public:
  no_pipe_signal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    was_pending_ = pending();
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~no_pipe_signal() {
    int number = 0;
    if (!was_pending_ && pending()) sigwait(&pipe_, &number);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  no_pipe_signal(const no_pipe_signal&) = delete;
  no_pipe_signal& operator=(const no_pipe_signal&) = delete;

 private:
  static bool pending() {
    sigset_t now;
    return sigpending(&now) == 0 && sigismember(&now, SIGPIPE) == 1;
  }

  sigset_t pipe_, before_;
  bool was_pending_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
