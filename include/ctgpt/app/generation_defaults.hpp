// generation_defaults: how a model wants its tokens to be drawn, from its generation_config.json.
//
// What the file does not say, or where there is none, is ours.
// Errors: a file whose values are out of range: one sentence. required_model: usage_error.
#pragma once

#include <optional>
#include <string>

#include "ctgpt/base/file.hpp"
#include "ctgpt/infer/generate.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// What a directory's generation_config.json asks for, else our defaults.
inline generation generation_defaults(const std::string& directory) {
  generation g;
  const std::string path = directory + "/generation_config.json";
  if (!is_file(path)) return g;
  const io::json text = io::read_json(path);
  const io::json_field file(text, path);
  g.tokens = file["max_new_tokens"].integer_or(g.tokens, 1, 1'000'000'000);
  g.temperature = static_cast<float>(file["temperature"].number_or(0.8));
  g.top_k = static_cast<int>(file["top_k"].integer_or(200, 0, 1 << 24));
  g.top_p = static_cast<float>(file["top_p"].number_or(1.0));
  g.min_p = static_cast<float>(file["min_p"].number_or(0.0));
  g.repetition_penalty = static_cast<float>(file["repetition_penalty"].number_or(1.0));
  if (!file["do_sample"].boolean_or(true)) g.temperature = 0.0f;
  if (const std::string wrong = g.validate(); !wrong.empty()) fail(path, ": ", wrong);
  return g;
}

inline std::string required_model(const std::optional<std::string>& model) {
  if (!model) throw usage_error("say which model by --model DIR");
  return *model;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
