// Counter-based random numbers: Philox4x32-10. The same counter and key give the same four words on
// every backend and in any order, so that nothing random depends on threads or on call history.
//
// philox::generate(counter, key): ten rounds of two 32 x 32 -> 64 bit products.
// Errors: none.
// Reference: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011
// (known-answer vectors of the Random123 distribution hold in tests/base/random.cpp).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct philox {
  using words = std::array<std::uint32_t, 4>;
  using key = std::array<std::uint32_t, 2>;

  static constexpr words generate(words counter, key k) {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
      const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
      counter = {
          static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ k[0], static_cast<std::uint32_t>(b),
          static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ k[1], static_cast<std::uint32_t>(a)};
      k = {k[0] + 0x9E3779B9u, k[1] + 0xBB67AE85u};
    }
    return counter;
  }
};

// A sequential reader of one Philox stream: (seed, stream) names the sequence, `position` the place
// in it, and both can be saved and restored exactly.
class random_stream {
 public:
  constexpr explicit random_stream(std::uint64_t seed, std::uint64_t stream = 0)
      : seed_(seed), stream_(stream) {}

  constexpr std::uint32_t next() {
    const std::uint64_t block = position_ >> 2;
    if ((position_ & 3u) == 0 || !loaded_) {
      words_ = philox::generate(
          {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
           static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
          {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
      loaded_ = true;
    }
    return words_[position_++ & 3u];
  }

  // Uniform in [0, 1), 24 bits.
  constexpr float uniform() { return static_cast<float>(next() >> 8) * 0x1p-24f; }

  // Uniform in [0, bound): 64 random bits scaled, so the bias is under bound / 2^64.
  // Requires: 0 < bound.
  constexpr std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t high = next();
    const std::uint64_t low = next();
    const std::uint64_t bound_high = bound >> 32, bound_low = bound & 0xffffffffu;
    const std::uint64_t upper = high * bound_low + (low * bound_low >> 32);
    const std::uint64_t middle = low * bound_high + (upper & 0xffffffffu);
    return high * bound_high + (upper >> 32) + (middle >> 32);
  }

  // Standard normal, Box-Muller in double precision.
  double normal() {
    const double u = (static_cast<double>(next()) + 1.0) * 0x1p-32;
    const double v = static_cast<double>(next()) * 0x1p-32;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586476925 * v);
  }

  constexpr std::uint64_t position() const { return position_; }
  constexpr void seek(std::uint64_t position) {
    position_ = position;
    loaded_ = false;
  }

 private:
  std::uint64_t seed_, stream_, position_ = 0;
  philox::words words_{};
  bool loaded_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI
