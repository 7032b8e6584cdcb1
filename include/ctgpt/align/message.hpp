// A conversation: who said what, in turn.
//
// conversation talk{{"user", "Who are you?"}, {"assistant", "A small GPT."}};
//
// Roles: system, user, assistant. Contents are UTF-8 as it was written; what a template puts around
// them, and which of their tokens count, is align/chat_template.hpp.
// Errors: none.
#pragma once

#include <string>
#include <vector>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

struct message {
  std::string role, content;
  friend bool operator==(const message&, const message&) = default;
};
using conversation = std::vector<message>;

}  // namespace ctgpt::inline CTGPT_ABI::align
