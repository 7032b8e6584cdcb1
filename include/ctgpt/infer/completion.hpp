// What an engine is asked, and what it answers, a piece at a time: the line between those who run
// models (infer/) and those who serve people (serve/, a terminal, a program of one's own).
//
// struct print : completion_listener { ... };
// const auto id = engine.submit({.prompt = ids, .tokens = 200}, std::make_shared<print>());
// engine.cancel(id);
//
// A listener is called by the engine's own thread: it must not block. Pieces hold complete UTF-8;
// joined they are the answer's text, without the stop string. on_end() comes once, last.
// Ensures: a request's answer depends on the request and the model alone: neither on others that
// run beside it nor on what a cache holds.
// Errors: submit() and embed() throw usage_error where a request cannot be answered whatever
// happens, with one sentence (context_error where it is too long); what goes wrong later is an
// ending with its sentence.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctgpt/infer/sampler.hpp"

namespace ctgpt::inline CTGPT_ABI {

// A text that does not fit the model's context, with both counts.
class context_error : public usage_error {
 public:
  context_error(isize tokens, isize context, const std::string& sentence)
      : usage_error(sentence), tokens_(tokens), context_(context) {}
  isize tokens() const { return tokens_; }
  isize context() const { return context_; }

 private:
  isize tokens_, context_;
};

struct completion_request {
  std::vector<std::int32_t> prompt = {};
  isize tokens = 200;  // at most, of the answer; where the context is full it ends too
  sampling choose = {};
  float frequency_penalty = 0.0f, presence_penalty = 0.0f;  // of the answer's tokens
  std::vector<std::pair<std::int32_t, float>> logit_bias = {};
  std::vector<std::string> stop = {};          // texts that end the answer and are not shown
  std::vector<std::int32_t> stop_tokens = {};  // tokens that do
  int likeliest = -1;  // per token: -1 no log probabilities, 0 its own, k > 0 also the k likeliest
  // The prompt's text comes first, and its tokens' log probabilities, as /v1/completions has it;
  // its first token has 0 and no alternatives.
  bool echo = false;
};

struct token_probability {
  std::int32_t token = 0;
  float log_probability = 0.0f;  // by the model alone: temperature 1, no filters
};
struct token_record {
  token_probability chosen;
  std::vector<token_probability> likeliest;  // descending
};

struct completion_piece {
  std::string text;                  // complete UTF-8; may be empty
  std::vector<token_record> tokens;  // where the request asked for log probabilities
};

enum class completion_ending : std::uint8_t { length, stop, cancelled, failed };

struct completion_end {
  completion_ending reason = completion_ending::length;
  std::string problem;  // of `failed`: one sentence
  isize prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0;
};

class completion_listener {
 public:
  virtual ~completion_listener() = default;
  virtual void on_piece(const completion_piece& piece) = 0;
  virtual void on_end(const completion_end& end) = 0;
};

// What of it is known while it runs.
struct engine_load {
  isize running = 0, waiting = 0;           // requests
  isize cache_tokens = 0, cache_total = 0;  // positions of the key/value cache
};

class completion_engine {
 public:
  virtual ~completion_engine() = default;
  // An id for cancel(). The listener lives at least until its on_end().
  virtual std::uint64_t submit(completion_request request,
                               std::shared_ptr<completion_listener> listener) = 0;
  // Ends a request at its next token; of one that has ended, nothing.
  virtual void cancel(std::uint64_t id) = 0;
  // The mean of the last hidden states of a text, normalised to length 1.
  virtual std::vector<float> embed(const std::vector<std::int32_t>& tokens) = 0;
  virtual engine_load load() const = 0;
  virtual isize context() const = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
