// describe: the verb that prints what a model is and needs, as a table or as JSON.
//
// JSON: parameters, parameter_bytes, training_bytes, flops_per_token (forward and backward, as
// 6 weights + 6 L (H D) T), and the configuration. With --model the vocabulary is the saved one.
// Errors: usage_error for unknown presets; those of opening a directory.
#pragma once

#include <optional>
#include <string>

#include "ctgpt/app/model_path.hpp"
#include "ctgpt/app/print.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/model/config_json.hpp"
#include "ctgpt/model/describe.hpp"
#include "ctgpt/model/presets.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline io::json facts_to_json(const preset& chosen, const model_facts& facts, family kind) {
  io::json out = io::json::object();
  out.set("name", chosen.name).set("parameters", facts.parameters);
  out.set("parameter_bytes", facts.parameter_bytes);
  out.set("training_bytes", static_cast<std::int64_t>(facts.training_bytes));
  out.set("flops_per_token", static_cast<std::int64_t>(facts.flops_per_token));
  out.set("batch", facts.batch).set("context", facts.time);
  out.set("config", *config_to_json(chosen.model, kind, facts.vocab).find("ctgpt"));
  return out;
}

template <int Index>
int describe_preset(const describe_flags& given, isize vocab) {
  constexpr const preset& chosen = presets::all[Index];
  struct model : gpt<chosen.model> {};
  const isize time = given.context.value_or(chosen.model.context);
  if (time > chosen.model.context) {
    throw usage_error(
        join("--context ", time, " is longer than the model's context of ", chosen.model.context));
  }
  const model_facts facts =
      facts_of<model>(given.batch.value_or(chosen.training.batch), time, vocab, f32_precision);
  if (given.json) {
    put(io::write_json(facts_to_json(chosen, facts, family_of_model<model>())) + "\n");
  } else {
    put(join(chosen.name, ": ", chosen.summary, "\n\n", describe<model>(facts)));
  }
  return 0;
}

template <int Index = 0>
int describe_matching(const describe_flags& given, const config* wanted, isize vocab) {
  if constexpr (Index == presets::count) {
    if (wanted != nullptr) fail("this model's size is none of the presets of this program");
    throw usage_error(join("there is no preset \"", *given.preset, "\"; choose one of ", [] {
      std::string names;
      for (const preset& each : presets::all) {
        names += (names.empty() ? "" : ", ") + std::string(each.name);
      }
      return names;
    }()));
  } else {
    constexpr const preset& here = presets::all[Index];
    const bool matches = wanted != nullptr ? *wanted == here.model : *given.preset == here.name;
    if (matches) return describe_preset<Index>(given, vocab != 0 ? vocab : here.model.vocab);
    return describe_matching<Index + 1>(given, wanted, vocab);
  }
}

int describe_command(const describe_flags& given) {
  if (given.preset && given.model) throw usage_error("give --preset or --model, not both");
  if (given.model) {
    const std::string directory = resolve_model(*given.model);
    const config found = read_config(directory);
    const isize vocab = read_vocab(directory);
    expects(vocab <= found.vocab, directory, "/config.json: vocab_size is ", vocab,
            ", but the model has room for ", found.vocab);
    return describe_matching(given, &found, vocab);
  }
  if (given.preset) return describe_matching(given, nullptr, 0);
  if (given.json) throw usage_error("say what to describe by --preset NAME or --model DIR");
  std::string list = "The presets:\n";
  for (const preset& each : presets::all) {
    list += join("  ", each.name, std::string(22 - each.name.size(), ' '), each.summary, "\n");
  }
  put(list + "ctgpt describe --preset NAME says what one is and needs.\n");
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
