// benchmark_ops: kernels on every instruction set of the machine and on Eigen, on one and two
// threads.
//
// Each row prints GFLOP/s or GB/s and the fraction of the ceiling that the same run measured for
// the same instruction set and threads; a table at the end sets each kernel beside Eigen's, which
// has the instruction set that it was compiled for: build with -DCTGPT_NATIVE=ON to compare like
// with like. Inputs are random numbers, never zeros. All of Google Benchmark's flags work
// (--benchmark_filter=matmul).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "calibration.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/eigen.hpp"
#include "ctgpt/base/random.hpp"

namespace {

using namespace ctgpt;

struct place {
  std::string name;  // "avx512/1"
  backend where;
  double peak = 0.0, bandwidth = 0.0;
};

enum class bound { compute, memory };

struct job {
  std::string op;
  bound by = bound::compute;
  double amount = 0.0;  // operations or bytes a call
  std::function<std::function<void()>(const place&, std::vector<memory>&)> prepare;
};

memory random_memory(const place& at, isize count, element type = element::f32) {
  std::vector<float> values(static_cast<std::size_t>(count));
  random_stream numbers(1, static_cast<std::uint64_t>(count));
  for (float& value : values) value = numbers.uniform() - 0.5f;
  memory source(at.where, element::f32, count);
  source.upload(values.data());
  if (type == element::f32) return source;
  memory narrow(at.where, type, count);
  at.where.table().convert(at.where.state(), {narrow.row(0, count), source.row(0, count)});
  return narrow;
}

job matmul_job(const std::string& name, product kind, isize m, isize n, isize k,
               bool packed = false, element type = element::f32) {
  const double flops =
      2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const double bytes = static_cast<double>(element_bytes(type, n * k));
  const bool decode = m == 1;
  return {name, decode ? bound::memory : bound::compute, decode ? bytes : flops,
          [=](const place& at, std::vector<memory>& kept) {
            kept.push_back(random_memory(at, m * k));
            kept.push_back(random_memory(at, n * k, type));
            kept.push_back(memory(at.where, element::f32, m * n));
            matmul_args args;
            args.kind = kind;
            args.a = kind == product::tn ? kept[0].matrix(0, k, m) : kept[0].matrix(0, m, k);
            args.b = kind == product::nt ? kept[1].matrix(0, n, k) : kept[1].matrix(0, k, n);
            args.c = kept[2].matrix(0, m, n);
            const kernel_table& table = at.where.table();
            context* state = at.where.state();
            if (packed) {
              kept.push_back(memory(at.where, type, table.pack_elements(state, n, k, type)));
              tensor panels = kept[3].matrix(0, n, k);
              panels.packing = layout::panels;
              table.pack(state, {panels, args.b});
              args.b = panels;
            }
            return [&table, state, args] { table.matmul(state, args); };
          }};
}

job attention_job(const std::string& name, isize batch, isize time, isize heads, isize head,
                  bool backward) {
  const double forward_flops = 2.0 * static_cast<double>(batch * heads * head) *
                               static_cast<double>(time) * static_cast<double>(time + 1);
  return {name, bound::compute, backward ? 2.5 * forward_flops : forward_flops,
          [=](const place& at, std::vector<memory>& kept) {
            const isize n = batch * time, width = heads * head;
            kept.push_back(random_memory(at, n * 3 * width));
            kept.push_back(memory(at.where, element::f32, n * width));
            kept.push_back(memory(at.where, element::f32, n * heads));
            kept.push_back(random_memory(at, n * width));
            kept.push_back(memory(at.where, element::f32, n * 3 * width));
            const tensor qkv = kept[0].matrix(0, n, 3 * width);
            const tensor dqkv = kept[4].matrix(0, n, 3 * width);
            attention_args args;
            args.out = kept[1].matrix(0, n, width);
            args.q = column_range(qkv, 0, width);
            args.k = column_range(qkv, width, width);
            args.v = column_range(qkv, 2 * width, width);
            args.lse = kept[2].matrix(0, n, heads);
            args.batch = batch;
            args.time = time;
            args.heads = heads;
            args.kv_heads = heads;
            args.scale = 0.125f;
            const attention_backward_args back{
                column_range(dqkv, 0, width), column_range(dqkv, width, width),
                column_range(dqkv, 2 * width, width), kept[3].matrix(0, n, width), args};
            const kernel_table& table = at.where.table();
            context* state = at.where.state();
            table.attention(state, args);
            return [&table, state, args, back, backward] {
              if (backward) {
                table.attention_backward(state, back);
              } else {
                table.attention(state, args);
              }
            };
          }};
}

// Row- and elementwise kernels over (N,C): bytes are what must be read and written once.
std::vector<job> other_jobs() {
  constexpr isize n = 16384, c = 768;  // 50 MB a tensor: larger than caches
  constexpr double one = 4.0 * static_cast<double>(n * c);
  std::vector<job> jobs;
  const auto add = [&](const std::string& name, double bytes, auto call) {
    jobs.push_back({name, bound::memory, bytes, [call](const place& at, std::vector<memory>& kept) {
                      for (int i = 0; i < 4; ++i) kept.push_back(random_memory(at, n * c));
                      kept.push_back(random_memory(at, 4 * c));
                      kept.push_back(random_memory(at, 2 * n));
                      return std::function<void()>([&at, &kept, call] { call(at, kept); });
                    }});
  };
  const auto x = [](std::vector<memory>& kept, int i) {
    return kept[static_cast<std::size_t>(i)].matrix(0, n, c);
  };
  add("layer_norm 16384x768", 2 * one, [x](const place& at, std::vector<memory>& kept) {
    at.where.table().norm(at.where.state(),
                          {x(kept, 0), x(kept, 1), kept[4].row(0, c), kept[4].row(c, c),
                           kept[5].matrix(0, n, 1), kept[5].matrix(n, n, 1)});
  });
  add("layer_norm_backward 16384x768", 3 * one, [x](const place& at, std::vector<memory>& kept) {
    at.where.table().norm_backward(
        at.where.state(),
        {x(kept, 0), x(kept, 1), x(kept, 2), kept[4].row(0, c), kept[5].matrix(0, n, 1),
         kept[5].matrix(n, n, 1), kept[4].row(2 * c, c), kept[4].row(3 * c, c)});
  });
  add("gelu 16384x768", 2 * one, [x](const place& at, std::vector<memory>& kept) {
    at.where.table().activate(at.where.state(), {x(kept, 0), x(kept, 1), activation::gelu});
  });
  add("gelu_backward 16384x768", 3 * one, [x](const place& at, std::vector<memory>& kept) {
    at.where.table().activate_backward(at.where.state(),
                                       {x(kept, 0), x(kept, 1), x(kept, 2), activation::gelu});
  });
  add("add 16384x768", 3 * one, [x](const place& at, std::vector<memory>& kept) {
    at.where.table().add(at.where.state(), {x(kept, 0), x(kept, 1), x(kept, 2)});
  });
  add("adamw 12.6M", 7 * one, [](const place& at, std::vector<memory>& kept) {
    static const std::uint32_t segment[3] = {0, 0, 1};
    if (kept.size() == 6) {
      kept.push_back(memory(at.where, element::u32, 3));
      kept[6].upload(segment);
      kept.push_back(memory(at.where, element::f32, optimizer_fields));
      const float numbers[optimizer_fields] = {1e-3f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.1f, 0.01f, 1.0f};
      kept[7].upload(numbers);
      at.where.table().fill(at.where.state(), {kept[3].row(0, n * c), 0.25});
    }
    at.where.table().adamw(at.where.state(), {kept[0].row(0, n * c),
                                              {},
                                              kept[1].row(0, n * c),
                                              kept[2].row(0, n * c),
                                              kept[3].row(0, n * c),
                                              kept[6].matrix(0, 1, 3),
                                              kept[7].row(0, optimizer_fields)});
  });
  return jobs;
}

std::vector<job> all_jobs() {
  std::vector<job> jobs;
  struct shape {
    const char* name;
    isize n, k;
  };
  for (const auto& [name, n, k] :
       {shape{"qkv", 2304, 768}, {"fc1", 3072, 768}, {"fc2", 768, 3072}}) {
    const std::string text = std::string("matmul ") + name;
    jobs.push_back(matmul_job(text + " forward M=1024", product::nt, 1024, n, k));
    jobs.push_back(matmul_job(text + " dX M=1024", product::nn, 1024, k, n));
    jobs.push_back(matmul_job(text + " dW M=1024", product::tn, n, k, 1024));
    jobs.push_back(matmul_job(text + " forward M=256", product::nt, 256, n, k));
    jobs.push_back(matmul_job(text + " packed M=64", product::nt, 64, n, k, true));
  }
  jobs.push_back(matmul_job("matmul head forward M=512", product::nt, 512, 50257, 768));
  for (const isize size : {32, 64, 128}) {
    const std::string text = "matmul small " + std::to_string(size);
    jobs.push_back(matmul_job(text + " nn", product::nn, size, size, size));
    jobs.push_back(matmul_job(text + " nt", product::nt, size, size, size));
    jobs.push_back(matmul_job(text + " tn", product::tn, size, size, size));
  }
  jobs.push_back(matmul_job("matmul char fc1 M=768", product::nt, 768, 512, 128));
  jobs.push_back(matmul_job("decode head f32", product::nt, 1, 50257, 768, true));
  jobs.push_back(matmul_job("decode head bf16", product::nt, 1, 50257, 768, true, element::bf16));
  jobs.push_back(attention_job("attention B4 T1024 H12 D64", 4, 1024, 12, 64, false));
  jobs.push_back(attention_job("attention_backward B4 T1024 H12 D64", 4, 1024, 12, 64, true));
  jobs.push_back(attention_job("attention B12 T64 H4 D32", 12, 64, 4, 32, false));
  jobs.push_back(attention_job("attention_backward B12 T64 H4 D32", 12, 64, 4, 32, true));
  for (job& each : other_jobs()) jobs.push_back(std::move(each));
  return jobs;
}

// Keeps each result's rate, for the table at the end.
class collecting_reporter : public benchmark::ConsoleReporter {
 public:
  std::map<std::string, std::map<std::string, std::pair<double, double>>> results;
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string name = run.run_name.function_name;
      const std::size_t bar = name.find('|');
      if (run.error_occurred || bar == std::string::npos) continue;
      results[name.substr(bar + 1)][name.substr(0, bar)] = {run.counters.at("rate").value,
                                                            run.counters.at("of_ceiling").value};
    }
    ConsoleReporter::ReportRuns(runs);
  }
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  std::vector<std::unique_ptr<place>> places;
  for (const int threads : {1, 2}) {
    if (threads > thread_pool::available()) continue;
    for (const isa which : available_isas()) {
      const std::string name = std::string(isa_name(which)) + "/" + std::to_string(threads);
      places.push_back(std::make_unique<place>(place{name, cpu{which, threads}}));
      places.back()->peak = measured_peak(places.back()->where, 200);
      places.back()->bandwidth = benchmarks::read_bandwidth(places.back()->where);
      std::printf("ceiling of %-10s %7.1f GFLOP/s, %5.1f GB/s read\n", name.c_str(),
                  places.back()->peak / 1e9, places.back()->bandwidth / 1e9);
    }
    // Eigen is measured against the ceiling of the best kernels on as many threads.
    const double peak = places.back()->peak, bandwidth = places.back()->bandwidth;
    places.push_back(std::make_unique<place>(
        place{"eigen/" + std::to_string(threads), eigen{threads}, peak, bandwidth}));
  }
  const std::vector<job> jobs = all_jobs();
  for (const job& each : jobs) {
    for (const auto& at : places) {
      const std::string name = at->name + "|" + each.op;
      benchmark::RegisterBenchmark(name.c_str(), [&each,
                                                  where = at.get()](benchmark::State& state) {
        std::vector<memory> kept;
        kept.reserve(8);
        const std::function<void()> call = each.prepare(*where, kept);
        call();
        const double seconds = benchmarks::seconds_of([&] {
          for (auto _ : state) call();
        });
        using counter = benchmark::Counter;
        const double ceiling = each.by == bound::compute ? where->peak : where->bandwidth;
        state.counters["rate"] = counter(each.amount, counter::kIsIterationInvariantRate);
        state.counters["of_ceiling"] =
            each.amount * static_cast<double>(state.iterations()) / seconds / ceiling;
      })->UseRealTime();
    }
  }
  collecting_reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  std::printf("\nEigen was compiled for: %s\n", Eigen::SimdInstructionSetsInUse());
  std::printf("%-36s %-10s %10s %11s %9s\n", "kernel", "backend", "G/s", "of ceiling", "x Eigen");
  for (const auto& [op, by_place] : reporter.results) {
    for (const auto& [name, rate] : by_place) {
      const auto other = by_place.find("eigen" + name.substr(name.find('/')));
      char ratio[16] = "";
      if (other != by_place.end()) {
        std::snprintf(ratio, sizeof ratio, "%.2f", rate.first / other->second.first);
      }
      std::printf("%-36s %-10s %10.1f %11.2f %9s\n", op.c_str(), name.c_str(), rate.first / 1e9,
                  rate.second, ratio);
    }
  }
  return 0;
}
