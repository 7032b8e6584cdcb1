// The C++ of include/ctgpt/align/README.md.
#include "align/chats.hpp"
#include "ctgpt/align/conversation_set.hpp"
#include "ctgpt/align/conversations.hpp"
#include "ctgpt/align/special_tokens.hpp"
#include "ctgpt/ctgpt.hpp"

using namespace ctgpt_test;

namespace {

constexpr config tiny{.vocab = 257, .context = 48, .layers = 1, .heads = 2, .width = 32};
struct model : gpt<tiny> {};

// Says who speaks in words, and ends an answer with the token that ends a text.
struct roles {
  static constexpr std::string_view name() { return "roles"; }
  static constexpr std::string_view specials[] = {"<|endoftext|>"};
  static constexpr std::span<const std::string_view> special_names() { return specials; }
  static constexpr std::span<const std::string_view> end_names() { return specials; }

  static void write(chat_encoder& out, const conversation& talk, bool open_answer) {
    for (const message& each : talk) {
      out.text(each.role).text(": ");
      if (each.role == "assistant") {
        out.answer(each.content).special("<|endoftext|>", true);
      } else {
        out.text(each.content).text("\n");
      }
    }
    if (open_answer) out.text("assistant: ");
  }
  static constexpr std::string_view jinja() {
    return "{% for m in messages %}{{ m['role'] + ': ' }}{% if m['role'] == 'assistant' %}"
           "{% generation %}{{ m['content'] + '<|endoftext|>' }}{% endgeneration %}{% else %}"
           "{{ m['content'] + '\n' }}{% endif %}{% endfor %}"
           "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";
  }
};

double fine_tune(any_network& net, const text::tokenizer& tokens, const std::string& path) {
  conversation_set set(tokens, roles{}, net.settings().context);
  conversation_counts counts;
  read_conversations(path, conversation_format::any, counts,
                     [&](conversation&& talk) { set.add(talk); });
  trainer run{net, adamw{.rate = 3e-3f}, batches(set.take(), {.order = conversations})};
  const double before = run.step().loss;
  run.steps(30);
  return run.step().loss / before;
}

}  // namespace

TEST_CASE("guide: a template of one's own, and fine-tuning by the library alone") {
  const text::tokenizer tokens = with_special_tokens(text::bytes{}, roles::special_names());
  auto net = build<model>(cpu{}, seed{1});
  const temporary_directory here;
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    lines += R"({"instruction":"Say )" + std::to_string(i) +
             R"(","output":"aaaa"})"
             "\n";
  }
  write_file_atomic(here.file("talks.jsonl"), lines);
  CHECK(fine_tune(net, tokens, here.file("talks.jsonl")) < 0.5);
  // It is asked, and answers, as it was taught.
  const auto prompt = chat_template(roles{}).encode(tokens, {{"user", "Say 7"}}, true).ids;
  CHECK(tokens.decode(prompt) == "user: Say 7\nassistant: ");
}
