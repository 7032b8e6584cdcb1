// The CPU backend: kernels of our own for every instruction set, chosen at run time.
//
// ctgpt::cpu{} uses the best instruction set of the machine and all its threads; ctgpt::cpu{.target
// = isa::avx2, .threads = 1} chooses. Backends of different instruction sets may live side by side.
// One source file of the program must hold the dispatch unit (backend/cpu/impl.hpp), or it does not
// link.
// Errors: an instruction set that the machine or the build lacks, or a name that is none, throws
// ctgpt::error or usage_error with the choices.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/backend/cpu/host_context.hpp"
#include "ctgpt/backend/cpu/isa.hpp"

namespace ctgpt::inline CTGPT_ABI {

// From the plainest to the best, for each kind of machine.
inline constexpr isa all_isas[] = {isa::baseline, isa::sse4, isa::avx2, isa::avx512, isa::neon};

constexpr const char* isa_name(isa which) {
  constexpr const char* names[] = {"best", "baseline", "sse4", "avx2", "avx512", "neon"};
  return names[static_cast<int>(which)];
}

inline isa parse_isa(std::string_view name) {
  if (name == isa_name(isa::best)) return isa::best;
  std::string choices = isa_name(isa::best);
  for (const isa which : all_isas) {
    if (name == isa_name(which)) return which;
    choices += std::string(", ") + isa_name(which);
  }
  throw usage_error(join("unknown instruction set '", name, "'; the choices are ", choices));
}

// Fills the whole table, or says why not.
inline isa_support fill_cpu_table(kernel_table& table, isa wanted) {
  namespace unit = compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp;
  host_context::fill_memory_entries(table);
  table.name = isa_name(wanted);
  for (const auto fill :
       {unit::fill_products, unit::fill_rows, unit::fill_elementwise, unit::fill_attention}) {
    const isa_support answer = fill(table, wanted);
    if (answer != isa_support::ready) return answer;
  }
  return isa_support::ready;
}

// Those that both this build and this machine have, the best last.
inline std::vector<isa> available_isas() {
  std::vector<isa> found;
  for (const isa which : all_isas) {
    kernel_table table{};
    if (fill_cpu_table(table, which) == isa_support::ready) found.push_back(which);
  }
  return found;
}

struct cpu {
  isa target = isa::best;
  int threads = 0;  // 0: all that the process may use

  operator backend() const {
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
};

}  // namespace ctgpt::inline CTGPT_ABI
