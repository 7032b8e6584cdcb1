// The blocked product: C (M,N) (+)= A B for nn, nt and tn, any strides, f32 and bf16, and a
// right-hand side of panels, q8_0 or q4_0.
//
// For each block of columns and of rows of C, for each block of k, for each panel of B: pack the
// panel (unless it is packed already), and run the register tile down the rows. The panel stays in
// the second-level cache meanwhile; A is read where it lies when it is f32 and its k are adjacent.
// Small right-hand sides of nn and tn are not packed either: that would cost more than it saves.
// Later blocks of k continue the chains from C; a bf16 C has its chains in f32 working space.
// Threads: C is cut into a grid of parts, one a worker, so that packing is repeated least. Neither
// the cut nor the blocks show in the results.
// Working space of a worker: a panel, a block of A, f32 chains of C, each only where it is needed.
// Errors: none (scratch may throw ctgpt::error before the work begins).
// Reference: Goto, van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
#if defined(CTGPT_BACKEND_CPU_GEMM_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_GEMM_INL
#undef CTGPT_BACKEND_CPU_GEMM_INL
#else
#define CTGPT_BACKEND_CPU_GEMM_INL
#endif

#include "ctgpt/backend/cpu/epilogue-inl.hpp"
#include "ctgpt/backend/cpu/panels-inl.hpp"
#include "ctgpt/backend/cpu/tile-inl.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace products {

// Sizes of blocks, measured on Zen 5 with both AVX-512 and AVX2. A panel of this depth (72 and 36
// KB) and the rows of A that pass by stay in the second-level cache; C's block in the third.
inline constexpr isize depth_limit = 384;  // a multiple of block_length
inline constexpr isize rows_limit = 1024;
inline constexpr isize cols_limit = 768;  // a multiple of panel
inline constexpr isize unpacked_limit = 128;
inline constexpr double least_forked_flops = 5e5;  // a fork costs a few microseconds

struct span {
  isize begin, end;
};
// Part `index` of `parts` of [0, count), cut at multiples of `grain`.
HWY_INLINE span part_of(isize count, isize parts, isize index, isize grain) {
  const isize grains = quotient_up(count, grain);
  const isize each = grains / parts, rest = grains % parts;
  const isize first = each * index + smaller(index, rest);
  const isize last = first + each + (index < rest ? 1 : 0);
  return {smaller(first * grain, count), smaller(last * grain, count)};
}

// The length of equal blocks of [0, count), at most `limit` (a multiple of `grain`) long.
HWY_INLINE isize block_of(isize count, isize limit, isize grain) {
  if (count <= limit) return round_up(HWY_MAX(1, count), grain);
  return round_up(quotient_up(count, quotient_up(count, limit)), grain);
}

