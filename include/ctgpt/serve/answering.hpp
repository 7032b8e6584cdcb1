// answering: what every way of asking for text has in common: prompts are checked against the
// context and the rules, answers run, are collected or streamed, and are told to the log.
//
// The handlers of serve/chat_handler.hpp and serve/text_handlers.hpp stand on it.
// A client that hangs up ends its answers: while they wait, before their first token, between two.
// Where nothing can be said for stream_ping seconds, a stream carries a comment, which keeps
// proxies from closing it.
// Errors: api_error; those that come after a stream began are its last event.
#pragma once

#include <sys/random.h>

#include <functional>

#include "ctgpt/serve/admission.hpp"
#include "ctgpt/serve/generation_run.hpp"
#include "ctgpt/serve/replies.hpp"
#include "ctgpt/serve/router.hpp"
#include "ctgpt/serve/text_request.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

// What the handlers share.
struct answering {
  std::function<std::shared_ptr<const served_model>()> model;  // throws 503 where there is none
  hooks rules;
  std::shared_ptr<server_metrics> metrics = std::make_shared<server_metrics>();
  std::shared_ptr<admission> door;
  std::function<void(const std::string& person, isize tokens)> spend;  // of a quota
  double longest = 600.0;                                              // seconds of a request
};

inline constexpr double stream_ping = 15.0;
inline constexpr double longest_silence = 5.0;  // before a stream's status is sent
// Between two writes of a stream: what comes meanwhile is one event. Nobody sees it at 50 a second.
inline constexpr double stream_pace = 0.02;

inline std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
  }
  return number;
}
// "chatcmpl-" and 24 random letters.
inline std::string random_id(std::string id) {
  for (int part = 0; part < 2; ++part) {
    std::uint64_t number = random_number();
    for (int i = 0; i < 12; ++i, number /= 36)
      id += "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
  }
  return id;
}

// A prompt's tokens. They never are special ones, whatever the text says.
inline std::vector<std::int32_t> tokens_of(const served_model& model, const std::string& text,
                                           const std::string& param) {
  try {
    return model.tokens.encode_ordinary(text);
  } catch (const error& problem) {
    throw bad_request(join(param, ": ", problem.what()), param);
  }
}

// The requests for n answers to one prompt; their seeds follow each other, so that the first is the
// answer of a request for one.
inline void add_asks(std::vector<completion_request>& asks, const served_model& model,
                     const generation_fields& asked, std::vector<std::int32_t> prompt, isize n,
                     const std::string& param) {
  if (prompt.empty()) {
    const auto* begin = text::ends_of_text(model.tokens).begin;
    if (begin == nullptr) throw bad_request(param + " must not be empty", param);
    prompt.push_back(begin->token);
  }
  const isize context = model.engine->context();
  const isize room = context - static_cast<isize>(prompt.size());
  if (room < 1) {
    throw context_length_exceeded(context, static_cast<isize>(prompt.size()), param);
  }
  completion_request one = asked.ask;
  one.prompt = std::move(prompt);
  one.tokens = std::min(room, asked.tokens.value_or(room));
  const std::uint64_t seed = asked.seed.value_or(random_number() >> 1);
  for (isize i = 0; i < n; ++i) {
    one.choose.seed = seed + static_cast<std::uint64_t>(i);
    asks.push_back(one);
  }
}

// A request while it is answered.
struct running_request {
  running_request(std::shared_ptr<const served_model> model, std::vector<completion_request> asks,
                  const answering& means)
      : place(means.door->admit(static_cast<isize>(asks.size()))),
        run(std::move(model), std::move(asks), means.rules.output, means.metrics),
        means(&means) {}

  // Tells the log and the quota, also of what was cut short.
  ~running_request() {
    run.cancel();
    usage used = used_tokens();
    if (means->spend) means->spend(told.person, used.prompt + used.answer);
    if (!means->rules.finished) return;
    for (const generation_run::answer& each : run.answers()) {
      told.answer = each.text;
      told.ending = each.reason;
      told.prompt_tokens = each.prompt_tokens;
      told.answer_tokens = each.answer_tokens;
      told.seconds = run.seconds();
      means->rules.finished(told);
    }
  }

