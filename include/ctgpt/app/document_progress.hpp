// document_progress: how far the reading of documents is, on standard error.
//
// A line that is redrawn on a terminal, elsewhere one every ten seconds.
// Errors: none.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "ctgpt/app/print.hpp"
#include "ctgpt/base/clock.hpp"
#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class document_progress {
 public:
  explicit document_progress(const std::vector<std::string>& files) {
    for (const std::string& file : files) {
      struct stat status {};
      if (::stat(file.c_str(), &status) == 0) total_ += static_cast<double>(status.st_size);
    }
  }
  // total: bytes of the files.
  explicit document_progress(double total) : total_(total) {}
  ~document_progress() {
    if (drawn_ && terminal_) std::fputs("\r\033[K", stderr);
  }
  document_progress(const document_progress&) = delete;
  document_progress& operator=(const document_progress&) = delete;

  // consumed: bytes of the file that is read; documents and bytes of text so far.
  void at(double consumed, isize documents, isize text) {
    const double now = clock_seconds();
    if (now - shown_ < (terminal_ ? 0.2 : 10.0)) return;
    shown_ = now;
    const double speed = static_cast<double>(text) / std::max(now - start_, 1e-9);
    const double done = before_ + consumed;
    char line[160];
    int used =
        std::snprintf(line, sizeof line, "%s documents, %s, %s/s", grouped(documents).c_str(),
                      bytes_text(static_cast<double>(text)).c_str(), bytes_text(speed).c_str());
    if (done > 0.0 && total_ > done) {
      std::snprintf(line + used, sizeof line - static_cast<std::size_t>(used),
                    ", %.0f%%, %.0f s left", 100.0 * done / total_,
                    (now - start_) * (total_ - done) / done);
    }
    std::fprintf(stderr, terminal_ ? "\r\033[K%.78s" : "%s\n", line);
    drawn_ = true;
  }
  void file_done(double bytes) { before_ += bytes; }

 private:
  bool terminal_ = ::isatty(2) == 1, drawn_ = false;
  double start_ = clock_seconds(), shown_ = start_, total_ = 0.0, before_ = 0.0;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
