// machine: the options of every command that runs a model (backend, instruction set, threads,
// precision), and the backend they choose.
//
// Errors: an unknown backend or instruction set, or one that this machine lacks: usage_error.
#pragma once

#include <optional>
#include <string>

#include "ctgpt/app/flags.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/eigen.hpp"
#include "ctgpt/backend/reference.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct machine_options {
  std::optional<std::string> backend, isa;
  std::optional<int> threads;

  void add_to(flags& given) {
    given.text("--backend", "cpu (default), eigen or reference", backend);
    given.text("--isa", "instruction set of the cpu backend: baseline, sse4, avx2, avx512, neon",
               isa);
    given.integer("-t,--threads", "threads (default: all processors)", threads, 1, 1024);
  }

  ctgpt::backend choose() const {
    const std::string name = backend.value_or("cpu");
    const int count = threads.value_or(0);
    if (isa && name != "cpu") throw usage_error("--isa chooses among the kernels of --backend cpu");
    try {
      if (name == "cpu") return cpu{isa ? parse_isa(*isa) : ctgpt::isa::best, count};
      if (name == "eigen") return eigen{count};
      if (name == "reference") return reference<float>{};
    } catch (const usage_error&) {
      throw;
    } catch (const error& problem) {
      throw usage_error(problem.what());
    }
    throw usage_error(join("there is no backend \"", name, "\"; choose cpu, eigen or reference"));
  }
};

inline precision parse_precision(const std::string& name) {
  if (name == "f32") return f32_precision;
  if (name == "bf16") return bf16_precision;
  throw usage_error(join("--precision must be f32 or bf16, not \"", name, "\""));
}

}  // namespace ctgpt::inline CTGPT_ABI::app
