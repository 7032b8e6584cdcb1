// The names that a model's tensors have in a saved file.
//
// GPT-2-type and Llama-type models are written under the names, shapes and orientations of Hugging
// Face's GPT2LMHeadModel and LlamaForCausalLM; every other model under ctgpt's own names, which are
// the slots' paths ("block.3.attention.heads.qkv.weight").
// Where a GPT-2-type model has no biases, zeros are written in their place (slot == -1), so that
// other programs find what they expect.
// Shapes: GPT-2 stores its linear weights transposed, (in, out). Llama splits qkv into q, k, v and
// the gated MLP's first matrix into gate and up. Vocabulary rows beyond the tokenizer's are not
// saved.
// Errors: none.
// Reference: transformers, modeling_gpt2.py and modeling_llama.py.
#pragma once

#include <string>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/model/layout.hpp"

namespace ctgpt::inline CTGPT_ABI {

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

// Every tensor of the file, with `vocab` rows of vocabulary.
inline std::vector<saved_tensor> saved_tensors(const model_layout& layout, isize vocab) {
  const config& c = layout.settings;
  std::vector<saved_tensor> all;
  for (int i = 0; i < layout.count(); ++i) {
    const slot& item = layout.at(i);
    const isize rows = layout.used_rows(i, vocab);
    const std::string block =
        layout.block_of(i) >= 0 ? std::to_string(layout.block_of(i)) : std::string();
    saved_tensor whole{layout.name(i), i, 0, rows, item.cols, item.vector, false};
    if (layout.kind == family::gpt2) {
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
    } else if (layout.kind == family::llama && item.path.has(part::qkv)) {
      const isize head = head_size_of(c), queries = c.heads * head, keys = kv_heads_of(c) * head;
      const std::string prefix = "model.layers." + block + ".self_attn.";
      all.push_back({prefix + "q_proj.weight", i, 0, queries, item.cols, false, false});
      all.push_back({prefix + "k_proj.weight", i, queries, keys, item.cols, false, false});
      all.push_back({prefix + "v_proj.weight", i, queries + keys, keys, item.cols, false, false});
    } else if (layout.kind == family::llama && item.path.has(part::up)) {
      const isize hidden = hidden_of(c);
      const std::string prefix = "model.layers." + block + ".mlp.";
      all.push_back({prefix + "gate_proj.weight", i, 0, hidden, item.cols, false, false});
      all.push_back({prefix + "up_proj.weight", i, hidden, hidden, item.cols, false, false});
    } else {
      if (layout.kind == family::llama) whole.name = detail::llama_name(item, block);
      all.push_back(whole);
    }
  }
  return all;
}
template <class Model>
std::vector<saved_tensor> saved_tensors(isize vocab) {
  return saved_tensors(layout_of<Model>(), vocab);
}

}  // namespace ctgpt::inline CTGPT_ABI
