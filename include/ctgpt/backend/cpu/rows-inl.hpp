// The kernels along a row: embedding, rotary positions, sums; and the function that fills their
// entries of a table, with those of norm-inl.hpp and cross_entropy-inl.hpp.
//
// embed: y[r] = table[token] + places[position]; a table in panels is read column by column of its
//        panel.
// rope:  (a, b) -> (a cos - b sin, b cos + a sin) for the two halves of each head; inverse: -sin.
// sum, square_sum: 16 lanes of f32 over blocks of 4096 elements of a row (of the whole where rows
// have no gaps), whose results are added in f64 in order.
// Backward: of embed: the rows of dy are added in ascending order; workers share columns, not rows.
// Shapes: as kernel_table.hpp says; angles, dtable and dplaces f32, the sums f64.
// Errors: a token or position out of range gives a row of NaN, and none of it reaches dtable.
// Other element types throw ctgpt::error.
// Reference: Su et al., "RoFormer", 2021.
#if defined(CTGPT_BACKEND_CPU_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ROWS_INL
#undef CTGPT_BACKEND_CPU_ROWS_INL
#else
#define CTGPT_BACKEND_CPU_ROWS_INL
#endif

#include <cstdint>

#include "ctgpt/backend/cpu/chunks-inl.hpp"
#include "ctgpt/backend/cpu/cross_entropy-inl.hpp"
#include "ctgpt/backend/cpu/norm-inl.hpp"
#include "ctgpt/backend/cpu/tile-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace rows {

// ---- embedding ------------------------------------------------------------------------------

// positions[r], or r % time without it.
HWY_INLINE isize position_of(const tensor& positions, isize row, isize time) {
  if (positions.data != nullptr) return static_cast<const std::int32_t*>(positions.data)[row];
  return time > 0 ? row % time : row;
}

// Elements [col, col + count) of row n of a (N,K) table as f32.
HWY_INLINE const float* read_table(const tensor& table, isize n, isize col, isize count,
                                   float* buffer) {
  if (table.packing != layout::panels) return read(table, n, col, count, buffer);
  constexpr isize width = products::panel;
  const isize first = n / width * width * table.cols + col * width + n % width;
  for (isize i = 0; i < count; ++i) {
    buffer[i] = table.type == element::bf16
                    ? to_float(static_cast<const bf16*>(table.data)[first + i * width])
                    : static_cast<const float*>(table.data)[first + i * width];
  }
  return buffer;
}

HWY_NOINLINE void embed(context* state, const embed_args& args) {
  require_float("embed", args.y, args.table, args.places);
  const auto* tokens = static_cast<const std::int32_t*>(args.tokens.data);
  for_chunks(state, args.y.rows, args.y.cols, false,
             [&](isize row, isize col, isize count) HWY_ATTR {
               chunk_buffer table, places, y;
               const isize token = tokens[row];
               const bool placed = args.places.data != nullptr;
               const isize position = placed ? position_of(args.positions, row, args.time) : 0;
               float* to = target(args.y, row, col, y.data);
               if (token < 0 || token >= args.table.rows || position < 0 ||
                   (placed && position >= args.places.rows)) {
                 for (isize i = 0; i < count; ++i) to[i] = __builtin_nanf("");
               } else {
                 const float* from = read_table(args.table, token, col, count, table.data);
                 if (placed) {
                   map(
                       count, to, [](f32_vector u, f32_vector v) HWY_ATTR { return hn::Add(u, v); },
                       from, read(args.places, position, col, count, places.data));
                 } else {
                   map(
                       count, to, [](f32_vector u) HWY_ATTR { return u; }, from);
                 }
               }
               commit(args.y, row, col, count, to);
             });
}

HWY_NOINLINE void embed_backward(context* state, const embed_backward_args& args) {
  require_float("embed_backward", args.dy);
  require_f32("embed_backward", args.dtable, args.dplaces);
  const isize rows = args.dy.rows, cols = args.dy.cols;
  if (rows <= 0 || cols <= 0) return;
  const auto* tokens = static_cast<const std::int32_t*>(args.tokens.data);
  const workers& crew = workers_of(state);
  const int tasks = tasks_for(crew, pieces_of(cols, virtual_lanes), rows * cols);
  in_parallel(crew, tasks, cols, virtual_lanes, [&](span mine, int) HWY_ATTR {
    chunk_buffer buffer;
    const auto add_to = [&](const tensor& sums, isize row, isize col, isize count,
                            const float* dy) HWY_ATTR {
      float* to = element_at<float>(sums, row, col);
      map(
          count, to, [](f32_vector u, f32_vector v) HWY_ATTR { return hn::Add(u, v); },
          static_cast<const float*>(to), dy);
    };
    for (isize col = mine.begin; col < mine.end; col += chunk) {
      const isize count = smaller_of(chunk, mine.end - col);
      for (isize r = 0; r < rows; ++r) {
        const isize token = tokens[r];
        if (token < 0 || token >= args.dtable.rows) continue;
        const float* dy = read(args.dy, r, col, count, buffer.data);
        add_to(args.dtable, token, col, count, dy);
        const isize position = position_of(args.positions, r, args.time);
        if (args.dplaces.data != nullptr && position >= 0 && position < args.dplaces.rows) {
          add_to(args.dplaces, position, col, count, dy);
        }
      }
    }
  });
}

