// Few rows times packed weights: c (M,N) (+)= a (M,K) b^T for M <= gemv_rows, b in panels.
//
// Each panel is read once, from its first k to its last, so that the work goes at the speed of
// memory. The chains are those of the blocked product: one row alone has the bits that it has in a
// batch. One row takes four panels at a time and two rows two: enough independent chains to hide
// the latency of a multiply-add, and enough streams for the memory.
// Threads: contiguous ranges of panels. Working space: a in f32, when it is bf16.
// Errors: none (scratch may throw ctgpt::error before the work begins).
#if defined(CTGPT_BACKEND_CPU_GEMV_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_GEMV_INL
#undef CTGPT_BACKEND_CPU_GEMV_INL
#else
#define CTGPT_BACKEND_CPU_GEMV_INL
#endif

#include "ctgpt/backend/cpu/epilogue-inl.hpp"
#include "ctgpt/backend/cpu/gemm-inl.hpp"
#include "ctgpt/backend/cpu/tile-inl.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace products {

inline constexpr isize gemv_rows = 8;

// More rows than a tile pass over a panel in turns, this many k at a time, so that the later ones
// find it in the first-level cache.
inline constexpr isize depth_of_turn = 128;

struct gemv {
  const matmul_args& args;
  const workers& crew;
  isize m, n, k;
  int tasks = 1;
  const float* a = nullptr;
  isize a_step = 0;

  gemv(const matmul_args& product_args, const workers& its_crew)
      : args(product_args), crew(its_crew) {
    m = args.c.rows;
    n = args.c.cols;
    k = args.a.cols;
    if (flops_of(m, n, k) >= least_forked_flops) {
      tasks = static_cast<int>(smaller(crew.count, quotient_up(n, panel)));
    }
  }

  void run() {
    if (args.a.type == element::bf16) {
      float* wide = static_cast<float*>(
          crew.scratch(crew.count, static_cast<std::size_t>(m * k) * sizeof(float)));
      for (isize r = 0; r < m; ++r) widen_run(at<const bf16>(args.a, r, 0), k, wide + r * k);
      a = wide;
      a_step = k;
    } else {
      a = at<const float>(args.a, 0, 0);
      a_step = args.a.stride;
    }
    crew.run(
        tasks,
        [](void* self, int worker) HWY_ATTR { static_cast<const gemv*>(self)->work(worker); },
        this);
  }

  HWY_NOINLINE void work(int worker) const {
    const span cols = part_of(n, tasks, worker, panel);
    if (args.b.type == element::bf16) {
      multiply_range(static_cast<const bf16*>(args.b.data), cols);
    } else {
      multiply_range(static_cast<const float*>(args.b.data), cols);
    }
  }

  template <class T>
  void multiply_range(const T* b, span cols) const {
    isize col = cols.begin;
    if (m == 1) col = multiply_groups<4, 1>(b, cols, streamed_tile<1, 4, T>);
    if (m == 2) col = multiply_groups<2, 2>(b, cols, streamed_tile<2, 2, T>);
    const isize turn = m > tile_rows ? depth_of_turn : HWY_MAX(1, k);
    HWY_ALIGN float c[gemv_rows * panel] = {};  // columns past N stay finite
    for (; col < cols.end; col += panel) {
      const region part{0, col, m, smaller(panel, cols.end - col)};
      if (args.accumulate) load_region(args.c, part, c, panel);
      isize first = 0;
      do {  // once for k == 0 too
        const isize length = smaller(turn, k - first);
        for (isize row = 0; row < m; row += tile_rows) {
          const auto multiply = streamed_tile_for<T>(smaller(tile_rows, m - row));
          multiply(length, a + row * a_step + first, a_step, b + col * k + first * panel, 0,
                   c + row * panel, panel, args.accumulate || first > 0);
        }
        first += turn;
      } while (first < k);
      finish_region(args, part, c, panel);
    }
  }

  // R rows times as many whole groups of P panels as there are; returns the first column left.
  template <int P, int R, class T>
  isize multiply_groups(const T* b, span cols, streamed_function<T> multiply) const {
    HWY_ALIGN float c[P * R * panel];
    isize col = cols.begin;
    for (; col + P * panel <= cols.end; col += P * panel) {
      const region part{0, col, R, P * panel};
      if (args.accumulate) load_region(args.c, part, c, P * panel);
      multiply(k, a, a_step, b + col * k, panel * k, c, P * panel, args.accumulate);
      finish_region(args, part, c, P * panel);
    }
    return col;
  }
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace products
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
