// Chat templates: the ids and the mask of transformers' apply_chat_template, token by token.
#include "ctgpt/align/chat_template.hpp"

#include "align/chats.hpp"

using namespace ctgpt_test;

namespace {

// Without what the last messages of the assistant say.
conversation asked(conversation talk) {
  while (!talk.empty() && talk.back().role == "assistant") talk.pop_back();
  return talk;
}

void save(const temporary_directory& here, const std::string& config, bool tokens = true) {
  write_file_atomic(here.file("tokenizer_config.json"), config);
  if (!tokens) return;
  write_file_atomic(here.file("tokenizer.json"), read_file(golden("align/tokenizer.json")));
}

}  // namespace

TEST_CASE("chat_template: ids, mask and prompt are those of apply_chat_template") {
  const text::tokenizer tokens = golden_tokenizer();
  const std::vector<conversation> talks = golden_talks();
  const io::json file = io::read_json(golden("align/chat.json"));
  for (const chat_template& chat : chat_templates) {
    CAPTURE(std::string(chat.name()));
    const io::json_field expected = io::json_field(file, "chat.json")[std::string(chat.name())];
    // Else the golden file was made from another template: run make_chat.py.
    REQUIRE(expected["jinja"].string() == chat.jinja());
    REQUIRE(expected["talks"].size() == talks.size());
    int compared = 0, counted = 0;
    for (std::size_t i = 0; i < talks.size(); ++i) {
      if (!expected["talks"][i].present()) continue;
      CAPTURE(i);
      const encoded_conversation made = chat.encode(tokens, talks[i]);
      CHECK(made.ids == integers_of(expected["talks"][i]["ids"]));
      const std::vector<std::int32_t> mask(made.mask.begin(), made.mask.end());
      CHECK(mask == integers_of(expected["talks"][i]["mask"]));
      counted += static_cast<int>(std::count(mask.begin(), mask.end(), 1));
      CHECK(chat.encode(tokens, asked(talks[i]), true).ids ==
            integers_of(expected["talks"][i]["prompt"]));
      ++compared;
    }
    CHECK(compared == 5);
    CHECK(counted > 60);
  }
}

TEST_CASE("chat_template: names of special tokens within messages stay text") {
  const text::tokenizer tokens = golden_tokenizer();
  const conversation talk = golden_talks()[naming_talk];
  const auto count = [&](const chat_template& chat, std::string_view name) {
    const std::vector<std::int32_t> ids = chat.encode(tokens, talk).ids;
    return std::count(ids.begin(), ids.end(), special_named(tokens, name)->token);
  };
  CHECK(count(chatml{}, "<|im_start|>") == 2);  // of the two messages
  CHECK(count(chatml{}, "<|im_end|>") == 2);
  CHECK(count(chatml{}, "<|assistant_end|>") == 0);
  CHECK(count(nanochat{}, "<|assistant_end|>") == 1);
  CHECK(count(nanochat{}, "<|user_end|>") == 1);
  // And what was said can be read back.
  const std::string text = tokens.decode(chat_template(chatml{}).encode(tokens, talk).ids);
  CHECK(contains_text(text, talk[0].content));
  CHECK(contains_text(text, talk[1].content));
}

TEST_CASE("chat_template: only answers and the token that ends each count") {
  const text::tokenizer tokens = golden_tokenizer();
  for (const chat_template& chat : chat_templates) {
    for (const conversation& talk : golden_talks()) {
      const encoded_conversation made = chat.encode(tokens, talk);
      std::string learnt, expected;
      for (std::size_t i = 0; i < made.ids.size(); ++i) {
        if (made.mask[i] != 0) learnt += tokens.token_bytes(made.ids[i]);
      }
      for (const message& each : talk) {
        if (each.role == "assistant") expected += each.content + std::string(chat.end_names()[0]);
      }
      // A token that begins before an answer and reaches into it counts, with what it brings.
      const bool reaches = talk[1].content.starts_with("\n") && chat.name() == "chatml";
      CHECK(learnt == (reaches ? "\n" + expected : expected));
    }
  }
}

TEST_CASE("chat_template: what a template cannot write is refused with a sentence") {
  const text::tokenizer tokens = golden_tokenizer();
  const auto said = [&](const chat_template& chat, const conversation& talk) {
    return error_text([&] { chat.encode(tokens, talk); });
  };
  CHECK(said(chatml{}, {{"tool", "4"}}) ==
        "the role \"tool\" is none of a conversation; use system, user or assistant");
  CHECK(contains_text(said(nanochat{}, {{"user", "a"}, {"system", "b"}}),
                      "a system message has no place in the chat template nanochat"));
  CHECK(contains_text(said(nanochat{}, {{"system", "b"}}), "has no place"));
  const text::tokenizer plain = text::bytes{};
  const std::string missing = error_text([&] {
    chat_template(chatml{}).encode(plain, {{"user", "a"}});
  });
  CHECK(missing ==
        "the tokenizer has no special token <|im_start|>, which the chat template writes; ctgpt "
        "finetune adds it");
  CHECK(error_text([&] { chat_template(nanochat{}).expect_specials(plain); }).size() > 20);
  CHECK(error_text([] { chat_template_named("llama"); }) ==
        "there is no chat template \"llama\"; choose chatml or nanochat");
}

TEST_CASE("chat_template: the tokens that end an answer") {
  const text::tokenizer tokens = golden_tokenizer();
  const auto id = [&](std::string_view name) { return special_named(tokens, name)->token; };
  CHECK(chat_template(chatml{}).ends(tokens) == std::vector{id("<|im_end|>"), id("<|endoftext|>")});
  CHECK(chat_template(nanochat{}).ends(tokens) ==
        std::vector{id("<|assistant_end|>"), id("<|bos|>"), id("<|endoftext|>")});
}

TEST_CASE("find_chat_template: ours by its text, another by its special tokens, none of a base") {
  const temporary_directory here;
  CHECK_FALSE(find_chat_template(here.path()));  // nothing there
  save(here, "{}");
  CHECK_FALSE(find_chat_template(here.path()));  // a base model
  for (const chat_template& chat : chat_templates) {
    save(here, io::write_json(io::json::object().set("chat_template", chat.jinja())), false);
    CHECK(find_chat_template(here.path())->name() == chat.name());
  }
  // Somebody else's text, beside the tokens of both: the first that it could be.
  save(here, R"({"chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"})");
  CHECK(find_chat_template(here.path())->name() == "chatml");
  CHECK(default_chat_template(here.path(), golden_tokenizer()).name() == "chatml");
  // The same in a file of its own.
  save(here, "{}");
  write_file_atomic(here.file("chat_template.jinja"), std::string(nanochat::jinja()));
  CHECK(find_chat_template(here.path())->name() == "nanochat");
  // One of a model whose tokens are of none of ours.
  const temporary_directory other;
  write_file_atomic(other.file("tokenizer_config.json"), R"({"chat_template": "[INST]"})");
  CHECK_FALSE(find_chat_template(other.path()));
  text::tokenizer(text::bytes{}).save(other.file("tokenizer.json"));
  CHECK_FALSE(find_chat_template(other.path()));
  CHECK(default_chat_template(other.path(), text::bytes{}).name() == "chatml");
}
