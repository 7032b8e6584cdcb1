// Tiles of attention: small products in registers, packing, and the online softmax that forward,
// backward and cached attention share.
//
// product:  c[r] = (start ? start[r] c[r] : 0) + sum over k of a[r][k] b[k], times `scale` at the end.
// Every element of c is one chain of fused multiply-adds with k ascending. Row r takes only its own
// terms [begin[r], end[r]): a key that a query may not see takes no part at all, so that a NaN there
// stays there, and the lower triangle costs half a square.
// attend:   one tile of 64 keys against up to 64 query rows that share a key/value head; the rows may
//           be positions of one head, or several heads of one position. Per row it keeps the largest
//           score m, 16 lanes of sum exp(s - m), and the output before division; a new m rescales
//           both once a tile.
// Shapes: queries (rows, P), keys (D, 64) transposed, values (64, P), scores (rows, 64), f32, where P
// is D rounded up to 16 and columns D .. P - 1 hold zeros. Bits do not depend on how rows are grouped.
// Reference: Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al.,
// "FlashAttention", 2022.
#if defined(CTGPT_BACKEND_CPU_ATTENTION_TILES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ATTENTION_TILES_INL
#undef CTGPT_BACKEND_CPU_ATTENTION_TILES_INL
#else
#define CTGPT_BACKEND_CPU_ATTENTION_TILES_INL
#endif

#include <cstdint>

#include "ctgpt/backend/cpu/lanes-inl.hpp"
#include "ctgpt/backend/cpu/math-inl.hpp"
#include "ctgpt/backend/cpu/random-inl.hpp"
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

// ---- products in registers --------------------------------------------------------------------

template <class B>
struct product_task {
  float* c;           // (rows, columns)
  isize c_row;
  const float* a;     // element (r, k) is a[r * a_row + k * a_step]
  isize a_row, a_step;
  const B* b;         // row k is b + k * b_step
  isize b_step;
  const spans* terms;            // the k that row r takes
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
  for (; k < all_begin && k < last; next()) add_some();
  for (; k < all_end; next()) {
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
  }
  if (R > 1 && leave && all_begin <= all_end) {
#pragma GCC unroll 16
    for (int t = 1; t < R; ++t, next()) {
#pragma GCC unroll 16
      for (int r = t; r < R; ++r) add_row(r);
    }
  }
  for (; k < last; next()) add_some();

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

// ---- packing ----------------------------------------------------------------------------------

// dst (rows, padded) = src[0 .. rows)[column .. column + count), f32, zeros in columns past `count`.
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
// dst (columns, 64) = src (64, stride)^T; columns are a multiple of 4. Four transposes of 4 x 4 side
// by side: with block b from row 4 b, `native` rows come out in order.
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

// ---- dropout of probabilities -----------------------------------------------------------------

HWY_INLINE dropout_rule rule_of(const attention_args& args) {
  if (args.dropout <= 0.0f) return {};
  return make_dropout_rule(args.random.data, args.site, args.dropout);
}
// The first element of a query's row of probabilities.
HWY_INLINE std::uint64_t probability_element(const attention_args& args, isize b, isize h, isize i) {
  const isize row = (b * args.heads + h) * args.time + i;
  return static_cast<std::uint64_t>(row) *
         static_cast<std::uint64_t>(round_up(args.time, virtual_lanes));
}

// first, first + 1, .. (Highway 1.0.3 makes its Iota in a loop at run time)
HWY_INLINE f32_vector counting_from(float first) {
  HWY_ALIGN static constexpr float ramp[virtual_lanes] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                          8, 9, 10, 11, 12, 13, 14, 15};
  return hn::Add(load(ramp), constant(first));
}

// ---- the online softmax -----------------------------------------------------------------------

// Up to 64 query rows that read one key/value head. The arrays live in a worker's scratch.
struct query_rows {
  isize rows = 0, size = 0, padded = 0;  // size: D
  isize window = 0;
  float scale = 1.0f;
  bool sloped = false;
  bool empty = true;  // no tile yet: output holds nothing
  const dropout_rule* dropout = nullptr;
  isize position[tile];             // of the query in its sequence
  std::uint64_t first_element[tile];  // of its row of probabilities, for dropout
  float *queries, *output;          // (64, padded)
  float *scores;                    // (64, 64)
  float* sums;                      // (64, 16)
  float *largest, *factor, *slope;  // (64)
  spans elements, visible;

  static isize floats(isize padded) { return tile * (2 * padded + tile + virtual_lanes + 3); }
  HWY_INLINE void place(float* memory, isize head_size) {
    size = head_size;
    padded = round_up(size, virtual_lanes);
    queries = memory;
    output = queries + tile * padded;
    scores = output + tile * padded;
    sums = scores + tile * tile;
    largest = sums + tile * virtual_lanes;
    factor = largest + tile;
    slope = factor + tile;
    for (isize r = 0; r < tile; ++r) elements.set(r, 0, size);
  }
  // Before the first tile: rows and queries are set.
  HWY_INLINE void begin() {
    empty = true;
    for (isize i = 0; i < rows * virtual_lanes; i += native) store(constant(0.0f), sums + i);
    for (isize i = 0; i < tile; i += native) store(constant(-__builtin_huge_valf()), largest + i);
  }
  HWY_INLINE isize first_key(isize row) const {
    return window > 0 ? most(0, position[row] - window + 1) : 0;
  }
};

