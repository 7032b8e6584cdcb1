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

#include <type_traits>

#include "ctgpt/base/error.hpp"
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

// The mathematics, for sizes that are constants and for sizes that are not.
template <config C, template <config> class Block>
class gpt_core : public configured<C> {
 public:
  static constexpr isize width = C.width;
  using block = Block<C>;
  using norm_type = parts::norm_of<C>;
  using row = rows<width>;
  static_assert(follows<1, block, shape<block::in_width>, shape<width>>,
                "ctgpt::gpt: the block must take rows of the model's width");
  static_assert(block::slot_count > 0, "ctgpt::gpt: the block has no parameters");
  // Whether it is the library's block, which other programs know.
  static constexpr bool standard = std::is_same_v<block, transformer_block<C>>;

  constexpr gpt_core() = default;
  constexpr explicit gpt_core(const config& c)
    requires(is_dyn(C))
      : configured<C>(c), block_(c), final_norm_(c.width) {}

  // ---- parameters -------------------------------------------------------------------------------
  static constexpr bool learned = C.position == positions::learned;
  static constexpr int body_slot = learned ? 2 : 1;
  constexpr int first_norm_slot() const {
    return body_slot + static_cast<int>(actual().layers) * block::slot_count;
  }
  constexpr int first_head_slot() const {
    return C.tied ? 0 : first_norm_slot() + norm_type::slot_count;
  }
  constexpr int slots_in_all() const {
    return first_norm_slot() + norm_type::slot_count + (C.tied ? 0 : 1);
  }
  constexpr isize embeddings() const {
    return (actual().vocab + (learned ? actual().context : 0)) * actual().width;
  }
  constexpr isize parameters_of_block() const { return blocks().slots().size(); }
  constexpr isize norm_begin() const {
    return embeddings() + actual().layers * parameters_of_block();
  }
  constexpr isize parameters() const {
    const isize head = C.tied ? 0 : actual().vocab * actual().width;
    return norm_begin() + norm().slots().size() + head;
  }

  // Slot number `index` and its first element in the arena. The index of the block a slot belongs
  // to is (index - body_slot) / block::slot_count.
  constexpr slot slot_at(int index) const {
    const slot vocabulary = matrix_slot(part::weight, actual().vocab, actual().width);
    if (index == 0) return placed(vocabulary, part::token_embedding);
    if (index < body_slot) {
      return placed(matrix_slot(part::weight, actual().context, actual().width),
                    part::position_embedding);
    }
    if (index < first_norm_slot()) {
      return placed(blocks().slots()[(index - body_slot) % block::slot_count], part::block);
    }
    if constexpr (norm_type::slot_count > 0) {
      const int within = index - first_norm_slot();
      if (within < norm_type::slot_count) {
        return placed(norm().slots()[within], part::final_norm);
      }
    }
    return placed(vocabulary, part::head);
  }
  constexpr isize slot_offset(int index) const {
    if (index == 0) return 0;
    if (index < body_slot) return actual().vocab * actual().width;
    if (index < first_norm_slot()) {
      const int within = (index - body_slot) % block::slot_count;
      const auto slots = blocks().slots();
      isize offset =
          embeddings() + (index - body_slot) / block::slot_count * parameters_of_block();
      for (int i = 0; i < within; ++i) offset += slots[i].size();
      return offset;
    }
    isize offset = norm_begin();
    for (int i = first_norm_slot(); i < index; ++i) offset += slot_at(i).size();
    return offset;
  }

  // ---- memory: elements a token -----------------------------------------------------------------
  constexpr isize tape(bool training) const { return 3 * actual().width + body().tape(training); }
  constexpr isize statistics(bool training) const {
    return norm().statistics() + body().statistics(training);
  }
  constexpr isize scratch() const { return 2 * actual().width + body().scratch(); }

  // ---- caches of one block ----------------------------------------------------------------------
  static constexpr int cache_count = cache_count_of<block>;
  constexpr cache_shape cache(int index) const { return cache_of(blocks(), index); }

  // ---- work -------------------------------------------------------------------------------------
  // Weights that take part in products a token: matrices of the blocks and the head.
  constexpr isize weights_in_products() const {
    isize total = actual().vocab * actual().width;
    for (const slot& item : blocks().slots().items) {
      if (!item.vector) total += item.size() * actual().layers;
    }
    return total;
  }
  // Forward and backward, a token, at context length `time`: 6 weights + 6 L (H D) T (causal).
  constexpr double flops_per_token(isize time) const {
    const isize heads = actual().layers * actual().heads * head_size_of(actual());
    return 6.0 * static_cast<double>(weights_in_products()) +
           6.0 * static_cast<double>(heads * time);
  }

