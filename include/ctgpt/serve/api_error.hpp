// api_error: what the server answers instead of a result: a status and OpenAI's error object.
//
// throw bad_request("temperature must be a number from 0 to 2, not -1", "temperature");
// throw api_error(429, "the queue is full", "rate_limit_error", "queue_full").after(2.0);
//
//   {"error": {"message": ..., "type": ..., "param": ... or null, "code": ... or null}}
//
// All four keys are always there. retry_after, where it is set, becomes the header of that name, in
// whole seconds.
// Errors: none of its own.
// Reference: openai/openai-openapi, openapi.yaml, Error.
#pragma once

#include <string>
#include <utility>

#include "ctgpt/base/error.hpp"
#include "ctgpt/io/json_writer.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

class api_error : public error {
 public:
  api_error(int status, const std::string& sentence, std::string type, std::string code = {},
            std::string param = {})
      : error(sentence),
        status(status),
        type(std::move(type)),
        code(std::move(code)),
        param(std::move(param)) {}

  api_error after(double seconds) && {
    retry_after = seconds;
    return std::move(*this);
  }

  std::string body() const {
    std::string text;
    io::json_writer out(text);
    out.begin_object().key("error").begin_object();
    out.member("message", text_of(what())).member("type", type);
    or_null(out.key("param"), param);
    or_null(out.key("code"), code);
    out.end_object().end_object();
    return text;
  }

  int status;
  std::string type, code, param;  // "": null
  double retry_after = 0.0;       // seconds; 0: nothing is said

 private:
  static void or_null(io::json_writer& out, const std::string& text) {
    text.empty() ? out.value(nullptr) : out.value(text_of(text));
  }
  // A sentence may quote bytes that are no UTF-8.
  static std::string text_of(std::string_view bytes) {
    std::string text;
    utf8_append_repaired(text, bytes);
    return text;
  }
};

inline api_error bad_request(const std::string& sentence, std::string param = {},
                             std::string code = {}) {
  return {400, sentence, "invalid_request_error", std::move(code), std::move(param)};
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
