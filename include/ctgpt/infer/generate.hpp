// generate: continues a prompt, one sampled token after the other.
//
//   std::cout << ctgpt::generate(net, text::bytes{}, "Once", {.tokens = 200, .temperature = 0.8f});
//
//   decoder run(net);
//   generate(run, tokenizer, tokenizer.encode("Once"), {.stop = {"\n\n"}},
//            [](std::string_view piece) { std::cout << piece << std::flush; });
//
// The prompt is computed in one go, each new token against the cache; past the context the window
// moves on (infer/moving_window.hpp). Tokens are drawn by infer/sampler.hpp, the repetition penalty
// looking at the window, among those that the tokenizer has: rows that pad a model's vocabulary and
// ids that the tokenizer passes over are never drawn. Text leaves as soon as it is complete UTF-8
// and no part of a stop string; ill-formed bytes become U+FFFD; a character that the last token
// leaves unfinished is left out, of one that the prompt leaves unfinished the rest is shown.
// Ensures: the same tokens as without a cache; same options, same text. Once the buffers have grown
// a token allocates nothing but what the tokenizer does.
// Errors: options out of range, an empty prompt: usage_error; otherwise those of the parts.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/infer/moving_window.hpp"
#include "ctgpt/infer/sampler.hpp"
#include "ctgpt/infer/text_screen.hpp"

namespace ctgpt::inline CTGPT_ABI {

// How to continue. One flat aggregate, so that a call can name what it changes.
struct generation {
  isize tokens = 200;  // at most
  float temperature = 0.8f;
  int top_k = 200;
  float top_p = 1.0f;
  float min_p = 0.0f;
  float repetition_penalty = 1.0f;
  std::uint64_t seed = 1337;
  std::vector<std::string> stop = {};

  sampling sampler_options() const {
    return {.temperature = temperature,
            .top_k = top_k,
            .top_p = top_p,
            .min_p = min_p,
            .repetition_penalty = repetition_penalty,
            .seed = seed};
  }
  // What is wrong with these options, as one sentence; empty when nothing is.
  std::string validate() const {
    if (tokens < 0) return join("the number of tokens must not be negative, but is ", tokens);
    for (const std::string& each : stop) {
      if (std::string wrong = stop_filter::validate(each); !wrong.empty()) return wrong;
    }
    return sampler_options().validate();
  }
};

enum class ending : std::uint8_t { length, stop };

struct generated {
  isize tokens = 0;  // sampled, those of the stop string included
  ending reason = ending::length;
};

namespace detail {

// One token's share of the text.
template <class Tokenizer>
std::string bytes_of(const Tokenizer& tokenizer, std::int32_t token) {
  if constexpr (requires { tokenizer.token_bytes(token); }) {
    return tokenizer.token_bytes(token);
  } else {
    return tokenizer.decode(std::span<const std::int32_t>(&token, 1));
  }
}

// How many of the model's tokens the tokenizer has.
template <class Tokenizer>
isize known_tokens(const Tokenizer& tokenizer, isize vocab) {
  if constexpr (requires { tokenizer.vocab_size(); }) {
    return std::min(vocab, static_cast<isize>(tokenizer.vocab_size()));
  } else {
    return vocab;
  }
}

}  // namespace detail

// The bytes with which a prompt ends, enough for an unfinished character.
template <class Tokenizer>
std::string last_bytes(const Tokenizer& tokenizer, std::span<const std::int32_t> prompt) {
  std::string last;
  for (const std::int32_t token : prompt.last(std::min<std::size_t>(4, prompt.size()))) {
    last += detail::bytes_of(tokenizer, token);
  }
  return last;
}

// Calls on_text(std::string_view) with each piece of the continuation; pieces are never empty.
template <class Tokenizer, class OnText>
generated generate(token_decoder& run, const Tokenizer& tokenizer,
                   std::span<const std::int32_t> prompt, const generation& options,
                   OnText&& on_text) {
  if (const std::string wrong = options.validate(); !wrong.empty()) throw usage_error(wrong);
  if (prompt.empty()) {
    throw usage_error("the prompt is empty; give the model at least one token to continue from");
  }
  const isize known = detail::known_tokens(tokenizer, run.vocab());
  sampler choose(options.sampler_options(), known);
  if constexpr (requires { tokenizer.has(0); }) {  // a vocabulary may have holes
    for (std::int32_t id = 0; id < known; ++id) {
      if (!tokenizer.has(id)) choose.ban(id);
    }
  }
  moving_window window(run);
  text_screen screen(options.stop);
  const auto show = [&](std::string_view piece) {
    if (!piece.empty()) on_text(piece);
  };

  generated result;
  if (options.tokens == 0) return result;
  screen.begin(last_bytes(tokenizer, prompt));
  window.append(prompt);
  for (;;) {
    const std::span<const float> logits = window.logits();
    const std::int32_t token =
        choose.next(logits.first(static_cast<std::size_t>(known)), window.ids());
    ++result.tokens;
    show(screen.push(detail::bytes_of(tokenizer, token)));
    if (screen.stopped()) {
      result.reason = ending::stop;
      return result;
    }
    if (result.tokens == options.tokens) break;  // the last token need not be computed on
    window.append(token);
  }
  show(screen.flush());
  return result;
}

// The prompt and its continuation.
template <class Tokenizer>
std::string generate(const any_network& net, const Tokenizer& tokenizer, std::string_view prompt,
                     const generation& options = {}) {
  decoder run(net);
  std::string text(prompt);
  generate(run, tokenizer, tokenizer.encode(prompt), options,
           [&text](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace ctgpt::inline CTGPT_ABI
