// engine_request: a request on its way through an engine: its tokens so far, how many of them are
// computed, the cache's pages that hold them, and what may leave of its answer.
//
// Errors: check() throws usage_error for a request that cannot be answered whatever happens, one
// sentence for each reason; context_error where it is too long.
#pragma once

#include <cmath>
#include <future>
#include <memory>
#include <vector>

#include "ctgpt/infer/answer_text.hpp"
#include "ctgpt/infer/token_table.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct engine_request {
  engine_request(std::uint64_t number, completion_request given,
                 std::shared_ptr<completion_listener> who)
      : id(number), ask(std::move(given)), listener(std::move(who)), text(ask.stop) {
    tokens = std::move(ask.prompt);
    prompt = tokens.size();
  }

  std::uint64_t id;  // the order of arrival: the smaller goes first
  completion_request ask;
  std::shared_ptr<completion_listener> listener;
  answer_text text;
  std::vector<std::int32_t> tokens;  // the prompt, then the answer
  std::size_t prompt = 0;            // tokens of it
  isize computed = 0, cached = 0;    // positions in the cache; those found there at the start
  std::vector<std::int32_t> pages;
  isize slot = -1;                    // among the sequences that run
  bool preempted = false;             // lost its pages once
  bool echoed = false;                // the prompt has left
  std::vector<token_record> chances;  // of the prompt
  std::vector<double> embedding;      // the sum of the hidden states, where they are wanted
  std::shared_ptr<std::promise<std::vector<float>>> embeds;

  isize size() const { return static_cast<isize>(tokens.size()); }
  isize answered() const { return static_cast<isize>(tokens.size() - prompt); }
  bool wants_prompt_chances() const { return ask.echo && ask.likeliest >= 0 && !echoed; }
  // Whether every position has to be computed here: a cache has keys and values, no more.
  bool wants_all_rows() const { return embeds != nullptr || wants_prompt_chances(); }
  std::span<const std::int32_t> page_tokens(isize page, isize size) const {
    return std::span(tokens).subspan(static_cast<std::size_t>(page * size),
                                     static_cast<std::size_t>(size));
  }
};

namespace detail {

inline void check_length(isize tokens, isize answer, isize context) {
  if (tokens + answer <= context) return;
  throw context_error(
      tokens, context,
      join("the text has ", tokens, " tokens, but the model's context is ", context,
           answer > 0 ? " and an answer needs room too; shorten it" : "; shorten it"));
}

inline void check_token(std::int32_t token, const char* where, const token_table& known) {
  if (known.has(token)) return;
  throw usage_error(
      join("the token ", token, " of the ", where, " is none of the model's ", known.size()));
}

}  // namespace detail

[[gnu::cold]] inline void check(const completion_request& ask, const token_table& known,
                                isize context) {
  if (ask.prompt.empty()) {
    throw usage_error("the prompt is empty; give the model at least one token to continue from");
  }
  for (const std::int32_t token : ask.prompt) detail::check_token(token, "prompt", known);
  for (const std::int32_t token : ask.stop_tokens) detail::check_token(token, "stop list", known);
  for (const auto& [token, bias] : ask.logit_bias) {
    detail::check_token(token, "logit bias", known);
    if (!std::isfinite(bias)) {
      throw usage_error(join("the bias of token ", token, " must be a number, not ", bias));
    }
  }
  if (ask.tokens < 0) throw usage_error(join("an answer of ", ask.tokens, " tokens cannot be"));
  if (!std::isfinite(ask.frequency_penalty) || !std::isfinite(ask.presence_penalty)) {
    throw usage_error("the frequency and presence penalties must be numbers");
  }
  if (const std::string wrong = ask.choose.validate(); !wrong.empty()) throw usage_error(wrong);
  for (const std::string& stop : ask.stop) {
    if (const std::string wrong = stop_filter::validate(stop); !wrong.empty()) {
      throw usage_error(wrong);
    }
  }
  detail::check_length(static_cast<isize>(ask.prompt.size()), ask.tokens > 0 ? 1 : 0, context);
}

}  // namespace ctgpt::inline CTGPT_ABI
