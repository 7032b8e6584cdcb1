// make_engine: opens a model directory to be served (app/served_model.hpp).
//
// One unit of a program includes this file: it compiles every preset.
// Errors: those that served_model names.
#pragma once

#include "ctgpt/app/engine.hpp"
#include "ctgpt/app/served_model.hpp"
#include "ctgpt/infer/batch_engine.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

served_model make_engine(const std::string& path, const serving_options& options) {
  opened_model opened = open_model(path, choose_backend(options.machine), options.numbers);
  const any_network& net = *opened.net;
  const isize parameters = net.layout().parameters;
  served_model made{.directory = resolve_model(path),
                    .settings = net.settings(),
                    .tokens = opened.tokens,
                    .parameters = parameters,
                    .weight_bytes = element_bytes(net.numbers().storage, parameters)};
  token_table table(opened.tokens, net.vocab());
  auto engine =
      std::make_unique<batch_engine>(std::move(opened.net), std::move(table), options.engine);
  made.cache_bytes = engine->cache_bytes();
  made.engine = std::move(engine);
  return made;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
