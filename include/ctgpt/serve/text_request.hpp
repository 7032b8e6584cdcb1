// text_request: what /v1/completions, /generate and /v1/embeddings are asked.
//
//   const completions_request asked = read_completions_request(body, model.defaults, vocab);
//
// prompt (and input of embeddings): a string, an array of strings, an array of token ids or an
// array of those. completions: echo, best_of (1 to 20, at least n, not streamed), logprobs (0 to
// 5); suffix is refused. generate: {"text": "..."}, or a list of them, with the fields of sampling.
// embeddings: encoding_format float or base64, dimensions.
// Errors: bad_request with `param`.
// Reference: openai/openai-openapi, openapi.yaml, CreateCompletionRequest, CreateEmbeddingRequest.
#pragma once

#include <variant>

#include "ctgpt/serve/generation_fields.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::size_t most_prompts = 128, most_inputs = 2048;

using prompt_text = std::variant<std::string, std::vector<std::int32_t>>;

struct completions_request : generation_fields {
  std::vector<prompt_text> prompts;
  bool echo = false;
  isize best_of = 1;
};

struct embeddings_request {
  std::string model, user;
  std::vector<prompt_text> inputs;
  bool base64 = false;
  std::optional<isize> dimensions;
};

inline std::vector<std::int32_t> read_token_ids(const io::json_array& list, const std::string& path,
                                                isize vocab) {
  std::vector<std::int32_t> ids;
  ids.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto* id = list[i].get_if<std::int64_t>();
    if (id == nullptr || *id < 0 || *id >= vocab) {
      fail_value(join(path, "[", i, "]"), join("a token id from 0 to ", vocab - 1), list[i]);
    }
    ids.push_back(static_cast<std::int32_t>(*id));
  }
  return ids;
}

inline std::vector<prompt_text> read_prompts(const request_fields& fields, const std::string& name,
                                             isize vocab, std::size_t most) {
  const std::string must_be =
      join("a string, an array of token ids, or an array of 1 to ", most, " of either");
  const io::json* value = fields.find(name);
  if (value == nullptr) fields.wrong(name, must_be);
  if (const auto* text = value->get_if<std::string>()) return {*text};
  const auto* list = value->get_if<io::json_array>();
  if (list == nullptr || list->empty()) fields.wrong(name, must_be);
  if (request_fields::number_of(list->front())) return {read_token_ids(*list, name, vocab)};
  if (list->size() > most) fields.wrong(name, must_be);
  std::vector<prompt_text> prompts;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string path = join(name, "[", i, "]");
    if (const auto* text = (*list)[i].get_if<std::string>()) {
      prompts.emplace_back(*text);
    } else if (const auto* ids = (*list)[i].get_if<io::json_array>()) {
      prompts.emplace_back(read_token_ids(*ids, path, vocab));
    } else {
      fail_value(path, "a string or an array of token ids", (*list)[i]);
    }
  }
  return prompts;
}

inline completions_request read_completions_request(const io::json& body, const sampling& defaults,
                                                    isize vocab) {
  const request_fields fields(body);
  completions_request read{};
  read.echo = fields.truth("echo").value_or(false);
  static_cast<generation_fields&>(read) =
      read_generation(fields, defaults, vocab, read.echo ? 0 : 1);
  if (!read.tokens) read.tokens = 16;  // as OpenAI documents it
  if (fields.text("suffix", most_tokens).value_or("") != "") {
    throw bad_request("suffix is not supported; leave it out", "suffix", "unsupported_parameter");
  }
  read.prompts = read_prompts(fields, "prompt", vocab, most_prompts);
  read.best_of = fields.integer("best_of", 1, 20).value_or(read.n);
  if (read.best_of < read.n) {
    throw bad_request(join("best_of must be at least n, which is ", read.n, ", not ", read.best_of),
                      "best_of");
  }
  if (read.stream && read.best_of > read.n) {
    throw bad_request("best_of cannot be streamed: which answers are the best is known at the end",
                      "best_of");
  }
  if (const auto likeliest = fields.integer("logprobs", 0, 5)) {
    read.ask.likeliest = static_cast<int>(*likeliest);
  }
  return read;
}

// Plain: {"text": ...} or {"text": [...]}.
inline completions_request read_generate_request(const io::json& body, const sampling& defaults,
                                                 isize vocab) {
  const request_fields fields(body);
  completions_request read{};
  static_cast<generation_fields&>(read) = read_generation(fields, defaults, vocab);
  if (read.stream) {
    throw bad_request("/generate does not stream; /v1/completions does", "stream");
  }
  if (!read.tokens) read.tokens = 200;
  read.best_of = read.n;
  const io::json* value = fields.find("text");
  if (value != nullptr && value->get_if<std::string>() == nullptr) {
    const auto* list = value->get_if<io::json_array>();
    const auto is_text = [](const io::json& each) { return each.get_if<std::string>() != nullptr; };
    if (list == nullptr || !std::all_of(list->begin(), list->end(), is_text)) {
      fields.wrong("text", "a string or an array of strings");
    }
  }
  read.prompts = read_prompts(fields, "text", vocab, most_prompts);
  return read;
}

inline embeddings_request read_embeddings_request(const io::json& body, isize vocab) {
  const request_fields fields(body);
  embeddings_request read;
  read.model = fields.text("model", 256).value_or("");
  read.user = fields.text("user", 512).value_or("");
  read.inputs = read_prompts(fields, "input", vocab, most_inputs);
  const std::string format = fields.text("encoding_format", 64).value_or("float");
  if (format != "float" && format != "base64") {
    fields.wrong("encoding_format", "\"float\" or \"base64\"");
  }
  read.base64 = format == "base64";
  if (const auto dimensions = fields.integer("dimensions", 1, 1 << 20)) {
    read.dimensions = *dimensions;
  }
  return read;
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
