// replies: the JSON of OpenAI's answers, whole and in chunks.
//
// Every member that the official client asks for in its strict mode is there, null where there is
// nothing to say.
// A token's text is its bytes with U+FFFD for what is no whole character; its bytes stand beside
// it, or, in completions, "bytes:\xe2\x82" stands for them. A log probability of minus infinity is
// -9999.0, as JSON has no infinity.
// Errors: none.
// Reference: openai/openai-openapi, openapi.yaml; openai/openai-python, src/openai/types.
#pragma once

#include <openssl/evp.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <span>

#include "ctgpt/serve/served_model.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct usage {
  isize prompt = 0, answer = 0, cached = 0;  // tokens
};

// What all of a request's chunks have in common.
struct reply_head {
  std::string id;
  std::int64_t created = 0;
  std::string model, fingerprint;
};

inline void write_head(io::json_writer& out, const reply_head& head, const char* object) {
  out.member("id", head.id).member("object", object).member("created", head.created);
  out.member("model", head.model).member("system_fingerprint", head.fingerprint);
}

inline void write_usage(io::json_writer& out, const usage& used, bool of_answers = true) {
  out.begin_object().member("prompt_tokens", used.prompt);
  if (of_answers) out.member("completion_tokens", used.answer);
  out.member("total_tokens", used.prompt + used.answer);
  if (of_answers) {
    out.key("prompt_tokens_details").begin_object().member("cached_tokens", used.cached);
    out.end_object();
  }
  out.end_object();
}

inline double shown_log_probability(float value) {
  return std::isfinite(value) ? static_cast<double>(value) : -9999.0;
}

inline void write_chat_token(io::json_writer& out, const token_probability& one,
                             const text::tokenizer& tokens) {
  const std::string bytes = tokens.token_bytes(one.token);
  std::string text;
  utf8_append_repaired(text, bytes);
  out.member("token", text).member("logprob", shown_log_probability(one.log_probability));
  out.key("bytes").begin_array();
  for (const char c : bytes) out.value(static_cast<int>(static_cast<unsigned char>(c)));
  out.end_array();
}

// {"content": [...], "refusal": null}, or null where none were asked for.
inline void write_chat_logprobs(io::json_writer& out, std::span<const token_record> records,
                                bool wanted, const text::tokenizer& tokens) {
  if (!wanted) {
    out.value(nullptr);
    return;
  }
  out.begin_object().key("content").begin_array();
  for (const token_record& each : records) {
    out.begin_object();
    write_chat_token(out, each.chosen, tokens);
    out.key("top_logprobs").begin_array();
    for (const token_probability& other : each.likeliest) {
      out.begin_object();
      write_chat_token(out, other, tokens);
      out.end_object();
    }
    out.end_array().end_object();
  }
  out.end_array().member("refusal", nullptr).end_object();
}

// Of /v1/completions. The first token of an echoed prompt has no probability: null.
class text_logprobs {
 public:
  // prompt: its characters.
  text_logprobs(const text::tokenizer& tokens, std::size_t prompt, bool echo)
      : tokens_(&tokens), offset_(echo ? 0 : prompt), first_(echo) {}

  void write(io::json_writer& out, std::span<const token_record> records, bool likeliest) {
    out.begin_object().key("tokens").begin_array();
    for (const token_record& each : records) out.value(name_of(each.chosen.token));
    out.end_array().key("token_logprobs").begin_array();
    for (std::size_t i = 0; i < records.size(); ++i) {
      const float value = records[i].chosen.log_probability;
      first_&& i == 0 ? out.value(nullptr) : out.value(shown_log_probability(value));
    }
    out.end_array().key("top_logprobs");
    if (likeliest) {
      out.begin_array();
      for (std::size_t i = 0; i < records.size(); ++i) {
        first_&& i == 0 ? void(out.value(nullptr)) : write_likeliest(out, records[i]);
      }
      out.end_array();
    } else {
      out.value(nullptr);
    }
    out.key("text_offset").begin_array();
    for (const token_record& each : records) {
      out.value(offset_);
      for (const char c : tokens_->token_bytes(each.chosen.token)) {
        if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++offset_;  // characters
      }
    }
    out.end_array().end_object();
    if (!records.empty()) first_ = false;
  }

 private:
  std::string name_of(std::int32_t token) const {
    const std::string bytes = tokens_->token_bytes(token);
    if (utf8_error_offset(bytes) == std::string::npos) return bytes;
    std::string name = "bytes:";
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      name += "\\x";
      name += "0123456789abcdef"[byte >> 4];
      name += "0123456789abcdef"[byte & 15];
    }
    return name;
  }
  void write_likeliest(io::json_writer& out, const token_record& record) const {
    // Two ids may have one text: the likelier stands for both.
    std::vector<std::string> names;
    out.begin_object();
    for (const token_probability& each : record.likeliest) {
      std::string name = name_of(each.token);
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      out.member(name, shown_log_probability(each.log_probability));
      names.push_back(std::move(name));
    }
    out.end_object();
  }

  const text::tokenizer* tokens_;
  std::size_t offset_;  // of the next token, in characters
  bool first_;          // what comes next is the first token of an echoed prompt
};

inline std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// Little-endian floats, as the official client asks for them.
inline std::string base64_of_floats(std::span<const float> values) {
  std::string bytes;
  bytes.reserve(4 * values.size());
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 255);
  }
  return base64(bytes);
}

inline void write_model(io::json_writer& out, const served_model& model) {
  out.begin_object().member("id", model.name).member("object", "model");
  out.member("created", model.created).member("owned_by", "ctgpt");
  out.member("context_length", model.engine->context());
  out.end_object();
}

// An event of a stream: nothing in it may be a line break, which JSON's writer sees to.
inline void append_event(std::string& out, std::string_view data) {
  out += "data: ";
  out += data;
  out += "\n\n";
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
