// frame: where one layer finds its weights, its gradients, its place on the tape and its scratch.
// pass:  what all layers of one run share (mode, tokens, positions, caches, dropout).
//
// The tape holds what backward needs: a constant number of stored elements a token, so a layer's
// part of it is (tokens x constant) elements at an offset of (tokens x constant). Statistics
// (means, log-sum-exps) lie in a second tape of compute elements. Scratch is free again when a call
// returns. Shapes: kept<W>(offset) is (N, W), N = batch * time, contiguous.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ctgpt/core/slots.hpp"
#include "ctgpt/core/view.hpp"
#include "ctgpt/ops.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct pass {
  bool training = false;  // keep the tape of every layer for a backward pass
  float dropout = 0.0f;
  float norm_epsilon = 1e-5f;
  tensor random;                       // (1,4) u32, needed with dropout
  tensor tokens;                       // (1,N) i32
  tensor sequences, token_positions;   // (1,N) i32, with a cache
  tensor angles, slopes, sinusoids;    // constants of the model
  const cache_view* caches = nullptr;  // one for each layer; null: attention within the batch
  // Called when the gradients of arena elements [begin, end) are final, last block first.
  void (*gradient_ready)(void* owner, isize begin, isize end) = nullptr;
  void* gradient_owner = nullptr;
};

struct frame {
  const pass* shared = nullptr;
  const tensor* weights = nullptr;    // one for each slot of this layer
  const tensor* gradients = nullptr;  // likewise; null without a backward pass
  std::byte* tape = nullptr;
  std::byte* statistics = nullptr;
  std::byte* scratch = nullptr;
  element storage = element::f32, compute = element::f32;
  isize batch = 0, time = 0;
  isize layer = 0;  // index of the block, given by repeat
  // Names this place for dropout: the block's number in the upper 12 bits, below it the way there,
  // a digit for each of up to four nested children (of a chain's first fifteen).
  std::uint32_t site = 0;
  static constexpr std::uint32_t site_path = (1u << 20) - 1u;
  static constexpr std::uint32_t block_site(isize block) {
    return (static_cast<std::uint32_t>(block) << 20) | 1u;
  }

  isize tokens() const { return batch * time; }

  template <isize Width>
  rows<Width> kept(isize offset, isize width = Width) const {
    return {place(tape, storage, offset, width)};
  }
  // (N, width) of statistics.
  tensor statistic(isize offset, isize width) const {
    return {statistics + element_bytes(compute, offset * tokens()), tokens(), width, width,
            compute};
  }
  template <isize Width>
  rows<Width> temporary(isize offset, isize width = Width) const {
    return {place(scratch, storage, offset, width)};
  }

  template <isize Rows, isize Cols>
  matrix<Rows, Cols> weight(int slot) const {
    return {weights[slot]};
  }
  template <isize Size>
  vector<Size> vector_weight(int slot) const {
    return {weights[slot]};
  }
  template <isize Rows, isize Cols>
  matrix<Rows, Cols> gradient(int slot) const {
    return {gradients[slot]};
  }
  template <isize Size>
  vector<Size> vector_gradient(int slot) const {
    return {gradients[slot]};
  }

  // The frame of child number `index`, whose slots and tape begin at these offsets.
  [[gnu::noinline]] frame child(int index, int slot, isize tape_offset,
                                isize statistics_offset) const {
    frame inner = *this;
    inner.weights += slot;
    if (inner.gradients != nullptr) inner.gradients += slot;
    inner.tape += element_bytes(storage, tape_offset * tokens());
    inner.statistics += element_bytes(compute, statistics_offset * tokens());
    const std::uint32_t path = site * 16u + static_cast<std::uint32_t>(index) + 1u;
    inner.site = (site & ~site_path) | (path & site_path);
    return inner;
  }
  [[gnu::noinline]] frame skip_scratch(isize elements) const {
    frame inner = *this;
    inner.scratch += element_bytes(storage, elements * tokens());
    return inner;
  }

 private:
  // Out of line, as in ops.hpp: it is called for every activation of every layer.
  [[gnu::noinline]] tensor place(std::byte* base, element type, isize offset, isize width) const {
    return {base + element_bytes(type, offset * tokens()), tokens(), width, width, type};
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