HWY_INLINE double flops_of(isize m, isize n, isize k) {
  return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

class gemm {
 public:
  gemm(const matmul_args& args, const workers& crew) : args_(args), crew_(crew) {
    m_ = args.c.rows;
    n_ = args.c.cols;
    a_in_rows_ = args.kind != product::tn;
    k_ = a_in_rows_ ? args.a.cols : args.a.rows;
    depth_ = block_of(k_, depth_limit, block_length);
    rows_ = block_of(m_, rows_limit, tile_rows);
    cols_ = smaller(cols_limit, round_up(n_, panel));
    // Columns of A lie far apart in memory; few panels of B are not worth gathering them for.
    a_packed_ = args.a.type != element::f32 ||
                (!a_in_rows_ && m_ > unpacked_limit && n_ > 2 * unpacked_limit);
    b_in_place_ = args.b.type == element::f32 && args.b.packing == layout::rows &&
                  args.kind != product::nt && m_ <= unpacked_limit && n_ <= unpacked_limit;
    prepacked_ = args.b.packing == layout::panels && args.b.type == element::f32;
    staged_ = args.c.type == element::bf16 && depth_ < k_;
    far_ = m_ * n_ >= isize{1} << 16;
    panel_floats_ =
        b_in_place_ && n_ % native == 0 ? 0 : panel * depth_ * (is_quantized(args.b.type) ? 2 : 1);
    a_floats_ = a_packed_ ? rows_ * block_step(depth_) : 0;
    floats_ = panel_floats_ + a_floats_ + (staged_ ? rows_ * cols_ : 0);
  }

  void run() {
    if (crew_.count > 1 && flops_of(m_, n_, k_) >= least_forked_flops) choose_parts();
    const int tasks = static_cast<int>(row_parts_ * col_parts_);
    if (floats_ != 0) {
      for (int worker = 0; worker < tasks; ++worker) crew_.scratch(worker, bytes());
    }
    crew_.run(
        tasks, [](void* self, int worker) HWY_ATTR { static_cast<gemm*>(self)->work(worker); },
        this);
  }

 private:
  // The working space of a worker.
  struct space {
    float* panel = nullptr;
    float* a = nullptr;
    float* c = nullptr;
  };
  // Where a tile finds A and B.
  struct operands {
    const float* a = nullptr;
    isize a_step = 0;
    const float* b = nullptr;
    isize b_step = 0;
    bool streamed = false;  // b is a packed panel that has not been read yet
  };

  std::size_t bytes() const { return static_cast<std::size_t>(floats_) * sizeof(float); }

  // The slowest part in multiply-adds for each k; packing an element costs about as much as eight.
  double cost(isize row_parts, isize col_parts) const {
    const isize rows = smaller(m_, quotient_up(quotient_up(m_, tile_rows), row_parts) * tile_rows);
    const isize cols =
        smaller(round_up(n_, native), quotient_up(quotient_up(n_, panel), col_parts) * panel);
    return static_cast<double>(rows * cols + 8 * (a_packed_ ? rows : 0) +
                               8 * (b_in_place_ ? 0 : cols));
  }
  void choose_parts() {
    double least = cost(1, 1);
    for (isize rows = 1; rows <= crew_.count; ++rows) {
      const isize cols = crew_.count / rows;
      if (cost(rows, cols) < least) {
        least = cost(rows, cols);
        row_parts_ = rows;
        col_parts_ = cols;
      }
    }
  }

  HWY_NOINLINE void work(int worker) const {
    space mine;
    if (floats_ != 0) {
      mine.panel = static_cast<float*>(crew_.scratch(worker, bytes()));
      mine.a = mine.panel + panel_floats_;
      mine.c = mine.a + a_floats_;
    }
    span rows{0, m_}, cols{0, n_};
    if (row_parts_ > 1) rows = part_of(m_, row_parts_, worker / col_parts_, tile_rows);
    if (col_parts_ > 1) cols = part_of(n_, col_parts_, worker % col_parts_, panel);
    for (isize col = cols.begin; col < cols.end; col += cols_) {
      for (isize row = rows.begin; row < rows.end; row += rows_) {
        const region part{row, col, smaller(rows_, rows.end - row), smaller(cols_, cols.end - col)};
        isize k = 0;
        do {  // once for k_ == 0 too: the result is then zero, or what C holds
          multiply_block(mine, part, k);
          k += depth_;
        } while (k < k_);
      }
    }
  }

  // All panels and tiles of one block of C and k.
  void multiply_block(const space& mine, const region& part, isize k) const {
    const isize length = smaller(depth_, k_ - k);
    operands from;
    place_a(mine, part, k, length, from);
    const float* const a = from.a;
    const isize row_step = a_in_rows_ ? from.a_step : a_packed_ ? length : 1;
    isize rows = 0, cols = 0;
    for (isize n = 0; n < part.cols; n += cols) {
      cols = next_cols(part.cols - n);
      place_b(mine, part.col + n, cols, k, length, from);
      for (isize r = 0; r < part.rows; r += rows) {
        rows = next_rows(part.rows - r);
        from.a = a + r * row_step;
        from.streamed = r == 0 && prepacked_;
        multiply_tile({part.row + r, part.col + n, rows, cols}, from, k, length,
                      mine.c + (staged_ ? r * cols_ + n : 0));
      }
    }
  }

  // A tile of one vector or one row has too few chains to keep the multipliers busy: at the end two
  // middling tiles are faster than a whole one and a small rest.
  isize next_cols(isize left) const {
    const bool even = tile_vectors == 3 && args_.b.packing == layout::rows && left > panel &&
                      left <= panel + native;
    return even ? panel - native : smaller(panel, left);
  }
  isize next_rows(isize left) const {
    const bool even = (a_in_rows_ || !a_packed_) && left > tile_rows && left < 2 * tile_rows;
    return even ? (left + 1) / 2 : smaller(tile_rows, left);
  }

  void place_a(const space& mine, const region& part, isize k, isize length, operands& from) const {
    const tensor& a = args_.a;
    from.a = mine.a;
    if (!a_packed_) {
      from.a = a_in_rows_ ? at<const float>(a, part.row, k) : at<const float>(a, k, part.row);
      from.a_step = a.stride;
    } else if (a_in_rows_) {
      from.a_step = block_step(length);
      pack_rows(at<const bf16>(a, part.row, k), a.stride, part.rows, length, mine.a);
    } else {
      from.a_step = tile_rows;
      if (a.type == element::bf16) {
        pack_columns(at<const bf16>(a, k, part.row), a.stride, part.rows, length, mine.a);
      } else {
        pack_columns(at<const float>(a, k, part.row), a.stride, part.rows, length, mine.a);
      }
    }
  }

  void place_b(const space& mine, isize col, isize cols, isize k, isize length,
               operands& from) const {
    const tensor& b = args_.b;
    from.b = mine.panel;
    from.b_step = panel;
    if (b.packing == layout::panels && !is_quantized(b.type)) {
      const isize start = col * k_ + k * panel;  // col is a multiple of panel
      if (b.type == element::bf16) {
        widen_run(static_cast<const bf16*>(b.data) + start, length * panel, mine.panel);
      } else {
        from.b = static_cast<const float*>(b.data) + start;
      }
    } else if (b_in_place_ && cols % native == 0) {
      from.b = at<const float>(b, k, col);
      from.b_step = b.stride;
    } else {
      pack_panel(b, args_.kind == product::nt, col, cols, k, length, mine.panel + panel * depth_,
                 mine.panel);
    }
  }

  // One register tile: start its chains or continue them, and finish them after the last k. They
  // are kept in C itself, in `waiting`, or, where C is not f32 or not whole vectors, on the stack.
  void multiply_tile(const region& part, const operands& from, isize k, isize length,
                     float* waiting) const {
    const bool first = k == 0, last = k + length >= k_;
    const bool in_c = args_.c.type == element::f32 && part.cols % native == 0;
    HWY_ALIGN float edge[tile_rows * panel];
    float* const x = staged_ ? waiting : in_c ? at<float>(args_.c, part.row, part.col) : edge;
    const isize step = staged_ ? cols_ : in_c ? args_.c.stride : panel;
    const bool from_c = !first || args_.accumulate;
    if (!in_c && from_c && (first || !staged_)) load_region(args_.c, part, x, step);
    if (in_c && far_) {  // C of the next tile, while this one computes
      for (isize r = part.rows; r < part.rows + tile_rows; ++r) {
        prefetch_run(x + r * step, part.cols);
      }
    }
    const isize vectors = quotient_up(part.cols, native);
    const auto multiply = a_in_rows_ ? tile_for<order::rows>(part.rows, vectors)
                                     : tile_for<order::columns>(part.rows, vectors);
    if (from.streamed && vectors == tile_vectors) {
      streamed_tile_for<float>(part.rows)(length, from.a, from.a_step, from.b, 0, x, step, from_c);
    } else {
      multiply(length, from.a, from.a_step, from.b, from.b_step, x, step, from_c);
    }
    if (last) {
      if (!in_c || has_epilogue(args_)) finish_region(args_, part, x, step);
    } else if (x == edge) {
      store_region(x, step, args_.c, part);
    }
  }

  const matmul_args& args_;
  const workers& crew_;
  isize m_, n_, k_;
  isize rows_, cols_, depth_;  // of a block
  isize row_parts_ = 1, col_parts_ = 1;
  isize panel_floats_, a_floats_, floats_;  // of working space
  bool a_in_rows_;                          // the k of A are adjacent
  bool a_packed_;                           // A is read from a packed block
  bool b_in_place_;                         // B is read where it lies
  bool prepacked_;                          // B is f32 panels already
  bool staged_;                             // chains wait in working space between blocks of k
  bool far_;                                // C is larger than the caches nearby
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace products
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
