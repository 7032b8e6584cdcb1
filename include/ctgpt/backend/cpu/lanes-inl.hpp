// The 16 virtual lanes in which every row reduction runs, and loads and stores of f32 and bf16.
//
// A row's element i belongs to lane i % 16, whatever the machine's vectors hold: one AVX-512
// vector, two of AVX2, four of SSE4 or NEON. Lanes are combined by one tree (l and l + 8, then + 4,
// + 2, + 1).
// Rule for all code in a target region: never Add or Sub the result of a Mul. A compiler may fuse
// such a pair on one instruction set and not on another; write MulAdd, NegMulAdd or MulSub, which
// every target with fused multiply-add rounds once.
// Shapes: load(p), store(v, p): `native` elements; *_first(.., n): the first n of them, the others
// are read as 0 and not written. bf16 is rounded as base/element.hpp says. No alignment is assumed.
// Errors: none.
#if defined(CTGPT_BACKEND_CPU_LANES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_LANES_INL
#undef CTGPT_BACKEND_CPU_LANES_INL
#else
#define CTGPT_BACKEND_CPU_LANES_INL
#endif

#include <cstdint>

#include "ctgpt/base/element.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {  // not `cpu`: that is the backend's name
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using f32_tag = hn::CappedTag<float, 16>;
using i32_tag = hn::RebindToSigned<f32_tag>;
using u32_tag = hn::RebindToUnsigned<f32_tag>;
using u16_tag = hn::Rebind<std::uint16_t, f32_tag>;
using f32_vector = hn::Vec<f32_tag>;

constexpr int native = static_cast<int>(hn::MaxLanes(f32_tag()));  // elements of a machine vector
constexpr int virtual_lanes = 16;
constexpr int parts = virtual_lanes / native;  // machine vectors of the 16 lanes

HWY_INLINE f32_vector constant(float value) { return hn::Set(f32_tag(), value); }

// ---- one machine vector ---------------------------------------------------------------------

HWY_INLINE f32_vector load(const float* p) { return hn::LoadU(f32_tag(), p); }
HWY_INLINE f32_vector load(const bf16* p) {
  const auto bits = hn::LoadU(u16_tag(), reinterpret_cast<const std::uint16_t*>(p));
  return hn::BitCast(f32_tag(), hn::ShiftLeft<16>(hn::PromoteTo(u32_tag(), bits)));
}

HWY_INLINE void store(f32_vector v, float* p) { hn::StoreU(v, f32_tag(), p); }

// Round to nearest, ties to even; NaN keeps its upper bits and becomes quiet.
HWY_INLINE hn::Vec<u16_tag> round_to_bf16(f32_vector v) {
  const u32_tag du;
  const auto bits = hn::BitCast(du, v);
  const auto upper = hn::ShiftRight<16>(bits);
  const auto odd = hn::And(upper, hn::Set(du, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fffu))));
  const auto quiet = hn::Or(upper, hn::Set(du, 0x40u));
  const auto nan = hn::RebindMask(du, hn::IsNaN(v));
  return hn::DemoteTo(u16_tag(), hn::BitCast(i32_tag(), hn::IfThenElse(nan, quiet, rounded)));
}
HWY_INLINE void store(f32_vector v, bf16* p) {
  hn::StoreU(round_to_bf16(v), u16_tag(), reinterpret_cast<std::uint16_t*>(p));
}

// Tails. AVX-512 masks everything, AVX2 masks 32-bit elements; elsewhere a small buffer serves.
template <class T>
HWY_INLINE f32_vector load_first(const T* p, int n) {
  HWY_ALIGN T buffer[native] = {};
  for (int i = 0; i < n; ++i) buffer[i] = p[i];
  return load(buffer);
}
template <class T>
HWY_INLINE void store_first(f32_vector v, T* p, int n) {
  HWY_ALIGN T buffer[native];
  store(v, buffer);
  for (int i = 0; i < n; ++i) p[i] = buffer[i];
}
#if HWY_CAP_GE256
HWY_INLINE f32_vector load_first(const float* p, int n) {
  const f32_tag d;
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(n)), d, p);
}
HWY_INLINE void store_first(f32_vector v, float* p, int n) {
  const f32_tag d;
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(n)), d, p);
}
#endif
#if HWY_CAP_GE512
HWY_INLINE f32_vector load_first(const bf16* p, int n) {
  const u16_tag d;
  const auto bits = hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(n)), d,
                                   reinterpret_cast<const std::uint16_t*>(p));
  return hn::BitCast(f32_tag(), hn::ShiftLeft<16>(hn::PromoteTo(u32_tag(), bits)));
}
HWY_INLINE void store_first(f32_vector v, bf16* p, int n) {
  const u16_tag d;
  hn::BlendedStore(round_to_bf16(v), hn::FirstN(d, static_cast<std::size_t>(n)), d,
                   reinterpret_cast<std::uint16_t*>(p));
}
#endif

