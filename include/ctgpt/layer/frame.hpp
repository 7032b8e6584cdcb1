// frame: where one layer finds its weights, its gradients, its place on the tape and its scratch.
// pass:  what all layers of one run share (mode, tokens, positions, caches, dropout).
// layer: what a type must offer to be a layer (a concept).
//
// Shapes: kept<W>(offset) and temporary<W>(offset) are (N,W), N = batch * time, contiguous.
// Tape: what backward needs, a constant number of stored elements a token, so a layer's part of it
// is (tokens x constant) elements at an offset of (tokens x constant). Statistics (means,
// log-sum-exps) lie in a second tape of compute elements. Scratch is free again when a call
// returns.
// Errors: none; offsets are not checked.
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
  tensor sequences;                    // (1,N) i32, with a cache
  tensor token_positions;              // (1,N) i32, with a cache or several documents in a sequence
  tensor angles, slopes, sinusoids;    // constants of the model
  const cache_view* caches = nullptr;  // of every attention; null: attention within the batch
  // Called when the gradients of arena elements [begin, end) are final, last block first.
  void (*gradient_ready)(void* owner, isize begin, isize end) = nullptr;
  void* gradient_owner = nullptr;
};

struct frame {
  const pass* shared = nullptr;
  const tensor* weights = nullptr;     // one for each slot of this layer
  const tensor* gradients = nullptr;   // likewise; null without a backward pass, empty where frozen
  const low_rank* adapters = nullptr;  // likewise; null where there are none
  std::byte* tape = nullptr;
  std::byte* statistics = nullptr;
  std::byte* scratch = nullptr;
  element storage = element::f32, compute = element::f32;
  isize batch = 0, time = 0;
  isize layer = 0;  // index of the block, given by repeat
  int cache = 0;    // of the key/value caches, the first that is this layer's
  // Names this place for dropout: the block's number in the upper 12 bits, below it the way there,
  // a digit for each of up to four nested children (of a chain's first fifteen).
  std::uint32_t site = 0;
  static constexpr std::uint32_t site_path = (1u << 20) - 1u;
  static constexpr std::uint32_t block_site(isize block) {
    return (static_cast<std::uint32_t>(block) << 20) | 1u;
  }

  // Of layer `index` of a repeat within a block, whose number of layers may be large: mixed.
  static constexpr std::uint32_t inner_site(std::uint32_t outer, isize index) {
    return (outer * 0x9e3779b1u + static_cast<std::uint32_t>(index) + 1u) * 0x85ebca77u;
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
    return {weights[slot], adapter(slot)};
  }
  template <isize Size>
  vector<Size> vector_weight(int slot) const {
    return {weights[slot]};
  }
  template <isize Rows, isize Cols>
  matrix<Rows, Cols> gradient(int slot) const {
    return {gradients[slot], adapter(slot)};
  }
  template <isize Size>
  vector<Size> vector_gradient(int slot) const {
    return {gradients[slot]};
  }

  // The frame of child number `index`, whose slots, tape and caches begin at these offsets.
  [[gnu::noinline]] frame child(int index, int slot, isize tape_offset, isize statistics_offset,
                                int cache_offset = 0) const {
    frame inner = *this;
    inner.cache += cache_offset;
    inner.weights += slot;
    if (inner.gradients != nullptr) inner.gradients += slot;
    if (inner.adapters != nullptr) inner.adapters += slot;
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
  const low_rank* adapter(int slot) const {
    return adapters != nullptr ? adapters + slot : nullptr;
  }
  // Out of line, as in ops.hpp: it is called for every activation of every layer.
  [[gnu::noinline]] tensor place(std::byte* base, element type, isize offset, isize width) const {
    return {base + element_bytes(type, offset * tokens()), tokens(), width, width, type};
  }
};

// What a layer is: sizes a token, the list of its parameters, and two functions. in_width and
// out_width are constants (or dyn), the rest are functions, so that sizes may be run-time values.
template <class Layer>
concept layer = requires(const Layer& it, ops& run, const frame& f, rows<Layer::in_width> x,
                         rows<Layer::out_width> y) {
  it.input() + it.output() + it.tape() + it.statistics() + it.scratch();
  it.slots().size();
  Layer::slot_count;
  it.forward(run, f, x, y);
  it.backward(run, f, x, y, x);
};
// The witness in the message where something else was given.
template <class Layer>
inline constexpr bool is_layer = layer<Layer>;

// The key/value cache that one attention needs.
struct cache_shape {
  isize kv_heads = 0, head_size = 0;
};
// How many a layer needs; a layer that says nothing needs none.
template <class Layer>
inline constexpr int cache_count_of = 0;
template <class Layer>
requires requires { Layer::cache_count; }
inline constexpr int cache_count_of<Layer> = Layer::cache_count;
// The shape of one of them.
template <class Layer>
constexpr cache_shape cache_of(const Layer& it, int index) {
  if constexpr (cache_count_of < Layer >> 0) {
    return it.cache(index);
  } else {
    return {};
  }
}

}  // namespace ctgpt::inline CTGPT_ABI
