// benchmark_engine: how much more an engine answers when many ask at once, than one after another;
// and whether all of them wait alike.
//
// Each iteration asks 64 requests at once, and then some of the same one at a time, on two threads
// (CTGPT_THREADS: another number), so that whatever else runs on the machine slows both. Models
// have random weights, at the size of the quickstart's (3 layers, 128 wide) and of GPT-2 small.
// Counters:
//   alone, together    tokens of answers a second
//   ratio              together / alone; the goal is at least 3
//   cpu_ratio          the same by processor time: steady on a busy machine, where CTGPT_THREADS=1
//   cpu_us             processor time a token, together
//   wait               the longest wait for an answer's first token over the median; below 3
//   finish             the same for its last token
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <future>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/infer/batch_engine.hpp"
#include "ctgpt/model/presets.hpp"

using namespace ctgpt;

namespace {

using seconds = std::chrono::duration<double>;
using instant = std::chrono::steady_clock::time_point;
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
instant now() { return std::chrono::steady_clock::now(); }

struct quickstart : gpt<presets::find("quickstart")->model> {};
struct gpt2 : gpt<presets::find("gpt2-124m")->model> {};

// A tokenizer whose every token is a letter.
struct letters {
  isize size;
  isize vocab_size() const { return size; }
  std::string token_bytes(std::int32_t id) const {
    return std::string(1, static_cast<char>('a' + id % 26));
  }
};

struct stopwatch final : completion_listener {
  instant asked = now();
  double first = -1.0, last = 0.0;
  isize tokens = 0;
  std::promise<void> ended;
  void on_piece(const completion_piece&) override {
    if (first < 0.0) first = seconds(now() - asked).count();
  }
  void on_end(const completion_end& end) override {
    last = seconds(now() - asked).count();
    tokens = end.answer_tokens;
    ended.set_value();
  }
};

completion_request request(std::uint64_t number, isize vocab, isize prompt, isize answer) {
  completion_request made{.tokens = answer};
  made.choose.seed = number;
  random_stream random(number, 1);
  for (isize i = 0; i < prompt; ++i) {
    made.prompt.push_back(static_cast<std::int32_t>(random.below(std::uint64_t(vocab))));
  }
  return made;
}

double spread(std::vector<double> waits) {
  std::sort(waits.begin(), waits.end());
  return waits.back() / waits[waits.size() / 2];
}

// `answer` tokens each, after `prompt` tokens that nobody asked about before.
template <class Model>
void many_at_once(benchmark::State& state) {
  const isize prompt = state.range(0), answer = state.range(1), alone = state.range(2);
  const char* threads = std::getenv("CTGPT_THREADS");
  auto net = std::make_unique<network<Model>>(
      cpu{.threads = threads != nullptr ? std::atoi(threads) : 2}, f32_precision, 0);
  net->initialize({1});
  net->pack();
  const isize vocab = net->vocab(), page = paged_runner::page_bytes(*net, attention_tile);
  const isize pages = 64 * ((prompt + answer) / attention_tile + 1);
  batch_engine engine(std::move(net), token_table(letters{vocab}, vocab),
                      {.cache_bytes = std::max<isize>(pages, 16) * page});
  std::uint64_t number = 0;
  const auto ask = [&](isize count) {
    std::vector<std::shared_ptr<stopwatch>> asked;
    for (isize i = 0; i < count; ++i) {
      auto next = request(++number, vocab, prompt, answer);
      asked.push_back(std::make_shared<stopwatch>());
      engine.submit(std::move(next), asked.back());
    }
    for (const auto& each : asked) each->ended.get_future().wait();
    return asked;
  };
  ask(2);  // the kernels' working space grows
  double together_seconds = 0.0, alone_seconds = 0.0, wait = 0.0, finish = 0.0;
  double together_cpu = 0.0, alone_cpu = 0.0;
  isize together_tokens = 0, alone_tokens = 0;
  for (auto _ : state) {
    instant start = now();
    double cpu = processor_seconds();
    const auto all = ask(64);
    together_seconds += seconds(now() - start).count();
    together_cpu += processor_seconds() - cpu;
    std::vector<double> first, last;
    for (const auto& each : all) {
      first.push_back(each->first);
      last.push_back(each->last);
      together_tokens += each->tokens;
    }
    wait = std::max(wait, spread(first));
    finish = std::max(finish, spread(last));
    start = now();
    cpu = processor_seconds();
    for (isize i = 0; i < alone; ++i) alone_tokens += ask(1)[0]->tokens;
    alone_seconds += seconds(now() - start).count();
    alone_cpu += processor_seconds() - cpu;
  }
  state.counters["alone"] = static_cast<double>(alone_tokens) / alone_seconds;
  state.counters["together"] = static_cast<double>(together_tokens) / together_seconds;
  state.counters["ratio"] = state.counters["together"] / state.counters["alone"];
  state.counters["cpu_ratio"] = static_cast<double>(together_tokens) / together_cpu /
                                (static_cast<double>(alone_tokens) / alone_cpu);
  state.counters["cpu_us"] = 1e6 * together_cpu / static_cast<double>(together_tokens);
  state.counters["wait"] = wait;
  state.counters["finish"] = finish;
}

}  // namespace

BENCHMARK_TEMPLATE(many_at_once, quickstart)
    ->Name("engine/quickstart")
    ->ArgNames({"prompt", "answer", "alone"})
    ->Args({32, 64, 16})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(many_at_once, gpt2)
    ->Name("engine/gpt2-124m")
    ->ArgNames({"prompt", "answer", "alone"})
    ->Args({32, 64, 2})
    ->UseRealTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
