// bench_serve: `ctgpt bench serve --users N`: whether a machine carries N people who talk to a
// model at the same time.
//
// --url asks a server that runs; --model serves the model itself, on a free port of this machine,
// and asks that. Prints the time to the first token, tokens a second and failures, and answers in
// one sentence; --json writes the same.
// Exit code: 0, whatever the answer is.
// Errors: usage_error; a server that cannot be reached.
#pragma once

#include "ctgpt/app/serve.hpp"
#include "ctgpt/serve/load_test.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline io::json quantiles_json(serve::distribution& values) {
  io::json out = io::json::object();
  out.set("p50", values.of(0.5)).set("p95", values.of(0.95)).set("p99", values.of(0.99));
  return out.set("p5", values.of(0.05)).set("max", values.of(1.0));
}

inline io::json load_json(serve::load_report& seen) {
  io::json out = io::json::object();
  out.set("users", seen.people).set("seconds", seen.seconds).set("answers", seen.answers);
  out.set("failures", seen.failures).set("carries", seen.carries());
  out.set("time_to_first_token_seconds", quantiles_json(seen.first_token));
  out.set("tokens_per_second_of_an_answer", quantiles_json(seen.speed));
  out.set("answer_seconds", quantiles_json(seen.whole));
  out.set("tokens", seen.tokens).set("tokens_per_second", seen.tokens_per_second());
  io::json reasons = io::json::object();
  for (const auto& [sentence, count] : seen.reasons) reasons.set(sentence, count);
  return out.set("failure_reasons", reasons).set("verdict", seen.verdict());
}

inline std::string load_text(serve::load_report& seen) {
  const auto line = [](const char* name, serve::distribution& values, const char* unit) {
    char text[160];
    std::snprintf(text, sizeof text, "%-22s half %8.3f   p95 %8.3f   p99 %8.3f %s\n", name,
                  values.of(0.5), values.of(0.95), values.of(0.99), unit);
    return std::string(text);
  };
  std::string text = join(seen.people, " people, ", static_cast<isize>(seen.seconds + 0.5),
                          " seconds, ", seen.answers, " answers, ", seen.failures, " failures\n");
  text += line("time to first token", seen.first_token, "s");
  text += line("whole answer", seen.whole, "s");
  text += line("one answer's speed", seen.speed, "tokens/s");
  text +=
      join("all together           ", static_cast<isize>(seen.tokens_per_second()), " tokens/s\n");
  for (const auto& [sentence, count] : seen.reasons)
    text += join(count, " times: ", sentence, "\n");
  return text + seen.verdict() + "\n";
}

int bench_serve_command(const bench_serve_flags& given) {
  if (given.url.has_value() == given.model.has_value()) {
    throw usage_error("say what to ask: --url of a server, or --model DIR, one of them");
  }
  std::signal(SIGPIPE, SIG_IGN);  // a server may hang up
  serve::load_options options;
  options.people = given.users.value_or(options.people);
  options.seconds = given.seconds.value_or(options.seconds);
  options.think = given.think.value_or(options.think);
  options.tokens = given.tokens.value_or(options.tokens);
  options.key = given.api_key.value_or("");
  options.url = given.url.value_or("");
  std::unique_ptr<serve::server> own;
  if (given.model) {
    serve_flags served;
    served.model = given.model;
    served.machine = given.machine;
    serve::server_options at = server_options_of(served);
    at.port = 0;
    at.log = {};
    at.places = 2 * options.people + 8;
    at.most_connections = static_cast<std::size_t>(2 * options.people + 64);
    own = std::make_unique<serve::server>(at, serve::hooks{});
    own->use(model_opener(served, 64).open().model);
    options.url = join("http://127.0.0.1:", own->start());
  }
  std::fprintf(stderr, "%d people ask %s for %g seconds.\n", options.people, options.url.c_str(),
               options.seconds);
  serve::load_report seen = serve::run_load(options);
  if (own != nullptr) own->drain(5.0);
  put(load_text(seen));
  if (given.json) {
    write_file_atomic(*given.json, io::write_json(load_json(seen), {.pretty = true}) + "\n");
  }
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
