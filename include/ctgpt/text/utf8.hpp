// UTF-8 as a stream: bytes arrive in any pieces, whole characters leave.
//
// utf8_stream screen;
// out << screen.push(token_bytes);    what is complete; at most 3 bytes are held back
// out << screen.flush();              at the end: a held-back piece becomes one U+FFFD
//
// Ensures: for any cutting of the input, the pieces put together equal repair_utf8() of the whole,
// and every piece is UTF-8 by itself. Ill-formed bytes become U+FFFD as soon as nothing could mend
// them. The functions on single characters (utf8_decode, utf8_append, utf8_error_offset) are in
// base/utf8.hpp.
// Errors: none.
// Reference: The Unicode Standard, section 3.9, "U+FFFD Substitution of Maximal Subparts".
#pragma once

#include <string>
#include <string_view>

#include "ctgpt/base/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// The text with one U+FFFD for each ill-formed piece.
inline std::string repair_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  utf8_append_repaired(text, bytes);
  return text;
}

class utf8_stream {
 public:
  std::string push(std::string_view bytes) {
    held_ += bytes;
    // An unfinished character is at most its last 3 bytes; whatever else is wrong is final.
    std::size_t whole = held_.size();
    for (std::size_t back = 1; back <= 3 && back <= held_.size(); ++back) {
      const utf8_character last = utf8_decode(std::string_view(held_).substr(held_.size() - back));
      if (last.state == utf8_state::incomplete && last.length == back) whole = held_.size() - back;
    }
    std::string text = repair_utf8(std::string_view(held_).substr(0, whole));
    held_.erase(0, whole);
    return text;
  }

  std::string flush() {
    std::string text = repair_utf8(held_);
    held_.clear();
    return text;
  }

  // Bytes held back.
  std::size_t pending() const { return held_.size(); }

 private:
  std::string held_;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
