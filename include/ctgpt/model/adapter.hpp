// adapter: a second, small arena of weights, which a network adds to its own (model/lora.hpp makes
// one).
//
// The base is frozen: gradients, optimiser and checkpoints are of the adapter's weights alone.
// Shapes: core/low_rank.hpp.
// Errors: none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ctgpt/core/low_rank.hpp"
#include "ctgpt/model/weight_arena.hpp"

namespace ctgpt::inline CTGPT_ABI {

class adapter : public weight_arena {
 public:
  using weight_arena::weight_arena;
  virtual ~adapter() = default;
  // What the layers see: one entry for each slot of the network. With gradients in an arena of the
  // adapter's layout, or without.
  virtual std::shared_ptr<const low_rank> table(const memory* gradients) const = 0;
  // Adds what the adapter adds to slot `index` of the network to its values.
  virtual void add_to(int index, std::vector<float>& values) const = 0;
  virtual void add_to(int index, std::vector<double>& values) const = 0;
  // To and from files in a directory, which exists. Return the checksum of the weights (as text: of
  // those read, "" where they carry none).
  virtual std::uint64_t save(const std::string& directory) const = 0;
  virtual std::string load(const std::string& directory) = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
