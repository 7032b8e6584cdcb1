// gpt<C, Block>: the model, as a type. The page to read first.
//
//   x = token_embedding[tokens] (+ position_embedding)      dropout while training
//   x = block(x), C.layers times
//   h = norm(x);   logits = cap(h W^T), W the token embedding (tied) or a head of its own
//
// Backward: the same lines upwards; gradients are added to the arena.
// Shapes: tokens, targets (B,T); x, h (N,C), N = B T; logits never exist whole (layer/head.hpp).
// Parameters: token_embedding (V,C), position_embedding (T,C) if learned, the blocks, final_norm,
// head (V,C) if not tied, in arena order. Everything about sizes is a constant: parameter_count,
// slot_offset(i), tape(training), flops_per_token(time).
// Tape: embedded x, the blocks' output and h (3 C), and what the blocks keep.
// Errors: a wrong field of C, a block that does not take the width, and a block without parameters
// or with two of one name do not compile.
// Reference: Radford et al. 2019 (GPT-2); Touvron et al. 2023 (Llama); Karpathy, nanochat, 2025.
#pragma once

#include "ctgpt/layer/stack.hpp"
#include "ctgpt/model/block.hpp"

namespace ctgpt::inline CTGPT_ABI {

// Whether no two of a block's parameters would have the same name in a file.
template <int Count>
constexpr bool names_differ(const slot_list<Count>& slots) {
  for (int i = 0; i < Count; ++i) {
    for (int j = 0; j < i; ++j) {
      if (slots[i].path == slots[j].path) return false;
    }
  }
  return true;
}

template <config C, template <config> class Block = transformer_block>
struct gpt {
  static_assert(checked<C>::value == C, "ctgpt::gpt: this configuration cannot be built");
  static constexpr config settings = C;
  static constexpr isize width = C.width;
  using block = Block<C>;
  using norm_type = parts::norm_of<C>;
  using row = rows<width>;
  static_assert(follows<1, block, shape<block::in_width>, shape<width>>,
                "ctgpt::gpt: the block must take rows of the model's width");
  static_assert(block::slot_count > 0, "ctgpt::gpt: the block has no parameters");
  static_assert(names_differ(block{}.slots()),
                "ctgpt::gpt: two parameters of the block have the same name; put one of their "
                "layers into named<part::first, ...> or the like");

  static constexpr parts::stack<block> body{C.layers};
  static constexpr norm_type final_norm{};

  // ---- parameters -------------------------------------------------------------------------------
  static constexpr bool learned = C.position == positions::learned;
  static constexpr int body_slot = learned ? 2 : 1;
  static constexpr int norm_slot = body_slot + static_cast<int>(C.layers) * block::slot_count;
  static constexpr int head_slot = C.tied ? 0 : norm_slot + norm_type::slot_count;
  static constexpr int slot_count = norm_slot + norm_type::slot_count + (C.tied ? 0 : 1);

  static constexpr auto block_slots = block{}.slots().within(part::block);
  static constexpr auto norm_slots = norm_type{}.slots().within(part::final_norm);

  static constexpr isize embedding_size = C.vocab * width + (learned ? C.context * width : 0);
  static constexpr isize block_size = block{}.slots().size();
  static constexpr isize norm_offset = embedding_size + C.layers * block_size;
  static constexpr isize head_offset = norm_offset + norm_type{}.slots().size();
  static constexpr isize parameter_count = head_offset + (C.tied ? 0 : C.vocab * width);

  // Slot number `index` and its first element in the arena. The index of the block a slot belongs
  // to is (index - body_slot) / block::slot_count.
  static constexpr slot slot_at(int index) {
    if (index == 0) return placed(matrix_slot(part::weight, C.vocab, width), part::token_embedding);
    if (index < body_slot) {
      return placed(matrix_slot(part::weight, C.context, width), part::position_embedding);
    }
    if (index < norm_slot) return block_slots[(index - body_slot) % block::slot_count];
    if constexpr (norm_type::slot_count > 0) {
      if (index < norm_slot + norm_type::slot_count) return norm_slots[index - norm_slot];
    }
    return placed(matrix_slot(part::weight, C.vocab, width), part::head);
  }
  static constexpr isize slot_offset(int index) {
    if (index == 0) return 0;
    if (index < body_slot) return C.vocab * width;
    if (index < norm_slot) {
      const int within = (index - body_slot) % block::slot_count;
      isize offset = embedding_size + (index - body_slot) / block::slot_count * block_size;
      for (int i = 0; i < within; ++i) offset += block_slots[i].size();
      return offset;
    }
    isize offset = norm_offset;
    for (int i = norm_slot; i < index; ++i) offset += slot_at(i).size();
    return offset;
  }

