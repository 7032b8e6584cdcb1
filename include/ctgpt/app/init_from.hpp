// init_from: the model that `ctgpt train --init-from DIR` starts from.
//
// Its config, at another context where --context asks for one. --preset beside it says once more
// what the model is, and is compared.
// Errors: no such directory, with advice on the values of nanoGPT's option of that name; a context
// that the model cannot have, a preset of another size: usage_error.
#pragma once

#include <filesystem>
#include <string>

#include "ctgpt/app/foreign_names.hpp"
#include "ctgpt/app/model_path.hpp"
#include "ctgpt/app/models.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/model/directory.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// So that a run goes on from any working directory.
inline std::string absolute_path(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

// The directory of the model that --init-from names.
inline std::string initial_directory(const std::string& name) {
  const std::string path = absolute_path(name);
  for (const auto& [theirs, advice] : foreign_starts) {
    const bool meant = name == theirs || (theirs == "gpt2" && name.starts_with(theirs));
    expects(!meant || is_directory(path), "there is no directory ", path, "; ", advice);
  }
  return resolve_model(path);
}

// The context may differ, and the vocabulary of a preset is an upper bound.
inline void check_same_size(const preset& chosen, const config& model, const std::string& name) {
  config ours = canonical(chosen.model);
  ours.context = model.context;
  if (model.vocab <= ours.vocab) ours.vocab = model.vocab;
  if (ours == canonical(model)) return;
  const auto fields_of = [](const config& c) {
    return *config_to_json(c, family::own, c.vocab).find("ctgpt");
  };
  const auto resolved = [](config c) {
    c.kv_heads = kv_heads_of(c);
    c.head_size = head_size_of(c);
    c.hidden = hidden_of(c);
    return c;
  };
  const io::json a = fields_of(ours), b = fields_of(canonical(model));
  const io::json shown_a = fields_of(resolved(ours)), shown_b = fields_of(resolved(model));
  std::string of_preset, of_model;
  for (const io::json_member& field : a.get_if<io::json_object>()->members()) {
    if (field.value == *b.find(field.key)) continue;
    const std::string comma = of_preset.empty() ? "" : ", ";
    of_preset += comma + field.key + " " + io::write_json(*shown_a.find(field.key));
    of_model += comma + field.key + " " + io::write_json(*shown_b.find(field.key));
  }
  throw usage_error(join("--preset ", chosen.name, " (", of_preset, ") is not the model of ",
                         "--init-from ", name, " (", of_model, "); leave --preset out"));
}

// Learned positions can be cut, not grown.
inline config initial_model(const std::string& directory, const train_flags& given) {
  config c = open_directory(directory).settings;
  const isize wanted = given.context.value_or(c.context);
  if (wanted > c.context && c.position == positions::learned) {
    throw usage_error(join("--context ", wanted, " is longer than the ", c.context,
                           " learned positions of ", directory, ", which can only be cut"));
  }
  c.context = wanted;
  return c;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
