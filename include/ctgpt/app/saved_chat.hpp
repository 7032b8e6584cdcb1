// saved_chat: what a checkpoint's files say of a model that talks: its template, and the tokens
// that end an answer (save_model's `extra`).
//
// Errors: none.
#pragma once

#include "ctgpt/align/chat_template.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline io::json saved_chat(const align::chat_template& chat, const text::tokenizer& tokens) {
  io::json ends = io::json::array();
  for (const std::int32_t id : chat.ends(tokens)) ends.push(id);
  return io::json::object().set("chat_template", chat.jinja()).set("ends", std::move(ends));
}

}  // namespace ctgpt::inline CTGPT_ABI::app
