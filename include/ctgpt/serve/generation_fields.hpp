// generation_fields: the members that every request for text has: how to draw its tokens, when to
// end, how many answers, streamed or not.
//
//   const generation_fields asked = read_generation(fields, model.defaults);
//
// temperature 0 to 2, top_p 0 to 1, frequency_penalty and presence_penalty -2 to 2, n 1 to 128,
// seed, stop (a string or up to four), logit_bias (token id -> -100 to 100), max_completion_tokens
// or max_tokens, stream, stream_options.include_usage, user; beyond OpenAI's: top_k, min_p,
// repetition_penalty. What is absent is the model's own default.
// A number of tokens that would not fit into the context ends the answer there, of length; one past
// most_tokens is no number of tokens.
// Errors: bad_request with `param`.
// Reference: openai/openai-openapi, openapi.yaml, CreateChatCompletionRequest.
#pragma once

#include "ctgpt/infer/completion.hpp"
#include "ctgpt/serve/request_fields.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::int64_t most_tokens = 131'072;
inline constexpr std::size_t most_stops = 4, longest_stop = 512, most_biases = 1024;

struct generation_fields {
  std::string model;            // "": the server's
  completion_request ask;       // without its prompt
  std::optional<isize> tokens;  // nullopt: as many as the context holds
  isize n = 1;
  std::optional<std::uint64_t> seed;
  bool stream = false, stream_usage = false;
  std::string user;
};

inline std::vector<std::string> read_stops(const request_fields& fields) {
  const std::string must_be = join("a string or up to ", most_stops, " of them, none empty");
  const io::json* value = fields.find("stop");
  if (value == nullptr) return {};
  std::vector<std::string> stops;
  const auto add = [&](const io::json& each) {
    const auto* text = each.get_if<std::string>();
    if (text == nullptr || text->empty() || text->size() > longest_stop) {
      fail_value("stop", must_be, each);
    }
    stops.push_back(*text);
  };
  if (const auto* list = value->get_if<io::json_array>()) {
    if (list->size() > most_stops) fail_value("stop", must_be, io::json(list->size()));
    for (const io::json& each : *list) add(each);
  } else {
    add(*value);
  }
  return stops;
}

inline std::vector<std::pair<std::int32_t, float>> read_biases(const request_fields& fields,
                                                               isize vocab) {
  const io::json* value = fields.find("logit_bias");
  if (value == nullptr) return {};
  const auto* object = value->get_if<io::json_object>();
  if (object == nullptr || object->size() > most_biases) {
    fields.wrong("logit_bias", join("an object of at most ", most_biases, " token ids"));
  }
  std::vector<std::pair<std::int32_t, float>> biases;
  for (const io::json_member& each : object->members()) {
    std::int64_t token = -1;
    const char* end = each.key.data() + each.key.size();
    const auto [rest, code] = std::from_chars(each.key.data(), end, token);
    if (code != std::errc() || rest != end || token < 0 || token >= vocab) {
      throw bad_request(join("logit_bias names the token ", shown_value(each.key),
                             "; ids are whole numbers from 0 to ", vocab - 1),
                        "logit_bias");
    }
    const std::optional<double> bias = request_fields::number_of(each.value);
    if (!bias || !(*bias >= -100.0 && *bias <= 100.0)) {
      fail_value("logit_bias." + each.key, "a number from -100 to 100", each.value);
    }
    biases.emplace_back(static_cast<std::int32_t>(token), static_cast<float>(*bias));
  }
  return biases;
}

// defaults: the model's. least_tokens: 0 where a request may ask for none.
inline generation_fields read_generation(const request_fields& fields, const sampling& defaults,
                                         isize vocab, std::int64_t least_tokens = 1) {
  generation_fields read;
  read.model = fields.text("model", 256).value_or("");
  read.user = fields.text("user", 512).value_or("");
  sampling& choose = read.ask.choose;
  choose = defaults;
  const auto put = [&](std::string_view name, float& value, double low, double high) {
    value = static_cast<float>(fields.number(name, low, high).value_or(value));
  };
  put("temperature", choose.temperature, 0.0, 2.0);
  put("top_p", choose.top_p, 0.0, 1.0);
  put("min_p", choose.min_p, 0.0, 1.0);
  put("repetition_penalty", choose.repetition_penalty, 0.01, 100.0);
  put("frequency_penalty", read.ask.frequency_penalty, -2.0, 2.0);
  put("presence_penalty", read.ask.presence_penalty, -2.0, 2.0);
  choose.top_k = static_cast<int>(fields.integer("top_k", 0, 1 << 24).value_or(choose.top_k));
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  if (const auto seed = fields.integer("seed", lowest, highest)) {
    read.seed = static_cast<std::uint64_t>(*seed);
  }
  read.n = fields.integer("n", 1, 128).value_or(1);
  read.ask.stop = read_stops(fields);
  read.ask.logit_bias = read_biases(fields, vocab);
  auto tokens = fields.integer("max_tokens", least_tokens, most_tokens);
  if (const auto newer = fields.integer("max_completion_tokens", least_tokens, most_tokens)) {
    if (tokens && *tokens != *newer) {
      throw bad_request("max_tokens and max_completion_tokens differ; give one of them",
                        "max_tokens");
    }
    tokens = newer;
  }
  if (tokens) read.tokens = *tokens;
  read.stream = fields.truth("stream").value_or(false);
  if (const io::json* options = fields.find("stream_options")) {
    if (options->get_if<io::json_object>() == nullptr) fields.wrong("stream_options", "an object");
    if (!read.stream) {
      throw bad_request("stream_options belong to a request with stream true", "stream_options");
    }
    read.stream_usage =
        request_fields(*options, "stream_options").truth("include_usage").value_or(false);
  }
  return read;
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
