// server_signals: SIGINT, SIGTERM and SIGHUP, taken one after the other where the program waits for
// them.
//
// They are blocked while one lives, in this thread and in those that it starts: make it before any
// other thread.
// Errors: none.
// Reference: POSIX sigtimedwait.
#pragma once

#include <csignal>
#include <ctime>
#include <initializer_list>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class server_signals {
 public:
  server_signals() {
    sigemptyset(&all_);
    for (const int each : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&all_, each);
    ::pthread_sigmask(SIG_BLOCK, &all_, &before_);
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets that may be closed
  }
  ~server_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  server_signals(const server_signals&) = delete;
  server_signals& operator=(const server_signals&) = delete;

  // The next signal, or 0 when none comes in so many seconds.
  int wait(double seconds) const {
    timespec time{};
    time.tv_sec = static_cast<std::time_t>(seconds);
    time.tv_nsec = static_cast<long>((seconds - static_cast<double>(time.tv_sec)) * 1e9);
    const int signal = ::sigtimedwait(&all_, nullptr, &time);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t all_{}, before_{};
};

}  // namespace ctgpt::inline CTGPT_ABI::app
