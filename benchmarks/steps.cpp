// benchmark_steps: whole training steps and decoding, beside the floor that the same run measures.
//
//   benchmark_steps [char] [gpt2-64] [gpt2-1024] [decode] [optimizers] [--threads N] [--repeats N]
//
// One JSON object a line: what, threads, seconds (median), cpu_seconds, flops, peak, of_peak
// (training: floor / time, by 6 weights + 6 L C T a token) or of_bandwidth (decoding: bytes of
// weights a token over the read bandwidth). optimizers: updates alone, beside a whole step with
// AdamW. Data are random tokens.
// Errors: an unknown word ends with exit code 2.
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include "calibration.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/model/decoder.hpp"
#include "ctgpt/model/presets.hpp"
#include "ctgpt/train/muon.hpp"
#include "ctgpt/train/trainer.hpp"

namespace {

using namespace ctgpt;

struct char_model : gpt<presets::find("shakespeare-char-cpu")->model> {};
struct quickstart_model : gpt<presets::find("quickstart")->model> {};
struct gpt2_model : gpt<presets::find("gpt2-124m")->model> {};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void report(io::json& out) { std::cout << io::write_json(out) << std::endl; }

template <class Model>
void train(const std::string& what, int threads, int repeats, isize batch, isize time,
           isize vocab) {
  const backend where = cpu{isa::best, threads};
  std::vector<std::int32_t> ids;
  random_stream numbers(1);
  for (isize i = 0; i < 20000; ++i) {
    ids.push_back(static_cast<std::int32_t>(numbers.below(static_cast<std::uint64_t>(vocab))));
  }
  network<Model> net = build<Model>(where, seed{1}, vocab);
  trainer run(net, adamw{.rate = 1e-4f}, batches(ids, {.batch = batch, .time = time}));
  const double peak = measured_peak(where, 50);
  const double before = cpu_seconds();
  const double seconds = benchmarks::median_seconds(repeats, [&] { run.step(); });
  const double used = (cpu_seconds() - before) / (repeats + 1);
  const double unused = 6.0 * static_cast<double>((Model::settings.vocab - vocab) * Model::width);
  const double flops = (Model::flops_per_token(time) - unused) * static_cast<double>(batch * time);
  io::json out = io::json::object();
  out.set("what", what).set("isa", where.name()).set("threads", threads).set("seconds", seconds);
  out.set("cpu_seconds", used)
      .set("flops", flops)
      .set("peak", peak)
      .set("of_peak", flops / seconds / peak);
  report(out);
}

// What Muon's update takes beyond AdamW's, as a share of a whole step with AdamW.
template <class Model>
void optimizers(const std::string& what, int threads, int repeats, isize batch) {
  const backend where = cpu{isa::best, threads};
  network<Model> net = build<Model>(where, seed{1});
  std::vector<std::int32_t> ids(20000);
  random_stream numbers(1);
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(numbers.below(Model::settings.vocab));
  trainer run(net, adamw{.rate = 1e-4f}, batches(ids, {.batch = batch}));
  gradients found(net);
  std::vector<float> values(static_cast<std::size_t>(net.layout().parameters));
  for (float& value : values) value = static_cast<float>(numbers.normal());
  const auto seconds_of = [&](optimizer_state& state) {
    state.prepare(1, 1e-4f);
    found.arena().upload(values.data());
    state.measure(found);
    return benchmarks::median_seconds(repeats, [&] {
      state.update(found);  // of zeros after the first time, which takes as long
      where.synchronise();
    });
  };
  adamw_state usual(net);
  muon_state other(net);
  const double step = benchmarks::median_seconds(repeats, [&] { run.step(); });
  const double of_adamw = seconds_of(usual), of_muon = seconds_of(other);
  io::json out = io::json::object();
  out.set("what", what).set("isa", where.name()).set("threads", threads);
  out.set("step_with_adamw", step).set("adamw", of_adamw).set("muon", of_muon);
  out.set("overhead", (of_muon - of_adamw) / step);
  report(out);
}

void decode(int threads, int repeats) {
  const backend where = cpu{isa::best, threads};
  for (const auto& [name, numbers] : {std::pair{"decode gpt2-124m f32", f32_precision},
                                      {"decode gpt2-124m bf16", bf16_precision}}) {
    network<gpt2_model> net = build<gpt2_model>(where, seed{1}, numbers);
    net.pack();
    decoder run(net);
    std::vector<std::int32_t> prompt(64, 11);
    run.feed(prompt, 0, 0);
    isize at = 64;
    const double seconds = benchmarks::median_seconds(8 * repeats, [&] {
      const std::int32_t token = 17;
      run.feed({&token, 1}, 0, at++);
    });
    const double bytes =
        static_cast<double>(element_bytes(numbers.storage, gpt2_model::product_weights));
    const double bandwidth = benchmarks::read_bandwidth(where);
    io::json out = io::json::object();
    out.set("what", name).set("isa", where.name()).set("threads", threads);
    out.set("seconds", seconds).set("tokens_per_second", 1.0 / seconds);
    out.set("bandwidth", bandwidth).set("of_bandwidth", bytes / seconds / bandwidth);
    report(out);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> wanted;
  int threads = 1, repeats = 5;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if ((word == "--threads" || word == "--repeats") && i + 1 < argc) {
      (word == "--threads" ? threads : repeats) = std::max(1, std::atoi(argv[++i]));
    } else if (word == "--help") {
      std::cout << "Usage: benchmark_steps [char] [gpt2-64] [gpt2-1024] [decode] [optimizers] "
                   "[--threads N] [--repeats N]\nTimes whole training steps, decoding and the "
                   "optimisers' updates; one JSON object a line. Without a word: char gpt2-64 "
                   "decode.\n";
      return 0;
    } else if (word == "char" || word == "gpt2-64" || word == "gpt2-1024" || word == "decode" ||
               word == "optimizers") {
      wanted.push_back(word);
    } else {
      std::cerr
          << "benchmark_steps: unknown word " << word
          << "; it knows char, gpt2-64, gpt2-1024, decode, optimizers, --threads N, --repeats N\n";
      return 2;
    }
  }
  if (wanted.empty()) wanted = {"char", "gpt2-64", "decode"};
  for (const std::string& what : wanted) {
    if (what == "char") train<char_model>("train char", threads, 20 * repeats, 12, 64, 65);
    if (what == "gpt2-64")
      train<gpt2_model>("train gpt2-124m B=4 T=64", threads, repeats, 4, 64, 50257);
    if (what == "gpt2-1024") {
      train<gpt2_model>("train gpt2-124m B=4 T=1024", threads, std::min(repeats, 3), 4, 1024,
                        50257);
    }
    if (what == "decode") decode(threads, repeats);
    if (what == "optimizers") {
      optimizers<quickstart_model>("quickstart B=4 T=256", threads, 10 * repeats, 4);
      optimizers<gpt2_model>("gpt2-124m B=1 T=1024", threads, repeats, 1);
    }
  }
  return 0;
}
