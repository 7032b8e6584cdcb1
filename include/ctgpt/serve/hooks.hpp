// hooks: what a server is given besides a model: rules of content, and a log.
//
// input(text) returns a text of the user as the model may read it, and throws api_error where it
// may not. output() makes the filter of one answer; nullptr where there are no rules. A filter is
// fed the answer as it grows and returns what may be shown of it; finish() returns the rest. Once
// blocked() the answer ends, of content_filter. finished(exchange) is told of each answer.
// Hooks are called from many threads at once; an answer's filter from one.
// Errors: input() may throw api_error; the others do not throw.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ctgpt/align/message.hpp"
#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

class output_filter {
 public:
  virtual ~output_filter() = default;
  virtual std::string feed(std::string_view text) = 0;
  virtual std::string finish() = 0;
  virtual bool blocked() const = 0;
};

// What was asked and answered.
struct exchange {
  std::string id, person, model, kind;  // kind: "chat" or "text"
  align::conversation messages;         // of a text: its prompt, as the user's
  std::string answer, ending;           // ending: stop, length, content_filter, cancelled
  isize prompt_tokens = 0, answer_tokens = 0;
  double seconds = 0.0;
};

struct hooks {
  std::function<std::string(const std::string&)> input;
  std::function<std::unique_ptr<output_filter>()> output;
  std::function<void(const exchange&)> finished;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