// ---- rotary positions -----------------------------------------------------------------------

HWY_INLINE void rotate(float* low, float* high, const float* cosine, const float* sine, isize half,
                       bool inverse) {
  for_vectors(half, [&](isize i, int, int kept) HWY_ATTR {
    const f32_vector a = load_up_to(low + i, kept), b = load_up_to(high + i, kept);
    const f32_vector c = load_up_to(cosine + i, kept);
    f32_vector s = load_up_to(sine + i, kept);
    if (inverse) s = hn::Neg(s);
    store_up_to(hn::MulSub(a, c, hn::Mul(b, s)), low + i, kept);
    store_up_to(hn::MulAdd(b, c, hn::Mul(a, s)), high + i, kept);
  });
}

HWY_NOINLINE void rope(context* state, const rope_args& args) {
  require_float("rope", args.x);
  require_f32("rope", args.angles);
  const isize rows = args.x.rows, cols = args.x.cols;
  const isize size = cols / args.heads, half = size / 2;
  if (rows <= 0 || half <= 0) return;
  const workers& crew = workers_of(state);
  const int tasks = tasks_for(crew, rows, rows * cols);
  const std::size_t bytes = static_cast<std::size_t>(padded(size)) * sizeof(float);
  for (int worker = 0; worker < tasks; ++worker) crew.scratch(worker, bytes);
  in_parallel(crew, tasks, rows, 1, [&](span mine, int worker) HWY_ATTR {
    auto* buffer = static_cast<float*>(crew.scratch(worker, bytes));
    for (isize r = mine.begin; r < mine.end; ++r) {
      const isize position = position_of(args.positions, r, args.time);
      const bool known = position >= 0 && position < args.angles.rows;
      const float* angles = known ? element_at<const float>(args.angles, position, 0) : nullptr;
      for (isize h = 0; h < args.heads; ++h) {
        float* x = target(args.x, r, h * size, buffer);
        read(args.x, r, h * size, size, buffer);
        if (known) {
          rotate(x, x + half, angles, angles + half, half, args.inverse);
        } else {
          for (isize i = 0; i < 2 * half; ++i) x[i] = __builtin_nanf("");
        }
        commit(args.x, r, h * size, size, x);
      }
    }
  });
}

// ---- sums -----------------------------------------------------------------------------------

constexpr isize sum_block = 4096;

template <bool Square>
HWY_INLINE double block_sum(const tensor& x, isize row, isize col, isize count) {
  chunk_buffer buffer;
  lanes sum = lanes_of(0.0f);
  for (isize first = 0; first < count; first += chunk) {
    const isize length = smaller_of(chunk, count - first);
    const float* from = read(x, row, col + first, length, buffer.data);
    for_vectors(length, [&](isize i, int p, int kept) HWY_ATTR {
      const f32_vector v = load_up_to(from + i, kept);
      sum.part[p] = Square ? hn::MulAdd(v, v, sum.part[p]) : hn::Add(v, sum.part[p]);
    });
  }
  return static_cast<double>(sum_of(sum));
}

template <bool Square>
HWY_NOINLINE double total_of(context* state, const tensor& x) {
  const bool flat = contiguous(x);
  const isize rows = flat ? 1 : x.rows, cols = flat ? x.rows * x.cols : x.cols;
  if (rows <= 0 || cols <= 0) return 0.0;
  const workers& crew = workers_of(state);
  const isize per_row = pieces_of(cols, sum_block);
  const isize blocks = rows * per_row;
  const int tasks = tasks_for(crew, blocks, rows * cols);
  auto* sums = static_cast<double*>(
      crew.scratch(crew.count, static_cast<std::size_t>(blocks) * sizeof(double)));
  in_parallel(crew, tasks, blocks, 1, [&](span mine, int) HWY_ATTR {
    for (isize b = mine.begin; b < mine.end; ++b) {
      const isize col = b % per_row * sum_block;
      sums[b] = block_sum<Square>(x, b / per_row, col, smaller_of(sum_block, cols - col));
    }
  });
  double total = 0.0;
  for (isize b = 0; b < blocks; ++b) total += sums[b];
  return total;
}

HWY_NOINLINE void sum(context* state, const sum_args& args) {
  require_float("sum", args.x);
  auto* out = static_cast<double*>(args.out.data);
  // Fused on purpose: every target, whatever its compiler prefers, rounds once.
  *out = __builtin_fma(args.factor, total_of<false>(state, args.x), args.accumulate ? *out : 0.0);
}

HWY_NOINLINE void square_sum(context* state, const square_sum_args& args) {
  require_float("square_sum", args.x);
  *static_cast<double*>(args.out.data) = total_of<true>(state, args.x);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace rows

HWY_NOINLINE void fill_rows(kernel_table& table) {
  table.embed = rows::embed;
  table.embed_backward = rows::embed_backward;
  table.norm = rows::norm;
  table.norm_backward = rows::norm_backward;
  table.rope = rows::rope;
  table.cross_entropy = rows::cross_entropy;
  table.softcap = rows::softcap;
  table.sum = rows::sum;
  table.square_sum = rows::square_sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
