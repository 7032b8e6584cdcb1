// The files of an adapter: adapter_config.json and adapter_model.safetensors, as PEFT writes them.
//
// The names of the tensors are those of the adapter's layout (model/lora.hpp).
// Weights are f32 (f64 where the model computes in it). Of what PEFT can put there, plain LoRA of
// one rank is read: rank-stabilised too; no biases, whole modules, embeddings or DoRA.
// Errors: a field that is missing or asks for what is not read, a tensor that is missing, has
// another shape or no place in the model: one sentence each.
// Reference: PEFT 0.21, utils/save_and_load.py, tuners/lora/config.py.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "ctgpt/model/directory.hpp"
#include "ctgpt/model/lora_targets.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace detail {

inline constexpr const char* lora_config_file = "/adapter_config.json";
inline constexpr const char* lora_weights_file = "/adapter_model.safetensors";

inline std::vector<saved_tensor> lora_tensors(const model_layout& layout) {
  std::vector<saved_tensor> items;
  for (int i = 0; i < layout.count(); ++i) {
    items.push_back({layout.name(i), i, 0, layout.at(i).rows, layout.at(i).cols, false, false});
  }
  return items;
}

}  // namespace detail

// Into an existing directory. Returns the checksum of the weights.
[[gnu::cold]] inline std::uint64_t save_lora_files(const weight_arena& weights,
                                                   const lora_options& options,
                                                   const std::vector<lora_target>& targets,
                                                   const std::string& directory) {
  io::json modules = io::json::array();
  std::vector<std::string> names;
  for (const lora_target& each : targets) {
    std::string name = detail::name_in_block(each.module);
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    modules.push(name);
    names.push_back(std::move(name));
  }
  const bool whole = options.alpha == std::floor(options.alpha);
  io::json out = io::json::object();
  out.set("alpha_pattern", io::json::object()).set("auto_mapping", io::json());
  out.set("base_model_name_or_path", "../../base").set("bias", "none");
  // GPT-2's linear weights are saved as (in, out).
  out.set("fan_in_fan_out", !targets.empty() && targets.front().item.transposed);
  out.set("inference_mode", true).set("init_lora_weights", true);
  if (whole) {
    out.set("lora_alpha", static_cast<isize>(options.alpha));
  } else {
    out.set("lora_alpha", static_cast<double>(options.alpha));
  }
  out.set("lora_dropout", 0.0).set("modules_to_save", io::json()).set("peft_type", "LORA");
  out.set("r", options.rank).set("rank_pattern", io::json::object());
  out.set("target_modules", std::move(modules)).set("task_type", "CAUSAL_LM");
  out.set("use_dora", false).set("use_rslora", options.root_of_rank);
  write_file_atomic(directory + detail::lora_config_file,
                    io::write_json(out, {.pretty = true}) + "\n");
  return io::write_safetensors(
      directory + detail::lora_weights_file,
      detail::sources_of(weights, weights.truth(), detail::lora_tensors(weights.layout())),
      {{"format", "pt"}, io::with_checksum});
}

// The weights of an adapter of the same targets and rank. Returns the checksum that the file
// carries, "" for none.
[[gnu::cold]] inline std::string load_lora_files(weight_arena& weights,
                                                 const std::string& directory) {
  const std::string path = directory + detail::lora_weights_file;
  const io::safetensors file = io::safetensors::open(path);
  const std::vector<saved_tensor> items = detail::lora_tensors(weights.layout());
  for (const saved_tensor& item : items) detail::expect_tensor(file, path, item);
  for (const io::tensor_info& info : file.tensors()) {
    const bool known = std::any_of(items.begin(), items.end(), [&](const saved_tensor& item) {
      return item.name == info.name;
    });
    expects(known, path, ": the tensor ", io::quote_json(info.name),
            " has no place in this adapter");
  }
  file.verify();
  for (const saved_tensor& item : items) {
    const io::tensor_info& info = *file.find(item.name);
    const std::span<const std::byte> bytes = file.bytes(info);
    weights.write(item.slot, [&](isize i) { return detail::file_value(bytes, info.type, i); });
  }
  const std::string* sum = file.metadata(io::checksum_key);
  return sum != nullptr ? *sum : std::string();
}

// What the adapter in a directory is, for a model of this layout.
[[gnu::cold]] inline lora_options read_lora_options(const model_layout& layout,
                                                    const std::string& directory) {
  const std::string path = directory + detail::lora_config_file;
  const io::json text = io::read_json(path);
  const io::json_field file(text, path);
  if (file["peft_type"].string() != "LORA") file["peft_type"].wrong("\"LORA\"");
  const auto asks = [&](const char* key) {
    const io::json* value = text.find(key);
    return value != nullptr && !value->is_null() && *value != io::json(false) &&
           *value != io::json::object() && *value != io::json::array();
  };
  for (const char* key : {"use_dora", "modules_to_save", "rank_pattern", "alpha_pattern",
                          "trainable_token_indices", "lora_bias"}) {
    expects(!asks(key), path, ": ", key, " asks for more than plain LoRA, which is all that ctgpt ",
            "reads");
  }
  expects(file["bias"].string_or("none") == "none", path, ": only adapters with bias \"none\" are ",
          "read");
  lora_options options;
  options.rank = file["r"].integer(1, 4096);
  options.alpha = static_cast<float>(file["lora_alpha"].number());
  const io::json* root = text.find("use_rslora");
  options.root_of_rank = root != nullptr && *root == io::json(true);
  // What the weights are of counts, for target_modules may be a pattern.
  const io::safetensors weights = io::safetensors::open(directory + detail::lora_weights_file);
  options.targets.clear();
  for (const lora_target& each : lora_candidates(layout)) {
    if (weights.find("base_model.model." + each.module + ".lora_A.weight") == nullptr) continue;
    options.targets += (options.targets.empty() ? "" : ",") + each.module;
  }
  expects(!options.targets.empty(), directory, detail::lora_weights_file,
          " adapts no matrix that this model has");
  return options;
}

}  // namespace ctgpt::inline CTGPT_ABI
