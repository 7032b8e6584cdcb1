// text_screen: what may be shown of a text that arrives as the bytes of tokens: whole characters,
// and no part of a stop string.
//
// text_screen screen({"\nUser:"});
// screen.begin(end_of_prompt);                  a character that the prompt leaves unfinished
// out << screen.push(tokenizer.token_bytes(t));
// if (screen.stopped()) ...
// out << screen.flush();                        a character left unfinished at the end is left out
//
// Ill-formed bytes become U+FFFD. What the prompt showed of its unfinished character is not shown
// again.
// Ensures: the pieces put together are the same for any cutting of the input; each is UTF-8.
// Errors: those of infer/stop.hpp.
#pragma once

#include "ctgpt/infer/stop.hpp"
#include "ctgpt/text/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI {

class text_screen {
 public:
  explicit text_screen(const std::vector<std::string>& stops) : stops_(stops) {}

  // The last bytes of the prompt: four tokens' are enough. shown: they stand before the text, an
  // unfinished character's too.
  void begin(std::string_view prompt, bool shown = true) {
    characters_.push(prompt);
    if (shown) begun_ = prompt.substr(prompt.size() - characters_.pending());
  }

  // The result is valid until the next call.
  std::string_view push(std::string_view bytes) {
    std::string text = characters_.push(bytes);
    if (!begun_.empty() && !text.empty()) {  // without the prompt's part, or the U+FFFD for it
      text.erase(0, text.starts_with(begun_) ? begun_.size() : 3);
      begun_.clear();
    }
    arrived_ += text.size();
    return show(stops_.push(text));
  }
  std::string_view flush() { return show(stops_.flush()); }

  bool stopped() const { return stops_.stopped(); }
  // Bytes of text that came in, and that were shown: the rest is held back, or cut off.
  std::size_t arrived() const { return arrived_; }
  std::size_t shown() const { return shown_; }

 private:
  std::string_view show(std::string_view piece) {
    shown_ += piece.size();
    return piece;
  }

  text::utf8_stream characters_;
  std::string begun_;
  stop_filter stops_;
  std::size_t arrived_ = 0, shown_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
