// repeat<Count, Layer>: Count equal layers one after the other, with weights of their own.
//
// Forward: x -> layer 0 -> ... -> layer Count - 1 -> y.
// Backward: the same reversed (layer/stack.hpp has the loop).
// Shapes: x, y (N,W); a layer must keep its width.
// Parameters: those of the layers, each under its number: "0.weight", "1.weight".
// Tape: that of Count layers and the outputs between them, also without training.
// Errors: a layer that does not keep its width does not compile.
#pragma once

#include "ctgpt/layer/stack.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace parts {

template <int Count, class Layer>
class repeat {
  static_assert(Count >= 1 && Count <= numbered_parts,
                "ctgpt::repeat: the count must be between 1 and 128");

 public:
  static constexpr isize in_width = Layer::in_width, out_width = Layer::in_width;
  constexpr isize input() const { return layers_.input(); }
  constexpr isize output() const { return layers_.input(); }

  static constexpr int slot_count = Count * Layer::slot_count;
  constexpr slot_list<slot_count> slots() const {
    slot_list<slot_count> all;
    if constexpr (slot_count > 0) {
      unsigned next = 0;
      for (int i = 0; i < Count; ++i) {
        const auto one = layers_.layer().slots().within(numbered_part(i));
        for (const slot& item : one.items) all.items[next++] = item;
      }
    }
    return all;
  }
  static constexpr int cache_count = Count * cache_count_of<Layer>;
  constexpr cache_shape cache(int index) const {
    constexpr int each = cache_count_of<Layer> > 0 ? cache_count_of<Layer> : 1;
    return cache_of(layers_.layer(), index % each);
  }
  constexpr isize tape() const { return layers_.tape(true); }
  constexpr isize statistics() const { return layers_.statistics(true); }
  constexpr isize scratch() const { return layers_.scratch(); }

  void forward(ops& run, const frame& f, rows<in_width> x, rows<in_width> y) const {
    layers_.forward(run, f, x, y);
  }
  void backward(ops& run, const frame& f, rows<in_width> x, rows<in_width> dy,
                rows<in_width> dx) const {
    layers_.backward(run, f, x, dy, dx);
  }

 private:
  static constexpr stack<Layer> layers_{Count, Layer{}, false};
};

}  // namespace parts

using parts::repeat;

}  // namespace ctgpt::inline CTGPT_ABI
