// Small products in registers, each row with terms of its own: where attention spends its time.
//
// c[r] = (start ? start[r] c[r] : 0) + sum over k of a[r][k] b[k], times `scale` at the end.
// Every element of c is one chain of fused multiply-adds with k ascending. Row r takes only its own
// terms [begin[r], end[r]): a key that a query may not see takes no part at all, so that a NaN in
// it does no harm, and the lower triangle costs half a square.
// Shapes: c (rows, columns), a (rows, K) with any two strides (so transposed too), b (K, columns)
// of f32 or bf16; columns are whole machine vectors.
// Registers (rows x vectors): AVX-512 and NEON 4 x 4 or 8 x 3, AVX2 4 x 3 or 6 x 2, one row 1 x 8.
// The bits depend neither on how rows and columns are grouped nor on the vector's width. The head
// size is a run-time number: these loops run at 0.9 of peak from K = 64 on without knowing it.
// Errors: none.
#if defined(CTGPT_BACKEND_CPU_ATTENTION_PRODUCTS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ATTENTION_PRODUCTS_INL
#undef CTGPT_BACKEND_CPU_ATTENTION_PRODUCTS_INL
#else
#define CTGPT_BACKEND_CPU_ATTENTION_PRODUCTS_INL
#endif

#include "ctgpt/backend/cpu/attention-packing-inl.hpp"
#include "ctgpt/backend/cpu/lanes-inl.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace attending {

// Half-open ranges, one for each row of a tile, set from row 0 on.
struct spans {
  int begin[tile], end[tile];
  bool equal;  // all rows have the same
  HWY_INLINE void set(isize row, isize first, isize last) {
    begin[row] = static_cast<int>(first);
    end[row] = static_cast<int>(last);
    equal = row == 0 || (equal && begin[row] == begin[0] && end[row] == end[0]);
  }
};

template <class B>
struct product_task {
  float* c;  // (rows, columns)
  isize c_row;
  const float* a;  // element (r, k) is a[r * a_row + k * a_step]
  isize a_row, a_step;
  const B* b;  // row k is b + k * b_step
  isize b_step;
  const spans* terms;             // the k that row r takes
  const spans* wanted = nullptr;  // the columns that row r needs; more may be written
  const float* start = nullptr;
  float scale = 1.0f;
  const B* ahead = nullptr;  // what is read after b: fetched meanwhile where rows are single
};

// Registers hold R x NV accumulators, one row of b and one element of a.
constexpr bool many_registers = HWY_CAP_GE512 != 0 || HWY_TARGET == HWY_NEON;
constexpr int widest = many_registers ? 4 : 3;  // NV, where there are four rows or more
template <int NV>
constexpr int tallest = many_registers ? (NV == 4 ? 4 : 8) : (NV == 2 ? 6 : 4);
constexpr int row_group = many_registers ? 8 : 12;  // a multiple of every `tallest`

