// sample: the verb that continues a text.
//
// sample writes the prompt, its continuation and one newline to standard output (with --json one
// object a sample, with `text`); everything else goes to standard error.
// Defaults come from the model's generation_config.json; flags override them.
// Errors: usage_error for flags; a prompt that the tokenizer cannot encode, before anything is
// written.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/app/engine.hpp"
#include "ctgpt/app/generation_defaults.hpp"
#include "ctgpt/app/machine.hpp"
#include "ctgpt/app/print.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline generation generation_options(const sample_flags& given, const std::string& directory) {
  generation g = generation_defaults(directory);
  g.tokens = given.tokens.value_or(g.tokens);
  g.temperature = given.temperature.value_or(g.temperature);
  g.top_k = given.top_k.value_or(g.top_k);
  g.top_p = given.top_p.value_or(g.top_p);
  g.min_p = given.min_p.value_or(g.min_p);
  g.repetition_penalty = given.repetition_penalty.value_or(g.repetition_penalty);
  g.seed = given.seed.value_or(g.seed);
  g.stop = given.stop;
  if (const std::string wrong = g.validate(); !wrong.empty()) throw usage_error(wrong);
  return g;
}

// "" when none is given.
inline std::string prompt_of(const sample_flags& given) {
  if (given.prompt && given.prompt_file) {
    throw usage_error("give --prompt or --prompt-file, not both");
  }
  if (!given.prompt_file) return given.prompt.value_or("");
  std::string prompt = read_file(*given.prompt_file, 1u << 26);
  expects(!prompt.empty(), "the prompt file ", *given.prompt_file, " is empty");
  return prompt;
}

// What to start from without a prompt: a newline, or, where the model never saw one, its first
// character.
inline std::string default_prompt(const text::tokenizer& tokens) {
  if (tokens.knows_newline()) return "\n";
  const std::string first = tokens.token_bytes(0);
  std::fprintf(stderr,
               "The model knows no newline: starting from \"%s\"; see --prompt TEXT.\n",
               first.c_str());
  return first;
}

int sample_command(const sample_flags& given, const machine_options& machine) {
  const std::string model = required_model(given.model);
  std::string prompt = prompt_of(given);
  if (given.json && utf8_error_offset(prompt) != std::string::npos) {
    throw usage_error("the prompt is not UTF-8, which JSON cannot hold; leave --json out");
  }
  generation options = generation_options(given, resolve_model(model));
  const std::unique_ptr<engine> run = open_engine(model, choose_backend(machine), f32_precision);
  if (prompt.empty()) prompt = default_prompt(run->tokens());
  expect_characters(run->tokens(), prompt,
                    given.prompt_file ? "the prompt file " + *given.prompt_file : "the prompt");
  const std::vector<std::int32_t> tokens = run->tokens().encode(prompt);
  const std::uint64_t first_seed = options.seed;
  for (int i = 0; i < given.samples.value_or(1); ++i) {
    options.seed = first_seed + static_cast<std::uint64_t>(i);
    std::string text = prompt;
    if (!given.json) put(prompt);
    const generated end = run->generate(tokens, options, [&](std::string_view piece) {
      text += piece;
      if (!given.json) put(piece);
    });
    if (given.json) {
      io::json out = io::json::object();
      out.set("text", text).set("tokens", end.tokens).set("seed", options.seed);
      out.set("finish_reason", end.reason == ending::stop ? "stop" : "length");
      put(io::write_json(out));
    }
    put("\n");
  }
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
