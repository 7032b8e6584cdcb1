// The merges of a byte-pair encoding: which two tokens become which, and in what order.
//
// merge_table table(count);  table.insert(left, right, {rank, token});
// const merge* m = table.find(left, right);             nullptr where the pair is never merged
// merge_small(table, ids, n) and merge_large(table, ids, n, space) merge in place, return the count
//
// The pair of the lowest rank is merged first, the leftmost of equals first, until none is left.
// Cost: merge_small O(n m) for m merges, without memory: up to 64 or so tokens; merge_large
// O(n log n), which is what keeps a word of a megabyte linear.
// Errors: none.
// Reference: Sennrich, Haddow, Birch (2016), Neural Machine Translation of Rare Words with Subword
// Units; openai/tiktoken, src/lib.rs, whose merges these equal.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

struct merge {
  std::uint32_t rank = std::numeric_limits<std::uint32_t>::max();  // of none: the last
  std::int32_t token = -1;
};

class merge_table {
 public:
  explicit merge_table(std::size_t expected = 0) {
    std::size_t slots = 16;
    while (slots * 3 < expected * 4) slots *= 2;
    resize(slots);
  }

  // Adds a pair; of two merges of one pair the lower rank stays. Requires: ids from 0 to 2^28.
  void insert(std::int32_t left, std::int32_t right, merge made) {
    if (count_ * 4 >= tags_.size() * 3) grow();
    const std::uint64_t key = key_of(left, right);
    const found place = look(key);
    if (tags_[place.slot] == 0) {
      tags_[place.slot] = place.tag;
      pairs_[place.slot] = {key, made};
      ++count_;
    } else if (made.rank < pairs_[place.slot].made.rank) {
      pairs_[place.slot].made = made;
    }
  }
  const merge* find(std::int32_t left, std::int32_t right) const {
    const std::size_t slot = look(key_of(left, right)).slot;
    return tags_[slot] != 0 ? &pairs_[slot].made : nullptr;
  }
  // The rank and token of a pair; of none, merge{}.
  merge at(std::int32_t left, std::int32_t right) const {
    const std::size_t slot = look(key_of(left, right)).slot;
    return tags_[slot] != 0 ? pairs_[slot].made : merge{};
  }
  std::size_t size() const { return count_; }

 private:
  struct pair {
    std::uint64_t key;
    merge made;
  };
  struct found {
    std::size_t slot;
    std::uint16_t tag;
  };

  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
           static_cast<std::uint32_t>(right);
  }
  void resize(std::size_t slots) {
    tags_.assign(slots, 0);
    pairs_.resize(slots);
    shift_ = 64;
    for (; slots > 1; slots /= 2) --shift_;
  }
  // Where the pair is, or the free slot where it would be.
  found look(std::uint64_t key) const {
    const std::size_t mask = tags_.size() - 1;
    const std::uint64_t hash = key * 0x9E3779B97F4A7C15u;
    const auto tag = static_cast<std::uint16_t>((hash >> (shift_ - 16)) | 1);
    auto slot = static_cast<std::size_t>(hash >> shift_);
    while (tags_[slot] != 0 && (tags_[slot] != tag || pairs_[slot].key != key)) {
      slot = (slot + 1) & mask;
    }
    return {slot, tag};
  }
  void grow() {
    const std::vector<std::uint16_t> tags = tags_;
    const std::vector<pair> pairs = pairs_;
    resize(2 * tags.size());
    for (std::size_t i = 0; i < tags.size(); ++i) {
      if (tags[i] == 0) continue;
      const found place = look(pairs[i].key);
      tags_[place.slot] = place.tag;
      pairs_[place.slot] = pairs[i];
    }
  }

  // Of the pairs' hashes; 0: none. Most pairs that are asked for are never merged, which these few
  // bytes, that stay in the processor's cache, say without a look at the pairs.
  std::vector<std::uint16_t> tags_;
  std::vector<pair> pairs_;
  std::size_t count_ = 0;
  int shift_ = 0;
};

inline constexpr std::uint32_t most_small = 64;
inline constexpr std::uint32_t most_ranks = (std::uint32_t{1} << 26) - 1;  // below which ranks are

