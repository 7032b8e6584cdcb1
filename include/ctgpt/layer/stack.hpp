// stack<Layer>: `count` equal layers one after the other, the count known at run time. repeat (a
// layer like any other) and the body of a model are made of it.
//
// A loop over strided parameters and tape, so that compile time and code size do not depend on the
// count. While training every layer keeps its tape and output; otherwise all layers share one tape
// and two outputs alternate.
// Backward: the loop reversed; gradients alternate between two scratch rows; the body of a model
// announces a layer's gradients as soon as they are final (pass::gradient_ready).
// Shapes: x, y (N,W).
// Tape: tape(training) elements a token.
// Errors: a layer that does not keep its width does not compile.
#pragma once

#include "ctgpt/layer/chain.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

template <class Layer>
class stack {
  static_assert(checked_layer<Layer>::value);
  static_assert(follows<2, Layer, shape<Layer::in_width>, shape<Layer::out_width>>,
                "ctgpt::repeat: a repeated layer must keep the width of its input");

 public:
  // outermost: the body of a model; then its layers are the model's blocks.
  constexpr explicit stack(isize count, Layer layer = Layer{}, bool outermost = true)
      : layer_(layer), count_(count), outermost_(outermost) {}

  static constexpr isize width = Layer::in_width;
  constexpr decltype(auto) layer() const { return stored(layer_); }
  constexpr isize count() const { return count_; }
  constexpr isize input() const { return layer().input(); }

  constexpr isize tape(bool training) const {
    if (!training) return layer().tape() + 2 * input();
    return count_ * layer().tape() + (count_ - 1) * input();
  }
  constexpr isize statistics(bool training) const {
    return (training ? count_ : 1) * layer().statistics();
  }
  constexpr isize scratch() const { return 2 * input() + layer().scratch(); }

  // Compiled for size and quickly, like backward: all that they do is call kernels.
  [[gnu::cold]] void forward(ops& run, const frame& f, rows<width> x, rows<width> y) const {
    for (isize i = 0; i < count_; ++i) {
      const rows<width> out = i + 1 < count_ ? output(f, i) : y;
      layer().forward(run, at(f, i), x, out);
      x = out;
    }
  }

  // arena_begin: element of the parameter arena where layer 0 begins, if outermost.
  [[gnu::cold]] void backward(ops& run, const frame& f, rows<width> x, rows<width> dy,
                              rows<width> dx, isize arena_begin = 0) const {
    const isize size = layer().slots().size();
    for (isize i = count_ - 1; i >= 0; --i) {
      const rows<width> dinput = i == 0 ? dx : f.temporary<width>((i % 2) * input(), input());
      layer().backward(run, at(f, i), i == 0 ? x : output(f, i - 1), dy, dinput);
      dy = dinput;
      if (outermost_ && f.shared->gradient_ready != nullptr) {
        f.shared->gradient_ready(f.shared->gradient_owner, arena_begin + i * size,
                                 arena_begin + (i + 1) * size);
      }
    }
  }

 private:
  frame at(const frame& f, isize i) const {
    const isize place = f.shared->training ? i : 0;
    const int index = static_cast<int>(i);
    frame inner = f.child(0, index * Layer::slot_count, place * (layer().tape() + input()),
                          place * layer().statistics(), index * cache_count_of<Layer>);
    inner.layer = f.layer * count_ + i;
    inner.site = outermost_ ? frame::block_site(i) : frame::inner_site(f.site, i);
    return inner.skip_scratch(2 * input());
  }
  rows<width> output(const frame& f, isize i) const {
    const isize offset = f.shared->training ? i * (layer().tape() + input()) + layer().tape()
                                            : layer().tape() + (i % 2) * input();
    return f.kept<width>(offset, input());
  }

  [[no_unique_address]] Layer layer_;
  isize count_;
  bool outermost_;
};

}  // namespace ctgpt::inline CTGPT_ABI::parts
