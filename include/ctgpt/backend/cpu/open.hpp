// Opening the CPU backend: a thread pool with its scratch memory, and the table of an instruction
// set.
//
// Part of the dispatch unit (cpu/impl.hpp), and included by nothing else.
// Errors: an instruction set that the machine or the build lacks; threads that cannot be started.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ctgpt/backend/cpu/host_context.hpp"
#include "ctgpt/backend/cpu/isa.hpp"

namespace ctgpt::inline CTGPT_ABI::
    compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp {

// Fills the whole table, or says why not.
inline isa_support fill_cpu_table(kernel_table& table, isa wanted) {
  host_context::fill_memory_entries(table);
  table.name = isa_name(wanted);
  for (const auto fill : {fill_products, fill_rows, fill_elementwise, fill_attention}) {
    const isa_support answer = fill(table, wanted);
    if (answer != isa_support::ready) return answer;
  }
  return isa_support::ready;
}

// Those that both this build and this machine have, the best last.
std::vector<isa> available_isas() {
  std::vector<isa> found;
  for (const isa which : all_isas) {
    kernel_table table{};
    if (fill_cpu_table(table, which) == isa_support::ready) found.push_back(which);
  }
  return found;
}

backend open_cpu(isa target, int threads) {
  struct state {
    explicit state(int thread_count) : workers(thread_count) {}
    host_context workers;
    kernel_table table{};
  };
  kernel_table table{};
  const std::vector<isa> available = available_isas();
  const isa chosen = target == isa::best ? available.back() : target;
  const isa_support answer = fill_cpu_table(table, chosen);
  if (answer != isa_support::ready) {
    std::string names;
    for (const isa which : available) {
      names += std::string(names.empty() ? "" : ", ") + isa_name(which);
    }
    const char* reason = answer == isa_support::not_on_this_machine
                             ? "this machine does not have the instruction set "
                             : "this program was built without kernels for the instruction set ";
    throw error(join(reason, isa_name(chosen), "; it can run ", names), 2);
  }
  auto kept = std::make_shared<state>(threads);
  kept->table = table;
  context* opaque = kept->workers.opaque();
  const kernel_table& shared = kept->table;
  return backend(shared, opaque, std::move(kept));
}

}  // namespace ctgpt::inline
   // CTGPT_ABI::compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp
