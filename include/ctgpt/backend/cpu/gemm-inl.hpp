// The blocked product: C (M,N) (+)= A B for nn, nt and tn, any strides, f32 and bf16, and a
// right-hand side of panels, q8_0 or q4_0.
//
// For each block of rows of C, for each block of k, for each panel of B: pack the panel (or find it
// packed already), and run the register tile down the rows. A panel of B stays in the second-level
// cache while all rows of the block pass; A is read where it lies when its k are adjacent and f32.
// Small right-hand sides of nn and tn are not packed either: packing would cost more than it saves.
// Later blocks of k continue the chains from C; a bf16 C has its chains in f32 working space.
// Threads: C is cut into a grid of parts, one a worker, such that packing is repeated least. The cut
// never shows in the results.
// Working space: a worker's panel, block of A, and f32 copy of C, each only when needed.
// Errors: none (scratch may throw ctgpt::error before work begins).
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

inline constexpr isize depth_limit = 384;     // k of a block; a multiple of block_length
inline constexpr isize rows_limit = 1024;     // rows of a block of C
inline constexpr isize cols_limit = 768;       // columns of a block of C; a multiple of panel
inline constexpr double least_forked_flops = 5e5;

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

struct gemm {
  const matmul_args& args;
  const workers& crew;
  isize m, n, k;
  isize depth;          // of a block of k
  isize blocks;         // of k
  isize block_rows;     // of a block of rows
  isize block_cols;     // columns whose chains wait together
  isize row_parts = 1, col_parts = 1;
  bool a_in_rows;       // k adjacent
  bool a_packed;
  bool b_straight;      // read B where it lies
  bool staged;          // chains of C wait in working space between blocks of k

  gemm(const matmul_args& product_args, const workers& its_crew)
      : args(product_args), crew(its_crew) {
    m = args.c.rows;
    n = args.c.cols;
    k = args.kind == product::tn ? args.a.rows : args.a.cols;
    blocks = HWY_MAX(1, quotient_up(k, depth_limit));
    depth = round_up(HWY_MAX(1, quotient_up(k, blocks)), block_length);
    blocks = HWY_MAX(1, quotient_up(k, depth));  // k == 0: one block, of nothing
    a_in_rows = args.kind != product::tn;
    a_packed = args.a.type != element::f32 || (!a_in_rows && m > 128 NX);
    b_straight = args.b.type == element::f32 && args.b.packing == layout::rows &&
                 args.kind != product::nt && m <= 128 && n <= 128;
    staged = args.c.type == element::bf16 && blocks > 1;
    choose_parts();
    block_rows = round_up(quotient_up(m, quotient_up(m, rows_limit)), tile_rows);
    block_cols = smaller(cols_limit, round_up(n, panel));
  }

  // Cost of the slowest part in multiply-adds, an element packed counting as eight.
  double cost(isize rows_parts, isize cols_parts) const {
    const isize rows = quotient_up(quotient_up(m, tile_rows), rows_parts) * tile_rows;
    const isize cols = quotient_up(quotient_up(n, panel), cols_parts) * panel;
    const double packing = 8.0 * static_cast<double>((a_packed ? rows : 0) +
                                                     (b_straight ? 0 : cols));
    return static_cast<double>(rows) * static_cast<double>(cols) + packing;
  }
  void choose_parts() {
    const double flops =
        2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
    if (crew.count <= 1 || flops < least_forked_flops) return;
    double least = cost(1, 1);
    for (isize rows = 1; rows <= crew.count; ++rows) {
      const isize cols = crew.count / rows;
      if (cost(rows, cols) < least) {
        least = cost(rows, cols);
        row_parts = rows;
        col_parts = cols;
      }
    }
  }

  // Working space of a worker, in floats.
  isize panel_floats() const {
    return b_straight && n % native == 0 ? 0 : panel * depth * (is_quantized(args.b.type) ? 2 : 1);
  }
  isize a_floats() const { return a_packed ? block_rows * block_step(depth) : 0; }
  isize c_floats() const { return staged ? block_rows * block_cols : 0; }

  void run() const {
    const std::size_t bytes =
        static_cast<std::size_t>(panel_floats() + a_floats() + c_floats()) * sizeof(float);
    const int tasks = static_cast<int>(row_parts * col_parts);
    if (bytes != 0) {
      for (int worker = 0; worker < tasks; ++worker) crew.scratch(worker, bytes);
    }
    crew.run(
        tasks,
        [](void* self, int worker) HWY_ATTR {
          static_cast<const gemm*>(self)->work(worker);
        },
        const_cast<gemm*>(this));
  }

  HWY_NOINLINE void work(int worker) const {
    const isize floats = panel_floats() + a_floats() + c_floats();
    space mine;
    if (floats != 0) {
      mine.panel = static_cast<float*>(
          crew.scratch(worker, static_cast<std::size_t>(floats) * sizeof(float)));
      mine.a = mine.panel + panel_floats();
      mine.c = mine.a + a_floats();
    }
    const span rows = part_of(m, row_parts, worker / col_parts, tile_rows);
    const span cols = part_of(n, col_parts, worker % col_parts, panel);
    for (isize col = cols.begin; col < cols.end; col += block_cols) {
      const isize col_end = smaller(cols.end, col + block_cols);
      for (isize row = rows.begin; row < rows.end; row += block_rows) {
        const region part{row, col, smaller(block_rows, rows.end - row), col_end - col};
        for (isize block = 0; block < blocks; ++block) {
          multiply_block(mine, part, block);
        }
      }
    }
  }