template <int R, int NV, class B>
HWY_NOINLINE void chains(const product_task<B>& task, isize row, isize column) {
  const int* const begin = task.terms->begin + row;
  const int* const end = task.terms->end + row;
  // All rows take [all_begin, all_end); before and after it some of them do. On the diagonal they
  // join or leave one by one.
  int first = begin[0], last = end[0], all_begin = first, all_end = last;
  bool join = !task.terms->equal, leave = join;
  for (int r = 1; r < R && !task.terms->equal; ++r) {
    first = begin[r] < first ? begin[r] : first;
    last = end[r] > last ? end[r] : last;
    all_begin = begin[r] > all_begin ? begin[r] : all_begin;
    all_end = end[r] < all_end ? end[r] : all_end;
    join = join && begin[r] == begin[0] + r;
    leave = leave && end[r] == end[0] + r;
  }
  const isize a_row = task.a_row, a_step = task.a_step, b_step = task.b_step, c_row = task.c_row;
  float* const c = task.c + row * c_row + column;
  const float* const a = task.a + row * a_row;
  const B* b = task.b + column + first * b_step;

  f32_vector sum[R][NV];
  if (task.start == nullptr) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
      for (int v = 0; v < NV; ++v) sum[r][v] = hn::Zero(f32_tag());
    }
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const f32_vector factor = constant(task.start[row + r]);
#pragma GCC unroll 16
      for (int v = 0; v < NV; ++v) sum[r][v] = hn::Mul(load(c + r * c_row + v * native), factor);
    }
  }
  const float* x = a + first * a_step;
  isize k = first;
  const auto add_row = [&](int r) HWY_ATTR {
    const f32_vector element = constant(x[r * a_row]);
#pragma GCC unroll 16
    for (int v = 0; v < NV; ++v) sum[r][v] = hn::MulAdd(element, load(b + v * native), sum[r][v]);
  };
  const auto add_some = [&]() HWY_ATTR {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      if (k >= begin[r] && k < end[r]) add_row(r);
    }
  };
  const B* ahead = (task.ahead != nullptr ? task.ahead : task.b) + column + first * b_step;
  const auto next = [&]() HWY_ATTR { ++k, b += b_step, x += a_step, ahead += b_step; };
  if (R > 1 && join && all_begin <= all_end) {
#pragma GCC unroll 16
    for (int t = 0; t < R - 1; ++t, next()) {
#pragma GCC unroll 16
      for (int r = 0; r <= t; ++r) add_row(r);
    }
  }
  while (k < all_begin && k < last) {
    add_some();
    next();
  }
  while (k < all_end) {
    if constexpr (R == 1) {
#pragma GCC unroll 16
      for (int v = 0; v < NV; ++v) {
        if (v * native * static_cast<int>(sizeof(B)) % 64 == 0) hwy::Prefetch(ahead + v * native);
      }
    }
    f32_vector y[NV];
#pragma GCC unroll 16
    for (int v = 0; v < NV; ++v) y[v] = load(b + v * native);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const f32_vector element = constant(x[r * a_row]);
#pragma GCC unroll 16
      for (int v = 0; v < NV; ++v) sum[r][v] = hn::MulAdd(element, y[v], sum[r][v]);
    }
    next();
  }
  if (R > 1 && leave && all_begin <= all_end) {
#pragma GCC unroll 16
    for (int t = 1; t < R; ++t, next()) {
#pragma GCC unroll 16
      for (int r = t; r < R; ++r) add_row(r);
    }
  }
  while (k < last) {
    add_some();
    next();
  }

  const f32_vector scale = constant(task.scale);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
    for (int v = 0; v < NV; ++v) store(hn::Mul(sum[r][v], scale), c + r * c_row + v * native);
  }
}

// `count` rows from `row`, four or more, NV vectors at `column`.
template <int NV, class B>
HWY_INLINE void rows_of(const product_task<B>& task, isize row, isize count, isize column) {
  constexpr int R = tallest<NV>;
  if (count % R == 0) {
    for (isize r = 0; r < count; r += R) chains<R, NV>(task, row + r, column);
  } else {
    for (isize r = 0; r < count; r += 4) chains<4, NV>(task, row + r, column);
  }
}
// One row, as in decoding: more vectors a step, to hide the latency of the additions.
template <class B>
HWY_INLINE void one_row(const product_task<B>& task, isize row, isize first, isize last) {
  for (isize v = first; v < last;) {
    const isize column = v * native, left = last - v;
    if (left >= 8) {
      chains<1, 8>(task, row, column);
      v += 8;
    } else if (left >= 4) {
      chains<1, 4>(task, row, column);
      v += 4;
    } else if (left >= 2) {  // a head of 32 is two vectors of AVX-512
      chains<1, 2>(task, row, column);
      v += 2;
    } else {
      chains<1, 1>(task, row, column);
      v += 1;
    }
  }
}

// c = `rows` rows of `vectors` machine vectors.
template <class B>
HWY_NOINLINE void product(const product_task<B>& task, isize rows, isize vectors) {
  constexpr isize group = row_group;
  for (isize row = 0; row < rows; row += group) {
    const isize count = least(group, rows - row);
    isize first = 0, last = vectors;
    if (task.wanted != nullptr) {
      first = vectors, last = 0;
      for (isize r = row; r < row + count; ++r) {
        first = least(first, task.wanted->begin[r] / native);
        last = most(last, (task.wanted->end[r] + native - 1) / native);
      }
    }
    const isize quads = count / 4 * 4;
    if constexpr (sizeof(B) == sizeof(float)) {
      for (isize v = first; quads > 0 && v < last;) {  // parts of nearly equal width
        const isize left = last - v, pieces = (left + widest - 1) / widest;
        const isize width = (left + pieces - 1) / pieces;
        if (width == 4) {
          rows_of<widest>(task, row, quads, v * native);
        } else if (width == 3) {
          rows_of<3>(task, row, quads, v * native);
        } else if (width == 2) {
          rows_of<2>(task, row, quads, v * native);
        } else {
          rows_of<1>(task, row, quads, v * native);
        }
        v += width;
      }
      for (isize r = quads; r < count; ++r) one_row(task, row + r, first, last);
    } else {  // narrow elements are widened in the loop, worth it for single rows only
      for (isize r = 0; r < count; ++r) one_row(task, row + r, first, last);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace attending
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
