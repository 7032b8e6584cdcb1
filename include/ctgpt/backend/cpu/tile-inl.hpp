// The register tile: C (R rows, V vectors) = A (R, depth) B (depth, V vectors), held in registers.
//
// Every element of C is one chain of fused multiply-adds with k ascending, started from zero or
// from C: results depend neither on the tile's shape nor on the width of the machine's vectors.
// Shapes: tile_rows x tile_vectors is the largest; smaller ones serve the ends of a matrix.
// AVX-512 has 8 x 3 of 16 lanes (24 of 32 registers), AVX2 4 x 3 of 8 (12 of 16): more vectors and
// fewer rows than usual, because a row costs a broadcast for each k and a vector only a load.
// A is read by broadcasts, along rows (element k of row r at a[r * step + k]) or along columns (at
// a[k * step + r]). B is read by vectors: row k at b + k * step. No alignment is assumed.
// Errors: none.
#if defined(CTGPT_BACKEND_CPU_TILE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_TILE_INL
#undef CTGPT_BACKEND_CPU_TILE_INL
#else
#define CTGPT_BACKEND_CPU_TILE_INL
#endif

#include "ctgpt/backend/cpu/lanes-inl.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace products {

#if HWY_CAP_GE512 || HWY_TARGET == HWY_NEON
inline constexpr int tile_rows = 8;
inline constexpr int tile_vectors = 3;
#elif HWY_CAP_GE256
inline constexpr int tile_rows = 4;
inline constexpr int tile_vectors = 3;
#else
inline constexpr int tile_rows = 4;
inline constexpr int tile_vectors = 2;
#endif
inline constexpr isize panel = isize{tile_vectors} * native;  // columns of a panel of B

enum class order { rows, columns };  // how A is read

// HWY_UNROLL wants a literal: every loop that it precedes here has at most 16 iterations.
template <int R, int V, order Order>
HWY_NOINLINE void tile(isize depth, const float* HWY_RESTRICT a, isize a_step,
                       const float* HWY_RESTRICT b, isize b_step, float* HWY_RESTRICT c,
                       isize c_step, bool from_c) {
  f32_vector sum[R][V];
  HWY_UNROLL(16)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(16)
    for (int v = 0; v < V; ++v) sum[r][v] = constant(0.0f);
  }
  if (from_c) {
    const float* start = c;
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(16)
      for (int v = 0; v < V; ++v) sum[r][v] = load(start + v * native);
      start += c_step;
    }
  }
  const float* row[R];
  HWY_UNROLL(16)
  for (int r = 0; r < R; ++r) row[r] = a + r * a_step;
  for (isize k = 0; k < depth; ++k) {
    f32_vector right[V];
    HWY_UNROLL(16)
    for (int v = 0; v < V; ++v) right[v] = load(b + v * native);
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) {
      const f32_vector left = constant(Order == order::rows ? row[r][k] : a[r]);
      HWY_UNROLL(16)
      for (int v = 0; v < V; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
    }
    if constexpr (Order == order::columns) a += a_step;
    b += b_step;
  }
  HWY_UNROLL(16)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(16)
    for (int v = 0; v < V; ++v) store(sum[r][v], c + v * native);
    c += c_step;
  }
}

using tile_function = void (*)(isize depth, const float* a, isize a_step, const float* b,
                               isize b_step, float* c, isize c_step, bool from_c);

template <int V, order Order>
inline constexpr tile_function tiles_of_vectors[8] = {tile<1, V, Order>,
                                                      tile<2, V, Order>,
                                                      tile<3, V, Order>,
                                                      tile<4, V, Order>,
                                                      tile<HWY_MIN(5, tile_rows), V, Order>,
                                                      tile<HWY_MIN(6, tile_rows), V, Order>,
                                                      tile<HWY_MIN(7, tile_rows), V, Order>,
                                                      tile<HWY_MIN(8, tile_rows), V, Order>};

