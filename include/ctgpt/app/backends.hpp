// backends: the backend that the options --backend, --isa and --threads choose.
//
// One unit of a program includes this file; the others see app/machine.hpp.
// Errors: an unknown backend or instruction set, or one that this machine lacks: usage_error.
#pragma once

#include <string>

#include "ctgpt/app/machine.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/eigen.hpp"
#include "ctgpt/backend/reference.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

backend choose_backend(const machine_options& given) {
  const std::string name = given.backend.value_or("cpu");
  const int count = given.threads.value_or(0);
  if (given.isa && name != "cpu") {
    throw usage_error("--isa chooses among the kernels of --backend cpu alone");
  }
  if (name == "cpu") return cpu{given.isa ? parse_isa(*given.isa) : isa::best, count};
  if (name == "eigen") return eigen{count};
  if (name == "reference") return reference<float>{};
  throw usage_error(join("there is no backend \"", name, "\"; choose cpu, eigen or reference"));
}

}  // namespace ctgpt::inline CTGPT_ABI::app
