// The online softmax of attention, tile by tile: forward and cached attention share it.
//
// attend: 64 keys against up to 64 query rows that read the same key/value head; the rows may be
//         positions of one head, or several heads of one position. Per row it keeps the largest
//         score m, 16 lanes of sum exp(s - m), and the output before division; where a tile brings
//         a larger m, both shrink by exp(m before - m), once a tile.
// finish: out = output / sum; the caller makes lse = m + log sum of what is left.
// Shapes: queries, output (rows, P), keys (D, 64), values (64, P), scores (rows, 64), where P is D
// rounded up to 16. The bits do not depend on which rows go together.
// Errors: none.
// Reference: Milakov, Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al.,
// "FlashAttention", 2022.
#if defined(CTGPT_BACKEND_CPU_ATTENTION_TILES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ATTENTION_TILES_INL
#undef CTGPT_BACKEND_CPU_ATTENTION_TILES_INL
#else
#define CTGPT_BACKEND_CPU_ATTENTION_TILES_INL
#endif

#include <cstdint>

#include "ctgpt/backend/cpu/attention-packing-inl.hpp"
#include "ctgpt/backend/cpu/attention-products-inl.hpp"
#include "ctgpt/backend/cpu/lanes-inl.hpp"
#include "ctgpt/backend/cpu/math-inl.hpp"
#include "ctgpt/backend/cpu/random-inl.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace attending {

// ---- dropout of probabilities -----------------------------------------------------------------

HWY_INLINE dropout_rule rule_of(const attention_args& args) {
  if (args.dropout <= 0.0f) return {};
  return make_dropout_rule(args.random.data, args.site, args.dropout);
}
// The first element of a query's row of probabilities.
HWY_INLINE std::uint64_t probability_element(const attention_args& args, isize b, isize h,
                                             isize i) {
  const isize row = (b * args.heads + h) * args.time + i;
  return static_cast<std::uint64_t>(row) *
         static_cast<std::uint64_t>(round_up(args.time, virtual_lanes));
}

// The first key that query i of sequence b sees: within the window, and of its own document.
HWY_INLINE isize first_key_of(const attention_args& args, isize b, isize i) {
  const isize first = args.window > 0 ? most(0, i - args.window + 1) : 0;
  if (args.positions.data == nullptr) return first;
  return most(first, i - integer_at(args.positions, 0, b * args.time + i));
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
  float scale = 1.0f;
  bool sloped = false;
  bool empty = true;  // no tile yet: output holds nothing
  const dropout_rule* dropout = nullptr;
  isize position[tile];               // of the query in its sequence
  isize first_key[tile];              // that it sees
  std::uint64_t first_element[tile];  // of its row of probabilities, for dropout
  float *queries, *output;            // (64, padded)
  float* scores;                      // (64, 64)
  float* sums;                        // (64, 16)
  float *largest, *factor, *slope;    // (64)
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
    q.visible.set(r, clamp_to_tile(q.first_key[r] - first_key),
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
