// What a CPU kernel sees of its context: how many workers there are, how to run a body on all of
// them, and where a worker's scratch memory is. Plain function pointers, so that nothing of the
// thread pool is compiled inside a target region.
//
// run(self, tasks, body, argument): body(argument, worker) for worker < tasks, then a barrier.
// scratch(self, worker, bytes): memory of at least `bytes`, aligned to 128, kept until the next
// larger request of that worker (so a steady state allocates nothing); worker `count` is the
// caller's own shared block, for data that all workers of one call read. A kernel calls scratch()
// for every worker it needs BEFORE run(), from the calling thread.
#pragma once

#include <cstddef>

#include "ctgpt/backend/kernel_table.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct workers {
  int count = 1;
  void* self = nullptr;
  void (*run_on)(void* self, int tasks, void (*body)(void* argument, int worker),
                 void* argument) = nullptr;
  void* (*scratch_of)(void* self, int worker, std::size_t bytes) = nullptr;

  // One task goes through the pool too: the pool sets the floating-point mode of whoever computes.
  void run(int tasks, void (*body)(void*, int), void* argument) const {
    run_on(self, tasks, body, argument);
  }
  void* scratch(int worker, std::size_t bytes) const { return scratch_of(self, worker, bytes); }
};

// The context of the CPU, Eigen and reference tables begins with its workers.
struct cpu_context : workers {};

inline const workers& workers_of(context* opaque) {
  return *static_cast<const workers*>(reinterpret_cast<cpu_context*>(opaque));
}

}  // namespace ctgpt::inline CTGPT_ABI
