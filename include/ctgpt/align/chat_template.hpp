// chat_template: how a conversation is written for a model that answers.
//
// chat_template chat = chatml{};                   or nanochat{}, or a type of one's own
// chat.encode(tokens, talk)                        ids and their mask: what to learn from
// chat.encode(tokens, talk, true).ids              a prompt that the model answers
// chat.ends(tokens)                                the ids that end its answer
// find_chat_template("runs/chat/best")             that of a saved model, nullopt of a base model
//
// A template is a type with name(), special_names() (the tokens it needs), end_names() (those that
// end an answer), write(out, conversation, open_answer), which tells a chat_encoder what to write,
// and jinja(), the same for transformers' apply_chat_template, with {% generation %} around what
// counts: the answers and the token that ends each, nothing else.
// chatml:    <|im_start|>ROLE\nTEXT<|im_end|>\n for each message
// nanochat:  <|bos|>, then <|user_start|>TEXT<|user_end|> and
//            <|assistant_start|>TEXT<|assistant_end|>; a system message stands before the first
//            message of the user, with an empty line between
// Ensures: the ids and the mask of apply_chat_template, unless a message holds the name of a
// special token, which stays text here.
// Errors: an unknown role, a system message that nanochat's template has no place for, a missing
// special token: ctgpt::error; a name that is none of a template: usage_error.
// Reference: OpenAI, ChatML, 2023; karpathy/nanochat, nanochat/tokenizer.py
// (render_conversation); huggingface/transformers, docs/source/en/chat_templating_writing.md.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>

#include "ctgpt/align/chat_encoder.hpp"
#include "ctgpt/align/message.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

[[noreturn, gnu::cold]] inline void fail_unknown_role(std::string_view role) {
  fail("the role ", io::quote_json(role), " is none of a conversation; use system, user or ",
       "assistant");
}

struct chatml {
  static constexpr std::string_view name() { return "chatml"; }
  static constexpr std::string_view specials[] = {"<|im_start|>", "<|im_end|>"};
  static constexpr std::span<const std::string_view> special_names() { return specials; }
  static constexpr std::span<const std::string_view> end_names() { return {specials + 1, 1}; }

  static void write(chat_encoder& out, const conversation& talk, bool open_answer) {
    for (const message& each : talk) {
      const bool answers = each.role == "assistant";
      if (!answers && each.role != "user" && each.role != "system") fail_unknown_role(each.role);
      out.special("<|im_start|>").text(each.role).text("\n");
      answers ? out.answer(each.content) : out.text(each.content);
      out.special("<|im_end|>", answers).text("\n");
    }
    if (open_answer) out.special("<|im_start|>").text("assistant\n");
  }

  static constexpr std::string_view jinja() {
    return R"({% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }})"
           R"({% if message['role'] == 'assistant' %}{% generation %})"
           R"({{ message['content'] + '<|im_end|>' }}{% endgeneration %}{% else %})"
           R"({{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %})"
           R"({% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})";
  }
};

struct nanochat {
  static constexpr std::string_view name() { return "nanochat"; }
  static constexpr std::string_view specials[] = {"<|bos|>", "<|user_start|>", "<|user_end|>",
                                                  "<|assistant_start|>", "<|assistant_end|>"};
  static constexpr std::string_view ends[] = {"<|assistant_end|>", "<|bos|>"};
  static constexpr std::span<const std::string_view> special_names() { return specials; }
  static constexpr std::span<const std::string_view> end_names() { return ends; }

  static void write(chat_encoder& out, const conversation& talk, bool open_answer) {
    out.special("<|bos|>");
    const std::string* system = nullptr;
    for (std::size_t i = 0; i < talk.size(); ++i) {
      const std::string &role = talk[i].role, &content = talk[i].content;
      if (role == "system") {
        expects(i == 0 && talk.size() > 1 && talk[1].role == "user",
                "a system message has no place in the chat template nanochat unless it is the "
                "first message and the user's follows");
        system = &content;
      } else if (role == "user") {
        out.special("<|user_start|>");
        if (system != nullptr) out.text(*system).text("\n\n");
        out.text(content).special("<|user_end|>");
        system = nullptr;
      } else if (role == "assistant") {
        out.special("<|assistant_start|>").answer(content).special("<|assistant_end|>", true);
      } else {
        fail_unknown_role(role);
      }
    }
    if (open_answer) out.special("<|assistant_start|>");
  }

  static constexpr std::string_view jinja() {
    return R"({{ '<|bos|>' }}{% for message in messages %}{% if message['role'] == 'system' %})"
           R"({% if not loop.first or loop.last or loop.nextitem['role'] != 'user' %})"
           R"({{ raise_exception('a system message has no place in the chat template nanochat )"
           R"(unless it is the first message and the user follows') }}{% endif %})"
           R"({% elif message['role'] == 'assistant' %}{{ '<|assistant_start|>' }})"
           R"({% generation %}{{ message['content'] + '<|assistant_end|>' }}{% endgeneration %})"
           R"({% else %}{{ '<|user_start|>' }}{% if loop.previtem is defined and )"
           R"(loop.previtem['role'] == 'system' %}{{ loop.previtem['content'] + '\n\n' }})"
           R"({% endif %}{{ message['content'] + '<|user_end|>' }}{% endif %}{% endfor %})"
           R"({% if add_generation_prompt %}{{ '<|assistant_start|>' }}{% endif %})";
  }
};

