// config: the description of a GPT, usable as a template argument.
//
//   constexpr ctgpt::config tiny{
//       .vocab = 256, .context = 128, .layers = 4, .heads = 4, .width = 128};
//   struct model : ctgpt::gpt<tiny> {};
//
// A size that is 0 stands for the usual choice; the functions below give the resolved value.
// Errors: a configuration that cannot be built stops the compilation with one sentence for each
// field that is wrong (checked<C>); problem(c) gives the first of them at run time.
#pragma once

#include <array>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/kinds.hpp"

namespace ctgpt::inline CTGPT_ABI {

enum class positions : unsigned char { none, learned, sinusoidal, rotary, alibi };

constexpr const char* positions_name(positions kind) {
  constexpr const char* names[] = {"none", "learned", "sinusoidal", "rotary", "alibi"};
  return names[static_cast<int>(kind)];
}

struct config {
  isize vocab = 256;    // rows of the embedding: an upper bound of the tokenizer's size
  isize context = 128;  // longest sequence the model sees
  isize layers = 4;
  isize heads = 4;
  isize width = 128;
  isize kv_heads = 0;    // heads of keys and values; 0: as many as heads; 1: multi-query attention
  isize head_size = 0;   // 0: width / heads
  isize hidden = 0;      // width of the MLP; 0: 4 * width
  isize window = 0;      // sliding window of attention; 0: all earlier tokens
  isize full_every = 0;  // with a window: every full_every-th layer still sees everything; 0: none
  positions position = positions::learned;
  normalization norm = normalization::layer;
  activation mlp = activation::gelu;
  bool bias = true;      // of linear layers and of LayerNorm
  bool gain = true;      // of the norms
  bool tied = true;      // the head is the embedding
  bool qk_norm = false;  // RMS norm of queries and keys, without gain
  float rope_base = 10000.0f;
  float softcap = 0.0f;  // of logits; 0: none
  float norm_epsilon = 1e-5f;

  friend constexpr bool operator==(const config&, const config&) = default;
};

constexpr isize kv_heads_of(const config& c) { return c.kv_heads != 0 ? c.kv_heads : c.heads; }
constexpr isize head_size_of(const config& c) {
  return c.head_size != 0 ? c.head_size : c.width / (c.heads > 0 ? c.heads : 1);
}
constexpr isize hidden_of(const config& c) { return c.hidden != 0 ? c.hidden : 4 * c.width; }

// The window of layer `index`; 0: everything before.
constexpr isize window_of(const config& c, isize index) {
  const bool full = c.full_every > 0 && index % c.full_every == c.full_every - 1;
  return full ? 0 : c.window;
}

// clang-format off
#define CTGPT_CONFIG_RULES(rule) /* rule(name, condition, sentence) */                             \
  rule(vocab, c.vocab >= 1 && c.vocab <= (isize{1} << 24),                                         \
       "vocab must be between 1 and 16,777,216")                                                   \
  rule(context, c.context >= 1 && c.context <= (isize{1} << 20),                                   \
       "context must be between 1 and 1,048,576")                                                  \
  rule(layers, c.layers >= 1 && c.layers <= 4096, "layers must be between 1 and 4,096")            \
  rule(heads, c.heads >= 1 && c.heads <= 4096, "heads must be between 1 and 4,096")                \
  rule(width, c.width >= 1 && c.width <= (isize{1} << 20),                                         \
       "width must be between 1 and 1,048,576")                                                    \
  rule(head_size, c.head_size >= 0 && c.head_size <= 1024,                                         \
       "head_size must be between 0 and 1,024")                                                    \
  rule(division, c.head_size != 0 || (c.heads > 0 && c.width % c.heads == 0),                      \
       "width must be a multiple of heads, or head_size be given")                                 \
  rule(kv_heads, c.kv_heads >= 0 && c.kv_heads <= c.heads &&                                       \
                     (c.kv_heads == 0 || c.heads % c.kv_heads == 0),                               \
       "kv_heads must divide heads")                                                               \
  rule(hidden, c.hidden >= 0 && c.hidden <= (isize{1} << 22),                                      \
       "hidden must be between 0 and 4,194,304")                                                   \
  rule(window, c.window >= 0, "window must not be negative")                                       \
  rule(full_every, c.full_every >= 0 && (c.full_every == 0 || c.window > 0),                       \
       "full_every needs a window")                                                                \
  rule(rotary, c.position != positions::rotary || head_size_of(c) % 2 == 0,                        \
       "rotary positions need an even head size")                                                  \
  rule(mlp, c.mlp != activation::none, "mlp must name an activation")                              \
  rule(rope_base, c.rope_base > 1.0f && c.rope_base <= 1e30f,                                      \
       "rope_base must be above 1 and at most 1e30")                                               \
  rule(softcap, c.softcap >= 0.0f && c.softcap <= 1e30f, "softcap must be from 0 (none) to 1e30")  \
  rule(norm_epsilon, c.norm_epsilon > 0.0f && c.norm_epsilon < 1.0f,                               \
       "norm_epsilon must be between 0 and 1")
// clang-format on

// The first rule that c breaks, or nullptr.
constexpr const char* problem(const config& c) {
#define CTGPT_RULE(name, condition, sentence) \
  if (!(condition)) return sentence;
  CTGPT_CONFIG_RULES(CTGPT_RULE)
#undef CTGPT_RULE
  return nullptr;
}

// A type for each rule: a compiler stops at the first broken one of a type.
namespace config_rules {
#define CTGPT_RULE(name, condition, sentence)             \
  template <config C>                                     \
  struct name##_rule {                                    \
    static constexpr config c = C;                        \
    static_assert(condition, "ctgpt::config: " sentence); \
  };
CTGPT_CONFIG_RULES(CTGPT_RULE)
#undef CTGPT_RULE
struct end {};
}  // namespace config_rules

// C, or a compile error with a sentence for every wrong field.
#define CTGPT_RULE(name, condition, sentence) config_rules::name##_rule<C>,
template <config C>
struct checked : CTGPT_CONFIG_RULES(CTGPT_RULE) config_rules::end {
  static constexpr config value = C;
};
#undef CTGPT_RULE
#undef CTGPT_CONFIG_RULES

}  // namespace ctgpt::inline CTGPT_ABI