// All of a vector, or its first n < native elements.
template <class T>
HWY_INLINE f32_vector load_up_to(const T* p, int n) {
  return n == native ? load(p) : load_first(p, n);
}
template <class T>
HWY_INLINE void store_up_to(f32_vector v, T* p, int n) {
  if (n == native) {
    store(v, p);
  } else {
    store_first(v, p, n);
  }
}
// v with `rest` in place of all but its first n elements.
HWY_INLINE f32_vector only_first(f32_vector v, int n, float rest = 0.0f) {
  if (n == native) return v;
  return hn::IfThenElse(hn::FirstN(f32_tag(), static_cast<std::size_t>(n)), v, constant(rest));
}

// ---- sixteen lanes --------------------------------------------------------------------------

struct lanes {
  HWY_INLINE lanes() {}  // written out: an implicit one would not belong to the target on ARM
  f32_vector part[parts];
};

HWY_INLINE lanes lanes_of(float value) {
  lanes r;
#pragma GCC unroll 16
  for (int i = 0; i < parts; ++i) r.part[i] = constant(value);
  return r;
}
template <class T>
HWY_INLINE lanes load_lanes(const T* p) {
  lanes r;
#pragma GCC unroll 16
  for (int i = 0; i < parts; ++i) r.part[i] = load(p + i * native);
  return r;
}
// The first n elements, 0 < n <= 16; the other lanes receive 0.
template <class T>
HWY_INLINE lanes load_lanes_first(const T* p, int n) {
  lanes r;
#pragma GCC unroll 16
  for (int i = 0; i < parts; ++i) {
    const int left = n - i * native;
    r.part[i] = left >= native ? load(p + i * native)
                : left > 0     ? load_first(p + i * native, left)
                               : hn::Zero(f32_tag());
  }
  return r;
}
template <class T>
HWY_INLINE void store_lanes(const lanes& v, T* p) {
#pragma GCC unroll 16
  for (int i = 0; i < parts; ++i) store(v.part[i], p + i * native);
}
template <class T>
HWY_INLINE void store_lanes_first(const lanes& v, T* p, int n) {
#pragma GCC unroll 16
  for (int i = 0; i < parts; ++i) {
    const int left = n - i * native;
    if (left >= native) {
      store(v.part[i], p + i * native);
    } else if (left > 0) {
      store_first(v.part[i], p + i * native, left);
    }
  }
}

// The tree: combine(l, l + 8), then + 4, + 2, + 1. `combine` takes (lower lane, higher lane).
#if HWY_TARGET == HWY_SCALAR
template <class Combine>
HWY_INLINE float combine_lanes(lanes v, const Combine& combine) {
#pragma GCC unroll 4
  for (int half = 8; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) v.part[i] = combine(v.part[i], v.part[i + half]);
  }
  return hn::GetLane(v.part[0]);
}
#else
template <class V, class Combine>
HWY_INLINE float combine_vector(V v, const Combine& combine) {
  const hn::DFromV<V> d;
  if constexpr (hn::MaxLanes(hn::DFromV<V>()) > 4) {
    const hn::Half<hn::DFromV<V> > half;
    return combine_vector(combine(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), combine);
  } else {
    v = combine(v, hn::Shuffle1032(v));
    v = combine(v, hn::Shuffle2301(v));
    (void)d;
    return hn::GetLane(v);
  }
}
template <class Combine>
HWY_INLINE float combine_lanes(lanes v, const Combine& combine) {
#pragma GCC unroll 4
  for (int half = parts / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) v.part[i] = combine(v.part[i], v.part[i + half]);
  }
  return combine_vector(v.part[0], combine);
}
#endif

struct add_lanes {
  template <class V>
  HWY_INLINE V operator()(V low, V high) const {
    return hn::Add(low, high);
  }
};
struct max_lanes {
  template <class V>
  HWY_INLINE V operator()(V low, V high) const {
    return hn::Max(low, high);
  }
};
HWY_INLINE float sum_of(const lanes& v) { return combine_lanes(v, add_lanes()); }
// What a NaN gives is unspecified here (as x86's max); sums after it bring the NaN back.
HWY_INLINE float max_of(const lanes& v) { return combine_lanes(v, max_lanes()); }

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
