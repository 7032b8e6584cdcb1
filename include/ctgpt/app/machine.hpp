// machine: what the options --backend, --isa, --threads and --precision mean.
//
// choose_backend is defined in app/backends.hpp, which compiles every backend and so belongs in one
// unit of a program.
// Errors: an unknown name: usage_error.
#pragma once

#include <string>

#include "ctgpt/app/verbs.hpp"
#include "ctgpt/backend/backend.hpp"
#include "ctgpt/base/parallel.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

backend choose_backend(const machine_options& given);

inline int threads_of(const machine_options& given) {
  if (given.backend.value_or("cpu") == "reference") return 1;
  return given.threads.value_or(thread_pool::available());
}

inline precision parse_precision(const std::string& name) {
  if (name == "f32") return f32_precision;
  if (name == "bf16") return bf16_precision;
  throw usage_error(join("--precision must be f32 or bf16, not \"", name, "\""));
}

}  // namespace ctgpt::inline CTGPT_ABI::app
