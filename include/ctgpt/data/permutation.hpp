// permutation: a random order of 0 .. n - 1 without an array of n.
//
// permutation order(n, seed, epoch);  order(i) is the i-th number of that order
//
// A Feistel network of eight rounds permutes the numbers of 2 h bits, the smallest even count that
// holds n - 1: (left, right) -> (right, left xor philox(right, round, epoch; seed) mod 2^h). What
// comes out as n or more is permuted again until it is smaller, which keeps the map one to one;
// fewer than four turns are expected.
// Requires: n >= 1; 0 <= i < n.
// Errors: none.
// Reference: Luby, Rackoff, "How to construct pseudorandom permutations", 1988; Black, Rogaway,
// "Ciphers with arbitrary finite domains", 2002 (cycle walking).
#pragma once

#include <bit>

#include "ctgpt/base/random.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class permutation {
 public:
  constexpr permutation(isize n, std::uint64_t seed, std::uint64_t epoch)
      : n_(static_cast<std::uint64_t>(n)), seed_(seed), epoch_(epoch) {
    const auto bits = static_cast<int>(std::bit_width(n_ - 1));
    half_ = bits < 2 ? 1 : (bits + 1) / 2;
  }

  constexpr isize operator()(isize i) const {
    auto value = static_cast<std::uint64_t>(i);
    do {
      value = turn(value);
    } while (value >= n_);
    return static_cast<isize>(value);
  }

 private:
  constexpr std::uint64_t turn(std::uint64_t value) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_) - 1;
    std::uint64_t left = value >> half_, right = value & mask;
    for (std::uint32_t round = 0; round < 8; ++round) {
      constexpr std::uint32_t stream = 0x73687566u;  // apart from what else the seed draws
      const auto words = philox::generate(
          {static_cast<std::uint32_t>(right), stream + round, static_cast<std::uint32_t>(epoch_),
           static_cast<std::uint32_t>(epoch_ >> 32)},
          {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
      const std::uint64_t next = left ^ (words[0] & mask);
      left = right;
      right = next;
    }
    return left << half_ | right;
  }

  std::uint64_t n_, seed_, epoch_;
  int half_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
