// Philox4x32-10 on vectors, and the dropout of 16 elements that hangs on it.
//
// Word e % 4 of philox{e / 4 lo, e / 4 hi, site, counter}(seed) belongs to element e; the element
// is kept when the word >= rate * 2^32. A 64-bit lane holds one counter: 32 x 32 bit products read
// only the lower half of a lane, so that the upper half may hold anything until the words are
// stored.
// Shapes: random_words writes the words of `count` elements from a multiple of 4 on, in order.
// Errors: none.
// Reference: Salmon et al., SC 2011; the same bits as base/random.hpp.
#if defined(CTGPT_BACKEND_CPU_RANDOM_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_RANDOM_INL
#undef CTGPT_BACKEND_CPU_RANDOM_INL
#else
#define CTGPT_BACKEND_CPU_RANDOM_INL
#endif

#include <cstdint>

#include "ctgpt/backend/cpu/lanes-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {

// What one call of dropout needs: made once, read by every worker.
struct dropout_rule {
  std::uint32_t seed[2], counter, site;
  std::uint32_t threshold;  // words below are dropped
  float scale;              // of what is kept
};

// state: u32 {seed low, seed high, counter, 0} in backend memory.
// Requires: 0 <= rate <= 1.
HWY_INLINE dropout_rule make_dropout_rule(const void* state, std::uint32_t site, float rate) {
  const auto* word = static_cast<const std::uint32_t*>(state);
  const double bound = static_cast<double>(rate) * 4294967296.0;
  auto threshold = static_cast<std::uint64_t>(bound);
  if (static_cast<double>(threshold) < bound) ++threshold;
  const bool none =
      threshold > 0xffffffffu;  // rate 1 keeps nothing; the scale sees to the last word
  return {{word[0], word[1]},
          word[2],
          site,
          none ? 0xffffffffu : static_cast<std::uint32_t>(threshold),
          none ? 0.0f : 1.0f / (1.0f - rate)};
}

template <class D, class V>
HWY_INLINE V multiply_low_halves([[maybe_unused]] D d, V x, std::uint32_t factor) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Mul(hn::And(x, hn::Set(d, 0xffffffffu)), hn::Set(d, std::uint64_t{factor}));
#else
  const hn::Repartition<std::uint32_t, D> halves;
  return hn::MulEven(hn::BitCast(halves, x), hn::Set(halves, factor));
#endif
}

// The words of Lanes(d) counters from `block` on: 4 Lanes(d) words to `out`.
template <class D>  // a tag of u64
HWY_INLINE void philox_words(D d, const dropout_rule& rule, std::uint64_t block,
                             std::uint64_t* HWY_RESTRICT out) {
  auto c0 = hn::Add(hn::Set(d, block), hn::Iota(d, 0));
  auto c1 = hn::ShiftRight<32>(c0);
  auto c2 = hn::Set(d, std::uint64_t{rule.site});
  auto c3 = hn::Set(d, std::uint64_t{rule.counter});
  std::uint32_t k0 = rule.seed[0], k1 = rule.seed[1];
  for (int round = 0; round < 10; ++round) {
    const auto a = multiply_low_halves(d, c0, 0xD2511F53u);
    const auto b = multiply_low_halves(d, c2, 0xCD9E8D57u);
    c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(b), c1), hn::Set(d, std::uint64_t{k0}));
    c1 = b;
    c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(a), c3), hn::Set(d, std::uint64_t{k1}));
    c3 = a;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const auto low = hn::Set(d, std::uint64_t{0xffffffffu});
  const auto first = hn::Or(hn::And(c0, low), hn::ShiftLeft<32>(c1));
  const auto second = hn::Or(hn::And(c2, low), hn::ShiftLeft<32>(c3));
  hn::StoreInterleaved2(first, second, d, out);
}

// Factors (0 or the scale) of 16 elements, from their words.
HWY_INLINE lanes factors_of(const dropout_rule& rule, const std::uint32_t* words) {
  const i32_tag di;
  const u32_tag du;
  const auto flip = hn::Set(du, 0x80000000u);  // unsigned order, by a signed comparison
  const auto bound = hn::BitCast(di, hn::Set(du, rule.threshold ^ 0x80000000u));
  lanes r;
  HWY_UNROLL(16)
  for (int i = 0; i < parts; ++i) {
    const auto word = hn::BitCast(di, hn::Xor(hn::LoadU(du, words + i * native), flip));
    const auto dropped = hn::RebindMask(f32_tag(), hn::Lt(word, bound));
    r.part[i] = hn::IfThenZeroElse(dropped, constant(rule.scale));
  }
  return r;
}

// Requires: element % 16 == 0.
HWY_INLINE lanes dropout_factors(const dropout_rule& rule, std::uint64_t element) {
  const hn::CappedTag<std::uint64_t, 4> d;
  constexpr int step = static_cast<int>(hn::MaxLanes(hn::CappedTag<std::uint64_t, 4>()));
  alignas(64) std::uint64_t words[8];
  HWY_UNROLL(4)
  for (int i = 0; i < 4; i += step) {
    philox_words(d, rule, element / 4 + static_cast<std::uint64_t>(i), words + 2 * i);
  }
  return factors_of(rule, reinterpret_cast<const std::uint32_t*>(words));
}

// Factors of `count` elements to `out`, which has room for round_up(count, 32).
// Requires: element % 16 == 0.
HWY_INLINE void dropout_factors(const dropout_rule& rule, std::uint64_t element, int count,
                                float* HWY_RESTRICT out) {
  const hn::CappedTag<std::uint64_t, 8> d;  // twice as fast as 16 at a time on AVX-512
  constexpr int step = static_cast<int>(hn::MaxLanes(hn::CappedTag<std::uint64_t, 8>()));
  alignas(64) std::uint64_t words[16];
  for (int e = 0; e < count; e += 32) {
    HWY_UNROLL(8)
    for (int i = 0; i < 8; i += step) {
      philox_words(d, rule,
                   (element + static_cast<std::uint64_t>(e)) / 4 + static_cast<std::uint64_t>(i),
                   words + 2 * i);
    }
    const auto* first = reinterpret_cast<const std::uint32_t*>(words);
    store_lanes(factors_of(rule, first), out + e);
    store_lanes(factors_of(rule, first + 16), out + e + 16);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
