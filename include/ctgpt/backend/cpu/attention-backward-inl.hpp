// Backward of causal attention: probabilities are recomputed tile by tile from q, k and lse.
//
// p_ij = exp(s_ij - lse_i);  delta_i = dout_i . out_i;  dp_ij = keep_ij dout_i . v_j;
// ds_ij = scale p_ij (dp_ij - delta_i);
// dv_j = sum_i keep_ij p_ij dout_i;  dk_j = sum_i ds_ij q_i;  dq_i = sum_j ds_ij k_j.
// Order of the sums: dq over keys ascending; dk and dv over the query heads that share the key
// head, then over queries, ascending. One task is one (sequence, key/value head), so that threads
// change nothing. Sums take only the pairs that see each other.
// Shapes: as forward; dk, dv (B*T, KV*D). Working space a worker: 3 T D floats (q, dout and dq of
// one head), 2 T D more where query heads share a key head.
// Errors: none (scratch may throw ctgpt::error before the work begins).
// Reference: Dao et al., "FlashAttention", 2022, algorithm 4; Dao, "FlashAttention-2", 2023.
#if defined(CTGPT_BACKEND_CPU_ATTENTION_BACKWARD_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ATTENTION_BACKWARD_INL
#undef CTGPT_BACKEND_CPU_ATTENTION_BACKWARD_INL
#else
#define CTGPT_BACKEND_CPU_ATTENTION_BACKWARD_INL
#endif

#include "ctgpt/backend/cpu/attention-packing-inl.hpp"
#include "ctgpt/backend/cpu/attention-products-inl.hpp"
#include "ctgpt/backend/cpu/attention-tiles-inl.hpp"
#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace attending {

HWY_INLINE void zero(float* p, isize count) {
  for (isize i = 0; i < count; i += native) store(constant(0.0f), p + i);  // count % 16 == 0
}

struct backward_job {
  const attention_backward_args& args;
  const workers& threads;
  const dropout_rule* dropout;
  isize size, padded, tiles, group;  // D, D rounded up to 16, tiles of a sequence, heads / kv_heads
  int tasks = 1;

  struct memory {
    float *q, *dout, *dq;                 // (64 tiles, padded), one query head
    float *delta, *lse;                   // (64 tiles)
    float *k, *k_columns, *v_columns;     // (64, padded) and, transposed, (padded, 64)
    float *scores, *dscores;              // (64, 64)
    float *dk, *dv;                       // (64, padded), a group's: (64 tiles, padded)
    float* ones;                          // (64)
    spans elements, keys_of, queries_of;  // of the head; of each query; of each key
  };
  isize shared_tiles() const { return group > 1 ? tiles : 1; }
  std::size_t bytes() const {
    const isize rows = 3 * tiles + 3 + 2 * shared_tiles();
    return static_cast<std::size_t>(tile * (rows * padded + 2 * tiles + 2 * tile + 1)) *
           sizeof(float);
  }
  void place(memory& m, float* at) const {
    const isize one = tile * padded, all = tiles * one;
    m.q = at, at += all;
    m.dout = at, at += all;
    m.dq = at, at += all;
    m.k = at, at += one;
    m.k_columns = at, at += one;
    m.v_columns = at, at += one;
    m.dk = at, at += shared_tiles() * one;
    m.dv = at, at += shared_tiles() * one;
    m.scores = at, at += tile * tile;
    m.dscores = at, at += tile * tile;
    m.delta = at, at += tiles * tile;
    m.lse = at, at += tiles * tile;
    m.ones = at;
    for (isize r = 0; r < tile; ++r) {
      m.elements.set(r, 0, size);
      m.ones[r] = 1.0f;
    }
  }
  isize rows_of_tile(isize t) const { return least(tile, args.forward.time - t * tile); }

  void run(int worker) const {
    const attention_args& f = args.forward;
    memory m;
    place(m, static_cast<float*>(threads.scratch(worker, bytes())));
    share mine{f.batch * f.kv_heads, tasks, worker};
    for (isize b = 0; b < f.batch; ++b) {
      for (isize shared = 0; shared < f.kv_heads; ++shared) {
        if (!mine.take(1)) continue;
        for (isize h = shared * group; h < (shared + 1) * group; ++h) head(m, b, h, shared);
      }
    }
  }

  // One query head: all of its dq, and its part of dk and dv.
  void head(memory& m, isize b, isize h, isize shared) const {
    const attention_args& f = args.forward;
    const isize first_row = b * f.time;
    load_head(m, first_row, h);
    for (isize t = 0; t < tiles; ++t) {
      const isize row = first_row + t * tile, keys = rows_of_tile(t);
      widen_rows(m.k, padded, f.v, row, shared * size, keys, size);
      transpose(m.v_columns, m.k, padded, padded);
      widen_rows(m.k, padded, f.k, row, shared * size, keys, size);
      transpose(m.k_columns, m.k, padded, padded);
      float* const dk = m.dk + (group > 1 ? t * tile * padded : 0);
      float* const dv = m.dv + (group > 1 ? t * tile * padded : 0);
      if (h == shared * group) {
        zero(dk, tile * padded);
        zero(dv, tile * padded);
      }
      isize last = tiles - 1;
      if (f.window > 0) last = least(last, (t * tile + keys - 1 + f.window - 1) / tile);
      while (last > t && first_key_of(f, b, last * tile) >= t * tile + keys) --last;
      for (isize i = t; i <= last; ++i) pair(m, b, h, t, i, dk, dv);
      if (h == (shared + 1) * group - 1) {
        for (isize r = 0; r < keys; ++r) {
          write_row(args.dk, row + r, shared * size, dk + r * padded, size);
          write_row(args.dv, row + r, shared * size, dv + r * padded, size);
        }
      }
    }
    for (isize i = 0; i < f.time; ++i) {
      write_row(args.dq, first_row + i, h * size, m.dq + i * padded, size);
    }
  }

