// chat_encoder: the tokens that a chat template makes of a conversation, and which of them count.
//
// chat_encoder out(tokens);
// out.special("<|im_start|>").text("assistant\n").answer("Hello").special("<|im_end|>", true);
// out.take()    ids, and a mask that is 1 for "Hello" and <|im_end|>
//
// What stands between two special tokens is encoded as one text, as other programs do that first
// write the conversation out and then encode it. A token that begins before an answer and reaches
// into it counts. What is given to text() and answer() never becomes a special token.
// Errors: a special token that the vocabulary does not have: ctgpt::error, with what to do.
// Reference: huggingface/transformers, utils/chat_template_utils.py (AssistantTracker).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

// mask[i] is 1 where the loss of predicting ids[i] counts, else 0.
struct encoded_conversation {
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> mask;
};

inline const text::special_token* special_named(const text::tokenizer& tokens,
                                                std::string_view name) {
  for (const text::special_token& each : tokens.special_tokens()) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

class chat_encoder {
 public:
  explicit chat_encoder(const text::tokenizer& tokens) : tokens_(&tokens) {}

  chat_encoder& special(std::string_view name, bool counts = false) {
    flush();
    const text::special_token* found = special_named(*tokens_, name);
    expects(found != nullptr, "the tokenizer has no special token ", name,
            ", which the chat template writes; ctgpt finetune adds it");
    made_.ids.push_back(found->token);
    made_.mask.push_back(counts ? 1 : 0);
    return *this;
  }
  chat_encoder& text(std::string_view bytes) {
    run_ += bytes;
    return *this;
  }
  // Ends with the next special token. Requires: no text() in between.
  chat_encoder& answer(std::string_view bytes) {
    counted_from_ = run_.size();
    run_ += bytes;
    return *this;
  }
  encoded_conversation take() {
    flush();
    return std::move(made_);
  }

 private:
  void flush() {
    if (!run_.empty()) {
      std::size_t end = 0;
      for (const std::int32_t token : tokens_->encode_ordinary(run_)) {
        if (counted_from_ != std::string::npos) end += tokens_->token_bytes(token).size();
        made_.ids.push_back(token);
        made_.mask.push_back(counted_from_ != std::string::npos && end > counted_from_ ? 1 : 0);
      }
    }
    run_.clear();
    counted_from_ = std::string::npos;
  }

  const text::tokenizer* tokens_;
  encoded_conversation made_;
  std::string run_;  // since the last special token
  std::size_t counted_from_ = std::string::npos;
};

}  // namespace ctgpt::inline CTGPT_ABI::align