// The tile of 1 <= rows <= tile_rows and 1 <= vectors <= tile_vectors.
template <order Order>
HWY_INLINE tile_function tile_for(isize rows, isize vectors) {
  if (vectors == tile_vectors) return tiles_of_vectors<tile_vectors, Order>[rows - 1];
  return vectors == 1 ? tiles_of_vectors<1, Order>[rows - 1] : tiles_of_vectors<2, Order>[rows - 1];
}

// Bytes that each panel is read ahead by software: more than the hardware's prefetcher dares.
inline constexpr isize read_ahead = 4096;
// The tile of R rows and P whole packed panels, b_step elements apart, that come from memory: they
// are read ahead. P panels at a time give few rows enough chains.
template <int R, int P, class T>
HWY_NOINLINE void streamed_tile(isize depth, const float* HWY_RESTRICT a, isize a_step,
                                const T* HWY_RESTRICT b, isize b_step, float* HWY_RESTRICT c,
                                isize c_step, bool from_c) {
  f32_vector sum[P][R][tile_vectors];
  const float* row[R];
  HWY_UNROLL(16)
  for (int r = 0; r < R; ++r) row[r] = a + r * a_step;
  HWY_UNROLL(16)
  for (int p = 0; p < P; ++p) {
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(16)
      for (int v = 0; v < tile_vectors; ++v) {
        sum[p][r][v] = from_c ? load(c + r * c_step + p * panel + v * native) : constant(0.0f);
      }
    }
  }
  for (isize k = 0; k < depth; ++k) {
    HWY_UNROLL(16)
    for (int p = 0; p < P; ++p) {
      f32_vector right[tile_vectors];
      HWY_UNROLL(16)
      for (isize i = 0; i < panel; i += isize{64 / sizeof(T)}) {
        hwy::Prefetch(b + p * b_step + read_ahead / isize{sizeof(T)} + i);
      }
      HWY_UNROLL(16)
      for (int v = 0; v < tile_vectors; ++v) right[v] = load(b + p * b_step + v * native);
      HWY_UNROLL(16)
      for (int r = 0; r < R; ++r) {
        const f32_vector left = constant(row[r][k]);
        HWY_UNROLL(16)
        for (int v = 0; v < tile_vectors; ++v) {
          sum[p][r][v] = hn::MulAdd(left, right[v], sum[p][r][v]);
        }
      }
    }
    b += panel;
  }
  HWY_UNROLL(16)
  for (int p = 0; p < P; ++p) {
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(16)
      for (int v = 0; v < tile_vectors; ++v) {
        store(sum[p][r][v], c + r * c_step + p * panel + v * native);
      }
    }
  }
}

template <class T>
using streamed_function = void (*)(isize depth, const float* a, isize a_step, const T* b,
                                   isize b_step, float* c, isize c_step, bool from_c);

template <class T>
inline constexpr streamed_function<T> streamed_tiles[8] = {
    streamed_tile<1, 1, T>,
    streamed_tile<2, 1, T>,
    streamed_tile<3, 1, T>,
    streamed_tile<4, 1, T>,
    streamed_tile<HWY_MIN(5, tile_rows), 1, T>,
    streamed_tile<HWY_MIN(6, tile_rows), 1, T>,
    streamed_tile<HWY_MIN(7, tile_rows), 1, T>,
    streamed_tile<HWY_MIN(8, tile_rows), 1, T>};

template <class T>
HWY_INLINE streamed_function<T> streamed_tile_for(isize rows) {
  return streamed_tiles<T>[rows - 1];
}

HWY_INLINE constexpr isize quotient_up(isize count, isize by) { return (count + by - 1) / by; }
HWY_INLINE constexpr isize round_up(isize count, isize to) { return quotient_up(count, to) * to; }
HWY_INLINE constexpr isize smaller(isize a, isize b) { return a < b ? a : b; }

// Element (row, col) of a tensor of T.
template <class T>
HWY_INLINE T* at(const tensor& of, isize row, isize col) {
  return static_cast<T*>(of.data) + row * of.stride + col;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace products
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
