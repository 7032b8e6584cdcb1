// burn: the machine's ceiling of arithmetic, measured by fused multiply-adds that never leave the
// registers.
//
// Each worker keeps 12 chains of vectors going, enough to hide the latency of a multiply-add on
// every core of today; nothing is loaded or stored but the sum at the end, which keeps the loop
// alive. Returns the floating-point operations done: 2 a multiply-add.
// Errors: none.
#if defined(CTGPT_BACKEND_CPU_BURN_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_BURN_INL
#undef CTGPT_BACKEND_CPU_BURN_INL
#else
#define CTGPT_BACKEND_CPU_BURN_INL
#endif

#include "ctgpt/backend/cpu/workers.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace burning {

namespace hn = hwy::HWY_NAMESPACE;

struct burn_task {
  isize rounds;
  float* sinks;  // one cache line a worker
};

HWY_INLINE void burn_one(const burn_task& task, int worker) {
  const hn::ScalableTag<float> d;
  using V = decltype(hn::Zero(d));
  const V factor = hn::Set(d, 0.999999f), step = hn::Set(d, 1e-6f);
  // Different starts, or the compiler would see that the chains are one.
  const auto start = [&](float value) HWY_ATTR { return hn::Set(d, value); };
  V a0 = start(0.01f), a1 = start(0.02f), a2 = start(0.03f), a3 = start(0.04f);
  V a4 = start(0.05f), a5 = start(0.06f), a6 = start(0.07f), a7 = start(0.08f);
  V b0 = start(0.09f), b1 = start(0.10f), b2 = start(0.11f), b3 = start(0.12f);
  for (isize i = 0; i < task.rounds; ++i) {
    a0 = hn::MulAdd(a0, factor, step);
    a1 = hn::MulAdd(a1, factor, step);
    a2 = hn::MulAdd(a2, factor, step);
    a3 = hn::MulAdd(a3, factor, step);
    a4 = hn::MulAdd(a4, factor, step);
    a5 = hn::MulAdd(a5, factor, step);
    a6 = hn::MulAdd(a6, factor, step);
    a7 = hn::MulAdd(a7, factor, step);
    b0 = hn::MulAdd(b0, factor, step);
    b1 = hn::MulAdd(b1, factor, step);
    b2 = hn::MulAdd(b2, factor, step);
    b3 = hn::MulAdd(b3, factor, step);
  }
  const V left =
      hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(hn::Add(a4, a5), hn::Add(a6, a7)));
  const V all = hn::Add(left, hn::Add(hn::Add(b0, b1), hn::Add(b2, b3)));
  task.sinks[worker * 32] = hn::GetLane(all);
}

inline double burn(context* opaque, isize rounds) {
  const workers& all = workers_of(opaque);
  burn_task task{rounds, static_cast<float*>(
                             all.scratch(all.count, static_cast<std::size_t>(all.count) * 128))};
  all.run(
      all.count,
      [](void* argument, int worker) { burn_one(*static_cast<burn_task*>(argument), worker); },
      &task);
  return 2.0 * 12.0 * static_cast<double>(hn::Lanes(hn::ScalableTag<float>())) *
         static_cast<double>(rounds) * static_cast<double>(all.count);
}

}  // namespace burning
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
