// The example that embeds a model in a program with a main loop of its own: after loading it takes
// nothing from that program but the time of a token.
#include <doctest/doctest.h>
#include <fenv.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "infer/allocations.hpp"

#define main example_main
#include "../examples/embed_in_app.cpp"
#undef main

using namespace ctgpt_test;

namespace {

// What a library may leave changed behind: signals, affinity, locale, floating-point mode.
struct surroundings {
  std::vector<void (*)(int)> handlers;
  cpu_set_t processors;
  std::string locale = std::setlocale(LC_ALL, nullptr);
#if defined(__SSE__)
  unsigned mode = _mm_getcsr() & ~0x3fu;  // without the flags of past exceptions
#else
  unsigned mode = 0;
#endif
  int rounding = ::fegetround();

  surroundings() {
    for (int number = 1; number < 32; ++number) {
      struct sigaction now {};
      ::sigaction(number, nullptr, &now);
      handlers.push_back(now.sa_handler);
    }
    CPU_ZERO(&processors);
    REQUIRE(::sched_getaffinity(0, sizeof processors, &processors) == 0);
  }
  bool operator==(const surroundings& other) const {
    return handlers == other.handlers && CPU_EQUAL(&processors, &other.processors) != 0 &&
           locale == other.locale && mode == other.mode && rounding == other.rounding;
  }
};

// Standard output and error, into files while this lives.
class silence {
 public:
  silence() : out_(::dup(1)), err_(::dup(2)) {
    REQUIRE(said_ != nullptr);
    std::fflush(nullptr);  // what others said before
    ::dup2(::fileno(said_), 1);
    ::dup2(::fileno(said_), 2);
  }
  ~silence() {
    end();
    std::fclose(said_);
  }
  // How many bytes were said.
  long end() {
    if (out_ < 0) return 0;
    std::fflush(nullptr);
    ::dup2(out_, 1);
    ::dup2(err_, 2);
    ::close(out_);
    ::close(err_);
    out_ = -1;
    std::fseek(said_, 0, SEEK_END);
    return std::ftell(said_);
  }

 private:
  std::FILE* said_ = std::tmpfile();
  int out_, err_;
};

constexpr ctgpt::config small{.vocab = 256, .context = 31, .layers = 2, .heads = 2, .width = 16};

// A block that counts the tokens that it computes, once for all layers.
ctgpt::isize computed = 0;

template <ctgpt::config C>
struct counting_block : ctgpt::transformer_block<C> {
  using base = ctgpt::transformer_block<C>;
  void forward(ctgpt::ops& run, const ctgpt::frame& f, ctgpt::rows<C.width> x,
               ctgpt::rows<C.width> y) const {
    if (f.layer == 0) computed += f.tokens();
    base::forward(run, f, x, y);
  }
};

}  // namespace

TEST_CASE("embed: past the context a call computes at most two tokens, and the text is the same") {
  struct counting : ctgpt::gpt<small, counting_block> {};
  const temporary_directory made;
  const auto net = ctgpt::build<counting>(ctgpt::cpu{.threads = 1}, ctgpt::seed{4});
  ctgpt::save_model(net, ctgpt::text::bytes{}, made.path());
  auto opened = std::make_unique<ctgpt::network<counting>>(
      ctgpt::load_model(counting{}, ctgpt::cpu{.threads = 1}, ctgpt::open_directory(made.path()),
                        ctgpt::f32_precision));
  opened->pack();
  writer model(std::move(opened));
  const std::vector<std::int32_t> prompt{1, 2, 3, 4, 5, 6, 7};
  model.begin(prompt);
  std::vector<std::int32_t> written;
  ctgpt::isize most = 0;
  for (int i = 0; i < 207; ++i) {
    computed = 0;
    const std::int32_t token = model.step();
    most = std::max(most, computed);
    CHECK(computed >= 1);
    CHECK((token < 0) == (i < 7));
    if (token >= 0) written.push_back(token);
  }
  CHECK(most == 2);
  // The tokens are those of the window that moves at once.
  ctgpt::decoder run(net);
  ctgpt::moving_window window(run);
  ctgpt::sampler choose({.temperature = 0.8f, .top_k = 40}, run.vocab());
  const std::vector<std::int32_t> longest(31, 0);
  window.append(longest);
  choose.next(window.logits(), window.ids());  // as the writer does while it loads
  window.clear();
  window.append(prompt);
  std::vector<std::int32_t> expected;
  while (expected.size() < written.size()) {
    expected.push_back(choose.next(window.logits(), window.ids()));
    window.append(expected.back());
  }
  CHECK(written == expected);
}

TEST_CASE("embed: the program ends with 1 where a frame was over its time") {
  struct quickstart : ctgpt::gpt<ctgpt::presets::find("quickstart")->model> {};
  const temporary_directory made;
  ctgpt::save_model(ctgpt::build<quickstart>(ctgpt::cpu{}, ctgpt::seed{4}, 256),
                    ctgpt::text::bytes{}, made.path());
  const auto code = [&](std::string milliseconds) {
    std::string name = "example_embed_in_app", directory = made.path();
    char* arguments[] = {name.data(), directory.data(), milliseconds.data()};
    const silence quiet;
    return example_main(3, arguments);
  };
  CHECK(code("60000") == 0);
  CHECK(code("0.000001") == 1);
}

TEST_CASE("embed: after loading nothing is allocated, printed or left changed") {
  struct quickstart : ctgpt::gpt<ctgpt::presets::find("quickstart")->model> {};
  const temporary_directory made;
  ctgpt::save_model(ctgpt::build<quickstart>(ctgpt::cpu{}, ctgpt::seed{4}, 256),
                    ctgpt::text::bytes{}, made.path());
  const std::string config = ctgpt::read_file(made.file("config.json"));
  const std::string weights = ctgpt::read_file(made.file("model.safetensors"));
  const surroundings before;
  const std::unique_ptr<writer> model = open_writer(config, std::as_bytes(std::span(weights)));
  CHECK(surroundings() == before);
  const std::vector<std::int32_t> prompt{1, 2, 3, 4, 5, 6, 7};
  std::vector<std::int32_t> written;
  written.reserve(2000);
  silence quiet;
  long allocations = 0;
  {
    const allocation_counter counter;
    for (int text = 0; text < 2; ++text) {
      model->begin(prompt);
      for (int i = 0; i < 700; ++i) written.push_back(model->step());  // past the context, twice
    }
    allocations = counter.count();
  }
  CHECK(quiet.end() == 0);
  CHECK(allocations == 0);
  CHECK(surroundings() == before);
  CHECK(std::count(written.begin(), written.end(), -1) == 2 * 7);
  CHECK(std::count(written.begin(), written.end(), written.back()) < 1000);
}

TEST_CASE("embed: what is no model in memory is one sentence") {
  const auto said = [](std::string_view config, std::string_view weights) {
    return sentence_of([&] { open_writer(config, std::as_bytes(std::span(weights))); });
  };
  CHECK(said("", "x").starts_with("config.json in memory: line 1, column 1"));
  CHECK(said("{}", "x").starts_with("model.safetensors in memory: a safetensors file begins"));
}
