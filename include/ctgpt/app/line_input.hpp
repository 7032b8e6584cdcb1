// line_input: messages from a terminal or a pipe, a line each.
//
// line_input input;
// while (const auto message = input.message("> ")) ...
//
// A line that ends with a backslash goes on in the next one. On a terminal, lines that are there
// already when one has been read were pasted with it, and belong to the same message.
// interrupts: while one lives, Ctrl-C is remembered, and ends what waits for a line.
// Errors: none; what cannot be read ends the input.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class interrupts {
 public:
  interrupts() {
    struct sigaction action {};
    action.sa_handler = [](int) { seen() = 1; };  // without SA_RESTART: read() returns
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &before_);
  }
  ~interrupts() { sigaction(SIGINT, &before_, nullptr); }
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;

  static bool received() { return seen() != 0; }
  static void forget() { seen() = 0; }

 private:
  static volatile std::sig_atomic_t& seen() {
    static volatile std::sig_atomic_t value = 0;
    return value;
  }
  struct sigaction before_ {};
};

class line_input {
 public:
  line_input() : terminal_(::isatty(0) == 1) {}

  bool terminal() const { return terminal_; }

  // sign: what a terminal shows before it. nullopt at the end of the input, or on Ctrl-C.
  std::optional<std::string> message(const char* sign) {
    if (terminal_) std::fputs(sign, stderr);
    std::optional<std::string> text = line();
    while (text && (text->ends_with('\\') || (terminal_ && waits(pasted)))) {
      if (text->ends_with('\\')) text->pop_back();
      const std::optional<std::string> more = line();
      if (!more) break;
      *text += "\n" + *more;
    }
    return text;
  }

 private:
  static constexpr int pasted = 20;  // milliseconds: nobody types a line in that time

  // Without its end. A last line need not have one.
  std::optional<std::string> line() {
    for (;;) {
      if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
        std::string found = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        if (found.ends_with('\r')) found.pop_back();
        return found;
      }
      char piece[4096];
      const ssize_t got = ::read(0, piece, sizeof piece);
      if (got > 0) {
        buffer_.append(piece, static_cast<std::size_t>(got));
      } else if (got < 0 && errno == EINTR && !interrupts::received()) {
        continue;
      } else if (got == 0 && !buffer_.empty()) {
        buffer_ += '\n';
      } else {
        return std::nullopt;
      }
    }
  }

  bool waits(int milliseconds) const {
    if (buffer_.find('\n') != std::string::npos) return true;
    struct pollfd in {
      0, POLLIN, 0
    };
    return ::poll(&in, 1, milliseconds) > 0 && (in.revents & POLLIN) != 0;
  }

  bool terminal_;
  std::string buffer_;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
