// The instruction sets of the CPU backend, and the functions that the dispatch unit defines.
//
// A program that links without the dispatch unit (cpu/impl.hpp) fails on a symbol in the namespace
// below, whose name says what to do.
// Errors: open_cpu() throws for an instruction set that the machine or the build lacks.
#pragma once

#include <cstdint>
#include <vector>

#include "ctgpt/backend/backend.hpp"

namespace ctgpt::inline CTGPT_ABI {

// best: the last of the others that the machine and the build have.
enum class isa : std::uint8_t { best, baseline, sse4, avx2, avx512, neon };

// From the plainest to the best, for each kind of machine.
inline constexpr isa all_isas[] = {isa::baseline, isa::sse4, isa::avx2, isa::avx512, isa::neon};

constexpr const char* isa_name(isa which) {
  constexpr const char* names[] = {"best", "baseline", "sse4", "avx2", "avx512", "neon"};
  return names[static_cast<int>(which)];
}

enum class isa_support : std::uint8_t { ready, not_built, not_on_this_machine };

namespace compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp {

// Each fills its family's entries of the table with the kernels of `wanted` (not best) when the
// answer is ready, and leaves the table alone otherwise.
isa_support fill_products(kernel_table& table, isa wanted);
isa_support fill_rows(kernel_table& table, isa wanted);
isa_support fill_elementwise(kernel_table& table, isa wanted);
isa_support fill_attention(kernel_table& table, isa wanted);

// What ctgpt/backend/cpu.hpp offers; defined in the unit so that a program's other units need not
// see the thread pool (cpu/open.hpp).
std::vector<isa> available_isas();
backend open_cpu(isa target, int threads);

}  // namespace compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp
}  // namespace ctgpt::inline CTGPT_ABI