  struct space {
    float* panel = nullptr;
    float* a = nullptr;
    float* c = nullptr;
  };

  // Where the tile finds A and B.
  struct operands {
    const float* a;
    const float* b;
    isize a_step, b_step;
  };

  // All panels of one block of rows and one block of k.
  void multiply_block(const space& mine, const region& part, isize block) const {
    const isize first = block * depth;
    const isize length = smaller(depth, k - first);
    operands from = place_a(mine, part, first, length);
    isize cols = 0;
    for (isize n0 = 0; n0 < part.cols; n0 += cols) {
      cols = next_cols(part.cols - n0);
      place_b(mine, part.col + n0, cols, first, length, from);
      isize rows = 0;
      for (isize r = 0; r < part.rows; r += rows) {
        rows = next_rows(part.rows - r);
        const region piece{part.row + r, part.col + n0, rows, cols};
        const float* a = from.a + (a_in_rows     ? r * from.a_step
                                   : a_packed    ? r * length
                                                 : r);
        float* waiting = staged ? mine.c + r * block_cols + n0 : nullptr;
        multiply_piece(piece, {a, from.b, from.a_step, from.b_step}, length, block, waiting);
      }
    }
  }

  // A tile of one vector, or of a row or two, has too few chains to keep the multipliers busy: two
  // middling tiles at the end are faster than a whole one and a small rest.
  isize next_cols(isize left) const {
    const bool even = args.b.packing == layout::rows && left > panel && left <= panel + native;
    return even ? panel - native : smaller(panel, left);
  }
  isize next_rows(isize left) const {
    const bool even = (a_in_rows || !a_packed) && left > tile_rows && left < 2 * tile_rows;
    return even ? (left + 1) / 2 : smaller(tile_rows, left);
  }

  operands place_a(const space& mine, const region& part, isize first, isize length) const {
    const tensor& a = args.a;
    if (!a_packed) {
      const float* from = a_in_rows ? at<const float>(a, part.row, first)
                                    : at<const float>(a, first, part.row);
      return {from, nullptr, a.stride, 0};
    }
    if (a_in_rows) {
      pack_rows(at<const bf16>(a, part.row, first), a.stride, part.rows, length, mine.a);
      return {mine.a, nullptr, block_step(length), 0};
    }
    if (a.type == element::bf16) {
      pack_columns(at<const bf16>(a, first, part.row), a.stride, part.rows, length, mine.a);
    } else {
      pack_columns(at<const float>(a, first, part.row), a.stride, part.rows, length, mine.a);
    }
    return {mine.a, nullptr, tile_rows, 0};
  }

  void place_b(const space& mine, isize col, isize cols, isize first, isize length,
               operands& from) const {
    const tensor& b = args.b;
    from.b = mine.panel;
    from.b_step = panel;
    if (b.packing == layout::panels && !is_quantized(b.type)) {
      const isize start = col / panel * panel * k + first * panel;
      if (b.type == element::bf16) {
        widen_run(static_cast<const bf16*>(b.data) + start, length * panel, mine.panel);
      } else {
        from.b = static_cast<const float*>(b.data) + start;
      }
    } else if (b_straight && cols % native == 0) {
      from.b = at<const float>(b, first, col);
      from.b_step = b.stride;
    } else {
      pack_panel(b, args.kind == product::nt, col, cols, first, length,
                 mine.panel + panel * depth, mine.panel);
    }
  }

  // One register tile: start or continue its chains, and finish them after the last block of k.
  void multiply_piece(const region& piece, const operands& from, isize length, isize block,
                      float* waiting) const {
    const bool first = block == 0, last = block + 1 == blocks;
    const isize vectors = quotient_up(piece.cols, native);
    HWY_ALIGN float edge[tile_rows * panel];
    float* x = edge;
    isize step = panel;
    if (waiting != nullptr) {
      x = waiting;
      step = block_cols;
    } else if (args.c.type == element::f32 && piece.cols % native == 0) {
      x = at<float>(args.c, piece.row, piece.col);
      step = args.c.stride;
    }
    const bool in_place = x != edge && waiting == nullptr;
    const bool from_c = !first || args.accumulate;
    if (!in_place && from_c && (first || waiting == nullptr)) {
      load_region(args.c, piece, x, step);
    }
    const auto multiply = a_in_rows ? tile_for<order::rows, float>(piece.rows, vectors)
                                    : tile_for<order::columns, float>(piece.rows, vectors);
    if (in_place) {  // the next tile's C, while this one computes
      for (isize r = piece.rows; r < piece.rows + tile_rows; ++r) {
        prefetch_run(x + r * step, piece.cols);
      }
    }
    multiply(length, from.a, from.a_step, from.b, from.b_step, x, step, from_c);
    if (last) {
      if (!in_place || has_epilogue(args)) finish_region(args, piece, x, step);
    } else if (x == edge) {
      for (isize r = 0; r < piece.rows; ++r) {
        for (isize i = 0; i < piece.cols; i += native) {
          store_up_to(load(x + r * step + i), at<float>(args.c, piece.row + r, piece.col + i),
                      piece.cols - i);
        }
      }
    }
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
