// The verbs that need ctgpt::serve; run.cpp compiles the engine.
#include "ctgpt/text/tokenizer.hpp"

extern template ctgpt::text::tokenizer ctgpt::text::tokenizer::load<void>(const std::string&,
                                                                          std::string_view);

#include "ctgpt/app/bench_serve.hpp"
#include "ctgpt/app/extra_verbs.hpp"

namespace {

const ctgpt::app::extra_verb serve(
    "", "serve", "Serve a model to OpenAI's clients",
    "Every option may also stand in the environment: CTGPT_PORT is --port.\n"
    "SIGTERM drains and ends; SIGHUP reads keys, rules, certificate and model anew.\n"
    "Examples:\n"
    "  ctgpt serve --model runs/quickstart/chat\n"
    "  ctgpt serve --model chat --host 0.0.0.0 --api-key-file keys.txt --rate-limit 30",
    ctgpt::app::serve_command);

const ctgpt::app::extra_verb bench(
    "bench", "serve", "Say whether this machine carries so many people who chat at once",
    "Examples:\n"
    "  ctgpt bench serve --users 64 --model runs/quickstart/chat\n"
    "  ctgpt bench serve --users 8 --url http://127.0.0.1:8080 --seconds 60 --json load.json",
    ctgpt::app::bench_serve_command);

}  // namespace
