// chat_request: what /v1/chat/completions is asked.
//
//   const chat_request asked = read_chat_request(body, model.defaults, vocab);
//
// messages: at least one of {role, content}; developer is system's newer name; a content is a
// string, null of an assistant, or parts {"type": "text", "text": ...}, which are joined.
// logprobs and top_logprobs (0 to 20). Tools, functions, other modalities and a response_format but
// text are refused.
// Errors: bad_request with `param`, such as messages[3].content.
// Reference: openai/openai-openapi, openapi.yaml, CreateChatCompletionRequest.
#pragma once

#include "ctgpt/align/message.hpp"
#include "ctgpt/serve/generation_fields.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::size_t most_messages = 2048, most_parts = 1024;

struct chat_request : generation_fields {
  align::conversation messages;
};

inline std::string read_content(const request_fields& message, std::string_view role) {
  const io::json* value = message.find("content");
  if (value == nullptr) {
    if (role == "assistant") return {};
    message.wrong("content", "a string or an array of text parts");
  }
  if (const auto* text = value->get_if<std::string>()) return *text;
  const auto* parts = value->get_if<io::json_array>();
  if (parts == nullptr || parts->empty() || parts->size() > most_parts) {
    message.wrong("content", "a string or an array of text parts");
  }
  std::string joined;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const std::string path = join(message.path_of("content"), "[", i, "]");
    if ((*parts)[i].get_if<io::json_object>() == nullptr) {
      fail_value(path, "an object with type and text", (*parts)[i]);
    }
    const request_fields part((*parts)[i], path);
    const std::string type = part.text("type", 64).value_or("");
    if (type != "text") {
      part.wrong("type", "\"text\", as this model reads nothing else");
    }
    const auto text = part.text("text", std::string::npos);
    if (!text) part.wrong("text", "a string");
    joined += *text;
  }
  return joined;
}

inline align::conversation read_messages(const request_fields& fields) {
  const std::string must_be = join("an array of 1 to ", most_messages, " messages");
  const io::json_array* list = fields.array("messages", must_be);
  if (list == nullptr || list->empty() || list->size() > most_messages) {
    if (list == nullptr) fields.wrong("messages", must_be);
    throw bad_request(join("messages must be ", must_be, ", not one of ", list->size()),
                      "messages");
  }
  align::conversation messages;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string path = join("messages[", i, "]");
    if ((*list)[i].get_if<io::json_object>() == nullptr) {
      fail_value(path, "an object with role and content", (*list)[i]);
    }
    const request_fields message((*list)[i], path);
    std::string role = message.text("role", 64).value_or("");
    if (role == "developer") role = "system";
    if (role != "system" && role != "user" && role != "assistant") {
      message.wrong("role", "\"system\", \"developer\", \"user\" or \"assistant\"");
    }
    static_cast<void>(message.text("name", 256));
    refuse_unless_empty(message, "tool_calls", "this model calls no tools");
    std::string content = read_content(message, role);
    messages.push_back({std::move(role), std::move(content)});
  }
  return messages;
}

inline void refuse_foreign_features(const request_fields& fields) {
  for (const char* name : {"tools", "functions"}) {
    refuse_unless_empty(fields, name, "this model calls no tools");
  }
  for (const char* name : {"audio", "web_search_options", "prediction"}) {
    refuse_unless_empty(fields, name, "leave it out");
  }
  if (const io::json* list = fields.find("modalities")) {
    if (*list != io::json(io::json_array{"text"})) fields.wrong("modalities", "[\"text\"]");
  }
  if (const io::json* format = fields.find("response_format")) {
    if (format->get_if<io::json_object>() == nullptr) fields.wrong("response_format", "an object");
    const request_fields inner(*format, "response_format");
    if (inner.text("type", 64).value_or("") != "text") {
      inner.wrong("type", "\"text\": this server cannot hold a model to a form");
    }
  }
}

inline chat_request read_chat_request(const io::json& body, const sampling& defaults, isize vocab) {
  const request_fields fields(body);
  refuse_foreign_features(fields);
  chat_request read{read_generation(fields, defaults, vocab), read_messages(fields)};
  const bool wanted = fields.truth("logprobs").value_or(false);
  const auto likeliest = fields.integer("top_logprobs", 0, 20);
  if (likeliest && !wanted) {
    throw bad_request("top_logprobs belongs to a request with logprobs true", "top_logprobs");
  }
  if (wanted) read.ask.likeliest = static_cast<int>(likeliest.value_or(0));
  return read;
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