  // ---- memory: elements a token -----------------------------------------------------------------
  static constexpr isize tape(bool training) { return 3 * width + body.tape(training); }
  static constexpr isize statistics(bool training) {
    return final_norm.statistics() + body.statistics(training);
  }
  static constexpr isize scratch() { return 2 * width + body.scratch(); }

  // ---- caches of one block ----------------------------------------------------------------------
  static constexpr int cache_count = cache_count_of<block>;
  static constexpr cache_shape cache(int index) { return cache_of(block{}, index); }

  // ---- work -------------------------------------------------------------------------------------
  // Weights that take part in products a token: matrices of the blocks and the head.
  static constexpr isize product_weights = [] {
    isize total = C.vocab * width;
    for (const slot& item : block_slots.items) {
      if (!item.vector) total += item.size() * C.layers;
    }
    return total;
  }();
  // Forward and backward, a token, at context length `time`: 6 weights + 6 L (H D) T (causal).
  static constexpr double flops_per_token(isize time) {
    return 6.0 * static_cast<double>(product_weights) +
           6.0 * static_cast<double>(C.layers * C.heads * head_size_of(C) * time);
  }

  // ---- forward and backward ---------------------------------------------------------------------
  // Runs everything up to h = norm(x). f.weights points to slot 0.
  static row forward(ops& run, const frame& f) {
    const row x = embedded(f), y = last(f), h = normed(f);
    const pass& p = *f.shared;
    matrix<C.context, width> places{};
    if constexpr (learned) places = f.weight<C.context, width>(1);
    if constexpr (C.position == positions::sinusoidal) places = {p.sinusoids};
    run.embed(x, f.weight<C.vocab, width>(0), places, p.tokens,
              p.caches != nullptr ? p.token_positions : tensor{}, f.time);
    if (drops(p)) run.dropout(x, x, {}, p.random, embedding_site, p.dropout);
    body.forward(run, body_frame(f), x, y);
    final_norm.forward(run, norm_frame(f), y, h);
    return h;
  }

  // dh: the gradient of h; clobbered. Adds to the gradients of every slot but the head.
  static void backward(ops& run, const frame& f, row dh) {
    const row x = embedded(f), y = last(f);
    const pass& p = *f.shared;
    final_norm.backward(run, norm_frame(f), y, dh, dh);
    announce(p, norm_offset, parameter_count);
    const row dx = f.temporary<width>(width);
    body.backward(run, body_frame(f).skip_scratch(2 * width), x, dh, dx, embedding_size);
    if (drops(p)) run.dropout(dx, dx, {}, p.random, embedding_site, p.dropout);
    matrix<C.context, width> dplaces{};
    if constexpr (learned) dplaces = f.gradient<C.context, width>(1);
    run.embed_backward(dx, f.gradient<C.vocab, width>(0), dplaces, p.tokens, f.time);
    announce(p, 0, embedding_size);
  }

  // Where the loss leaves dh.
  static row head_gradient(const frame& f) { return f.temporary<width>(0); }

 private:
  static constexpr std::uint32_t embedding_site = 0xffffffffu;

  static constexpr slot placed(slot item, part outer) {
    item.path = item.path.within(outer);
    return item;
  }
  static bool drops(const pass& p) { return p.training && p.dropout > 0.0f; }
  static void announce(const pass& p, isize begin, isize end) {
    if (p.gradient_ready != nullptr) p.gradient_ready(p.gradient_owner, begin, end);
  }
  static row embedded(const frame& f) { return f.kept<width>(0); }
  static row last(const frame& f) { return f.kept<width>(width); }
  static row normed(const frame& f) { return f.kept<width>(2 * width); }
  static frame norm_frame(const frame& f) { return f.child(0, norm_slot, 0, 0, 0); }
  static frame body_frame(const frame& f) {
    return f.child(1, body_slot, 3 * width, final_norm.statistics(), 0);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
