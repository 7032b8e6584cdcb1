// A config.json that another program wrote: the fields of GPT2Config and LlamaConfig as a config.
//
// A field that is missing has the value that transformers gives it. What ctgpt cannot compute
// (another architecture, a scaled rope, biases of Llama's attention) is refused by name rather than
// computed in another way.
// Errors: one sentence with the file, the field and what it must be; config's own rules are said
// with the file's names of the fields.
// Reference: transformers, configuration_gpt2.py and configuration_llama.py (4.x, and 5.x, where
// rope_parameters holds what rope_theta and rope_scaling said).
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "ctgpt/core/config.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI {

// Equal models have equal forms: what is the usual choice is 0, what takes no part is the default.
constexpr config canonical(config c) {
  if (c.position != positions::rotary) c.rope_base = config{}.rope_base;
  if (c.kv_heads == c.heads) c.kv_heads = 0;
  if (c.heads > 0 && c.head_size * c.heads == c.width) c.head_size = 0;
  if (c.hidden == 4 * c.width) c.hidden = 0;
  return c;
}

namespace detail {

inline constexpr isize most_of_a_size = isize{1} << 24;

inline isize size_field(const io::json_field& file, const char* name, isize usual) {
  return file[name].integer_or(usual, 1, most_of_a_size);
}
// A switch that must stay as it usually is.
inline void expect_switch(const io::json_field& file, const char* name, bool usual,
                          const char* why) {
  const io::json_field field = file[name];
  if (field.boolean_or(usual) != usual) field.refuse(why);
}

// A field of config, and what the file calls it.
struct field_name {
  std::string_view here, there;
};
inline constexpr field_name gpt2_names[] = {{"vocab", "vocab_size"},
                                            {"context", "n_positions"},
                                            {"layers", "n_layer"},
                                            {"heads", "n_head"},
                                            {"width", "n_embd"},
                                            {"hidden", "n_inner"},
                                            {"norm_epsilon", "layer_norm_epsilon"}};
inline constexpr field_name llama_names[] = {
    {"vocab", "vocab_size"},         {"context", "max_position_embeddings"},
    {"layers", "num_hidden_layers"}, {"heads", "num_attention_heads"},
    {"width", "hidden_size"},        {"kv_heads", "num_key_value_heads"},
    {"head_size", "head_dim"},       {"hidden", "intermediate_size"},
    {"rope_base", "rope_theta"},     {"norm_epsilon", "rms_norm_eps"}};

inline config gpt2_config(const io::json_field& file) {
  config c;
  c.vocab = size_field(file, "vocab_size", 50257);
  c.context = size_field(file, "n_positions", 1024);
  c.width = size_field(file, "n_embd", 768);
  c.layers = size_field(file, "n_layer", 12);
  c.heads = size_field(file, "n_head", 12);
  c.hidden = size_field(file, "n_inner", 4 * c.width);
  c.norm_epsilon = static_cast<float>(file["layer_norm_epsilon"].number_or(1e-5));
  const io::json_field act = file["activation_function"];
  const std::string name = act.string_or("gelu_new");
  if (name == "gelu" || name == "gelu_python") {
    c.mlp = activation::gelu;
  } else if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_accurate" ||
             name == "gelu_pytorch_tanh" || name == "gelu_python_tanh") {
    c.mlp = activation::gelu_tanh;
  } else {
    act.wrong(
        "gelu, gelu_python, gelu_new, gelu_fast, gelu_accurate, gelu_pytorch_tanh or "
        "gelu_python_tanh");
  }
  expect_switch(file, "scale_attn_weights", true,
                "must be true: attention is scaled by 1/sqrt(head size)");
  expect_switch(file, "scale_attn_by_inverse_layer_idx", false,
                "must be false: no scaling by layer");
  expect_switch(file, "add_cross_attention", false, "must be false: there is no cross attention");
  c.tied = file["tie_word_embeddings"].boolean_or(true);
  return c;
}

