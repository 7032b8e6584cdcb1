// A first program: a small GPT learns to write about the embedded world, then continues "Once".
//
// Prints the training's progress to standard error, then 201 to 204 characters of text that begins
// with "Once" and is made of words (a minute on one core).
#include <ctgpt/ctgpt.hpp>
#include <iostream>

constexpr ctgpt::config tiny{.vocab = 256, .context = 128, .layers = 4, .heads = 4, .width = 128};
struct model : ctgpt::gpt<tiny> {};  // a name of your own: short symbols, short errors
static_assert(model::parameter_count < 1'000'000);  // facts about a model are constants

int main() {
  auto ids = ctgpt::text::bytes{}.encode(ctgpt::data::world({.bytes = 1 << 20, .seed = 1}));
  auto net = ctgpt::build<model>(ctgpt::cpu{}, ctgpt::seed{42});  // eigen{}, reference{}: elsewhere
  ctgpt::trainer run{net, ctgpt::adamw{.rate = 1e-3f}, ctgpt::batches{ids, {.batch = 16}}};
  run.steps(300, ctgpt::progress{});
  std::cout << ctgpt::generate(net, ctgpt::text::bytes{}, "Once",
                               {.tokens = 200, .temperature = 0.8f})
            << '\n';
}
