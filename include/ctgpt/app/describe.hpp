// describe: the verb that prints what a model is and needs, as a table or as JSON.
//
// JSON: parameters, parameter_bytes, training_bytes, flops_per_token (forward and backward, as
// 6 weights + 6 L (H D) T), and the configuration. With --model the vocabulary is the saved one.
// Errors: usage_error for unknown presets; those of opening a directory.
#pragma once

#include <optional>
#include <string>

#include "ctgpt/app/model_path.hpp"
#include "ctgpt/app/models.hpp"
#include "ctgpt/app/print.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/model/describe.hpp"
#include "ctgpt/model/directory.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline io::json facts_to_json(std::string_view name, const model_layout& layout,
                              const model_facts& facts) {
  io::json out = io::json::object();
  out.set("name", name).set("parameters", facts.parameters);
  out.set("parameter_bytes", facts.parameter_bytes);
  out.set("training_bytes", static_cast<std::int64_t>(facts.training_bytes));
  out.set("flops_per_token", static_cast<std::int64_t>(facts.flops_per_token));
  out.set("batch", facts.batch).set("context", facts.time);
  out.set("config", *config_to_json(layout.settings, layout.kind, facts.vocab).find("ctgpt"));
  return out;
}

// chosen: the preset of that size, or nullptr. Sizes are run-time values: nothing is computed.
inline int describe_config(const describe_flags& given, const config& c, isize vocab,
                           const preset* chosen) {
  const isize time = given.context.value_or(c.context);
  if (time > c.context) {
    throw usage_error(
        join("--context ", time, " is longer than the model's context of ", c.context));
  }
  const isize batch = given.batch.value_or(chosen != nullptr ? chosen->training.batch : 1);
  const std::string_view name = chosen != nullptr ? chosen->name : "no preset";
  visit_model(c, [&](const auto& model) {
    const model_layout layout = make_layout(model);
    const model_facts facts = facts_of(model, batch, time, vocab, f32_precision);
    if (given.json) {
      put(io::write_json(facts_to_json(name, layout, facts)) + "\n");
    } else {
      put(join(name, chosen != nullptr ? join(": ", chosen->summary) : "", "\n\n",
               ctgpt::describe(layout, facts)));
    }
  });
  return 0;
}

int describe_command(const describe_flags& given) {
  if (given.preset && given.model) throw usage_error("give --preset or --model, not both");
  if (given.model) {
    const saved_model found = open_directory(resolve_model(*given.model));
    return describe_config(given, found.settings, found.vocab, preset_of(found.settings));
  }
  if (given.preset) {
    const preset* chosen = find_preset(*given.preset);
    if (chosen == nullptr) fail_unknown_preset(*given.preset);
    return describe_config(given, chosen->model, chosen->model.vocab, chosen);
  }
  if (given.json) throw usage_error("say what to describe by --preset NAME or --model DIR");
  put(preset_table() + "ctgpt describe --preset NAME says what one is and needs.\n");
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
