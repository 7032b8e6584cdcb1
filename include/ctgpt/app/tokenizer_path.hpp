// tokenizer_path: what --tokenizer names: a kind, or the file or directory of a tokenizer.
//
// bytes and char are kinds; any other name with a slash or a dot, or of something that is there, is
// a path. text/tokenizer.hpp says what is opened; of a run's directory, what its best checkpoint
// holds, else its last.
// Errors: those of text/tokenizer.hpp.
#pragma once

#include <optional>
#include <string>

#include "ctgpt/base/hash.hpp"
#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline bool is_tokenizer_path(const std::string& name) {
  if (name == text::bytes::name() || name == text::characters::name()) return false;
  return name.find_first_of("/.") != name.npos || is_file(name) || is_directory(name);
}

inline text::tokenizer load_tokenizer(const std::string& path, std::string_view pattern = {}) {
  for (const char* name : {"", "/best", "/last"}) {
    const std::string place = path + name;
    if (is_file(place + "/tokenizer.json") || is_file(place + "/vocab.json")) {
      return text::tokenizer::load(place, pattern);
    }
  }
  return text::tokenizer::load(path, pattern);
}

// The token that stands between documents: the added token <|endoftext|>, where there is one.
inline std::optional<std::int32_t> end_of_text_of(const text::tokenizer& tokens) {
  const io::json parsed = io::parse_json(tokens.to_json(), "tokenizer.json");
  const io::json* added = parsed.find("added_tokens");
  const auto* list = added != nullptr ? added->get_if<io::json_array>() : nullptr;
  if (list == nullptr) return std::nullopt;
  for (const io::json& each : *list) {
    const io::json_field token(each, "tokenizer.json");
    if (token["content"].string_or("") != "<|endoftext|>") continue;
    return static_cast<std::int32_t>(token["id"].integer(0, tokens.vocab_size() - 1));
  }
  return std::nullopt;
}

// Tells tokenizers apart by the bytes of their tokens: the same for every file of one tokenizer. An
// id without a token is one of -1 bytes.
inline std::string tokenizer_hash(const text::tokenizer& tokens) {
  sha256 hash;
  for (std::int32_t token = 0; token < tokens.vocab_size(); ++token) {
    if (!tokens.has(token)) {
      hash.update("-1:");
      continue;
    }
    const std::string bytes = tokens.token_bytes(token);
    hash.update(std::to_string(bytes.size()) + ":");
    hash.update(std::string_view(bytes));
  }
  return to_hex(hash.finish());
}

}  // namespace ctgpt::inline CTGPT_ABI::app
