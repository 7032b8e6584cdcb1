// The products of the CPU table: matmul, pack_elements, pack and sum_rows.
//
// matmul: c = act(a b + bias), by cpu/gemm-inl.hpp, or cpu/gemv-inl.hpp for a few rows and panels.
// pack: a weight (N,K) of nt products as panels, f32 or bf16. With W = panel_width(), element
// (n, k) is at [n / W * W * K + k * W + n % W]; zeros follow the last row.
// q8_0 and q4_0 keep their rows of blocks, without gaps.
// sum_rows: out += the rows of x, one after the other.
// Determinism: as kernel_table.hpp says; on targets with fused multiply-add the same bits for any
// width of vectors, number of threads, number of rows, packed or not.
// Shapes: as kernel_table.hpp says; a, b, c, bias, before: f32 or bf16; out of sum_rows: f32.
// Requires: types and shapes that agree (checked by the typed facade).
// Errors: none (scratch may throw ctgpt::error before the work begins).
// Reference: Goto, van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
#if defined(CTGPT_BACKEND_CPU_PRODUCTS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_PRODUCTS_INL
#undef CTGPT_BACKEND_CPU_PRODUCTS_INL
#else
#define CTGPT_BACKEND_CPU_PRODUCTS_INL
#endif

#include "ctgpt/backend/cpu/gemm-inl.hpp"
#include "ctgpt/backend/cpu/gemv-inl.hpp"
#include "ctgpt/backend/cpu/panels-inl.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {

// Columns of a panel of packed weights.
HWY_INLINE constexpr isize panel_width() { return products::panel; }

namespace products {

inline HWY_NOINLINE void matmul(context* state, const matmul_args& args) {
  if (args.c.rows == 0 || args.c.cols == 0) return;
  const bool plain_panels = args.b.packing == layout::panels && !is_quantized(args.b.type);
  if (plain_panels && args.c.rows <= gemv_rows) {
    gemv(args, workers_of(state)).run();
  } else {
    gemm(args, workers_of(state)).run();
  }
}

inline HWY_NOINLINE isize pack_elements(context*, isize rows, isize cols, element type) {
  return is_quantized(type) ? rows * cols : round_up(rows, panel) * cols;
}

struct packing {
  const pack_args& args;
  const workers& crew;
  int tasks;
  static constexpr isize depth = depth_limit;
  static constexpr isize scratch_floats = 2 * panel * depth;

  HWY_NOINLINE void work(int worker) const {
    const tensor& src = args.src;
    const span rows = part_of(src.rows, tasks, worker, panel);
    float* mine = static_cast<float*>(crew.scratch(worker, scratch_floats * sizeof(float)));
    for (isize n = rows.begin; n < rows.end; n += panel) {
      const isize count = smaller(panel, rows.end - n);
      for (isize k = 0; k < src.cols; k += depth) {
        const isize length = smaller(depth, src.cols - k);
        const isize start = n * src.cols + k * panel;
        if (args.dst.type == element::bf16) {
          pack_padded(src, n, count, k, length, mine + panel * depth, mine);
          narrow_run(mine, length * panel, static_cast<bf16*>(args.dst.data) + start);
        } else {
          pack_padded(src, n, count, k, length, mine + panel * depth,
                      static_cast<float*>(args.dst.data) + start);
        }
      }
    }
  }

  // pack_panel, and zeros to the panel's full width.
  static void pack_padded(const tensor& src, isize n, isize count, isize k, isize length,
                          float* rows, float* to) {
    pack_panel(src, true, n, count, k, length, rows, to);
    for (isize v = round_up(count, native); v < panel; v += native) {
      for (isize i = 0; i < length; ++i) store(constant(0.0f), to + i * panel + v);
    }
  }
  // count: a multiple of native.
  static void narrow_run(const float* from, isize count, bf16* to) {
    for (isize i = 0; i < count; i += native) store(load(from + i), to + i);
  }
};

inline HWY_NOINLINE void copy_blocks(const pack_args& args) {
  const isize bytes = element_bytes(args.src.type, args.src.cols);
  const isize step = element_bytes(args.src.type, args.src.stride);
  for (isize r = 0; r < args.src.rows; ++r) {
    __builtin_memcpy(static_cast<char*>(args.dst.data) + r * bytes,
                     static_cast<const char*>(args.src.data) + r * step,
                     static_cast<std::size_t>(bytes));
  }
}

inline HWY_NOINLINE void pack(context* state, const pack_args& args) {
  if (args.src.rows == 0 || args.src.cols == 0) return;
  if (is_quantized(args.dst.type)) return copy_blocks(args);
  const workers& crew = workers_of(state);
  packing job{args, crew, static_cast<int>(smaller(crew.count, quotient_up(args.src.rows, panel)))};
  if (args.src.rows * args.src.cols < (isize{1} << 16)) job.tasks = 1;
  for (int worker = 0; worker < job.tasks; ++worker) {
    crew.scratch(worker, packing::scratch_floats * sizeof(float));
  }
  crew.run(
      job.tasks,
      [](void* self, int worker) HWY_ATTR { static_cast<const packing*>(self)->work(worker); },
      &job);
}

struct row_sum {
  const sum_rows_args& args;
  int tasks;

  HWY_NOINLINE void work(int worker) const {
    const span cols = part_of(args.x.cols, tasks, worker, virtual_lanes);
    if (args.x.type == element::bf16) {
      add_rows<bf16>(cols);
    } else {
      add_rows<float>(cols);
    }
  }

  // Eight vectors of columns at a time: their chains of additions run side by side.
  template <class T>
  void add_rows(span cols) const {
    constexpr int together = 8;
    float* out = static_cast<float*>(args.out.data);
    isize col = cols.begin;
    for (; col + together * native <= cols.end; col += together * native) {
      f32_vector sum[together];
      HWY_UNROLL(16)
      for (int v = 0; v < together; ++v) sum[v] = load(out + col + v * native);
      const T* x = at<const T>(args.x, 0, col);
      for (isize r = 0; r < args.x.rows; ++r) {
        prefetch_run(x + rows_ahead * args.x.stride, together * native);
        HWY_UNROLL(16)
        for (int v = 0; v < together; ++v) sum[v] = hn::Add(sum[v], load(x + v * native));
        x += args.x.stride;
      }
      HWY_UNROLL(16)
      for (int v = 0; v < together; ++v) store(sum[v], out + col + v * native);
    }
    for (; col < cols.end; col += native) {
      const isize count = cols.end - col;
      f32_vector sum = load_up_to(out + col, count);
      for (isize r = 0; r < args.x.rows; ++r) {
        sum = hn::Add(sum, load_up_to(at<const T>(args.x, r, col), count));
      }
      store_up_to(sum, out + col, count);
    }
  }
};

inline HWY_NOINLINE void sum_rows(context* state, const sum_rows_args& args) {
  const workers& crew = workers_of(state);
  row_sum job{args, 1};
  if (args.x.rows * args.x.cols >= (isize{1} << 16)) {
    job.tasks = static_cast<int>(smaller(crew.count, quotient_up(args.x.cols, virtual_lanes)));
  }
  crew.run(
      job.tasks,
      [](void* self, int worker) HWY_ATTR { static_cast<const row_sum*>(self)->work(worker); },
      &job);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace products

inline void fill_products(kernel_table& table) {
  table.matmul = products::matmul;
  table.pack_elements = products::pack_elements;
  table.pack = products::pack;
  table.sum_rows = products::sum_rows;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
