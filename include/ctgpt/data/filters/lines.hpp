// Lines of a text, and which of them were there before.
//
// for_each_line(text, [](std::string_view line) {});     "a\n\nb\n": "a", "", "b"
// hash_counter seen;  seen.clear(4);  seen.add(key);     how often the key came so far, this time
//
// Equal texts are told by 64-bit hashes of them: two of a million different lines are taken for
// equal with probability 3e-8.
// Errors: none.
#pragma once

#include <algorithm>
#include <bit>
#include <vector>

#include "ctgpt/base/checksum.hpp"
#include "ctgpt/data/ascii.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// A line ends at LF or with the text; CR before LF is no part of it.
template <class Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r') && end < text.size()) line.remove_suffix(1);
    visit(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// How often a character that is rare stands in it.
inline std::uint64_t count_rare(std::string_view text, char c) {
  std::uint64_t count = 0;
  for (std::size_t at = 0; (at = text.find(c, at)) != text.npos; ++at) ++count;
  return count;
}

// Counts keys. Open addressing; memory is kept for the next text.
class hash_counter {
 public:
  struct slot {
    std::uint64_t key = 0;
    std::uint32_t count = 0;  // 0: free
    std::uint32_t first = 0;  // for the caller
  };

  // Room for so many different keys.
  void clear(std::size_t keys) {
    const std::size_t size = std::bit_ceil(std::max<std::size_t>(keys + keys / 3, 16));
    if (slots_.size() < size) slots_.resize(size);
    std::fill_n(slots_.begin(), size, slot{});
    mask_ = size - 1;
  }
  // Of the slot that counted it.
  std::size_t place(std::uint64_t key) {
    for (std::size_t at = (key ^ (key >> 32)) & mask_;; at = (at + 1) & mask_) {
      slot& here = slots_[at];
      if (here.count == 0) here.key = key;
      if (here.key != key) continue;
      ++here.count;
      return at;
    }
  }
  std::uint32_t add(std::uint64_t key) { return slots_[place(key)].count; }
  slot& operator[](std::size_t place) { return slots_[place]; }

 private:
  std::vector<slot> slots_;
  std::size_t mask_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
