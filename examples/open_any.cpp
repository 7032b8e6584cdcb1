// Opens any model directory, ours or Hugging Face's (GPT-2's or Llama's layers), whatever its size;
// and, where the size is one that this program was compiled for, as a type whose sizes are
// constants: the same bits.
//
//   example_open_any DIR     for example runs/quickstart/best, or what save_pretrained wrote
//
// A tokenizer that is missing or cannot be read is said, and then the text is numbers of tokens.
// Prints for the quickstart's model, with its sentence after "Q: " between these lines:
//   3 layers, 4 heads, width 128, 721792 parameters
//   as a compiled type: the same text
#include <ctgpt/ctgpt.hpp>
#include <ctgpt/model/any.hpp>
#include <ctgpt/model/directory.hpp>
#include <ctgpt/text/tokenizer.hpp>
#include <iostream>
#include <optional>

struct compiled : ctgpt::gpt<ctgpt::presets::find("quickstart")->model> {};

// In place of a tokenizer: tokens by their numbers.
struct numbers {
  static std::vector<std::int32_t> encode(std::string_view) { return {0}; }  // where to start
  static std::string decode(std::span<const std::int32_t> tokens) {
    std::string text;
    for (const std::int32_t token : tokens) text += ' ' + std::to_string(token);
    return text;
  }
};

int main(int count, char** arguments) try {
  if (count != 2) {
    std::cerr << "usage: example_open_any DIR (a directory with config.json and weights)\n";
    return 2;
  }
  const std::string directory = arguments[1];
  const ctgpt::saved_model saved = ctgpt::open_directory(directory);
  std::optional<ctgpt::text::tokenizer> tokens;
  try {
    tokens = ctgpt::text::tokenizer::load(directory + "/tokenizer.json");
  } catch (const ctgpt::error& problem) {
    std::cerr << problem.what() << "; so tokens are shown by their numbers\n";
  }
  const ctgpt::generation greedy{.tokens = 40, .temperature = 0.0f, .stop = {"\n"}};
  const auto continued = [&](const auto& net) {
    return tokens ? ctgpt::generate(net, *tokens, "Q: ", greedy)
                  : ctgpt::generate(net, numbers{}, "0", greedy);
  };

  std::string text;
  ctgpt::visit_kinds(saved.settings, [&](const auto& model) {  // sizes are values of `model`
    const auto net = ctgpt::load_model(model, ctgpt::cpu{}, saved, ctgpt::f32_precision);
    const ctgpt::config& c = net.settings();
    std::cout << c.layers << " layers, " << c.heads << " heads, width " << c.width << ", "
              << net.layout().parameters << " parameters\n";
    text = continued(net);
    std::cout << text << '\n';
  });

  if (ctgpt::canonical(saved.settings) == ctgpt::canonical(compiled::settings)) {
    const auto net = ctgpt::load_model<compiled>(ctgpt::cpu{}, directory);
    const bool same = continued(net) == text;
    std::cout << "as a compiled type: " << (same ? "the same text" : "another text") << '\n';
    return same ? 0 : 1;
  }
  return 0;
} catch (const ctgpt::error& problem) {
  std::cerr << "example_open_any: " << problem.what() << '\n';
  return 1;
}
