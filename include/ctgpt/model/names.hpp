// The names that a model's tensors have in a saved file.
//
// GPT-2-type and Llama-type models are written under the names, shapes and orientations of Hugging
// Face's GPT2LMHeadModel and LlamaForCausalLM; every other model under ctgpt's own names, which are
// the slots' paths ("block.3.attention.heads.qkv.weight").
// Shapes: GPT-2 stores its linear weights transposed, (in, out). Llama splits qkv into q, k, v and the
// gated MLP's first matrix into gate and up. Vocabulary rows beyond the tokenizer's are not saved.
// Where a GPT-2-type model has no biases, zeros are written in their place (slot == -1), so that other
// programs find what they expect.
// Reference: transformers, modeling_gpt2.py and modeling_llama.py.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/model/gpt.hpp"

namespace ctgpt::inline CTGPT_ABI {

enum class family : unsigned char { gpt2, llama, own };

constexpr family family_of(const config& c) {
  const bool plain = c.window == 0 && c.softcap == 0.0f && !c.qk_norm && c.gain;
  const bool square = c.head_size == 0 || c.head_size * c.heads == c.width;
  if (plain && square && c.position == positions::learned && c.norm == normalization::layer &&
      (c.mlp == activation::gelu || c.mlp == activation::gelu_tanh) &&
      kv_heads_of(c) == c.heads) {
    return family::gpt2;
  }
  if (plain && c.position == positions::rotary && c.norm == normalization::rms &&
      c.mlp == activation::swiglu && !c.bias) {
    return family::llama;
  }
  return family::own;
}

// A part of a slot as one tensor of a file.
struct saved_tensor {
  std::string name;
  int slot = -1;                  // -1: zeros that the model does not have
  isize first_row = 0, rows = 0;  // of the slot
  isize cols = 0;
  bool vector = false;
  bool transposed = false;  // the file holds (cols, rows)

  isize size() const { return rows * cols; }
  std::vector<isize> shape() const {
    if (vector) return {cols};
    return transposed ? std::vector<isize>{cols, rows} : std::vector<isize>{rows, cols};
  }
};

// "block.3.attention.heads.qkv.weight"
template <class Model>
std::string slot_text(int index) {
  const slot item = Model::slot_at(index);
  std::string text;
  for (int i = 0; i < item.path.depth; ++i) {
    if (i > 0) text += '.';
    text += part_name(item.path[i]);
    if (i == 0 && item.path[i] == part::block) {
      text += '.';
      text += std::to_string((index - Model::body_slot) / Model::block::slot_count);
    }
  }
  return text;
}

// Rows of a slot that are saved: all, or the part of the vocabulary in use.
template <class Model>
isize saved_rows(int index, isize vocab) {
  const bool vocabulary = index == 0 || (!Model::settings.tied && index == Model::head_slot);
  return vocabulary ? vocab : Model::slot_at(index).rows;
}

namespace detail {

inline std::string gpt2_name(const slot& item, const std::string& block) {
  const part_path& path = item.path;
  if (path.has(part::token_embedding)) return "transformer.wte.weight";
  if (path.has(part::position_embedding)) return "transformer.wpe.weight";
  if (path.has(part::head)) return "lm_head.weight";
  const std::string kind = path.ends_with(part::bias) ? ".bias" : ".weight";
  if (path.has(part::final_norm)) return "transformer.ln_f" + kind;
  const std::string prefix = "transformer.h." + block;
  if (path.has(part::normalize)) {
    return prefix + (path.has(part::attention) ? ".ln_1" : ".ln_2") + kind;
  }
  if (path.has(part::qkv)) return prefix + ".attn.c_attn" + kind;
  if (path.has(part::projection)) return prefix + ".attn.c_proj" + kind;
  return prefix + (path.has(part::up) ? ".mlp.c_fc" : ".mlp.c_proj") + kind;
}

inline std::string llama_name(const slot& item, const std::string& block) {
  const part_path& path = item.path;
  if (path.has(part::token_embedding)) return "model.embed_tokens.weight";
  if (path.has(part::head)) return "lm_head.weight";
  if (path.has(part::final_norm)) return "model.norm.weight";
  const std::string prefix = "model.layers." + block;
  if (path.has(part::normalize)) {
    return prefix + (path.has(part::attention) ? ".input_layernorm" : ".post_attention_layernorm") +
           ".weight";
  }
  if (path.has(part::projection)) return prefix + ".self_attn.o_proj.weight";
  return prefix + ".mlp.down_proj.weight";
}

}  // namespace detail

template <class Model>
constexpr family family_of_model() {
  constexpr bool standard = std::is_same_v<typename Model::block, transformer_block<Model::settings>>;
  return standard ? family_of(Model::settings) : family::own;
}

// Every tensor of the file, with `vocab` rows of vocabulary.
template <class Model>
std::vector<saved_tensor> saved_tensors(isize vocab) {
  constexpr config c = Model::settings;
  constexpr family kind = family_of_model<Model>();
  std::vector<saved_tensor> all;
  for (int i = 0; i < Model::slot_count; ++i) {
    const slot item = Model::slot_at(i);
    const isize rows = saved_rows<Model>(i, vocab);
    const std::string block =
        i >= Model::body_slot && i < Model::norm_slot
            ? std::to_string((i - Model::body_slot) / Model::block::slot_count)
            : std::string();
    saved_tensor whole{slot_text<Model>(i), i, 0, rows, item.cols, item.vector, false};
    if (kind == family::gpt2) {
      whole.name = detail::gpt2_name(item, block);
      const bool inner = !item.vector && !block.empty();
      whole.transposed = inner;
      all.push_back(whole);
      // The bias that the model lacks comes right after its weight or gain.
      const bool takes_bias = inner || item.path.ends_with(part::gain);
      if (!c.bias && takes_bias) {
        std::string name = whole.name;
        name.replace(name.rfind(".weight"), 7, ".bias");
        all.push_back({name, -1, 0, 1, inner ? item.rows : item.cols, true, false});
      }
    } else if (kind == family::llama && item.path.has(part::qkv)) {
      const isize head = head_size_of(c), queries = c.heads * head, keys = kv_heads_of(c) * head;
      const std::string prefix = "model.layers." + block + ".self_attn.";
      all.push_back({prefix + "q_proj.weight", i, 0, queries, item.cols, false, false});
      all.push_back({prefix + "k_proj.weight", i, queries, keys, item.cols, false, false});
      all.push_back({prefix + "v_proj.weight", i, queries + keys, keys, item.cols, false, false});
    } else if (kind == family::llama && item.path.has(part::up)) {
      const isize hidden = hidden_of(c);
      const std::string prefix = "model.layers." + block + ".mlp.";
      all.push_back({prefix + "gate_proj.weight", i, 0, hidden, item.cols, false, false});
      all.push_back({prefix + "up_proj.weight", i, hidden, hidden, item.cols, false, false});
    } else {
      if (kind == family::llama) whole.name = detail::llama_name(item, block);
      all.push_back(whole);
    }
  }
  return all;
}

}  // namespace ctgpt::inline CTGPT_ABI
