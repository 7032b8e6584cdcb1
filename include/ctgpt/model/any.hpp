// visit_kinds: a model type that runs a config which is known at run time.
//
//   visit_kinds(open_directory(dir).settings, [](auto model) { network net(model, ...); });
//
// Sizes are run-time values; the kinds of layers are a closed set of types: GPT-2's, Llama's, and
// those of the presets. The bits are those of the type whose sizes are constants.
// Errors: kinds of another combination: one sentence.
#pragma once

#include <utility>

#include "ctgpt/model/gpt.hpp"
#include "ctgpt/model/presets.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace detail {

// The kinds of every preset, and of GPT-2 and Llama with what their files can say.
inline constexpr auto all_kinds = [] {
  std::array<config, presets::count + 12> list{};
  int count = 0;
  const auto add = [&](const config& c) {
    const config kinds = kinds_of(c);
    for (int i = 0; i < count; ++i) {
      if (list[static_cast<unsigned>(i)] == kinds) return;
    }
    list[static_cast<unsigned>(count++)] = kinds;
  };
  for (const bool tied : {true, false}) {
    for (const activation act : {activation::gelu, activation::gelu_tanh}) {
      for (const bool bias : {true, false}) add({.mlp = act, .bias = bias, .tied = tied});
    }
    add({.position = positions::rotary,
         .norm = normalization::rms,
         .mlp = activation::swiglu,
         .bias = false,
         .tied = tied});
  }
  for (const preset& each : presets::all) add(each.model);
  return std::pair(list, count);
}();

}  // namespace detail

// The number of types.
inline constexpr int kinds_count = detail::all_kinds.second;

template <int Index>
using kinds_model = gpt<detail::all_kinds.first[Index]>;

// Calls visit(model) with the type that runs c.
template <class Visitor, int Index = 0>
void visit_kinds(const config& c, Visitor&& visit) {
  if constexpr (Index == kinds_count) {
    fail(
        "no compiled type runs this combination of layers; it takes a program with the model's own "
        "type");
  } else {
    if (kinds_of(c) == detail::all_kinds.first[Index]) {
      visit(kinds_model<Index>(c));
    } else {
      visit_kinds<Visitor, Index + 1>(c, std::forward<Visitor>(visit));
    }
  }
}

}  // namespace ctgpt::inline CTGPT_ABI
