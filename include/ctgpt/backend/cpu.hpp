// The CPU backend: kernels of our own for every instruction set, chosen at run time.
//
// ctgpt::cpu{} uses the best instruction set of the machine and all its threads; ctgpt::cpu{.target
// = isa::avx2, .threads = 1} chooses. Backends of different instruction sets may live side by side.
// One source file of the program must hold the dispatch unit (backend/cpu/impl.hpp), or it does not
// link.
// Errors: an instruction set that the machine or the build lacks, or a name that is none, throws
// ctgpt::error or usage_error with the choices.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/backend/cpu/isa.hpp"

namespace ctgpt::inline CTGPT_ABI {

inline isa parse_isa(std::string_view name) {
  if (name == isa_name(isa::best)) return isa::best;
  std::string choices = isa_name(isa::best);
  for (const isa which : all_isas) {
    if (name == isa_name(which)) return which;
    choices += std::string(", ") + isa_name(which);
  }
  throw usage_error(join("unknown instruction set '", name, "'; the choices are ", choices));
}

// Those that both this build and this machine have, the best last.
inline std::vector<isa> available_isas() {
  return compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp::available_isas();
}

struct cpu {
  isa target = isa::best;
  int threads = 0;  // 0: all that the process may use

  operator backend() const {
    return compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp::open_cpu(target,
                                                                                      threads);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
