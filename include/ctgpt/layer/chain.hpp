// chain<A, B, ...>: layers one after the other.  named<P, L>: layer L, its parameters under the
// name P. residual<A, B, ...>: y = x + dropout(chain(x)).
//
// Forward: layer i reads the output of layer i - 1 from the tape and writes its own there.
// Backward: the same fold reversed; gradients of the outputs between alternate between two scratch
// rows.  residual: dx = dy + chain.backward(dropout(dy)).
// Shapes: the input width of a layer equals the output width of the one before it; otherwise the
// compiler shows follows<position, layer, expects, receives> under a sentence.
// Tape: the children's tapes and the outputs between them.
#pragma once

#include <type_traits>
#include <utility>

#include "ctgpt/core/shape.hpp"
#include "ctgpt/layer/frame.hpp"

namespace ctgpt::inline CTGPT_ABI {

// True when a layer that expects rows of shape Expects can be given rows of shape Receives.
template <int Position, class Layer, class Expects, class Receives>
inline constexpr bool follows = false;
template <int Position, class Layer, class Shape>
inline constexpr bool follows<Position, Layer, Shape, Shape> = true;

// Stops the compilation where Layer is none.
template <class Layer>
struct checked_layer {
  static_assert(is_layer<Layer>,
                "ctgpt: this is not a layer; it needs in_width, out_width, slot_count, input(), "
                "output(), slots(), tape(), statistics(), scratch(), forward() and backward()");
  static constexpr bool value = true;
};

namespace parts {

template <part Name, class Layer>
struct named : Layer {
  using Layer::Layer;
  constexpr named() = default;
  constexpr explicit named(const Layer& layer) : Layer(layer) {}
  constexpr auto slots() const { return Layer::slots().within(Name); }
};

// A layer that another holds. An empty one is made anew: in a constant expression g++ 13 refuses to
// read an empty member that shares its address.
template <class Layer>
constexpr decltype(auto) stored(const Layer& layer) {
  if constexpr (std::is_empty_v<Layer>) {
    return Layer{};
  } else {
    return (layer);
  }
}

// Holds the layers of a chain, without size where they are empty.
template <int I, class Layer>
struct held {
  [[no_unique_address]] Layer layer;
};
template <class Indices, class... Layers>
struct holder;
template <int... I, class... Layers>
struct holder<std::integer_sequence<int, I...>, Layers...> : held<I, Layers>... {
  constexpr holder() = default;
  constexpr explicit holder(const Layers&... layers) : held<I, Layers>{layers}... {}
};

template <int I, class Layer>
Layer layer_at(const held<I, Layer>*);  // never called: names the type of layer I

template <class... Layers>
class chain {
  static_assert(sizeof...(Layers) > 0, "ctgpt::chain: a chain needs at least one layer");
  template <class... Each>
  static constexpr bool check_layers() {
    ((void)checked_layer<Each>::value, ...);
    return true;
  }
  static_assert(check_layers<Layers...>());
  static constexpr int length = sizeof...(Layers);
  using all_layers = holder<std::make_integer_sequence<int, length>, Layers...>;
  template <int I>
  using layer = decltype(layer_at<I>(static_cast<const all_layers*>(nullptr)));

  // Positions count from 1, as the message shows them.
  template <int Position>
  static constexpr bool check_from() {
    if constexpr (Position <= length) {
      using here = layer<Position - 1>;
      using before = layer<Position - 2>;
      static_assert(follows<Position, here, shape<here::in_width>, shape<before::out_width>>,
                    "ctgpt::chain: a layer cannot follow the previous one");
      return check_from<Position + 1>();
    }
    return true;
  }
  static_assert(check_from<2>());

 public:
  constexpr chain() = default;
  // Of layers whose sizes are known at run time alone.
  constexpr explicit chain(const Layers&... layers) : layers_(layers...) {}

  static constexpr isize in_width = layer<0>::in_width, out_width = layer<length - 1>::out_width;
  constexpr isize input() const { return get<0>().input(); }
  constexpr isize output() const { return get<length - 1>().output(); }

  static constexpr int slot_count = (Layers::slot_count + ...);
  constexpr auto slots() const {
    return each([](const auto&... layers) { return (layers.slots() + ...); });
  }
  static constexpr int cache_count = (cache_count_of<Layers> + ...);
  constexpr cache_shape cache(int index) const { return cache_from<0>(index); }
  constexpr isize tape() const { return tape_offset<length - 1>() + get<length - 1>().tape(); }
  constexpr isize statistics() const {
    return each([](const auto&... layers) { return (layers.statistics() + ...); });
  }
  constexpr isize scratch() const {
    const isize deepest = each([](const auto&... layers) {
      isize most = 0;
      ((most = layers.scratch() > most ? layers.scratch() : most), ...);
      return most;
    });
    return between() + deepest;
  }

  void forward(ops& run, const frame& f, rows<in_width> x, rows<out_width> y) const {
    forward_from<0>(run, f, x, y);
  }
  void backward(ops& run, const frame& f, rows<in_width> x, rows<out_width> dy,
                rows<in_width> dx) const {
    backward_from<length - 1>(run, f, x, dy, dx);
  }

