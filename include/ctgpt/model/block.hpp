// transformer_block<C>: the block that gpt<C> repeats, as config C describes it.
//
//   x = x + attention(norm(x));  x = x + mlp(norm(x))          (pre-norm: GPT-2, Llama, nanochat)
//
// A block of one's own is one type with the same two template levels: examples/custom_block.cpp.
// Shapes: (N,C) to (N,C).
// Errors: widths that do not fit do not compile.
// Reference: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; Touvron
// et al., "LLaMA", 2023.
#pragma once

#include "ctgpt/layer/activation.hpp"
#include "ctgpt/layer/attention.hpp"
#include "ctgpt/layer/chain.hpp"
#include "ctgpt/layer/mlp.hpp"
#include "ctgpt/layer/norm.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace parts {

template <config C>
using norm_of =
    norm_layer<C.width, C.norm, C.gain, C.norm == normalization::layer && C.bias && C.gain>;

template <config C>
using positions_of =
    std::conditional_t<C.position == positions::rotary, rope,
                       std::conditional_t<C.position == positions::alibi, alibi, absolute>>;

}  // namespace parts

template <config C>
struct transformer_block
    : parts::chain<
          parts::named<part::attention,
                       parts::residual<parts::named<part::normalize, parts::norm_of<C>>,
                                       parts::named<part::heads, parts::causal_attention<
                                                                     C, parts::positions_of<C>>>>>,
          parts::named<
              part::mlp,
              parts::residual<parts::named<part::normalize, parts::norm_of<C>>,
                              parts::named<part::gate, parts::feed_forward<C.width, hidden_of(C),
                                                                           C.mlp, C.bias>>>>> {
 private:
  template <part Name, class Layer>
  using named = parts::named<Name, Layer>;
  using norm = named<part::normalize, parts::norm_of<C>>;
  using heads = named<part::heads, parts::causal_attention<C, parts::positions_of<C>>>;
  using gate = named<part::gate, parts::feed_forward<C.width, hidden_of(C), C.mlp, C.bias>>;
  using reads = named<part::attention, parts::residual<norm, heads>>;
  using thinks = named<part::mlp, parts::residual<norm, gate>>;

 public:
  constexpr transformer_block() = default;
  // For a config of dyn sizes.
  constexpr explicit transformer_block(const config& c)
    requires(is_dyn(C))
      : parts::chain<reads, thinks>(reads(norm(c.width), heads(c)),
                                    thinks(norm(c.width), gate(c.width, hidden_of(c)))) {}
};

}  // namespace ctgpt::inline CTGPT_ABI