  // Of n answers to one prompt, the prompt counts once. per_prompt: answers to each.
  usage used_tokens() const {
    usage used;
    for (std::size_t i = 0; i < run.answers().size(); ++i) {
      const generation_run::answer& each = run.answers()[i];
      used.answer += each.answer_tokens;
      if (i % per_prompt != 0) continue;
      used.prompt += each.prompt_tokens;
      used.cached += each.cached_tokens;
    }
    return used;
  }

  void expect_time() const {
    if (run.seconds() > means->longest) {
      throw api_error(504, join("the answer took longer than ", means->longest, " seconds"),
                      "server_error", "timeout");
    }
  }

  admission::ticket place;
  generation_run run;
  const answering* means;  // outlives every request
  reply_head head;
  exchange told;
  std::size_t per_prompt = 1;
  std::vector<std::vector<token_record>> records;  // of whole answers
};

inline std::shared_ptr<running_request> begin_request(const request_context& asked,
                                                      const answering& means,
                                                      std::shared_ptr<const served_model> model,
                                                      std::vector<completion_request> asks,
                                                      const std::string& prefix) {
  const served_model& one = *model;
  std::shared_ptr<running_request> running;
  try {
    running = std::make_shared<running_request>(model, std::move(asks), means);
  } catch (const usage_error& problem) {  // the engine's: it will never do
    throw bad_request(problem.what());
  }
  running->head = {random_id(prefix), static_cast<std::int64_t>(wall_seconds()), one.name,
                   one.fingerprint};
  running->told.id = running->head.id;
  running->told.person = asked.person;
  running->told.model = one.name;
  return running;
}

// Waits for all answers.
inline void collect(running_request& running, const std::function<bool()>& gone) {
  running.records.resize(running.run.answers().size());
  while (running.run.left() > 0) {
    running.run.gather(0.1);
    for (const shown_piece& each : running.run.wait(0.0)) {
      auto& records = running.records[each.which];
      records.insert(records.end(), each.tokens.begin(), each.tokens.end());
    }
    if (running.run.left() == 0) break;
    if (gone()) throw api_error(499, "the client has gone", "client_closed_request");
    running.expect_time();
  }
}

// How a kind of answer is written in chunks; each appends whole events.
struct chunk_writers {
  std::function<void(std::string& out)> open;
  std::function<void(std::string& out, const shown_piece&)> piece;
  std::function<void(std::string& out)> close;  // usage
};

inline void stream(std::shared_ptr<running_request> running, const request_context& asked,
                   httplib::Response& answer, chunk_writers write) {
  // What goes wrong at once is still an answer with a status of its own.
  const auto gone = asked.gone;
  while (running->run.left() > 0 && running->run.seconds() < longest_silence) {
    if (!running->run.wait(0.1).empty()) break;
    if (gone()) throw api_error(499, "the client has gone", "client_closed_request");
  }
  struct progress {
    bool opened = false;
    double spoke = clock_seconds();
  };
  const auto at = std::make_shared<progress>();
  const auto more = [running, gone, write, at](std::size_t, httplib::DataSink& sink) {
    std::string out;
    bool over = false;
    if (gone()) return false;
    try {
      if (!at->opened) write.open(out);
      if (at->opened && running->run.left() > 0) {
        const double rest = at->spoke + stream_pace - clock_seconds();
        if (rest > 0.0) running->run.gather(rest);
        running->run.wait(0.1);
      }
      at->opened = true;
      for (const shown_piece& each : running->run.shown()) write.piece(out, each);
      over = running->run.left() == 0;
      if (over) {
        write.close(out);
        append_event(out, "[DONE]");
      } else if (out.empty()) {
        running->expect_time();
        if (clock_seconds() - at->spoke > stream_ping) out = ": ping\n\n";
      }
    } catch (const api_error& problem) {
      append_event(out, problem.body());
      over = true;
    } catch (const std::exception& problem) {  // nobody above would catch it
      append_event(out, api_error(500, problem.what(), "server_error").body());
      over = true;
    }
    if (!out.empty()) {
      at->spoke = clock_seconds();
      if (!sink.write(out.data(), out.size())) return false;
    }
    if (over) sink.done();
    return true;
  };
  answer.set_header("Cache-Control", "no-cache");
  answer.set_header("X-Accel-Buffering", "no");
  if (asked.request.version == "HTTP/1.0") {
    answer.set_content_provider("text/event-stream", more);
  } else {
    answer.set_chunked_content_provider("text/event-stream", more);
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
