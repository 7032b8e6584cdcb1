// benchmark_ops: kernels on every instruction set of the machine and on Eigen, on one and two
// threads.
//
// Each row prints GFLOP/s or GB/s and the fraction of the ceiling (jobs.hpp) that the same run
// measured for as many threads and, where arithmetic is the ceiling, the same instruction set. A
// table at the end sets each kernel beside Eigen's, which has the instruction set that it was
// compiled for: build with -DCTGPT_NATIVE=ON to compare like with like. baseline is plain C++:
// where the compiler finds vectors for a product that it does not find for the ceiling's loop, the
// fraction passes 1. Inputs are random numbers, never zeros. Every entry of the kernel table that
// works on tensors has its row; clip works on one number. All of Google Benchmark's flags work
// (--benchmark_filter=matmul).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "calibration.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/eigen.hpp"
#include "jobs.hpp"

namespace {

using namespace benchmarks;

using places = std::vector<std::unique_ptr<place>>;

// Memory does not ask for the instruction set: the best bandwidth of all of them is everyone's
// ceiling, and two threads have at least that of one.
places calibrated_places() {
  places list;
  double reading = 0.0, updating = 0.0;
  for (const int threads : {1, 2}) {
    if (threads > thread_pool::available()) continue;
    const std::string suffix = "/" + std::to_string(threads);
    const std::size_t first = list.size();
    for (const isa which : available_isas()) {
      list.push_back(std::make_unique<place>(place{isa_name(which) + suffix, cpu{which, threads}}));
      place& at = *list.back();
      at.peak = measured_peak(at.where, 500);
      at.reading = read_bandwidth(at.where);
      at.updating = update_bandwidth(at.where);
      std::printf("ceiling of %-10s %7.1f GFLOP/s, %5.1f GB/s read, %5.1f GB/s updated\n",
                  at.name.c_str(), at.peak / 1e9, at.reading / 1e9, at.updating / 1e9);
      reading = std::max(reading, at.reading);
      updating = std::max(updating, at.updating);
    }
    // Eigen is measured against the ceiling of the best kernels on as many threads.
    list.push_back(
        std::make_unique<place>(place{"eigen" + suffix, eigen{threads}, list.back()->peak}));
    for (std::size_t i = first; i < list.size(); ++i) {
      list[i]->reading = reading;
      list[i]->updating = updating;
    }
  }
  return list;
}

jobs all_jobs() {
  jobs list;
  for (const auto part : {product_jobs, attention_jobs, row_jobs, elementwise_jobs}) {
    for (job& each : part()) list.push_back(std::move(each));
  }
  return list;
}

void measure(benchmark::State& state, const job& each, const place& at) {
  operands inputs(at.where);
  const work task = each.prepare(inputs);
  const auto call = [&] {
    task.call();
    at.where.synchronise();
  };
  call();
  double seconds = 0.0;
  if (task.restore) {
    for (auto _ : state) {
      state.PauseTiming();
      task.restore();
      at.where.synchronise();
      state.ResumeTiming();
      seconds += seconds_of(call);
    }
  } else {
    seconds = seconds_of([&] {
      for (auto _ : state) call();
    });
  }
  using counter = benchmark::Counter;
  state.counters["rate"] = counter(each.amount, counter::kIsIterationInvariantRate);
  state.counters["of_ceiling"] =
      each.amount * static_cast<double>(state.iterations()) / seconds / at.ceiling(each.by);
}

// Keeps each result's rate, for the table at the end.
class collecting_reporter : public benchmark::ConsoleReporter {
 public:
  std::map<std::string, std::map<std::string, std::pair<double, double>>> results;
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string name = run.run_name.function_name;
      const std::size_t bar = name.find('|');
      // With --benchmark_repetitions the median is the last word, not the deviation that follows.
      const bool spread = run.run_type == Run::RT_Aggregate && run.aggregate_name != "median";
      if (run.error_occurred || spread || bar == std::string::npos) continue;
      results[name.substr(bar + 1)][name.substr(0, bar)] = {run.counters.at("rate").value,
                                                            run.counters.at("of_ceiling").value};
    }
    ConsoleReporter::ReportRuns(runs);
  }
};

const char* name_of(bound by) {
  return by == bound::compute ? "peak" : by == bound::read ? "read" : "update";
}

void print_table(const collecting_reporter& reporter, const jobs& list) {
  std::printf("\nEigen was compiled for: %s\n", Eigen::SimdInstructionSetsInUse());
  std::printf("embed, embed_backward, dropout, pack and cache_write are plain loops there\n");
  std::printf("%-36s %-10s %10s %11s %-8s %8s\n", "kernel", "backend", "G/s", "of ceiling", "",
              "x Eigen");
  for (const job& each : list) {
    const auto found = reporter.results.find(each.op);
    if (found == reporter.results.end()) continue;
    for (const auto& [name, rate] : found->second) {
      const auto other = found->second.find("eigen" + name.substr(name.find('/')));
      char ratio[16] = "";
      if (other != found->second.end()) {
        std::snprintf(ratio, sizeof ratio, "%.2f", rate.first / other->second.first);
      }
      std::printf("%-36s %-10s %10.1f %11.2f %-8s %8s\n", each.op.c_str(), name.c_str(),
                  rate.first / 1e9, rate.second, name_of(each.by), ratio);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const places where = calibrated_places();
  const jobs list = all_jobs();
  for (const job& each : list) {
    for (const auto& at : where) {
      const std::string name = at->name + "|" + each.op;
      benchmark::RegisterBenchmark(name.c_str(), [&each, &at](benchmark::State& state) {
        measure(state, each, *at);
      })->UseRealTime();
    }
  }
  collecting_reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  print_table(reporter, list);
  return 0;
}