  // ---- forward and backward ---------------------------------------------------------------------
  // Runs everything up to h = norm(x). f.weights points to slot 0.
  row forward(ops& run, const frame& f) const {
    const row x = kept(f, 0), y = kept(f, 1), h = kept(f, 2);
    const pass& p = *f.shared;
    matrix<C.context, width> places{};
    if constexpr (learned) places = f.weight<C.context, width>(1);
    if constexpr (C.position == positions::sinusoidal) places = {p.sinusoids};
    run.embed(x, f.weight<C.vocab, width>(0), places, p.tokens, p.token_positions, f.time);
    if (drops(p)) run.dropout(x, x, {}, p.random, embedding_site, p.dropout);
    body().forward(run, body_frame(f), x, y);
    norm().forward(run, norm_frame(f), y, h);
    return h;
  }

  // dh: the gradient of h; clobbered. Adds to the gradients of every slot but the head.
  void backward(ops& run, const frame& f, row dh) const {
    const row x = kept(f, 0), y = kept(f, 1);
    const pass& p = *f.shared;
    const isize wide = actual().width;
    norm().backward(run, norm_frame(f), y, dh, dh);
    announce(p, norm_begin(), parameters());
    const row dx = f.temporary<width>(wide, wide);
    body().backward(run, body_frame(f).skip_scratch(2 * wide), x, dh, dx, embeddings());
    if (drops(p)) run.dropout(dx, dx, {}, p.random, embedding_site, p.dropout);
    matrix<C.context, width> dplaces{};
    if constexpr (learned) dplaces = f.gradient<C.context, width>(1);
    run.embed_backward(dx, f.gradient<C.vocab, width>(0), dplaces, p.tokens, p.token_positions,
                       f.time);
    announce(p, 0, embeddings());
  }

  // Where the loss leaves dh.
  row head_gradient(const frame& f) const { return f.temporary<width>(0, actual().width); }

  using configured<C>::actual;

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
  constexpr parts::stack<block> body() const {
    return parts::stack<block>{actual().layers, blocks()};
  }
  // Embedded tokens, the blocks' output, and h.
  row kept(const frame& f, isize which) const {
    return f.kept<width>(which * actual().width, actual().width);
  }
  frame norm_frame(const frame& f) const { return f.child(0, first_norm_slot(), 0, 0); }
  frame body_frame(const frame& f) const {
    return f.child(1, body_slot, 3 * actual().width, norm().statistics());
  }

  constexpr decltype(auto) blocks() const { return parts::stored(block_); }
  constexpr decltype(auto) norm() const { return parts::stored(final_norm_); }

  [[no_unique_address]] block block_;
  [[no_unique_address]] norm_type final_norm_;
};

// Everything about sizes is a constant.
template <config C, template <config> class Block = transformer_block>
struct gpt : gpt_core<C, Block> {
  static_assert(checked<C>::value == C, "ctgpt::gpt: this configuration cannot be built");
  using core = gpt_core<C, Block>;
  static_assert(names_differ(Block<C>{}.slots()),
                "ctgpt::gpt: two parameters of the block have the same name; put one of their "
                "layers into named<part::first, ...> or the like");

  static constexpr config settings = C;
  static constexpr int norm_slot = core{}.first_norm_slot();
  static constexpr int head_slot = core{}.first_head_slot();
  static constexpr int slot_count = core{}.slots_in_all();
  static constexpr isize embedding_size = core{}.embeddings();
  static constexpr isize block_size = core{}.parameters_of_block();
  static constexpr isize norm_offset = core{}.norm_begin();
  static constexpr isize parameter_count = core{}.parameters();
  static constexpr isize head_offset = parameter_count - (C.tied ? 0 : C.vocab * C.width);
  static constexpr isize product_weights = core{}.weights_in_products();

  static constexpr slot slot_at(int index) { return core{}.slot_at(index); }
  static constexpr isize slot_offset(int index) { return core{}.slot_offset(index); }
  static constexpr isize tape(bool training) { return core{}.tape(training); }
  static constexpr isize statistics(bool training) { return core{}.statistics(training); }
  static constexpr isize scratch() { return core{}.scratch(); }
  static constexpr double flops_per_token(isize time) { return core{}.flops_per_token(time); }
};

// The sizes come from a config that is known at run time; C says the kinds (kinds_of). Errors: a
// config of other kinds, or one that cannot be built: ctgpt::error.
template <config C, template <config> class Block>
  requires(is_dyn(C))
struct gpt<C, Block> : gpt_core<C, Block> {
  explicit gpt(const config& c) : gpt_core<C, Block>(c) {
    expects(kinds_of(c) == C, "this model's type runs other kinds of layers than the config's");
    const char* wrong = problem(c);
    expects(wrong == nullptr, "this config cannot be built: ", wrong == nullptr ? "" : wrong);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
