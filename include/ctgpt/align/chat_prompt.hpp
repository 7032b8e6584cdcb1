// fit_prompt: a conversation as a prompt that leaves room for an answer.
//
// const auto prompt = fit_prompt(tokens, chat, talk, context - room);
// prompt->ids, prompt->dropped          how many of the oldest messages it leaves out
//
// Where the conversation is too long its oldest turns go, a question with what answers it, but
// never a system message at its beginning nor the last question.
// Errors: nullopt where not even those fit; those of the template.
#pragma once

#include <optional>

#include "ctgpt/align/chat_template.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

struct chat_prompt {
  std::vector<std::int32_t> ids;
  isize dropped = 0;
};

// Requires: the last message is the user's.
inline std::optional<chat_prompt> fit_prompt(const text::tokenizer& tokens,
                                             const chat_template& chat, conversation talk,
                                             isize most) {
  const std::ptrdiff_t first = !talk.empty() && talk[0].role == "system" ? 1 : 0;
  for (chat_prompt made;;) {
    made.ids = chat.encode(tokens, talk, true).ids;
    if (std::ssize(made.ids) <= most) return made;
    const auto oldest = talk.begin() + first;
    auto next = oldest;
    while (next != talk.end() && (next == oldest || next->role != "user")) ++next;
    if (next == talk.end()) return std::nullopt;
    made.dropped += next - oldest;
    talk.erase(oldest, next);
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::align
