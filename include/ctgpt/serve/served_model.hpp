// served_model: a model as the server knows it: its names, its tokenizer, how a conversation is
// written for it, and the engine that runs it.
//
// Shared by the requests that use it: another takes its place at once (server::use), and it ends
// with the last request that began on it.
// Errors: none of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ctgpt/align/chat_template.hpp"
#include "ctgpt/infer/completion.hpp"
#include "ctgpt/serve/api_error.hpp"
#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct served_model {
  std::string name;          // as /v1/models lists it
  std::string fingerprint;   // changes with the weights
  std::int64_t created = 0;  // seconds of the epoch
  text::tokenizer tokens;
  std::optional<align::chat_template> chat;  // nullopt: a base model, which only continues texts
  sampling defaults = {};
  std::shared_ptr<completion_engine> engine;
};

// A request may name the model or not.
inline void expect_model(const served_model& model, const std::string& asked) {
  if (asked.empty() || asked == model.name) return;
  throw api_error(404,
                  join("the model ", io::quote_json(asked), " is not served here; ",
                       io::quote_json(model.name), " is"),
                  "invalid_request_error", "model_not_found", "model");
}

// Of a prompt that leaves no room in the context for an answer.
inline api_error context_length_exceeded(isize context, isize prompt, const std::string& param) {
  return bad_request(join("this model's maximum context length is ", context,
                          " tokens. However, your request has ", prompt,
                          " tokens. Please shorten it, so that an answer fits too"),
                     param, "context_length_exceeded");
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
