// A model inside a program that has a main loop of its own, such as a game: loaded from memory, on
// the caller's thread, one token a call for the work of two at most, however long the text grows.
// After loading it allocates nothing, prints nothing, and leaves signals, affinity, locale and
// floating-point mode as they were.
//
//   example_embed_in_app DIR [MILLISECONDS]   a model directory; the time that a frame has (16)
//
// Prints the text as it grows, a token a frame, and then, on standard error:
//   120 frames, the slowest took 0.4 ms of the 16.0 it had
// Ends with 1 where a frame took longer.
#include <chrono>
#include <cstdlib>
#include <ctgpt/ctgpt.hpp>
#include <ctgpt/model/any.hpp>
#include <ctgpt/model/directory.hpp>
#include <ctgpt/text/tokenizer.hpp>
#include <iostream>
#include <memory>
#include <utility>

// What the program's loop knows of the model.
class writer {
 public:
  explicit writer(std::unique_ptr<const ctgpt::any_network> net)
      : net_(std::move(net)),
        run_(*net_, 2),  // two sequences
        window_(run_, 0),
        next_(run_, 1),
        choose_({.temperature = 0.8f, .top_k = 40}, run_.vocab()) {
    prompt_.reserve(static_cast<std::size_t>(run_.context()));
    // The kernels' working space grows to its size here, and not in a frame.
    const std::vector<std::int32_t> longest(static_cast<std::size_t>(run_.context()), 0);
    next_.append(longest);
    window_.append(longest);
    choose_.next(window_.logits(), window_.ids());
  }
  // prompt: at most a context long.
  void begin(std::span<const std::int32_t> prompt) {
    prompt_.assign(prompt.begin(), prompt.end());
    read_ = 0;
    window_.clear();
    next_.clear();
  }
  // Reads one token of the prompt, and then writes one; -1 while it reads. The model computes at
  // most two tokens: the second is for the next window.
  std::int32_t step() {
    const bool reads = read_ < prompt_.size();
    const std::int32_t token =
        reads ? prompt_[read_++] : choose_.next(window_.logits(), window_.ids());
    append(token);
    return reads ? -1 : token;
  }

 private:
  // A full window goes on as its last half, which moving_window would compute again in one call.
  // So the second half of each window is appended to the next one too, and they change places.
  void append(std::int32_t token) {
    const ctgpt::isize context = run_.context();
    if (window_.size() == context) {
      std::swap(window_, next_);
      next_.clear();
    }
    if (window_.size() >= context - context / 2) next_.append(token);
    window_.append(token);  // after next_: these logits are meant
  }

  std::unique_ptr<const ctgpt::any_network> net_;
  ctgpt::decoder run_;
  ctgpt::moving_window window_, next_;
  ctgpt::sampler choose_;
  std::vector<std::int32_t> prompt_;
  std::size_t read_ = 0;
};

// From the text of config.json and the bytes of model.safetensors, wherever the program has them.
std::unique_ptr<writer> open_writer(std::string_view config, std::span<const std::byte> weights) {
  const ctgpt::saved_model saved = ctgpt::open_memory(config, weights);
  std::unique_ptr<ctgpt::any_network> net;
  ctgpt::visit_kinds(saved.settings, [&](const auto& model) {
    using type = std::remove_cvref_t<decltype(model)>;
    net = std::make_unique<ctgpt::network<type>>(
        ctgpt::load_model(model, ctgpt::cpu{.threads = 1}, saved, ctgpt::f32_precision));
  });
  net->pack();
  return std::make_unique<writer>(std::move(net));
}

int main(int count, char** arguments) try {
  if (count < 2) {
    std::cerr << "usage: example_embed_in_app DIR [MILLISECONDS]\n";
    return 2;
  }
  const std::string directory = arguments[1];
  const double budget = count > 2 ? std::atof(arguments[2]) : 16.0;
  const std::string config = ctgpt::read_file(directory + "/config.json");
  const std::string weights = ctgpt::read_file(directory + "/model.safetensors");
  const auto tokens = ctgpt::text::tokenizer::load(directory + "/tokenizer.json");
  const std::unique_ptr<writer> model = open_writer(config, std::as_bytes(std::span(weights)));

  const std::string prompt = "Q: Where does";
  model->begin(tokens.encode(prompt));
  std::cout << prompt;
  double slowest = 0.0;
  const int frames = 120;
  for (int frame = 0; frame < frames; ++frame) {  // the program's own loop
    const auto start = std::chrono::steady_clock::now();
    const std::int32_t token = model->step();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    slowest = std::max(slowest, took.count());
    if (token >= 0) std::cout << tokens.token_bytes(token) << std::flush;
  }
  std::cout << '\n';
  std::fprintf(stderr, "%d frames, the slowest took %.1f ms of the %.1f it had\n", frames, slowest,
               budget);
  return slowest <= budget ? 0 : 1;
} catch (const ctgpt::error& problem) {
  std::cerr << "example_embed_in_app: " << problem.what() << '\n';
  return 1;
}
