// A text of any length, encoded as it arrives: the tokens of the whole, in constant memory.
//
// text::bpe_stream stream(tokens, text::specials::refuse());
// out(stream.push(bytes)); ... out(stream.finish());
//
// What is held back is the part behind the last place where a piece certainly ends
// (text/cuts.hpp); a text without one, a megabyte of one letter, is held whole.
// Ensures: for any cutting of the input, the tokens put together are those of encode(whole).
// Errors: those of encode.
#pragma once

#include "ctgpt/text/bpe.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

template <class Pattern>
class bpe_stream {
 public:
  explicit bpe_stream(bpe<Pattern> tokens, specials choice = specials::refuse())
      : tokens_(std::move(tokens)), choice_(std::move(choice)) {}

  std::vector<std::int32_t> push(std::string_view bytes) {
    held_ += bytes;
    if (held_.size() < wanted_) return {};
    // A special token must not be cut: one that may have begun is held back too.
    const std::size_t longest = choice_.looks() ? tokens_.special_tokens().longest() : 0;
    const std::size_t sure = held_.size() > longest ? held_.size() - longest : 0;
    std::size_t cut = last_cut<Pattern>(std::string_view(held_).substr(0, sure));
    if (cut != 0 && longest != 0) cut = before_special(cut);
    if (cut == 0) {
      wanted_ = held_.size() * 2;  // so that looking again stays linear
      return {};
    }
    wanted_ = 0;
    return take(cut);
  }
  std::vector<std::int32_t> finish() { return take(held_.size()); }

  std::size_t pending() const { return held_.size(); }  // bytes held back

 private:
  // The cut, unless it lies inside a special token: then the token's beginning.
  std::size_t before_special(std::size_t cut) const {
    const special_finder& finder = tokens_.special_tokens();
    for (auto next = finder.find(held_, 0); next.token != nullptr && next.place < cut;) {
      const std::size_t end = next.place + next.token->name.size();
      if (end > cut) return next.place;
      next = finder.find(held_, end);
    }
    return cut;
  }
  std::vector<std::int32_t> take(std::size_t size) {
    const std::string_view part = std::string_view(held_).substr(0, size);
    std::vector<std::int32_t> made = tokens_.encode(part, choice_, taken_);
    held_.erase(0, size);
    taken_ += size;
    return made;
  }

  bpe<Pattern> tokens_;
  specials choice_;
  std::string held_;
  std::size_t wanted_ = 0, taken_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