  void load_head(memory& m, isize first_row, isize h) const {
    const attention_args& f = args.forward;
    widen_rows(m.q, padded, f.q, first_row, h * size, f.time, size);
    widen_rows(m.dout, padded, args.dout, first_row, h * size, f.time, size);
    widen_rows(m.dq, padded, f.out, first_row, h * size, f.time, size);
    for (isize i = 0; i < f.time; ++i) {
      lanes dot = lanes_of(0.0f);
      for (isize c = 0; c < padded; c += virtual_lanes) {
        const lanes x = load_lanes(m.dq + i * padded + c), y = load_lanes(m.dout + i * padded + c);
#pragma GCC unroll 4
        for (int p = 0; p < parts; ++p) dot.part[p] = hn::MulAdd(x.part[p], y.part[p], dot.part[p]);
      }
      m.delta[i] = sum_of(dot);
      m.lse[i] = *element_at<float>(f.lse, first_row + i, h);
    }
    zero(m.dq, tiles * tile * padded);
  }

  // Key tile t against query tile i.
  void pair(memory& m, isize b, isize h, isize t, isize i, float* dk, float* dv) const {
    const attention_args& f = args.forward;
    const isize keys = rows_of_tile(t), queries = rows_of_tile(i), ahead = (i - t) * tile;
    const float* const q = m.q + i * tile * padded;
    const float* const dout = m.dout + i * tile * padded;
    for (isize r = 0; r < queries; ++r) {  // query ahead + r sees keys up to itself
      const isize first = first_key_of(f, b, i * tile + r) - t * tile;
      m.keys_of.set(r, clamp_to_tile(first), clamp_to_tile(ahead + r + 1));
    }
    for (isize c = 0, last = 0; c < keys; ++c) {  // and a key is seen by queries from itself on
      while (last < queries && m.keys_of.begin[last] <= c) ++last;
      m.queries_of.set(c, clamp_to_tile(c - ahead), last);
    }
    product_task<float> s{m.scores, tile, q, padded, 1, m.k_columns, tile, &m.elements};
    s.wanted = &m.keys_of;
    s.scale = f.scale;
    product(s, queries, tile / native);
    product_task<float> dp{m.dscores, tile, dout, padded, 1, m.v_columns, tile, &m.elements};
    dp.wanted = &m.keys_of;
    product(dp, queries, tile / native);
    const float slope = f.slopes.data != nullptr ? number_at(f.slopes, h) : 0.0f;
    for (isize r = 0; r < queries; ++r) {
      const isize query = i * tile + r;
      const auto element =
          probability_element(f, b, h, query) + static_cast<std::uint64_t>(t * tile);
      gradient_row(m, r, query, static_cast<float>(t * tile - query), slope, element);
    }
    product_task<float> to_dv{dv, padded, m.scores, 1, tile, dout, padded, &m.queries_of};
    to_dv.start = m.ones;
    product(to_dv, keys, padded / native);
    product_task<float> to_dk{dk, padded, m.dscores, 1, tile, q, padded, &m.queries_of};
    to_dk.start = m.ones;
    product(to_dk, keys, padded / native);
    product_task<float> to_dq{
        m.dq + i * tile * padded, padded, m.dscores, tile, 1, m.k, padded, &m.keys_of};
    to_dq.start = m.ones;
    product(to_dq, queries, padded / native);
  }

  // scores become keep p, dscores become ds; what a query does not see is left undefined.
  void gradient_row(memory& m, isize row, isize query, float distance, float slope,
                    std::uint64_t element) const {
    const f32_tag d;
    const f32_vector lse = constant(m.lse[query]), delta = constant(m.delta[query]);
    const f32_vector scale = constant(args.forward.scale);
    const int end = m.keys_of.end[row];
    const int start = m.keys_of.begin[row] / virtual_lanes * virtual_lanes;
    alignas(64) float kept[tile];
    if (dropout != nullptr) {
      dropout_factors(*dropout, element + static_cast<std::uint64_t>(start), end - start, kept);
    }
    for (int c = start; c < end; c += native) {
      float* const s = m.scores + row * tile + c;
      float* const ds = m.dscores + row * tile + c;
      const f32_vector keep = dropout != nullptr ? load(kept + c - start) : constant(1.0f);
      f32_vector x = load(s);
      if (slope != 0.0f) {
        x = hn::MulAdd(constant(slope), counting_from(distance + static_cast<float>(c)), x);
      }
      const f32_vector p = exp(d, hn::Sub(x, lse));
      const f32_vector above = hn::MulSub(load(ds), keep, delta);
      store(hn::Mul(p, keep), s);
      store(hn::Mul(hn::Mul(p, above), scale), ds);
    }
  }
};

HWY_NOINLINE void attention_backward(context* state, const attention_backward_args& args) {
  const attention_args& f = args.forward;
  if (f.batch <= 0 || f.time <= 0) return;
  const workers& threads = workers_of(state);
  const dropout_rule rule = rule_of(f);
  const isize size = f.q.cols / f.heads;
  backward_job job{args,
                   threads,
                   f.dropout > 0.0f ? &rule : nullptr,
                   size,
                   round_up(size, virtual_lanes),
                   (f.time + tile - 1) / tile,
                   f.heads / f.kv_heads};
  const isize multiply_adds = f.batch * f.heads * f.time * f.time / 2 * size * 5;
  job.tasks = tasks_for(threads, f.batch * f.kv_heads, multiply_adds);
  run_job(threads, job.tasks, job);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace attending
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
