// Project Gutenberg's frame: what stands before and after the book in each of its files.
//
// if (auto books = inside_gutenberg_frames(text)) text = std::move(*books);
//
// A book begins after "*** START OF THE PROJECT GUTENBERG EBOOK ... ***" or, before 2003, after
// "*END*THE SMALL PRINT! ...", and ends before "*** END OF ..." or "End of Project Gutenberg ...".
// A file may hold several books one after the other; three empty lines then part them.
// Errors: none; nullopt when there is no frame.
// Reference: gutenberg.org, the frame of its texts since 1993.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "ctgpt/data/ascii.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

enum class gutenberg_line : unsigned char { none, start, small_print, small_print_end, end };

inline gutenberg_line gutenberg_line_of(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with("End of")) {
    line.remove_prefix(6);
    for (const std::string_view word : {" the", " this"}) {
      if (starts_with_word(line, word)) line.remove_prefix(word.size());
    }
    return starts_with_word(line, " project gutenberg") ? gutenberg_line::end
                                                        : gutenberg_line::none;
  }
  const std::size_t stars = std::min(line.find_first_not_of('*'), line.size());
  if (stars == 0) return gutenberg_line::none;
  line = trimmed(line.substr(stars));
  if (line.starts_with("END*THE SMALL PRINT!") || line.starts_with("END THE SMALL PRINT!")) {
    return gutenberg_line::small_print_end;
  }
  if (line.starts_with("START**THE SMALL PRINT!")) return gutenberg_line::small_print;
  if (stars < 3) return gutenberg_line::none;
  const bool starts = starts_with_word(line, "start of ");
  if (!starts && !starts_with_word(line, "end of ")) return gutenberg_line::none;
  line.remove_prefix(starts ? 9 : 7);
  for (const std::string_view article : {"the ", "this "}) {
    if (starts_with_word(line, article)) line.remove_prefix(article.size());
  }
  if (!starts_with_word(line, "project gutenberg")) return gutenberg_line::none;
  return starts ? gutenberg_line::start : gutenberg_line::end;
}

class gutenberg_frames {
 public:
  explicit gutenberg_frames(std::string_view text) : text_(text) {}

  std::optional<std::string> books() {
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t next = end_of_line(at);
      const gutenberg_line kind = gutenberg_line_of(text_.substr(at, next - at));
      if (kind == gutenberg_line::small_print) {
        small_print_ = at;
      } else if (kind == gutenberg_line::end) {
        if (inside_) close(at);
      } else if (kind != gutenberg_line::none) {
        open(at, kind == gutenberg_line::start ? end_of_title(at, next) : next);
      }
      at = next;
    }
    if (!framed_) return std::nullopt;
    if (inside_) close(text_.size());
    return std::move(books_);
  }

 private:
  static constexpr std::size_t longest_header = 32768;

  std::size_t end_of_line(std::size_t at) const {
    return std::min(text_.find('\n', at), text_.size() - 1) + 1;
  }

  // A long title runs on to the next lines, up to its stars.
  std::size_t end_of_title(std::size_t at, std::size_t next) const {
    if (trimmed(text_.substr(at, next - at)).substr(3).find('*') != text_.npos) return next;
    std::size_t end = next;
    for (int more = 0; more < 3 && end < text_.size(); ++more) {
      const std::size_t after = end_of_line(end);
      const std::string_view line = trimmed(text_.substr(end, after - end));
      if (line.empty()) break;
      end = after;
      if (line.ends_with("***")) return end;
    }
    return next;
  }

  // Text between one beginning and the next is the rest of a header, or a book that has no end.
  void open(std::size_t at, std::size_t begin) {
    if (framed_ && inside_ && at - begin_ > longest_header) {
      close(small_print_ > begin_ ? small_print_ : at);
    }
    framed_ = inside_ = true;
    begin_ = begin;
  }

  void close(std::size_t end) {
    framed_ = true;
    inside_ = false;
    std::string_view book = text_.substr(begin_, end - begin_);
    while (!book.empty() && (book.front() == '\n' || book.front() == '\r')) book.remove_prefix(1);
    while (!book.empty() && trimmed(book.substr(book.size() - 1)).empty()) book.remove_suffix(1);
    if (book.empty()) return;
    if (!books_.empty()) books_ += "\n\n\n\n";
    books_ += book;
  }

  std::string_view text_;
  std::string books_;
  std::size_t begin_ = 0, small_print_ = 0;
  bool framed_ = false, inside_ = true;
};

inline std::optional<std::string> inside_gutenberg_frames(std::string_view text) {
  return gutenberg_frames(text).books();
}

}  // namespace ctgpt::inline CTGPT_ABI::data
