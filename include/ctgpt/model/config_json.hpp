// config.json of a saved model: Hugging Face's fields for the two families that other programs
// know, and an object "ctgpt" with every field of config, from which it is read back exactly.
//
// Errors: a missing or wrong field gives one sentence with its path; sizes are checked by config's
// own rules before anything is allocated.
// Reference: transformers, configuration_gpt2.py and configuration_llama.py.
#pragma once

#include <charconv>
#include <string>

#include "ctgpt/io/json.hpp"
#include "ctgpt/model/hugging_face.hpp"
#include "ctgpt/model/names.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace detail {

template <class Enum>
Enum parse_enum(const io::json_field& field, const char* (*name)(Enum), int count) {
  const std::string& text = field.string();
  std::string choices;
  for (int i = 0; i < count; ++i) {
    if (text == name(static_cast<Enum>(i))) return static_cast<Enum>(i);
    choices += std::string(i > 0 ? ", " : "") + name(static_cast<Enum>(i));
  }
  field.wrong("one of " + choices);
}

// The double whose shortest text is that of the float: 1e-05, not 9.999999747378752e-06.
inline double shortest(float value) {
  char text[32];
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  double result = 0.0;
  std::from_chars(text, end, result);
  return result;
}

inline const char* positions_text(positions kind) { return positions_name(kind); }
inline const char* normalization_text(normalization kind) { return normalization_name(kind); }
inline const char* activation_text(activation kind) { return activation_name(kind); }

}  // namespace detail

// vocab: the rows that are saved.
inline io::json config_to_json(const config& c, family kind, isize vocab) {
  io::json own = io::json::object();
  own.set("vocab", c.vocab).set("context", c.context).set("layers", c.layers).set("heads", c.heads);
  own.set("width", c.width).set("kv_heads", c.kv_heads).set("head_size", c.head_size);
  own.set("hidden", c.hidden).set("window", c.window).set("full_every", c.full_every);
  own.set("position", positions_name(c.position)).set("norm", normalization_name(c.norm));
  own.set("mlp", activation_name(c.mlp)).set("bias", c.bias).set("gain", c.gain);
  own.set("tied", c.tied).set("qk_norm", c.qk_norm).set("rope_base", detail::shortest(c.rope_base));
  own.set("softcap", detail::shortest(c.softcap))
      .set("norm_epsilon", detail::shortest(c.norm_epsilon));

  io::json out = io::json::object();
  io::json architectures = io::json::array();
  if (kind == family::gpt2) {
    architectures.push("GPT2LMHeadModel");
    out.set("architectures", architectures).set("model_type", "gpt2");
    out.set("n_positions", c.context).set("n_ctx", c.context).set("n_embd", c.width);
    out.set("n_layer", c.layers).set("n_head", c.heads).set("n_inner", hidden_of(c));
    out.set("activation_function", c.mlp == activation::gelu ? "gelu" : "gelu_new");
    out.set("layer_norm_epsilon", detail::shortest(c.norm_epsilon));
    out.set("resid_pdrop", 0.0).set("embd_pdrop", 0.0).set("attn_pdrop", 0.0);
  } else if (kind == family::llama) {
    architectures.push("LlamaForCausalLM");
    out.set("architectures", architectures).set("model_type", "llama");
    out.set("max_position_embeddings", c.context).set("hidden_size", c.width);
    out.set("num_hidden_layers", c.layers).set("num_attention_heads", c.heads);
    out.set("num_key_value_heads", kv_heads_of(c)).set("head_dim", head_size_of(c));
    out.set("intermediate_size", hidden_of(c)).set("hidden_act", "silu");
    out.set("rms_norm_eps", detail::shortest(c.norm_epsilon))
        .set("rope_theta", detail::shortest(c.rope_base));
    out.set("attention_bias", false).set("mlp_bias", false);
  } else {
    architectures.push("CtgptModel");
    out.set("architectures", architectures).set("model_type", "ctgpt");
  }
  out.set("vocab_size", vocab).set("tie_word_embeddings", c.tied);
  out.set("bos_token_id", io::json()).set("eos_token_id", io::json());
  out.set("torch_dtype", "float32").set("ctgpt", own);
  return out;
}

namespace detail {

// What the object "ctgpt" says.
inline config own_config(const io::json_field& own, const std::string& name) {
  constexpr isize most = most_of_a_size;
  config c;
  c.vocab = own["vocab"].integer(1, most);
  c.context = own["context"].integer(1, most);
  c.layers = own["layers"].integer(1, most);
  c.heads = own["heads"].integer(1, most);
  c.width = own["width"].integer(1, most);
  c.kv_heads = own["kv_heads"].integer_or(0, 0, most);
  c.head_size = own["head_size"].integer_or(0, 0, most);
  c.hidden = own["hidden"].integer_or(0, 0, most);
  c.window = own["window"].integer_or(0, 0, most);
  c.full_every = own["full_every"].integer_or(0, 0, most);
  c.position = parse_enum<positions>(own["position"], positions_text, 5);
  c.norm = parse_enum<normalization>(own["norm"], normalization_text, 2);
  c.mlp = parse_enum<activation>(own["mlp"], activation_text, 5);
  c.bias = own["bias"].boolean();
  c.gain = own["gain"].boolean_or(true);
  c.tied = own["tied"].boolean();
  c.qk_norm = own["qk_norm"].boolean_or(false);
  c.rope_base = static_cast<float>(own["rope_base"].number_or(10000.0));
  c.softcap = static_cast<float>(own["softcap"].number_or(0.0));
  c.norm_epsilon = static_cast<float>(own["norm_epsilon"].number_or(1e-5));
  const char* wrong = problem(c);
  expects(wrong == nullptr, name, ": ctgpt.", wrong == nullptr ? "" : wrong);
  return c;
}

// The fields that other programs read are the truth where there are some: another program may have
// saved the directory again, and changed them. Ours add what they cannot say: rows of a vocabulary
// beyond the tokenizer's, and that a GPT-2-type model has no biases.
inline config merged_config(const config& theirs, const config& ours) {
  config c = theirs;
  config same = canonical(ours);
  c.bias = same.bias;
  same.vocab = c.vocab;
  if (c.vocab <= ours.vocab && c == same) c.vocab = ours.vocab;
  return c;
}

}  // namespace detail

// The configuration that config.json describes.
inline config config_from_json(const io::json& text, const std::string& name) {
  const io::json_field file(text, name);
  const io::json_field own = file["ctgpt"];
  config c;
  if (is_hugging_face(file)) {
    c = hugging_face_config(file);
    if (own.present()) c = detail::merged_config(c, detail::own_config(own, name));
  } else if (own.present()) {
    c = detail::own_config(own, name);
  } else {
    c = hugging_face_config(file);  // which says what is wrong
  }
  if (const char* wrong = problem(c)) fail(name, ": ", hugging_face_rule(file, wrong));
  return c;
}

// config.json of a directory.
inline config read_config(const std::string& directory) {
  const std::string path = directory + "/config.json";
  return config_from_json(io::read_json(path), path);
}

// Rows of the vocabulary that the files hold.
inline isize vocab_from_json(const io::json& text, const std::string& name) {
  const io::json_field file(text, name);
  if (is_hugging_face(file)) return hugging_face_config(file).vocab;
  return file["vocab_size"].integer(1, detail::most_of_a_size);
}
inline isize read_vocab(const std::string& directory) {
  const std::string path = directory + "/config.json";
  return vocab_from_json(io::read_json(path), path);
}

}  // namespace ctgpt::inline CTGPT_ABI