// first(i): the merge of the ids i and i + 1, as the table has it.
// Requires: n <= most_small, ranks below most_ranks.
template <class First>
std::size_t merge_small(const merge_table& table, std::int32_t* ids, std::size_t n, First first) {
  if (n < 2) return n;
  constexpr std::size_t group = 4;
  constexpr std::uint32_t never = ~std::uint32_t{0}, no_merge = most_ranks * most_small;
  // Of each token and the one behind it, rank and place in one number, so that the least says both;
  // a token that was merged away has none.
  std::uint32_t order[most_small], least[most_small / group];
  std::int32_t made[most_small];
  const std::size_t groups = (n + group - 1) / group;
  const auto note = [&](std::size_t left, merge found) {
    order[left] = std::min(found.rank, most_ranks) * most_small + static_cast<std::uint32_t>(left);
    made[left] = found.token;
  };
  const auto gather = [&](std::size_t place) {
    const std::uint32_t* const o = order + place / group * group;
    least[place / group] = std::min(std::min(o[0], o[1]), std::min(o[2], o[3]));
  };
  for (std::size_t i = 0; i + 1 < n; ++i) note(i, first(i));
  for (std::size_t i = n - 1; i < groups * group; ++i) order[i] = never;
  for (std::size_t i = 0; i < groups; ++i) gather(i * group);
  std::uint64_t alive = n == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << n) - 1;
  for (;;) {
    std::uint32_t best = least[0];
    for (std::size_t i = 1; i < groups; ++i) best = std::min(best, least[i]);
    if (best >= no_merge) break;
    const std::size_t left = best % most_small;
    const std::uint64_t behind = alive & (~std::uint64_t{1} << left);
    const auto right = static_cast<std::size_t>(std::countr_zero(behind));
    ids[left] = made[left];
    order[right] = order[left] = never;
    alive &= ~(std::uint64_t{1} << right);
    const std::uint64_t after = behind & (behind - 1);
    if (after != 0) {
      const auto next = static_cast<std::size_t>(std::countr_zero(after));
      note(left, table.at(ids[left], ids[next]));
    }
    const std::uint64_t before = alive & ((std::uint64_t{1} << left) - 1);
    if (before != 0) {
      const std::size_t previous = 63 - static_cast<std::size_t>(std::countl_zero(before));
      note(previous, table.at(ids[previous], ids[left]));
      gather(previous);
    }
    gather(left);
    gather(right);
  }
  std::size_t kept = 0;
  for (; alive != 0; alive &= alive - 1) {
    ids[kept++] = ids[static_cast<std::size_t>(std::countr_zero(alive))];
  }
  return kept;
}

inline std::size_t merge_small(const merge_table& table, std::int32_t* ids, std::size_t n) {
  return merge_small(table, ids, n, [&](std::size_t i) { return table.at(ids[i], ids[i + 1]); });
}

// What merge_large works in; it grows to the longest piece and stays.
struct merge_space {
  struct candidate {
    std::uint32_t rank, place;
    std::int32_t left, right;
    // The lowest rank, then the leftmost, is on top of the heap.
    friend bool operator<(const candidate& a, const candidate& b) {
      return a.rank != b.rank ? a.rank > b.rank : a.place > b.place;
    }
  };
  std::vector<candidate> heap;
  std::vector<std::uint32_t> next, previous;
};

// Requires: n < 2^32 - 1.
inline std::size_t merge_large(const merge_table& table, std::int32_t* ids, std::size_t n,
                               merge_space& space) {
  const auto none = std::numeric_limits<std::uint32_t>::max();
  const auto count = static_cast<std::uint32_t>(n);
  space.heap.clear();
  space.next.resize(n);
  space.previous.resize(n);
  const auto offer = [&](std::uint32_t left, std::uint32_t right) {
    const merge made = table.at(ids[left], ids[right]);
    if (made.token >= 0) space.heap.push_back({made.rank, left, ids[left], ids[right]});
    return made.token >= 0;
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    space.previous[i] = i == 0 ? none : i - 1;
    space.next[i] = i + 1 < count ? i + 1 : none;
    if (i + 1 < count) offer(i, i + 1);
  }
  std::make_heap(space.heap.begin(), space.heap.end());
  while (!space.heap.empty()) {
    std::pop_heap(space.heap.begin(), space.heap.end());
    const merge_space::candidate top = space.heap.back();
    space.heap.pop_back();
    const std::uint32_t left = top.place, right = space.next[left];
    if (right == none || ids[left] != top.left || ids[right] != top.right) continue;  // outdated
    ids[left] = table.at(top.left, top.right).token;
    ids[right] = -1;
    const std::uint32_t after = space.next[right], before = space.previous[left];
    space.next[left] = after;
    if (after != none) {
      space.previous[after] = left;
      if (offer(left, after)) std::push_heap(space.heap.begin(), space.heap.end());
    }
    if (before != none && offer(before, left)) {
      std::push_heap(space.heap.begin(), space.heap.end());
    }
  }
  std::size_t kept = 0;
  for (std::uint32_t i = 0; i != none && i < count; i = space.next[i]) ids[kept++] = ids[i];
  return kept;
}

}  // namespace ctgpt::inline CTGPT_ABI::text