// transformers takes rope_scaling, where it says anything, for the whole of rope_parameters; what
// neither says is asked of the config itself.
inline double llama_rope_base(const io::json_field& file) {
  const io::json_field scaling = file["rope_scaling"];
  const bool says = scaling.present() && !scaling.members().empty();
  const io::json_field rope = says ? scaling : file["rope_parameters"];
  const double base = file["rope_theta"].number_or(10000.0);
  if (!rope.present()) return base;
  for (const char* key : {"rope_type", "type"}) {
    const io::json_field kind = rope[key];
    if (kind.string_or("default") != "default") {
      kind.wrong("\"default\": scaled rotary positions are not supported");
    }
  }
  const io::json_field part = rope["partial_rotary_factor"];
  if (part.number_or(1.0) != 1.0) part.wrong("1: whole heads are rotated");
  return rope["rope_theta"].number_or(base);
}

inline config llama_config(const io::json_field& file) {
  config c;
  c.vocab = size_field(file, "vocab_size", 32000);
  c.context = size_field(file, "max_position_embeddings", 2048);
  c.width = size_field(file, "hidden_size", 4096);
  c.layers = size_field(file, "num_hidden_layers", 32);
  c.heads = size_field(file, "num_attention_heads", 32);
  c.kv_heads = size_field(file, "num_key_value_heads", c.heads);
  // Left at 0 where it is not given: then config's own rule speaks of a width without whole heads.
  if (const io::json_field head = file["head_dim"]; head.present()) {
    c.head_size = head.integer(1, most_of_a_size);
  }
  c.hidden = size_field(file, "intermediate_size", 11008);
  c.position = positions::rotary;
  c.norm = normalization::rms;
  c.mlp = activation::swiglu;
  c.bias = false;
  c.norm_epsilon = static_cast<float>(file["rms_norm_eps"].number_or(1e-6));
  const io::json_field act = file["hidden_act"];
  if (const std::string name = act.string_or("silu"); name != "silu" && name != "swish") {
    act.wrong("silu");
  }
  c.rope_base = static_cast<float>(llama_rope_base(file));
  expect_switch(file, "attention_bias", false,
                "must be false: Llama's attention has no biases here");
  expect_switch(file, "mlp_bias", false, "must be false: Llama's MLP has no biases here");
  c.tied = file["tie_word_embeddings"].boolean_or(false);
  return c;
}

}  // namespace detail

// Whether config.json is of an architecture that other programs share with ctgpt.
inline bool is_hugging_face(const io::json_field& file) {
  const std::string type = file["model_type"].string_or("");
  return type == "gpt2" || type == "llama";
}

// Requires: present fields only are trusted; sizes are within bounds, but not yet checked against
// each other (problem(config)).
inline config hugging_face_config(const io::json_field& file) {
  const io::json_field type = file["model_type"];
  const io::json_field quantized = file["quantization_config"];
  if (quantized.present()) quantized.refuse("must be left out: quantised weights cannot be read");
  const std::string name = type.string_or("");
  if (name == "gpt2") return canonical(detail::gpt2_config(file));
  if (name == "llama") return canonical(detail::llama_config(file));
  type.wrong("gpt2 or llama (or a directory that ctgpt wrote)");
}

// A rule that config breaks (problem(config)) with the names that a reader of the file knows:
// "n_embd (width) must be between ...".
inline std::string hugging_face_rule(const io::json_field& file, std::string_view rule) {
  const bool gpt2 = file["model_type"].string_or("") == "gpt2";
  if (gpt2) rule = rule.substr(0, rule.find(", or head_size"));  // which GPT-2's file cannot give
  std::span<const detail::field_name> names = detail::llama_names;
  if (gpt2) names = detail::gpt2_names;
  const auto in_a_name = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  std::string text;
  while (!rule.empty()) {
    const auto end = std::find_if_not(rule.begin(), rule.end(), in_a_name);
    const auto size = std::max(static_cast<std::size_t>(end - rule.begin()), std::size_t{1});
    const std::string_view word = rule.substr(0, size);
    const auto name = std::find_if(names.begin(), names.end(),
                                   [&](const auto& each) { return each.here == word; });
    if (name != names.end()) text.append(name->there).append(" (");
    text.append(word).append(name != names.end() ? ")" : "");
    rule.remove_prefix(size);
  }
  return text;
}

}  // namespace ctgpt::inline CTGPT_ABI
