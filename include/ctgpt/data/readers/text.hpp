// Plain text: a file is a document.
//
// A file that is longer than the limit comes in several documents, cut after the end of a line
// where there is one; nothing is lost. A byte order mark is taken off, and the frame of Project
// Gutenberg's books (data/readers/gutenberg.hpp) from files that are not longer than the limit.
// Errors: none of its own.
#pragma once

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/data/read_options.hpp"
#include "ctgpt/data/readers/gutenberg.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class text_reader : public format_reader {
 public:
  explicit text_reader(reading& file) : file_(file) {}

  bool next(document& page) override {
    if (done_) return false;
    const bool first = std::exchange(first_, false);
    if (first && file_.in.peek(3) == byte_order_mark) file_.in.skip(3);
    const std::uint64_t limit = std::max<std::uint64_t>(file_.options.max_document, 4);
    page.text = std::exchange(rest_, {});
    file_.in.block(page.text, limit - page.text.size());
    done_ = page.text.size() < limit || file_.in.chunk().empty();
    if (first && done_) {
      if (file_.options.gutenberg) {
        if (auto books = inside_gutenberg_frames(page.text)) page.text = std::move(*books);
      }
      return true;
    }
    if (!done_) cut(page.text);
    page.line = line_;
    line_ += std::count(page.text.begin(), page.text.end(), '\n');
    return true;
  }

 private:
  // Keeps the last, unfinished line for the next document; in a line that is longer than the
  // limit, the last unfinished character.
  void cut(std::string& text) {
    std::size_t end = text.rfind('\n');
    end = end == text.npos ? text.size() : end + 1;
    for (std::size_t back = 1; end == text.size() && back <= 3; ++back) {
      const utf8_character last = utf8_decode(std::string_view(text).substr(text.size() - back));
      if (last.state == utf8_state::incomplete && last.length == back) end -= back;
    }
    rest_ = text.substr(end);
    text.resize(end);
  }

  reading& file_;
  std::int64_t line_ = 1;
  std::string rest_;
  bool first_ = true, done_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
