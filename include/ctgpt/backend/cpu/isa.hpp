// The instruction sets of the CPU backend, and the functions that the dispatch unit defines.
//
// A program that links without the dispatch unit (cpu/impl.hpp) fails on a symbol in the namespace
// below, whose name says what to do.
#pragma once

#include <cstdint>

#include "ctgpt/backend/kernel_table.hpp"

namespace ctgpt::inline CTGPT_ABI {

// best: the last of the others that the machine and the build have.
enum class isa : std::uint8_t { best, baseline, sse4, avx2, avx512, neon };

enum class isa_support : std::uint8_t { ready, not_built, not_on_this_machine };

namespace compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp {

// Each fills its family's entries of the table with the kernels of `wanted` (not best) when the
// answer is ready, and leaves the table alone otherwise.
isa_support fill_products(kernel_table& table, isa wanted);
isa_support fill_rows(kernel_table& table, isa wanted);
isa_support fill_elementwise(kernel_table& table, isa wanted);
isa_support fill_attention(kernel_table& table, isa wanted);

}  // namespace compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp
}  // namespace ctgpt::inline CTGPT_ABI
