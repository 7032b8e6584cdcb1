// served_model: a model directory that answers many requests at once, whatever its compiled type.
//
// served_model model = make_engine("runs/quickstart/chat", {.engine = {.parallel = 64}});
// model.engine->submit({.prompt = model.tokens.encode("Once")}, listener);
//
// Each has a backend and threads of its own, so a second one can be opened while this one answers.
// To change the model of a running server: open the new directory, put its engine into an
// engine_switch (infer/engine_switch.hpp), or hold served_models by shared_ptr and let go of the
// old one when its last request has ended.
// make_engine is defined in app/make_engine.hpp, which belongs in one unit of a program.
// Errors: every reason why a directory cannot be opened is one sentence; those of batch_engine.
#pragma once

#include <memory>
#include <string>

#include "ctgpt/app/machine.hpp"
#include "ctgpt/core/config.hpp"
#include "ctgpt/infer/completion.hpp"
#include "ctgpt/infer/engine_options.hpp"
#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct serving_options {
  machine_options machine = {};  // which backend, how many threads
  precision numbers = f32_precision;
  engine_options engine = {};  // bytes of the cache, requests at once
};

struct served_model {
  std::string directory;  // that was opened: of a run its best checkpoint
  config settings = {};
  text::tokenizer tokens;
  isize parameters = 0, weight_bytes = 0;
  isize cache_bytes = 0;  // of keys and values
  std::unique_ptr<completion_engine> engine = nullptr;
};

served_model make_engine(const std::string& path, const serving_options& options = {});

}  // namespace ctgpt::inline CTGPT_ABI::app
