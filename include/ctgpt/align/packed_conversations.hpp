// packed_conversations: windows of whole conversations, of which none sees another.
//
// const auto talks = std::make_shared<const conversation_tokens>(ids, ends, mask);
// batches(talks, {.batch = 16, .time = 256, .order = conversations})
//
// Conversations are packed best fit first (data/packed_windows.hpp), each whole, in an order of its
// own in each epoch. A target counts where its token's mask is 1; other targets are -1. Positions
// count from 0 at the first token of each conversation and at each token of padding, so a
// conversation has the losses that it has alone (model/workspace.hpp).
// Requires: no conversation has more than T targets; each has one that counts.
// Errors: tokens without masks, which are no conversations.
// Reference: Krell et al., "Efficient Sequence Packing without Cross-contamination", 2021.
#pragma once

#include "ctgpt/data/window_orders.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

class conversation_tokens final : public data::memory_documents {
 public:
  // ends: the count of tokens up to the end of each conversation; mask: 1 for a token to learn.
  conversation_tokens(std::vector<std::int32_t> ids, std::vector<isize> ends,
                      std::vector<std::uint8_t> mask)
      : memory_documents(std::move(ids), std::move(ends)), mask_(std::move(mask)) {
    expects(static_cast<isize>(mask_.size()) == size(), "there are ", size(), " tokens, but ",
            mask_.size(), " of a mask");
  }
  bool counts(isize place) const { return mask_[static_cast<std::size_t>(place)] != 0; }

 private:
  std::vector<std::uint8_t> mask_;
};

class conversation_windows final : public data::ordered_windows {
 public:
  conversation_windows(std::shared_ptr<const conversation_tokens> source, isize time,
                       std::uint64_t seed)
      : source_(std::move(source)), windows_(*source_, time), seed_(seed) {}

  isize count() const override { return windows_.count(); }
  void read(std::uint64_t i, std::span<std::int32_t> inputs,
            std::span<std::int32_t> targets) const override {
    windows_.read(*source_, place(i), inputs, targets);
    std::size_t at = 0;
    for (const data::packed_piece& piece : windows_.window(place(i))) {
      for (isize j = 0; j < piece.count; ++j, ++at) {
        if (!source_->counts(piece.first + 1 + j)) targets[at] = -1;
      }
    }
  }
  isize scored(std::uint64_t i) const override {
    isize sum = 0;
    for (const data::packed_piece& piece : windows_.window(place(i))) {
      for (isize j = 0; j < piece.count; ++j) sum += source_->counts(piece.first + 1 + j) ? 1 : 0;
    }
    return sum;
  }
  bool apart() const override { return true; }
  void positions(std::uint64_t i, std::span<std::int32_t> to) const override {
    std::fill(to.begin(), to.end(), 0);
    std::size_t at = 0;
    for (const data::packed_piece& piece : windows_.window(place(i))) {
      for (isize j = 0; j < piece.count; ++j) to[at++] = static_cast<std::int32_t>(j);
    }
  }

 private:
  isize place(std::uint64_t i) const {
    return data::detail::shuffled_place(i, windows_.count(), seed_);
  }

  std::shared_ptr<const conversation_tokens> source_;
  data::packed_windows windows_;
  std::uint64_t seed_;
};

inline constexpr data::window_order conversations{
    "conversations",
    [](const std::shared_ptr<const data::token_source>& source, isize time,
       std::uint64_t seed) -> std::shared_ptr<const data::ordered_windows> {
      auto talks = std::dynamic_pointer_cast<const conversation_tokens>(source);
      expects(talks != nullptr, "this data holds no conversations; ctgpt finetune reads them");
      return std::make_shared<conversation_windows>(std::move(talks), time, seed);
    },
    true};

}  // namespace ctgpt::inline CTGPT_ABI::align
