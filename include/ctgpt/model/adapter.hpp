// adapter: a second, small arena of weights, which a network adds to its own (model/lora.hpp makes
// one). adapter_table: what the layers see of it, one entry for each slot of the network.
//
// The base is frozen: gradients, optimiser and checkpoints are of the adapter's weights alone.
// Shapes: core/low_rank.hpp.
// Errors: none.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ctgpt/core/low_rank.hpp"
#include "ctgpt/model/weight_arena.hpp"

namespace ctgpt::inline CTGPT_ABI {

class adapter_table {
 public:
  adapter_table() = default;
  // parts: those of one slot side by side; counts: how many each slot of the network has.
  [[gnu::cold]] adapter_table(std::vector<low_rank_part> parts, const std::vector<int>& counts,
                              const tensor& factor, const tensor& scratch)
      : parts_(std::move(parts)) {
    const low_rank_part* next = parts_.data();
    for (const int count : counts) {
      slots_.push_back({next, count, factor, scratch});
      next += count;
    }
  }
  // Of slot 0; null where there is no adapter.
  const low_rank* first() const { return slots_.empty() ? nullptr : slots_.data(); }

 private:
  std::vector<low_rank_part> parts_;  // moving keeps its elements where they are
  std::vector<low_rank> slots_;
};

class adapter : public weight_arena {
 public:
  using weight_arena::weight_arena;
  virtual ~adapter() = default;
  // With gradients in an arena of the adapter's layout, or without.
  virtual adapter_table table(const memory* gradients) const = 0;
  // Adds what the adapter adds to slot `index` of the network to its values.
  virtual void add_to(int index, std::vector<float>& values) const = 0;
  virtual void add_to(int index, std::vector<double>& values) const = 0;
  // To and from files in a directory, which exists. Return the checksum of the weights (as text: of
  // those read, "" where they carry none).
  virtual std::uint64_t save(const std::string& directory) const = 0;
  virtual std::string load(const std::string& directory) = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
