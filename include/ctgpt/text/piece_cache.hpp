// Remembers the tokens of pieces, so that a text costs a merge only at what it has not seen.
//
// piece_cache cache;
// cache.find_short(key, hash), keep_short(..)          pieces of up to 15 bytes, 4 tokens
// cache.find_long(piece), keep_long(piece, tokens)     others, up to 1 KB
//
// Bounded: short pieces lie in sets of two, the older one leaves; long ones are forgotten all at
// once when they fill their 8 MB. What is remembered never changes what a text encodes to.
// Cost: 2 MB for short pieces, up to 8 MB where many left for want of room. Not for several threads
// at a time.
// Errors: std::bad_alloc.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctgpt/base/zeroed_memory.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// A piece of at most 15 bytes: the bytes, zeros, and the length.
struct short_key {
  std::uint64_t low, high;
  friend bool operator==(const short_key&, const short_key&) = default;

  static constexpr std::size_t most = 15;
  // Requires: size <= most. Reads 16 bytes where `readable` says that they may be read.
  static short_key of(const char* p, std::size_t size, bool readable) {
    char bytes[16] = {};
    std::memcpy(bytes, p, readable ? 16 : size);
    short_key key{};
    std::memcpy(&key.low, bytes, 8);
    std::memcpy(&key.high, bytes + 8, 8);
    key.low &= masks[size].low;
    key.high = (key.high & masks[size].high) | static_cast<std::uint64_t>(size) << 56;
    return key;
  }
  std::uint64_t hash() const {
    __extension__ using wide = unsigned __int128;
    const auto mixed = static_cast<wide>(low ^ 0x9E3779B97F4A7C15u) * (high ^ 0xA0761D6478BD642Fu);
    return static_cast<std::uint64_t>(mixed >> 64) ^ static_cast<std::uint64_t>(mixed);
  }

 private:
  struct mask {
    std::uint64_t low, high;
  };
  static constexpr std::array<mask, most + 1> masks = [] {
    std::array<mask, most + 1> made{};
    for (std::size_t size = 0; size <= most; ++size) {
      for (std::size_t i = 0; i < size; ++i) {
        (i < 8 ? made[size].low : made[size].high) |= std::uint64_t{255} << (8 * (i % 8));
      }
    }
    return made;
  }();
};

class piece_cache {
 public:
  static constexpr std::size_t most_tokens = 4;   // of a short piece
  static constexpr std::size_t most_long = 1024;  // bytes of a long one

  struct short_entry {
    short_key key;                     // of nothing: length 0
    std::int32_t tokens[most_tokens];  // the count in the top four bits of the first; 0: too many
    std::uint32_t count() const { return static_cast<std::uint32_t>(tokens[0]) >> 28; }
    std::int32_t first() const { return tokens[0] & 0x0FFFFFFF; }
  };

  // Doubles the room for short pieces where many left for want of it. Moves entries.
  void grow_if_crowded() {
    if (left_ * 16 < set_count_ || set_count_ == most_sets) return;
    const zeroed_memory old = std::exchange(memory_, room_for(2 * set_count_));
    const auto* const entries = static_cast<const short_entry*>(old.data());
    const std::size_t count = 2 * set_count_;
    set_count_ *= 2;
    left_ = 0;
    for (std::size_t i = count; i-- > 0;) {  // so that of a set the newer comes last, and to front
      if (entries[i].key.high == 0) continue;
      short_entry* set = set_of(entries[i].key.hash());
      set[1] = set[0];
      set[0] = entries[i];
    }
  }
  void prefetch_short(std::uint64_t hash) const { __builtin_prefetch(set_of(hash)); }
  // The entry with this key, or nullptr.
  const short_entry* find_short(const short_key& key, std::uint64_t hash) const {
    const short_entry* const set = set_of(hash);
    // No branch decides between the two: which one it is cannot be foretold.
    const std::uint64_t differs = (set->key.low ^ key.low) | (set->key.high ^ key.high);
    const short_entry* place = set + (differs != 0 ? 1 : 0);
    return place->key == key ? place : nullptr;
  }
  // count 0: the piece has too many tokens, and is to be looked for among the long ones.
  // Requires: count <= most_tokens, each token below 2^28.
  void keep_short(const short_key& key, std::uint64_t hash, const std::int32_t* tokens,
                  std::size_t count) {
    short_entry* set = set_of(hash);
    if (set[0].key == key) return;
    if (!(set[1].key == key)) {
      if (set[1].key.high != 0) ++left_;
      set[1] = set[0];
    }
    set[0].key = key;
    set[0].tokens[0] = 0;
    for (std::size_t i = 0; i < count; ++i) set[0].tokens[i] = tokens[i];
    set[0].tokens[0] |= static_cast<std::int32_t>(static_cast<std::uint32_t>(count) << 28);
  }

  std::span<const std::int32_t> find_long(std::string_view piece) const {
    if (places_.empty()) return {};
    const place& found = places_[slot_of(piece)];
    return {tokens_.data() + found.token, found.count};
  }
  void keep_long(std::string_view piece, std::span<const std::int32_t> tokens) {
    if (piece.size() > most_long) return;
    if (used_ * 2 >= long_slots || bytes_.size() + 4 * tokens_.size() > long_bytes) {
      places_.clear();
      bytes_.clear();
      tokens_.clear();
      used_ = 0;
    }
    if (places_.empty()) places_.resize(long_slots);
    place& p = places_[slot_of(piece)];
    if (p.count != 0) return;
    p = {hash_of(piece), static_cast<std::uint32_t>(bytes_.size()),
         static_cast<std::uint32_t>(piece.size()), static_cast<std::uint32_t>(tokens_.size()),
         static_cast<std::uint32_t>(tokens.size())};
    bytes_ += piece;
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    ++used_;
  }

 private:
  static constexpr std::size_t least_sets = std::size_t{1} << 15, most_sets = 4 * least_sets;
  static constexpr std::size_t long_slots = std::size_t{1} << 17, long_bytes = std::size_t{1} << 23;

  struct place {
    std::uint64_t hash = 0;
    std::uint32_t byte = 0, size = 0, token = 0, count = 0;  // count 0: empty
  };

  static std::uint64_t hash_of(std::string_view piece) {
    std::uint64_t hash = piece.size();
    for (std::size_t i = 0; i < piece.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, piece.data() + i, piece.size() - i < 8 ? piece.size() - i : 8);
      hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 29;
    }
    return hash;
  }
  std::size_t slot_of(std::string_view piece) const {
    const std::uint64_t hash = hash_of(piece);
    std::size_t slot = hash & (long_slots - 1);
    while (places_[slot].count != 0 &&
           (places_[slot].hash != hash || places_[slot].size != piece.size() ||
            std::memcmp(bytes_.data() + places_[slot].byte, piece.data(), piece.size()) != 0)) {
      slot = (slot + 1) & (long_slots - 1);
    }
    return slot;
  }

  static zeroed_memory room_for(std::size_t sets) {
    return zeroed_memory(2 * sets * sizeof(short_entry));
  }
  short_entry* set_of(std::uint64_t hash) const {
    return static_cast<short_entry*>(memory_.data()) + 2 * (hash & (set_count_ - 1));
  }

  std::size_t set_count_ = least_sets, left_ = 0;
  zeroed_memory memory_ = room_for(least_sets);  // sets of two short pieces, one line each
  std::vector<place> places_;
  std::string bytes_;
  std::vector<std::int32_t> tokens_;
  std::size_t used_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
