// A lock on a directory: one process at a time may write a run.
//
// directory_lock held("runs/a");   takes an exclusive flock on runs/a/lock until the end of scope
//
// The system drops the lock when the process ends, also by SIGKILL, so there is no stale lock to
// clean up. The file stays (removing it would let two processes hold two files of one name); it
// holds the process id, for the message alone.
// Errors: another holder gives a sentence that names the directory and the process.
// Reference: flock(2).
#pragma once

#include <sys/file.h>

#include <string>

#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI {

class directory_lock {
 public:
  // Requires: the directory exists.
  explicit directory_lock(const std::string& directory) {
    const std::string path = directory + "/lock";
    file_ = open_or_fail(path, O_RDWR | O_CREAT, "lock the directory by");
    while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) fail_system("lock", path, errno);
      fail("another run holds the directory ", directory, holder(),
           "; wait until it ends or choose another directory");
    }
    const std::string mine = std::to_string(::getpid()) + "\n";
    // The id is a courtesy: a full disk must not stop a run that has not begun.
    if (::ftruncate(file_.get(), 0) == 0) {
      [[maybe_unused]] const ssize_t put = ::pwrite(file_.get(), mine.data(), mine.size(), 0);
    }
  }

 private:
  std::string holder() const {
    char digits[16];
    const ssize_t got = ::pread(file_.get(), digits, sizeof digits, 0);
    const std::string_view text(digits, got > 0 ? static_cast<std::size_t>(got) : 0);
    const std::string_view number = text.substr(0, text.find_first_not_of("0123456789"));
    return number.empty() ? std::string() : join(" (process ", number, ")");
  }

  file_descriptor file_;
};

}  // namespace ctgpt::inline CTGPT_ABI
