// Packing rows and sharing out work, for the kernels of attention.
//
// widen_rows: rows of f32 or bf16 become f32 rows of P elements, P being D rounded up to 16, with
//             zeros past D; write_row is the way back, rounding to bf16 where that is stored.
// transpose:  64 rows of P become P rows of 64, so that the keys of a tile lie side by side.
// share:      units of work in a fixed order, each worker taking a contiguous part of equal weight;
//             who takes what never changes a result.
// Shapes: head h of a row is columns [h D, (h + 1) D), and rows may be slices of wider ones.
// Errors: none.
#if defined(CTGPT_BACKEND_CPU_ATTENTION_PACKING_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ATTENTION_PACKING_INL
#undef CTGPT_BACKEND_CPU_ATTENTION_PACKING_INL
#else
#define CTGPT_BACKEND_CPU_ATTENTION_PACKING_INL
#endif

#include "ctgpt/backend/cpu/lanes-inl.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace attending {

constexpr int tile = static_cast<int>(attention_tile);

HWY_INLINE isize least(isize a, isize b) { return a < b ? a : b; }
HWY_INLINE isize most(isize a, isize b) { return a > b ? a : b; }
HWY_INLINE isize clamp_to_tile(isize x) { return most(0, least(x, tile)); }
HWY_INLINE isize round_up(isize x, isize unit) { return (x + unit - 1) / unit * unit; }

// ---- sharing out work -------------------------------------------------------------------------

// Which of `total` units of work, taken in order, a worker does.
struct share {
  isize total;
  isize tasks, worker;
  isize done = 0;
  HWY_INLINE bool take(isize work) {
    const isize owner = done * tasks / total;
    done += work;
    return owner == worker;
  }
};

// A fork costs a few microseconds: each worker should have more than that to do.
HWY_INLINE int tasks_for(const workers& threads, isize units, isize multiply_adds) {
  return static_cast<int>(least(least(threads.count, units), 1 + multiply_adds / 400000));
}

template <class Job>
void run_part(void* job, int worker) {
  static_cast<const Job*>(job)->run(worker);
}
template <class Job>
void run_job(const workers& threads, int tasks, Job& job) {
  for (int t = 0; t < tasks; ++t) threads.scratch(t, job.bytes());
  threads.run(tasks, run_part<Job>, &job);
}

// ---- packing ----------------------------------------------------------------------------------

// dst (rows, padded) = src[0 .. rows)[column .. column + count), f32, zeros in columns past
// `count`.
template <class T>
HWY_NOINLINE void widen_rows(float* dst, isize padded, const T* src, isize stride, isize rows,
                             isize count) {
  const isize whole = count / native * native;
  for (isize r = 0; r < rows; ++r, dst += padded, src += stride) {
    for (isize i = 0; i < whole; i += native) {
      hwy::Prefetch(src + 8 * stride + i);
      store(load(src + i), dst + i);
    }
    for (isize i = whole; i < padded; i += native) {
      const auto left = static_cast<int>(most(0, count - i));
      store(left > 0 ? load_first(src + i, left) : constant(0.0f), dst + i);
    }
  }
}
template <class T>
HWY_INLINE T* element_at(const tensor& t, isize row, isize column) {
  return static_cast<T*>(t.data) + row * t.stride + column;
}
HWY_INLINE void widen_rows(float* dst, isize padded, const tensor& src, isize row, isize column,
                           isize rows, isize count) {
  if (src.type == element::bf16) {
    widen_rows(dst, padded, element_at<const bf16>(src, row, column), src.stride, rows, count);
  } else {
    widen_rows(dst, padded, element_at<const float>(src, row, column), src.stride, rows, count);
  }
}

HWY_INLINE isize integer_at(const tensor& t, isize row, isize column) {
  return *element_at<const std::int32_t>(t, row, column);
}
HWY_INLINE float number_at(const tensor& t, isize column) {
  return t.type == element::bf16 ? to_float(*element_at<bf16>(t, 0, column))
                                 : *element_at<float>(t, 0, column);
}

// dst[0 .. count) = src[0 .. count) * factor, f32 or bf16.
template <class T>
HWY_INLINE void scale_row(T* dst, const float* src, isize count, float factor) {
  isize i = 0;
  const f32_vector f = constant(factor);
  for (; i + native <= count; i += native) store(hn::Mul(load(src + i), f), dst + i);
  if (i < count) store_first(hn::Mul(load(src + i), f), dst + i, static_cast<int>(count - i));
}
HWY_INLINE void write_row(const tensor& dst, isize row, isize column, const float* src, isize count,
                          float factor = 1.0f) {
  if (dst.type == element::bf16) {
    scale_row(element_at<bf16>(dst, row, column), src, count, factor);
  } else {
    scale_row(element_at<float>(dst, row, column), src, count, factor);
  }
}

// A vector whose 4-element block b is four elements of row 4 b of src.
#if HWY_TARGET != HWY_SCALAR
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const float* src, isize stride) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, src);
  } else {
    const hn::Half<D> half;
    constexpr isize rows = static_cast<isize>(hn::MaxLanes(D())) / 2;
    return hn::Combine(d, load_blocks(half, src + rows * stride, stride),
                       load_blocks(half, src, stride));
  }
}
// dst (columns, 64) = src (64, stride)^T; columns are a multiple of 4. Four transposes of 4 x 4
// side by side: with block b from row 4 b, `native` rows come out in order.
HWY_NOINLINE void transpose(float* dst, const float* src, isize stride, isize columns) {
  const f32_tag d;
  for (isize row = 0; row < tile; row += native) {
    for (isize column = 0; column < columns; column += 4) {
      const float* const from = src + row * stride + column;
      const f32_vector r0 = load_blocks(d, from, stride);
      const f32_vector r1 = load_blocks(d, from + stride, stride);
      const f32_vector r2 = load_blocks(d, from + 2 * stride, stride);
      const f32_vector r3 = load_blocks(d, from + 3 * stride, stride);
      const f32_vector low02 = hn::InterleaveLower(d, r0, r2);
      const f32_vector low13 = hn::InterleaveLower(d, r1, r3);
      const f32_vector high02 = hn::InterleaveUpper(d, r0, r2);
      const f32_vector high13 = hn::InterleaveUpper(d, r1, r3);
      float* const to = dst + column * tile + row;
      store(hn::InterleaveLower(d, low02, low13), to);
      store(hn::InterleaveUpper(d, low02, low13), to + tile);
      store(hn::InterleaveLower(d, high02, high13), to + 2 * tile);
      store(hn::InterleaveUpper(d, high02, high13), to + 3 * tile);
    }
  }
}
#else
HWY_INLINE void transpose(float* dst, const float* src, isize stride, isize columns) {
  for (isize column = 0; column < columns; ++column) {
    for (isize row = 0; row < tile; ++row) dst[column * tile + row] = src[row * stride + column];
  }
}
#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace attending
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
