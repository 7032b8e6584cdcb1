// sse_reader: the events of a stream, whatever pieces its bytes come in.
//
//   sse_reader events;
//   events.feed(bytes, [](std::string_view data) { ... });       data of each whole event
//
// Lines end in LF, CRLF or CR; those that begin with a colon, and fields other than data, are
// dropped; several data lines of one event are joined by a line break.
// Errors: none.
// Reference: WHATWG HTML, 9.2 server-sent events.
#pragma once

#include <string>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

class sse_reader {
 public:
  template <class Visit>
  void feed(std::string_view bytes, Visit visit) {
    for (const char c : bytes) {
      const bool second = c == '\n' && after_return_;
      after_return_ = c == '\r';
      if (second) continue;
      if (c != '\n' && c != '\r') {
        line_ += c;
        continue;
      }
      if (line_.empty()) {
        if (has_data_) visit(std::string_view(data_));
        data_.clear();
        has_data_ = false;
      } else if (line_.starts_with("data:")) {
        if (has_data_) data_ += '\n';
        data_ += line_.substr(line_.starts_with("data: ") ? 6 : 5);
        has_data_ = true;
      }
      line_.clear();
    }
  }

 private:
  std::string line_, data_;
  bool has_data_ = false, after_return_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
