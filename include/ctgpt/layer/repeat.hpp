// repeat<Layer>: `count` equal layers one after the other, run by a loop over strided parameters
// and tape, so that compile time and code size do not depend on the count.
//
// Forward: x -> layer 0 -> ... -> layer count - 1 -> y. While training every layer keeps its tape
// and output; otherwise all layers share one tape and two outputs alternate. Backward: the loop
// reversed; gradients alternate between two scratch rows; after each layer the gradients of its
// parameters are final and are announced (pass::gradient_ready). Both are [[gnu::cold]], compiled
// for size and quickly: all that they do is call kernels. Shapes: x, y (N,W).  Tape:
// kept(training) elements a token.
#pragma once

#include "ctgpt/layer/chain.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

template <class Layer>
class repeat {
 public:
  static_assert(follows<2, Layer, shape<Layer::in_width>, shape<Layer::out_width>>,
                "ctgpt::repeat: a repeated layer must keep the width of its input");
  constexpr explicit repeat(isize count, Layer layer = Layer{}) : layer_(layer), count_(count) {}

  static constexpr isize width = Layer::in_width;
  constexpr const Layer& layer() const { return layer_; }
  constexpr isize count() const { return count_; }
  constexpr isize input() const { return layer_.input(); }

  constexpr isize tape(bool training) const {
    return training ? count_ * layer_.tape() + (count_ - 1) * input() : layer_.tape() + 2 * input();
  }
  constexpr isize statistics(bool training) const {
    return (training ? count_ : 1) * layer_.statistics();
  }
  constexpr isize scratch() const { return 2 * input() + layer_.scratch(); }

  [[gnu::cold]] void forward(ops& run, const frame& f, rows<width> x, rows<width> y) const {
    for (isize i = 0; i < count_; ++i) {
      const rows<width> out = i + 1 < count_ ? output(f, i) : y;
      layer_.forward(run, at(f, i), x, out);
      x = out;
    }
  }

  // arena_begin: element of the parameter arena where layer 0 begins.
  [[gnu::cold]] void backward(ops& run, const frame& f, rows<width> x, rows<width> dy,
                              rows<width> dx, isize arena_begin) const {
    const isize size = layer_.slots().size();
    for (isize i = count_ - 1; i >= 0; --i) {
      const rows<width> dinput = i == 0 ? dx : f.temporary<width>((i % 2) * input(), input());
      layer_.backward(run, at(f, i), i == 0 ? x : output(f, i - 1), dy, dinput);
      dy = dinput;
      if (f.shared->gradient_ready != nullptr) {
        f.shared->gradient_ready(f.shared->gradient_owner, arena_begin + i * size,
                                 arena_begin + (i + 1) * size);
      }
    }
  }

 private:
  frame at(const frame& f, isize i) const {
    const isize place = f.shared->training ? i : 0;
    frame inner = f.child(0, static_cast<int>(i) * Layer::slot_count,
                          place * (layer_.tape() + input()), place * layer_.statistics());
    inner.layer = i;
    inner.site = frame::block_site(i);
    return inner.skip_scratch(2 * input());
  }
  rows<width> output(const frame& f, isize i) const {
    const isize offset = f.shared->training ? i * (layer_.tape() + input()) + layer_.tape()
                                            : layer_.tape() + (i % 2) * input();
    return f.kept<width>(offset, input());
  }

  [[no_unique_address]] Layer layer_;
  isize count_;
};

}  // namespace ctgpt::inline CTGPT_ABI::parts
