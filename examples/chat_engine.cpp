// Two conversations at once with one model: their answers grow side by side, and a second turn
// finds what was said before in the engine's cache.
//
//   example_chat_engine DIR     a chat model; a base model goes on from what is asked
// Prints each piece of an answer behind its conversation's number, and at its end a line of counts.
#include <ctgpt/align/chat_template.hpp>
#include <ctgpt/ctgpt.hpp>
#include <ctgpt/infer/batch_engine.hpp>
#include <ctgpt/model/any.hpp>
#include <ctgpt/model/directory.hpp>
#include <iostream>

struct answer : ctgpt::completion_listener {  // called by the engine's thread
  explicit answer(std::size_t talk) : number(talk) {}
  void on_piece(const ctgpt::completion_piece& piece) override {
    text += piece.text;
    std::cout << std::to_string(number) + "| " + piece.text + "\n" << std::flush;
  }
  void on_end(const ctgpt::completion_end& end) override { ended.set_value(end); }
  std::size_t number;
  std::string text;
  std::promise<ctgpt::completion_end> ended;
};

int main(int count, char** arguments) try {
  const std::string directory = count > 1 ? arguments[1] : "runs/quickstart/chat/best";
  const auto saved = ctgpt::open_directory(directory);
  const auto tokens = ctgpt::text::tokenizer::load(directory);
  const auto chat = ctgpt::align::find_chat_template(directory);
  std::unique_ptr<ctgpt::any_network> net;
  ctgpt::visit_kinds(saved.settings, [&](const auto& model) {
    using type = ctgpt::network<std::remove_cvref_t<decltype(model)>>;
    net = std::make_unique<type>(load_model(model, ctgpt::cpu{}, saved, ctgpt::f32_precision));
  });
  net->pack();
  const ctgpt::token_table table(tokens, net->vocab());
  ctgpt::batch_engine engine(std::move(net), table, {.parallel = 2});

  ctgpt::align::conversation talks[2];
  for (const char* turn : {"Hello! Who are you?", "What can you do?"}) {
    std::shared_ptr<answer> answers[2];
    for (std::size_t i = 0; i < 2; ++i) {
      talks[i].push_back({"user", turn});
      ctgpt::completion_request ask{.tokens = 40, .choose = {.seed = i}};
      ask.prompt = chat ? chat->encode(tokens, talks[i], true).ids : tokens.encode(turn);
      if (chat) ask.stop_tokens = chat->ends(tokens);
      engine.submit(ask, answers[i] = std::make_shared<answer>(i + 1));
    }
    for (std::size_t i = 0; i < 2; ++i) {
      const ctgpt::completion_end end = answers[i]->ended.get_future().get();
      talks[i].push_back({"assistant", answers[i]->text});
      std::cout << ctgpt::join(i + 1, ": ", end.answer_tokens, " tokens, ", end.cached_tokens,
                               " of ", end.prompt_tokens, " were in the cache\n");
    }
  }
} catch (const ctgpt::error& problem) {
  std::cerr << "example_chat_engine: " << problem.what() << '\n';
  return problem.exit_code();
}
