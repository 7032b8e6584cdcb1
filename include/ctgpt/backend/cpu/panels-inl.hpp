// Packing: panels of B for the register tile, and blocks of A.
//
// A panel holds `panel` columns of B, k after k: element (k, n) at [k * panel + n]. The last panel
// of a matrix is padded with zeros to whole vectors.
// A right-hand side of nt lies as (N,K), so packing transposes it: 4 x 4 blocks within 128-bit
// parts of vectors, whose loads gather rows 4 apart, so that no shuffle crosses such a part.
// bf16 is widened; q8_0 and q4_0 blocks are dequantised, to the bits of base/blocks.hpp.
// Requires: for block formats, k a multiple of 32.
// Errors: none.
#if defined(CTGPT_BACKEND_CPU_PANELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_PANELS_INL
#undef CTGPT_BACKEND_CPU_PANELS_INL
#else
#define CTGPT_BACKEND_CPU_PANELS_INL
#endif

#include "ctgpt/backend/cpu/tile-inl.hpp"
#include "ctgpt/base/blocks.hpp"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace products {

HWY_INLINE float widen(float value) { return value; }
HWY_INLINE float widen(bf16 value) { return to_float(value); }

#if HWY_TARGET != HWY_SCALAR
// Lanes of d hold columns 0..3 of rows 0, 4, 8, ... of a matrix.
template <class D, class T>
HWY_INLINE hn::Vec<D> load_rows(D d, const T* from, isize step) {
  if constexpr (hn::MaxLanes(D()) > 4) {
    const hn::Half<D> half;
    constexpr isize rows_of_half = static_cast<isize>(hn::MaxLanes(hn::Half<D>()));
    return hn::Combine(d, load_rows(half, from + rows_of_half * step, step),
                       load_rows(half, from, step));
  } else if constexpr (sizeof(T) == sizeof(float)) {
    return hn::LoadU(d, from);
  } else {
    const hn::Rebind<std::uint16_t, D> narrow;
    const hn::RebindToUnsigned<D> wide;
    const auto bits = hn::LoadU(narrow, reinterpret_cast<const std::uint16_t*>(from));
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(wide, bits)));
  }
}
#endif

// `native` rows of (.., depth) to depth vectors, `panel` apart.
template <class T>
HWY_INLINE void transpose(const T* from, isize step, isize depth, float* to) {
  isize k = 0;
#if HWY_TARGET != HWY_SCALAR
  const f32_tag d;
  const hn::Repartition<double, f32_tag> pairs;
  for (; k + 4 <= depth; k += 4) {
    const auto a = load_rows(d, from + k, step);
    const auto b = load_rows(d, from + step + k, step);
    const auto c = load_rows(d, from + 2 * step + k, step);
    const auto e = load_rows(d, from + 3 * step + k, step);
    const auto ab_low = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));  // a0 b0 a1 b1
    const auto ab_high = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
    const auto ce_low = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
    const auto ce_high = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
    float* row = to + k * panel;
    store(hn::BitCast(d, hn::InterleaveLower(pairs, ab_low, ce_low)), row);
    store(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_low, ce_low)), row + panel);
    store(hn::BitCast(d, hn::InterleaveLower(pairs, ab_high, ce_high)), row + 2 * panel);
    store(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_high, ce_high)), row + 3 * panel);
  }
#endif
  for (; k < depth; ++k) {
    for (isize n = 0; n < native; ++n) to[k * panel + n] = widen(from[n * step + k]);
  }
}

// cols <= panel rows of (N,K) to a panel.
template <class T>
HWY_NOINLINE void pack_transposed(const T* from, isize step, isize cols, isize depth, float* to) {
  isize n = 0;
  for (; n + native <= cols; n += native) transpose(from + n * step, step, depth, to + n);
  if (n == cols) return;
  const isize end = round_up(cols, native);
  for (isize k = 0; k < depth; ++k) {
    for (isize i = n; i < end; ++i) {
      to[k * panel + i] = i < cols ? widen(from[i * step + k]) : 0.0f;
    }
  }
}

// Rows of a wide matrix lie in pages of their own, where no hardware prefetcher follows; reading
// this many rows ahead halved the time of packing from memory (measured on Zen 5; 8 to 32 rows
// differ little).
inline constexpr isize rows_ahead = 32;
template <class T>
HWY_INLINE void prefetch_run(const T* from, isize count) {
  for (isize i = 0; i < count; i += isize{64 / sizeof(T)}) hwy::Prefetch(from + i);
}

// cols <= panel columns of (K,N) to a panel.
template <class T>
HWY_NOINLINE void pack_straight(const T* from, isize step, isize cols, isize depth, float* to) {
  const isize whole = cols / native * native;
  const int rest = static_cast<int>(cols - whole);
  for (isize k = 0; k < depth; ++k) {
    prefetch_run(from + rows_ahead * step, cols);
    for (isize n = 0; n < whole; n += native) store(load(from + n), to + n);
    if (rest != 0) store(load_first(from + whole, rest), to + whole);
    from += step;
    to += panel;
  }
}

