// A pseudo terminal: what a program shows to somebody who watches.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>
#include <string>

namespace ctgpt_test {

class terminal {
 public:
  explicit terminal(std::uint16_t columns = 0) : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    end_ = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    REQUIRE(end_ >= 0);
    const struct winsize size { 24, columns, 0, 0 };
    REQUIRE(::ioctl(end_, TIOCSWINSZ, &size) == 0);
  }
  ~terminal() {
    if (end_ >= 0) ::close(end_);
    ::close(master_);
  }
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  int end() const { return end_; }  // the program's side
  // As if somebody typed it, or pasted it.
  void type(const std::string& text) const {
    REQUIRE(::write(master_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  // All that was written. The kernel hands it over in pieces, and says when the last one was read
  // only once nobody holds the program's side any more.
  std::string shown() {
    ::close(end_);
    end_ = -1;
    std::string text;
    char piece[4096];
    for (ssize_t got; (got = ::read(master_, piece, sizeof piece)) > 0;) {
      text.append(piece, static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  int master_ = -1;
  int end_ = -1;
};

}  // namespace ctgpt_test
