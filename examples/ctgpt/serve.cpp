// The verbs that need ctgpt::serve; run.cpp compiles the engine.
#include "ctgpt/text/tokenizer.hpp"

extern template ctgpt::text::tokenizer ctgpt::text::tokenizer::load<void>(const std::string&,
                                                                          std::string_view);

#include "ctgpt/app/extra_verbs.hpp"
#include "ctgpt/app/serve.hpp"

namespace {

const ctgpt::app::extra_verb serve(
    "", "serve", "Serve a model to OpenAI's clients",
    "Every option may also stand in the environment: CTGPT_PORT is --port.\n"
    "SIGTERM drains and ends; SIGHUP reads keys, rules, certificate and model anew.\n"
    "Examples:\n"
    "  ctgpt serve --model runs/quickstart/chat\n"
    "  ctgpt serve --model chat --host 0.0.0.0 --api-key-file keys.txt --rate-limit 30",
    ctgpt::app::serve_command);

}  // namespace
