// The CPU dispatch unit: the only header that includes Highway's foreach_target.h.
//
// Exactly one translation unit of a program includes it, before any Highway header. CMake writes
// that unit; without CMake put
//   #include <ctgpt/backend/cpu/impl.hpp>
// first in one source file and link with -lhwy. It compiles every kernel once for each instruction
// set and defines, for each family of kernels, a function that fills that part of a kernel_table
// (cpu/isa.hpp).
//
// CTGPT_CPU_FAMILY (1 products, 2 rows, 3 elementwise and opening a backend, 4 attention) restricts
// the unit to one family, so that a build can compile the families in parallel; undefined or 0
// means all of them.
// Targets: baseline, SSE4, AVX2, AVX-512; NEON on ARM. Those below what the compiler's flags
// already demand are left out. baseline is plain C++ for the unit's flags.
// No #pragma once: foreach_target.h includes this file again for each target.
// Errors: a Highway header that was included before stops the compilation.
// Reference: Highway, quick_reference.md, and google/highway#2364.
#if !defined(CTGPT_BACKEND_CPU_IMPL)
#if defined(HWY_HIGHWAY_INCLUDED)
#error "ctgpt: include ctgpt/backend/cpu/impl.hpp before any Highway header of this source file"
#endif
#ifndef CTGPT_CPU_FAMILY
#define CTGPT_CPU_FAMILY 0
#endif
// One kind of AVX-512 is enough: without the better ones -march=native also means HWY_AVX3, and
// Highway 1.0.3 does not stop at machines that have them.
#ifndef HWY_DISABLED_TARGETS
#if defined(__x86_64__)
#define HWY_DISABLED_TARGETS ((HWY_AVX3 - 1) | HWY_SSSE3)
#else
#define HWY_DISABLED_TARGETS (HWY_NEON - 1)
#endif
#endif
#define CTGPT_BACKEND_CPU_IMPL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ctgpt/backend/cpu/impl.hpp"
#include "hwy/foreach_target.h"
#endif

#include "hwy/highway.h"

#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 1
#include "ctgpt/backend/cpu/products-inl.hpp"
#endif
#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 2
#include "ctgpt/backend/cpu/rows-inl.hpp"
#endif
#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 3
#include "ctgpt/backend/cpu/elementwise-inl.hpp"
#include "ctgpt/backend/cpu/text-inl.hpp"
#endif
#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 4
#include "ctgpt/backend/cpu/attention-inl.hpp"
#endif

#if HWY_ONCE && !defined(CTGPT_BACKEND_CPU_IMPL_ONCE)
#define CTGPT_BACKEND_CPU_IMPL_ONCE
#include "ctgpt/backend/cpu/isa.hpp"
#include "ctgpt/base/error.hpp"
#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 3
#include "ctgpt/backend/cpu/open.hpp"
#include "ctgpt/base/text_kernels.hpp"
#endif

namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {

[[noreturn]] inline void reject_element(const char* entry, element type) {
  fail("the cpu backend's ", entry, " knows f32 and bf16, not ", element_name(type),
       "; use precision f32 or bf16, or another backend");
}

// One family's fill function for each instruction set; null where the build has none.
struct family {
  using fill = void (*)(kernel_table&);
  fill baseline = nullptr, sse4 = nullptr, avx2 = nullptr, avx512 = nullptr, neon = nullptr;

  isa_support run(kernel_table& table, isa wanted) const {
    fill chosen = nullptr;
    std::int64_t target = 0;  // what the machine must have; 0: nothing
    switch (wanted) {
      case isa::best:
        break;
      case isa::baseline:
        chosen = baseline;
        break;
      case isa::sse4:
        chosen = sse4;
        target = HWY_SSE4;
        break;
      case isa::avx2:
        chosen = avx2;
        target = HWY_AVX2;
        break;
      case isa::avx512:
        chosen = avx512;
        target = HWY_AVX3;
        break;
      case isa::neon:
        chosen = neon;
        break;
    }
    if (chosen == nullptr) return isa_support::not_built;
    if (target != 0 && (hwy::SupportedTargets() & target) == 0) {
      return isa_support::not_on_this_machine;
    }
    chosen(table);
    return isa_support::ready;
  }
};

// What the unit's flags alone allow is plain C++ (or SSE2, in newer Highway), or more than that.
#if HWY_STATIC_TARGET == HWY_SCALAR || HWY_STATIC_TARGET == HWY_EMU128
#define CTGPT_PLAIN_BUILD 1
#elif defined(HWY_SSE2) && HWY_STATIC_TARGET == HWY_SSE2
#define CTGPT_PLAIN_BUILD 1
#else
#define CTGPT_PLAIN_BUILD 0
#endif

#define CTGPT_DEFINE_FAMILY(FILL)                                                      \
  namespace cpu_kernels {                                                              \
  inline constexpr family FILL##_family = {                                            \
      CTGPT_PLAIN_BUILD ? &HWY_STATIC_DISPATCH(FILL) : nullptr, HWY_CHOOSE_SSE4(FILL), \
      HWY_CHOOSE_AVX2(FILL), HWY_CHOOSE_AVX3(FILL),                                    \
      HWY_ARCH_ARM && !CTGPT_PLAIN_BUILD ? &HWY_STATIC_DISPATCH(FILL) : nullptr};      \
  }                                                                                    \
  namespace compile_one_source_file_that_includes_ctgpt_backend_cpu_impl_hpp {         \
  isa_support FILL(kernel_table& table, isa wanted) {                                  \
    return cpu_kernels::FILL##_family.run(table, wanted);                              \
  }                                                                                    \
  }

}  // namespace cpu_kernels

#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 1
CTGPT_DEFINE_FAMILY(fill_products)
#endif
#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 2
CTGPT_DEFINE_FAMILY(fill_rows)
#endif
#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 3
CTGPT_DEFINE_FAMILY(fill_elementwise)

namespace cpu_kernels {
// The texts' kernel for this machine takes its place when the program starts.
inline text_kernels::classify_function best_classify() {
  const auto able = [](std::int64_t target) { return (hwy::SupportedTargets() & target) != 0; };
  text_kernels::classify_function best = nullptr;
  if constexpr (HWY_ARCH_ARM && !CTGPT_PLAIN_BUILD) best = &HWY_STATIC_DISPATCH(classify_text);
  if (able(HWY_SSE4) && HWY_CHOOSE_SSE4(classify_text)) best = HWY_CHOOSE_SSE4(classify_text);
  if (able(HWY_AVX2) && HWY_CHOOSE_AVX2(classify_text)) best = HWY_CHOOSE_AVX2(classify_text);
  if (able(HWY_AVX3) && HWY_CHOOSE_AVX3(classify_text)) best = HWY_CHOOSE_AVX3(classify_text);
  return best != nullptr ? best : text_kernels::classify_portable;
}
inline const bool classify_is_in_place = [] {
  text_kernels::classify_slot() = best_classify();
  return true;
}();
}  // namespace cpu_kernels
#endif
#if CTGPT_CPU_FAMILY == 0 || CTGPT_CPU_FAMILY == 4
CTGPT_DEFINE_FAMILY(fill_attention)
#endif

}  // namespace CTGPT_ABI
}  // namespace ctgpt

#undef CTGPT_DEFINE_FAMILY
#undef CTGPT_PLAIN_BUILD
#endif