// One block to 32 floats.
HWY_INLINE void dequantize_block(const block_q8_0& block, float* to) {
  const hn::Rebind<std::int8_t, f32_tag> bytes;
  const f32_vector scale = constant(half_to_float(block.scale));
  for (isize i = 0; i < block_length; i += native) {
    const auto value = hn::PromoteTo(i32_tag(), hn::LoadU(bytes, block.values + i));
    store(hn::Mul(scale, hn::ConvertTo(f32_tag(), value)), to + i);
  }
}
HWY_INLINE void dequantize_block(const block_q4_0& block, float* to) {
  const i32_tag d;
  const hn::Rebind<std::uint8_t, f32_tag> bytes;
  const f32_vector scale = constant(half_to_float(block.scale));
  const auto eight = hn::Set(d, 8);
  for (isize i = 0; i < block_length / 2; i += native) {
    const auto both = hn::PromoteTo(d, hn::LoadU(bytes, block.nibbles + i));
    const auto low = hn::Sub(hn::And(both, hn::Set(d, 15)), eight);
    const auto high = hn::Sub(hn::ShiftRight<4>(both), eight);
    store(hn::Mul(scale, hn::ConvertTo(f32_tag(), low)), to + i);
    store(hn::Mul(scale, hn::ConvertTo(f32_tag(), high)), to + 16 + i);
  }
}

// cols <= panel rows of blocks to a panel, by way of `rows` (panel, depth).
template <class Block>
HWY_NOINLINE void pack_blocks(const Block* from, isize step, isize cols, isize depth, float* rows,
                              float* to) {
  for (isize n = 0; n < cols; ++n) {
    const Block* block = from + n * (step / block_length);
    for (isize k = 0; k < depth; k += block_length) {
      dequantize_block(block[k / block_length], rows + n * depth + k);
    }
  }
  pack_transposed(rows, depth, cols, depth, to);
}

HWY_INLINE bool is_quantized(element type) {
  return type == element::q8_0 || type == element::q4_0;
}

// Columns [n, n + cols) and k [k, k + depth) of the right-hand side to a panel; `rows` is working
// space of (panel, depth), for block formats only.
// Requires: b lies in rows or is quantised (whose packed form keeps the rows, without gaps).
HWY_INLINE void pack_panel(const tensor& b, bool transposed, isize n, isize cols, isize k,
                           isize depth, float* rows, float* to) {
  if (is_quantized(b.type)) {
    const isize step = b.packing == layout::panels ? b.cols : b.stride;
    const isize first = (n * step + k) / block_length;
    if (b.type == element::q8_0) {
      pack_blocks(static_cast<const block_q8_0*>(b.data) + first, step, cols, depth, rows, to);
    } else {
      pack_blocks(static_cast<const block_q4_0*>(b.data) + first, step, cols, depth, rows, to);
    }
  } else if (b.type == element::bf16) {
    if (transposed) {
      pack_transposed(at<const bf16>(b, n, k), b.stride, cols, depth, to);
    } else {
      pack_straight(at<const bf16>(b, k, n), b.stride, cols, depth, to);
    }
  } else if (transposed) {
    pack_transposed(at<const float>(b, n, k), b.stride, cols, depth, to);
  } else {
    pack_straight(at<const float>(b, k, n), b.stride, cols, depth, to);
  }
}

// `count` elements of bf16, widened.
inline HWY_NOINLINE void widen_run(const bf16* from, isize count, float* to) {
  isize i = 0;
  for (; i + 32 <= count; i += 32) {
    hwy::Prefetch(from + i + read_ahead / 2);
    HWY_UNROLL(16)
    for (int v = 0; v < 32; v += native) store(load(from + i + v), to + i + v);
  }
  for (; i < count; ++i) to[i] = to_float(from[i]);
}

// Rows of a block of A lie `depth` rounded up, plus one cache line, apart: powers of two would
// share sets of the cache.
HWY_INLINE constexpr isize block_step(isize depth) { return round_up(depth, 16) + 16; }

// A (rows, depth) of nn and nt: widened, row by row.
HWY_INLINE void pack_rows(const bf16* from, isize step, isize rows, isize depth, float* to) {
  for (isize r = 0; r < rows; ++r) {
    widen_run(from + r * step, depth, to + r * block_step(depth));
  }
}

// A (depth, rows) of tn: groups of tile_rows, k after k.
template <class T>
HWY_NOINLINE void pack_columns(const T* from, isize step, isize rows, isize depth, float* to) {
  isize r = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<float, 4> four;
  constexpr isize groups = 4;  // whole cache lines of a row of A
  for (; r + groups * tile_rows <= rows; r += groups * tile_rows) {
    for (isize k = 0; k < depth; ++k) {
      const T* row = from + k * step + r;
      prefetch_run(row + rows_ahead * step, groups * tile_rows);
      for (isize g = 0; g < groups; ++g) {
        HWY_UNROLL(16)
        for (int i = 0; i < tile_rows; i += 4) {
          hn::StoreU(load_rows(four, row + g * tile_rows + i, 0), four,
                     to + (g * depth + k) * tile_rows + i);
        }
      }
    }
    to += depth * groups * tile_rows;
  }
#endif
  for (; r < rows; r += tile_rows) {
    const isize count = smaller(tile_rows, rows - r);
    for (isize k = 0; k < depth; ++k) {
      for (isize i = 0; i < count; ++i) to[k * tile_rows + i] = widen(from[k * step + r + i]);
    }
    to += depth * tile_rows;
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace products
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