// Adds the slope, and hides what the row does not see, in scores [start, end) of a row.
HWY_INLINE void adjust_scores(const query_rows& q, isize row, isize first_key, int start) {
  const int begin = q.visible.begin[row], end = q.visible.end[row];
  float* const s = q.scores + row * tile;
  const auto nearest = static_cast<float>(first_key - q.position[row]);
  const f32_vector slope = constant(q.slope[row]), hidden = constant(-__builtin_huge_valf());
  const f32_vector from = constant(static_cast<float>(begin));
  const f32_vector to = constant(static_cast<float>(end));
  for (int c = start; c < end; c += native) {
    if (!q.sloped && c >= begin && c + native <= end) continue;
    const f32_vector key = counting_from(static_cast<float>(c));
    f32_vector x = load(s + c);
    if (q.sloped) x = hn::MulAdd(slope, hn::Add(key, constant(nearest)), x);
    store(hn::IfThenElse(hn::And(hn::Ge(key, from), hn::Lt(key, to)), x, hidden), s + c);
  }
  for (int c = (end + native - 1) / native * native; c % virtual_lanes != 0; c += native) {
    store(hidden, s + c);
  }
}

// Two passes over the rows, because a row's own steps wait for each other: first the largest score,
// then the exponentials.
HWY_INLINE void find_largest(query_rows& q, isize row, isize first_key) {
  const int begin = q.visible.begin[row], end = q.visible.end[row];
  const int start = begin / virtual_lanes * virtual_lanes;
  const float* const s = q.scores + row * tile;
  const float before = q.largest[row];
  if (q.sloped || end - begin < tile) adjust_scores(q, row, first_key, start);
  lanes top = lanes_of(before);
  for (int c = start; c < end; c += virtual_lanes) {
    const lanes x = load_lanes(s + c);
#pragma GCC unroll 4
    for (int i = 0; i < parts; ++i) top.part[i] = hn::Max(top.part[i], x.part[i]);
  }
  q.largest[row] = max_of(top);
}

// Scores of one row and tile become exp(score - m), and are added to its sums.
HWY_INLINE void exponentials(query_rows& q, isize row, isize first_key) {
  const f32_tag d;
  const int end = q.visible.end[row];
  const int start = q.visible.begin[row] / virtual_lanes * virtual_lanes;
  float* const s = q.scores + row * tile;
  const f32_vector largest = constant(q.largest[row]), factor = constant(q.factor[row]);
  lanes total = lanes_of(0.0f);
  for (int c = start; c < end; c += virtual_lanes) {
    lanes x = load_lanes(s + c);
#pragma GCC unroll 4
    for (int i = 0; i < parts; ++i) {
      x.part[i] = exp(d, hn::Sub(x.part[i], largest));
      total.part[i] = hn::Add(total.part[i], x.part[i]);
    }
    store_lanes(x, s + c);
  }
  lanes sum = load_lanes(q.sums + row * virtual_lanes);
#pragma GCC unroll 4
  for (int i = 0; i < parts; ++i) sum.part[i] = hn::MulAdd(sum.part[i], factor, total.part[i]);
  store_lanes(sum, q.sums + row * virtual_lanes);
  if (q.dropout != nullptr && start < end) {
    alignas(64) float kept[tile];
    const auto element = q.first_element[row] + static_cast<std::uint64_t>(first_key + start);
    dropout_factors(*q.dropout, element, end - start, kept);
    for (int c = start; c < end; c += native) {
      store(hn::Mul(load(s + c), load(kept + c - start)), s + c);
    }
  }
}

// One tile of keys (D, 64) and values (64, D or more, values_step apart), whose first key has the
// position first_key. Keys and values that no row sees are not used. The next tile's, or null, are
// fetched meanwhile.
template <class T>
HWY_NOINLINE void attend(query_rows& q, const T* keys, const T* values, isize values_step,
                         isize first_key, const T* next_keys = nullptr,
                         const T* next_values = nullptr) {
  const f32_tag d;
  for (isize r = 0; r < q.rows; ++r) {
    q.visible.set(r, clamp_to_tile(q.first_key(r) - first_key),
                  clamp_to_tile(q.position[r] + 1 - first_key));
  }
  product_task<T> scores{q.scores, tile, q.queries, q.padded, 1, keys, tile, &q.elements};
  scores.wanted = &q.visible;
  scores.scale = q.scale;
  scores.ahead = next_keys;
  product(scores, q.rows, tile / native);
  for (isize r = 0; r < q.rows; ++r) {
    q.factor[r] = q.largest[r];
    if (q.visible.begin[r] < q.visible.end[r]) find_largest(q, r, first_key);
  }
  for (isize r = 0; r < q.rows; r += native) {  // 1 where the largest stays, 0 before the first key
    const f32_vector before = load(q.factor + r), now = load(q.largest + r);
    const f32_vector shrink = exp(d, hn::Sub(before, now));
    store(hn::IfThenElse(hn::Eq(before, now), constant(1.0f), shrink), q.factor + r);
  }
  for (isize r = 0; r < q.rows; ++r) exponentials(q, r, first_key);
  product_task<T> output{q.output, q.padded, q.scores, tile, 1, values, values_step, &q.visible};
  output.ahead = next_values;
  output.start = q.empty ? nullptr : q.factor;
  product(output, q.rows, q.padded / native);
  q.empty = false;
}

// After the last tile: divides the output by the sums, which are left in `factor`.
HWY_INLINE void finish(query_rows& q, isize row, const tensor& out, isize out_row, isize column) {
  const float total = sum_of(load_lanes(q.sums + row * virtual_lanes));
  q.factor[row] = total;
  write_row(out, out_row, column, q.output + row * q.padded, q.size, 1.0f / total);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace attending
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
