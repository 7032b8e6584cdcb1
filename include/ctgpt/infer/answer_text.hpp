// answer_text: an answer that grows token by token, as the pieces that may leave: whole characters,
// no part of a stop string, and each token's log probabilities with its text.
//
// answer_text text(request.stop);
// text.begin(end_of_prompt);
// text.push(bytes_of(token), record, piece);     piece: what may leave now, maybe nothing
// if (text.stopped()) ...
// text.flush(piece);                             at the end, unless a stop string ended it
//
// A record leaves when all of its token's text has; a token that lies in a stop string alone leaves
// no record, one that reaches into it does. Of an unfinished character at the end no text leaves,
// but the records do.
// Errors: those of infer/stop.hpp.
#pragma once

#include <deque>
#include <optional>

#include "ctgpt/infer/completion.hpp"
#include "ctgpt/infer/text_screen.hpp"

namespace ctgpt::inline CTGPT_ABI {

class answer_text {
 public:
  explicit answer_text(const std::vector<std::string>& stops) : screen_(stops) {}

  // The last bytes of the prompt: a character that it leaves unfinished is the answer's, whole.
  void begin(std::string_view prompt) { screen_.begin(prompt, false); }

  void push(std::string_view bytes, std::optional<token_record> record, completion_piece& piece) {
    const std::size_t before = screen_.arrived();
    piece.text += screen_.push(bytes);
    if (record) held_.push_back({before, screen_.arrived(), std::move(*record)});
    release(piece, screen_.stopped());
    if (screen_.stopped()) held_.clear();
  }
  void flush(completion_piece& piece) {
    piece.text += screen_.flush();
    release(piece, true);
  }

  bool stopped() const { return screen_.stopped(); }

 private:
  struct held {
    std::size_t begin, end;  // of its text, among all that arrived
    token_record record;
  };

  // begun: also those of which only the beginning was shown.
  void release(completion_piece& piece, bool begun) {
    while (!held_.empty()) {
      held& next = held_.front();
      const bool ends = next.end <= screen_.shown();
      if (!ends && !(begun && (next.begin < screen_.shown() || !screen_.stopped()))) return;
      piece.tokens.push_back(std::move(next.record));
      held_.pop_front();
    }
  }

  text_screen screen_;
  std::deque<held> held_;
};

}  // namespace ctgpt::inline CTGPT_ABI