 private:
  template <int I>
  constexpr decltype(auto) get() const {
    return stored(static_cast<const held<I, layer<I>>&>(layers_).layer);
  }
  template <class Function>
  constexpr auto each(Function function) const {
    return [&]<int... I>(std::integer_sequence<int, I...>) { return function(get<I>()...); }
    (std::make_integer_sequence<int, length>{});
  }
  template <int I>
  static constexpr int slot_offset() {
    if constexpr (I == 0) {
      return 0;
    } else {
      return slot_offset<I - 1>() + layer<I - 1>::slot_count;
    }
  }
  template <int I>
  static constexpr int cache_offset() {
    if constexpr (I == 0) {
      return 0;
    } else {
      return cache_offset<I - 1>() + cache_count_of<layer<I - 1>>;
    }
  }
  template <int I>
  constexpr cache_shape cache_from(int index) const {
    if constexpr (I == length) {
      return {};
    } else {
      constexpr int here = cache_count_of<layer<I>>;
      return index < here ? cache_of(get<I>(), index) : cache_from<I + 1>(index - here);
    }
  }
  // Layer I's tape begins here; its output, when another layer follows, lies right behind it.
  template <int I>
  constexpr isize tape_offset() const {
    if constexpr (I == 0) {
      return 0;
    } else {
      return tape_offset<I - 1>() + get<I - 1>().tape() + get<I - 1>().output();
    }
  }
  template <int I>
  constexpr isize statistics_offset() const {
    if constexpr (I == 0) {
      return 0;
    } else {
      return statistics_offset<I - 1>() + get<I - 1>().statistics();
    }
  }
  // Scratch for the gradients of the outputs between layers: the two widest at most.
  constexpr isize widest_between() const {
    isize widest = 0;
    [&]<int... I>(std::integer_sequence<int, I...>) {
      ((widest = get<I>().output() > widest ? get<I>().output() : widest), ...);
    }
    (std::make_integer_sequence<int, length - 1>{});
    return widest;
  }
  constexpr isize between() const { return (length > 2 ? 2 : length - 1) * widest_between(); }

  template <int I>
  frame child(const frame& f) const {
    return f
        .child(I, slot_offset<I>(), tape_offset<I>(), statistics_offset<I>(), cache_offset<I>())
        .skip_scratch(between());
  }
  template <int I>
  rows<layer<I>::out_width> kept_output(const frame& f) const {
    return f.kept<layer<I>::out_width>(tape_offset<I>() + get<I>().tape(), get<I>().output());
  }

  template <int I>
  void forward_from(ops& run, const frame& f, rows<layer<I>::in_width> x, rows<out_width> y) const {
    if constexpr (I == length - 1) {
      get<I>().forward(run, child<I>(f), x, y);
    } else {
      const auto out = kept_output<I>(f);
      get<I>().forward(run, child<I>(f), x, out);
      forward_from<I + 1>(run, f, out, y);
    }
  }
  template <int I>
  void backward_from(ops& run, const frame& f, rows<in_width> x, rows<layer<I>::out_width> dy,
                     rows<in_width> dx) const {
    if constexpr (I == 0) {
      get<0>().backward(run, child<0>(f), x, dy, dx);
    } else {
      constexpr isize width = layer<I>::in_width;
      const auto dinput = f.temporary<width>(I % 2 == 1 ? 0 : widest_between(), get<I>().input());
      get<I>().backward(run, child<I>(f), kept_output<I - 1>(f), dy, dinput);
      backward_from<I - 1>(run, f, x, dinput, dx);
    }
  }

  [[no_unique_address]] all_layers layers_;
};

template <class... Layers>
class residual {
  using inner = chain<Layers...>;
  static_assert(follows<static_cast<int>(sizeof...(Layers)) + 1, residual<Layers...>,
                        shape<inner::in_width>, shape<inner::out_width>>,
                "ctgpt::residual: the branch must end with the width that it began with");

 public:
  constexpr residual() = default;
  constexpr explicit residual(const Layers&... layers) : branch_(layers...) {}

  static constexpr isize in_width = inner::in_width, out_width = inner::out_width;
  constexpr isize input() const { return branch().input(); }
  constexpr isize output() const { return branch().output(); }
  static constexpr int slot_count = inner::slot_count;
  constexpr auto slots() const { return branch().slots(); }
  static constexpr int cache_count = inner::cache_count;
  constexpr cache_shape cache(int index) const { return branch().cache(index); }
  constexpr isize tape() const { return branch().tape(); }
  constexpr isize statistics() const { return branch().statistics(); }
  constexpr isize scratch() const { return input() + branch().scratch(); }

  void forward(ops& run, const frame& f, rows<in_width> x, rows<in_width> y) const {
    branch().forward(run, f.skip_scratch(input()), x, y);
    if (drops(f)) {
      run.dropout(y, y, x, f.shared->random, f.site, f.shared->dropout);
    } else {
      run.add(y, y, x);
    }
  }
  void backward(ops& run, const frame& f, rows<in_width> x, rows<in_width> dy,
                rows<in_width> dx) const {
    rows<in_width> dbranch = dy;
    if (drops(f)) {
      dbranch = f.temporary<in_width>(0, input());
      run.dropout(dbranch, dy, {}, f.shared->random, f.site, f.shared->dropout);
    }
    branch().backward(run, f.skip_scratch(input()), x, dbranch, dx);
    if (dx) run.add(dx, dx, dy);
  }

 private:
  constexpr decltype(auto) branch() const { return stored(branch_); }
  static bool drops(const frame& f) { return f.shared->training && f.shared->dropout > 0.0f; }
  [[no_unique_address]] inner branch_;
};

}  // namespace parts

using parts::chain;
using parts::named;
using parts::residual;

}  // namespace ctgpt::inline CTGPT_ABI
