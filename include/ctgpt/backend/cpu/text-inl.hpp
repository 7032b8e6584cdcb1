// classify_text: which of 64 bytes are of which ASCII class (base/ascii_masks.hpp), a vector at a
// time.
//
// The same masks as text_kernels::classify_portable, which tests hold it to.
// Errors: none.
#if defined(CTGPT_BACKEND_CPU_TEXT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_TEXT_INL
#undef CTGPT_BACKEND_CPU_TEXT_INL
#else
#define CTGPT_BACKEND_CPU_TEXT_INL
#endif

#include "ctgpt/base/ascii_masks.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline void classify_text(const char* text, ascii_masks& masks) {
  const hn::CappedTag<std::uint8_t, 64> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text);
  masks = {};
  for (std::size_t i = 0; i < 64; i += lanes) {
    const auto v = hn::LoadU(d, bytes + i);
    const auto put = [&](std::uint64_t& mask, auto flags) HWY_ATTR {
      std::uint8_t bits[8] = {};
      hn::StoreMaskBits(d, flags, bits);
      std::uint64_t word = 0;
      hwy::CopyBytes<8>(bits, &word);
      mask |= word << i;
    };
    const auto is = [&](char c) HWY_ATTR {
      return hn::Eq(v, hn::Set(d, static_cast<std::uint8_t>(c)));
    };
    // Subtraction wraps, so that one comparison tells a range.
    const auto within = [&](std::uint8_t first, std::uint8_t last) HWY_ATTR {
      const auto from_first = hn::Sub(v, hn::Set(d, first));
      const auto most = hn::Set(d, static_cast<std::uint8_t>(last - first));
      return hn::Eq(hn::Min(from_first, most), from_first);
    };
    const auto blank = is(' ');
    put(masks.upper, within('A', 'Z'));
    put(masks.lower, within('a', 'z'));
    put(masks.digit, within('0', '9'));
    put(masks.space, hn::Or(within(9, 13), blank));
    put(masks.newline, hn::Or(is('\n'), is('\r')));
    put(masks.blank, blank);
    put(masks.apostrophe, is('\''));
    put(masks.slash, is('/'));
    put(masks.high, within(0x80, 0xFF));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif
