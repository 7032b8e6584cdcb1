// The backends that the conformance test runs: adding one is one line of tested_backends().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/eigen.hpp"
#include "ctgpt/backend/reference.hpp"
#include "support/guarded_backend.hpp"

namespace conformance {

using namespace ctgpt;

struct tested {
  std::string name;
  backend where;
  // Backends with the same label must give the same bits; the second for trials that hold bf16.
  std::string f32_bits, bf16_bits;
  // Does an output keep its bits whatever else is computed in the same call?
  bool keeps_bits = true;
};

inline std::vector<tested> tested_backends() {
  std::vector<tested> list;
  list.push_back({"reference<float>", reference<float>{}, "reference", "reference"});
  list.push_back({"guarded", ctgpt_test::guarded(reference<float>{}), "reference", "reference"});
  list.push_back({"eigen, 1 thread", eigen{1}, "eigen", "eigen", false});
  list.push_back({"eigen, 2 threads", eigen{2}, "eigen", "eigen", false});
  for (const isa each : available_isas()) {
    const std::string name = isa_name(each);
    // AVX2 and AVX-512 have fused multiply-add and the same order of sums; SSE and the baseline
    // differ.
    const bool fused = each == isa::avx2 || each == isa::avx512;
    for (const int threads : {1, 2}) {
      list.push_back({name + ", " + std::to_string(threads) + " threads", cpu{each, threads},
                      fused ? "fused" : name, name});
    }
  }
  return list;
}

}  // namespace conformance
