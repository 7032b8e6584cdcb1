// A model inside a program that has a main loop of its own, such as a game: loaded from memory, on
// the caller's thread, one token a call. After loading it allocates nothing, prints nothing, and
// leaves signals, affinity, locale and floating-point mode as they were.
//
//   example_embed_in_app DIR [MILLISECONDS]   a model directory; the time that a frame has (16)
//
// Prints the text as it grows, a token a frame, and then, on standard error:
//   120 frames, the slowest took 0.4 ms of the 16.0 it had
#include <chrono>
#include <cstdlib>
#include <ctgpt/ctgpt.hpp>
#include <ctgpt/model/any.hpp>
#include <ctgpt/model/directory.hpp>
#include <ctgpt/text/tokenizer.hpp>
#include <iostream>
#include <memory>

// What the program's loop knows of the model.
class writer {
 public:
  virtual ~writer() = default;
  virtual void begin(std::span<const std::int32_t> prompt) = 0;  // at most a context long
  // One token of work: reads one of the prompt, and then writes one; -1 while it reads.
  virtual std::int32_t step() = 0;
};

template <class Model>
class writer_of final : public writer {
 public:
  writer_of(const Model& model, const ctgpt::saved_model& saved)
      : net_(ctgpt::load_model(model, ctgpt::cpu{.threads = 1}, saved, ctgpt::f32_precision)) {
    net_.pack();
    run_.emplace(net_);
    window_.emplace(*run_);
    choose_.emplace(ctgpt::sampling{.temperature = 0.8f, .top_k = 40}, run_->vocab());
    prompt_.reserve(static_cast<std::size_t>(run_->context()));
    // The kernels' working space grows to its size here, and not in a frame: the longest piece that
    // a moving window computes is the whole context.
    const std::vector<std::int32_t> longest(static_cast<std::size_t>(run_->context()), 0);
    window_->append(longest);
    window_->append(choose_->next(window_->logits(), window_->ids()));
  }
  void begin(std::span<const std::int32_t> prompt) override {
    prompt_.assign(prompt.begin(), prompt.end());
    read_ = 0;
    window_->clear();
  }
  std::int32_t step() override {
    if (read_ < prompt_.size()) {
      window_->append(prompt_[read_++]);
      return -1;
    }
    const std::int32_t token = choose_->next(window_->logits(), window_->ids());
    window_->append(token);
    return token;
  }

 private:
  ctgpt::network<Model> net_;
  std::optional<ctgpt::decoder<Model>> run_;
  std::optional<ctgpt::moving_window<ctgpt::decoder<Model>>> window_;
  std::optional<ctgpt::sampler> choose_;
  std::vector<std::int32_t> prompt_;
  std::size_t read_ = 0;
};

// From the text of config.json and the bytes of model.safetensors, wherever the program has them.
std::unique_ptr<writer> open_writer(std::string_view config, std::span<const std::byte> weights) {
  const ctgpt::saved_model saved = ctgpt::open_memory(config, weights);
  std::unique_ptr<writer> made;
  ctgpt::visit_kinds(saved.settings, [&](const auto& model) {
    made = std::make_unique<writer_of<std::remove_cvref_t<decltype(model)>>>(model, saved);
  });
  return made;
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
  return 0;
} catch (const ctgpt::error& problem) {
  std::cerr << "example_embed_in_app: " << problem.what() << '\n';
  return 1;
}