// Any template as one value.
class chat_template {
 public:
  template <class Template>
  constexpr chat_template(Template)
      : name_(Template::name()),
        jinja_(Template::jinja()),
        special_names_(Template::special_names()),
        end_names_(Template::end_names()),
        write_(&Template::write) {}

  constexpr std::string_view name() const { return name_; }
  constexpr std::string_view jinja() const { return jinja_; }
  constexpr std::span<const std::string_view> special_names() const { return special_names_; }
  constexpr std::span<const std::string_view> end_names() const { return end_names_; }

  // Throws unless the tokenizer has the special tokens that the template writes.
  void expect_specials(const text::tokenizer& tokens) const {
    for (const std::string_view name : special_names_) {
      if (special_named(tokens, name) == nullptr) fail_missing_special(name);
    }
  }

  // open_answer: what comes next is the assistant's answer.
  encoded_conversation encode(const text::tokenizer& tokens, const conversation& talk,
                              bool open_answer = false) const {
    chat_encoder out(tokens);
    write_(out, talk, open_answer);
    return out.take();
  }

  // The tokens that end an answer: the template's, and that which ends a text.
  std::vector<std::int32_t> ends(const text::tokenizer& tokens) const {
    std::vector<std::int32_t> ids;
    const auto add = [&](const text::special_token* found) {
      if (found == nullptr) return;
      if (std::find(ids.begin(), ids.end(), found->token) == ids.end()) ids.push_back(found->token);
    };
    for (const std::string_view name : end_names_) add(special_named(tokens, name));
    add(text::ends_of_text(tokens).end);
    return ids;
  }

 private:
  std::string_view name_, jinja_;
  std::span<const std::string_view> special_names_, end_names_;
  void (*write_)(chat_encoder& out, const conversation& talk, bool open_answer);
};

inline constexpr std::array<chat_template, 2> chat_templates{chatml{}, nanochat{}};

inline chat_template chat_template_named(std::string_view name) {
  for (const chat_template& each : chat_templates) {
    if (each.name() == name) return each;
  }
  throw usage_error(
      join("there is no chat template ", io::quote_json(name), "; choose chatml or nanochat"));
}

// The template of a saved model: chat_template in its tokenizer_config.json, or the file
// chat_template.jinja. One that is not ours is never executed: it is taken for the template whose
// special tokens tokenizer.json has. nullopt where there is none, or none that is known.
inline std::optional<chat_template> find_chat_template(const std::string& directory) {
  constexpr std::size_t most = std::size_t{64} << 20;  // bytes
  const std::string path = directory + "/tokenizer_config.json";
  const std::string beside = directory + "/chat_template.jinja";
  const std::string vocabulary = directory + "/tokenizer.json";
  std::string jinja;
  if (is_file(path)) {
    const io::json text = io::read_json(path);
    const io::json_field field = io::json_field(text, path)["chat_template"];
    if (field.present() && field.value()->get_if<std::string>() != nullptr) jinja = field.string();
  }
  if (jinja.empty() && is_file(beside)) jinja = read_file(beside, most);
  if (jinja.empty()) return std::nullopt;
  for (const chat_template& each : chat_templates) {
    if (each.jinja() == jinja) return each;
  }
  if (!is_file(vocabulary)) return std::nullopt;
  const io::json text =
      io::parse_json(read_file(vocabulary, text::most_vocabulary_bytes), vocabulary);
  const io::json_field added = io::json_field(text, vocabulary)["added_tokens"];
  const auto has = [&](std::string_view name) {
    for (std::size_t i = 0; added.present() && i < added.size(); ++i) {
      if (added[i]["content"].string() == name) return true;
    }
    return false;
  };
  for (const chat_template& each : chat_templates) {
    const auto names = each.special_names();
    if (std::all_of(names.begin(), names.end(), has)) return each;
  }
  return std::nullopt;
}

// The template for a model that says none: the one whose special tokens its tokenizer has, else
// ChatML.
inline chat_template default_chat_template(const std::string& directory,
                                           const text::tokenizer& tokens) {
  if (const std::optional<chat_template> own = find_chat_template(directory)) return *own;
  for (const chat_template& each : chat_templates) {
    const auto names = each.special_names();
    const auto has = [&](std::string_view name) { return special_named(tokens, name) != nullptr; };
    if (std::all_of(names.begin(), names.end(), has)) return each;
  }
  return chatml{};
}

}  // namespace ctgpt::inline CTGPT_ABI::align
