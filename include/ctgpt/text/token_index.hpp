// Ids by the bytes of their tokens, of a list that stands elsewhere.
//
// token_index index(tokens);  index.find(tokens, "the")    the place in tokens, or -1
//
// Empty strings are not found; of equal ones the first is.
// Requires: find gets the tokens that the index was made of, unchanged.
// Errors: std::bad_alloc.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

class token_index {
 public:
  explicit token_index(std::span<const std::string> tokens) {
    std::size_t slots = 16;
    while (slots < 2 * tokens.size()) slots *= 2;
    slots_.assign(slots, -1);
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      if (tokens[id].empty()) continue;
      std::int32_t& place = slots_[slot_of(tokens, tokens[id])];
      if (place < 0) {
        place = static_cast<std::int32_t>(id);
      } else if (twice_ < 0) {
        twice_ = static_cast<std::int32_t>(id);
      }
    }
  }

  std::int32_t find(std::span<const std::string> tokens, std::string_view bytes) const {
    return slots_[slot_of(tokens, bytes)];
  }
  // The first id whose token stood earlier too, or -1.
  std::int32_t twice() const { return twice_; }

 private:
  std::size_t slot_of(std::span<const std::string> tokens, std::string_view bytes) const {
    std::size_t slot = std::hash<std::string_view>{}(bytes) & (slots_.size() - 1);
    while (slots_[slot] >= 0 && tokens[static_cast<std::size_t>(slots_[slot])] != bytes) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }

  std::vector<std::int32_t> slots_;  // by the hash of the bytes
  std::int32_t twice_ = -1;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
