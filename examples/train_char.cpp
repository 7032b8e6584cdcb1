// nanoGPT's train_shakespeare_char in one file: a character model of a text, trained, evaluated on
// its last tenth, saved as a model directory, and sampled.
//
//   example_train_char [FILE [DIR]]     a text (default: the embedded world), where to save it
//
// Prints the training's progress to standard error, then
//   validation loss 0.589616 nats a character, saved in DIR
// and 300 characters that begin with a newline (20 seconds on one core).
#include <ctgpt/ctgpt.hpp>
#include <ctgpt/model/directory.hpp>
#include <iostream>

// Rows of the vocabulary beyond the text's characters take part in nothing.
constexpr ctgpt::config sizes{
    .vocab = 256, .context = 64, .layers = 4, .heads = 4, .width = 128, .bias = false};
struct model : ctgpt::gpt<sizes> {};

int main(int count, char** arguments) try {
  const std::string file = count > 1 ? arguments[1] : "";
  const std::string directory = count > 2 ? arguments[2] : "";
  const std::string text =
      file.empty() ? ctgpt::data::world({.bytes = 1 << 20, .seed = 1}) : ctgpt::read_file(file);
  const auto tokens = ctgpt::text::characters::of(text, file.empty() ? "the world" : file);

  const ctgpt::batches all(tokens.encode(text), {.batch = 12});
  const ctgpt::isize train = all.size() * 9 / 10;
  const auto learned_from = all.part(0, train), held_back = all.part(train, all.size() - train);

  auto net = ctgpt::build<model>(ctgpt::cpu{}, ctgpt::seed{1337}, tokens.vocab_size());
  ctgpt::trainer run{net,
                     ctgpt::adamw{.rate = 1e-3f},
                     learned_from.with_time(64),
                     {.rates = {ctgpt::schedule_kind::cosine, 1e-3f, 1e-4f, 100, 1000}}};
  run.steps(1000, ctgpt::progress{});
  std::cout << "validation loss " << run.validate(held_back.with_time(64), 20)
            << " nats a character";
  if (!directory.empty()) {
    ctgpt::atomic_directory place(directory);  // complete or not there
    ctgpt::save_model(net, tokens, place.path());
    place.commit();
    std::cout << ", saved in " << directory;
  }
  std::cout << '\n' << ctgpt::generate(net, tokens, "\n", {.tokens = 300}) << '\n';
  return 0;
} catch (const ctgpt::error& problem) {
  std::cerr << "example_train_char: " << problem.what() << '\n';
  return 1;
}
