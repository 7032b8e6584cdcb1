// sizes<N...>: the sizes of a layer. Nothing where all of them are static, else stored: a size that
// is `dyn` is given when the layer is made.
//
//   struct linear : sizes<In, Out> { ... at<0>() ... };
//
// configured<C>: the same for a config, whose sizes are all static or all dyn. kinds_of(c) is the
// config with the same kinds (norm, MLP, positions, biases) and dyn sizes: the closed set of types
// that run whatever a file describes.
#pragma once

#include <array>

#include "ctgpt/core/config.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <isize... N>
class sizes {
 public:
  constexpr sizes() = default;
  template <int I>
  static constexpr isize at() {
    constexpr isize all[] = {N...};
    return all[I];
  }
};

template <isize... N>
  requires((N == dyn) || ...)
class sizes<N...> {
 public:
  template <class... Sizes>
  constexpr explicit sizes(Sizes... values) : values_{values...} {}
  template <int I>
  constexpr isize at() const {
    return values_[I];
  }

 private:
  std::array<isize, sizeof...(N)> values_;
};

constexpr bool is_dyn(const config& c) { return c.width == dyn; }

constexpr config kinds_of(config c) {
  c.vocab = c.context = c.layers = c.heads = c.width = dyn;
  c.kv_heads = c.head_size = c.hidden = c.window = c.full_every = dyn;
  c.rope_base = c.softcap = c.norm_epsilon = 0.0f;
  return c;
}

template <config C>
class configured {
 public:
  constexpr configured() = default;
  static constexpr config actual() { return C; }
};

template <config C>
  requires(is_dyn(C))
class configured<C> {
 public:
  constexpr explicit configured(const config& c) : actual_(c) {}
  constexpr const config& actual() const { return actual_; }

 private:
  config actual_;
};

}  // namespace ctgpt::inline CTGPT_ABI
