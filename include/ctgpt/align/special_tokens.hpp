// with_special_tokens: a tokenizer that knows more special tokens.
//
// const text::tokenizer more = with_special_tokens(tokens, chat.special_names());
//
// Those that it knows stay; others take the ids behind its last one, in their order. Every other id
// keeps its meaning, and text never becomes a special token by itself. A tokenizer of bytes becomes
// a byte-pair tokenizer without merges, whose ids of texts are the same.
// Errors: a tokenizer of characters or words, which cannot hold special tokens; a name that is a
// token of texts already.
#pragma once

#include "ctgpt/align/chat_encoder.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

namespace detail {

inline text::bpe_tables with_names(const text::bpe_tables& tables,
                                   std::span<const std::string_view> names) {
  std::vector<text::special_token> specials = tables.specials();
  isize next = tables.vocab_size();
  for (const std::string_view name : names) {
    const auto same = [&](const text::special_token& each) { return each.name == name; };
    if (std::any_of(specials.begin(), specials.end(), same)) continue;
    expects(tables.find(name) < 0, "the text ", io::quote_json(name),
            " is a token of texts in this tokenizer, so it cannot be a special token; use another ",
            "--template or train a tokenizer with --special ", io::quote_json(name));
    specials.push_back({std::string(name), static_cast<std::int32_t>(next++)});
  }
  return tables.with_specials(std::move(specials));
}

inline text::bpe_tables byte_tables() {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  return text::bpe_tables::from_merges(tokens, {});
}

}  // namespace detail

inline text::tokenizer with_special_tokens(const text::tokenizer& tokens,
                                           std::span<const std::string_view> names) {
  const auto known = [&](std::string_view name) { return special_named(tokens, name) != nullptr; };
  if (std::all_of(names.begin(), names.end(), known)) return tokens;
  if (tokens.kind() == text::tokenizer_kind::bytes) {
    return text::bpe<text::gpt2>(detail::with_names(detail::byte_tables(), names));
  }
  std::optional<text::tokenizer> made;
  text::visit_bpe(tokens, [&]<class Pattern>(const text::bpe<Pattern>& held) {
    made = text::bpe<Pattern>(detail::with_names(held.tables(), names));
  });
  expects(made.has_value(), "a tokenizer of ", tokens.name(), " cannot hold the special tokens of ",
          "a chat template; pre-train with a bytes or byte-pair tokenizer (ctgpt tokenizer train)");
  return *made;
}

}  // namespace ctgpt::inline CTGPT_ABI::align
