// document_progress: how far the reading of documents is, on standard error.
//
// Errors: none.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "ctgpt/app/print.hpp"
#include "ctgpt/app/status_line.hpp"
#include "ctgpt/base/clock.hpp"
#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class document_progress {
 public:
  explicit document_progress(const std::vector<std::string>& files) : document_progress(0.0) {
    for (const std::string& file : files) {
      struct stat status {};
      if (::stat(file.c_str(), &status) == 0) total_ += static_cast<double>(status.st_size);
    }
  }
  // total: bytes of the files.
  explicit document_progress(double total) : total_(total) { line_.wait_from(start_); }

  // consumed: bytes of the file that is read; documents and bytes of text so far.
  void at(double consumed, isize documents, isize text) {
    const double now = clock_seconds();
    if (!line_.due(now)) return;
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
    line_.show(line);
  }
  void file_done(double bytes) { before_ += bytes; }

 private:
  status_line line_;
  double start_ = clock_seconds(), total_ = 0.0, before_ = 0.0;
};

}  // namespace ctgpt::inline CTGPT_ABI::app
