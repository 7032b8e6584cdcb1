// Remembers the tokens of pieces, so that a text costs a merge only at what it has not seen.
//
// piece_cache cache;
// piece_cache::short_entry* e = cache.find_short(key);      pieces of up to 15 bytes, 4 tokens
// cache.find_long(piece), cache.keep_long(piece, tokens)    others, up to 1 KB
//
// Bounded: short pieces lie in sets of two, the older one leaves; long ones are forgotten all at
// once when they fill their 8 MB. What is remembered never changes what a text encodes to.
// Cost: 4 MB for short pieces, touched as they are used. Not for several threads at a time.
// Errors: none.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/version.hpp"

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
    const std::uint64_t ones = ~std::uint64_t{0};
    // Shifts by 64 are avoided; bytes are taken as little-endian numbers.
    key.low &= size >= 8 ? ones : ~(ones << (8 * size));
    key.high &= size > 8 ? ~(ones << (8 * (size - 8))) : 0;
    key.high |= static_cast<std::uint64_t>(size) << 56;
    return key;
  }
  std::uint64_t hash() const {
    const std::uint64_t mixed = (low ^ 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    const std::uint64_t more = (high ^ (mixed >> 32) ^ mixed) * 0xA0761D6478BD642Fu;
    return more ^ (more >> 32);
  }
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

  // Zeros from the system, which costs nothing until a page is used.
  piece_cache() : memory_(std::calloc(2 * set_count + 2, sizeof(short_entry))) {
    if (memory_ == nullptr) throw std::bad_alloc();
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    sets_ = reinterpret_cast<short_entry*>((address + 63) & ~std::uintptr_t{63});
  }

  // The entry with this key, or nullptr.
  const short_entry* find_short(const short_key& key) const {
    const short_entry* set = set_of(key);
    // No branch decides between the two: which one it is cannot be foretold.
    const std::uint64_t differs = (set->key.low ^ key.low) | (set->key.high ^ key.high);
    const short_entry* place = set + (differs != 0 ? 1 : 0);
    return place->key == key ? place : nullptr;
  }
  // count 0: the piece has too many tokens, and is to be looked for among the long ones.
  // Requires: count <= most_tokens, each token below 2^28.
  void keep_short(const short_key& key, const std::int32_t* tokens, std::size_t count) {
    short_entry* set = set_of(key);
    if (set[0].key == key) return;
    if (!(set[1].key == key)) set[1] = set[0];
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
  static constexpr std::size_t set_count = std::size_t{1} << 16;
  static constexpr std::size_t long_slots = std::size_t{1} << 17, long_bytes = std::size_t{1} << 23;

  struct place {
    std::uint64_t hash = 0;
    std::uint32_t byte = 0, size = 0, token = 0, count = 0;  // count 0: empty
  };

  short_entry* set_of(const short_key& key) const {
    return sets_ + 2 * (key.hash() & (set_count - 1));
  }
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

  struct release {
    void operator()(void* memory) const { std::free(memory); }
  };

  std::unique_ptr<void, release> memory_;
  short_entry* sets_ = nullptr;  // two each, in one line of the processor's cache
  std::vector<place> places_;
  std::string bytes_;
  std::vector<std::int32_t> tokens_;
  std::size_t used_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
