// The reference kernels of attention: forward, backward, the paged cache and its reader.
//
// s_ij = scale q_i . k_j + slope (j - i) over the keys that row i sees,
// lse_i = log sum_j exp(s_ij), p_ij = exp(s_ij - lse_i), out_i = sum_j mask_ij p_ij v_j.
// Backward: D_i = dout_i . out_i, ds_ij = p_ij (mask_ij dout_i . v_j - D_i),
//           dq_i = scale sum_j ds_ij k_j, dk_j = scale sum_i ds_ij q_i,
//           dv_j = sum_i mask_ij p_ij dout_i.
// Shapes: q, out (B*T, heads*D), k, v (B*T, kv_heads*D); dk and dv sum over the query heads that
// share a key/value head. A row's scores live in scratch, never the (T,T) matrix.
// Errors: an element type that S cannot be stored in throws ctgpt::error.
// Reference: Vaswani et al., 2017; Ainslie et al., "GQA", 2023; Press et al., "ALiBi", 2022; Dao
// et al., "FlashAttention", 2022 (the backward pass from lse and D).
#pragma once

#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/reference/scalar.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <class S>
struct reference_attention {
  static void attention(context* state, const attention_args& args) {
    const reads<S> q(args.q), k(args.k), v(args.v), slopes(args.slopes);
    const writes<S> out(args.out), lse(args.lse);
    const isize size = args.q.cols / args.heads;
    const dropout_mask<S> mask(args.random, args.site, args.dropout);
    S* scores = scratch(state, args.time);
    for (isize b = 0; b < args.batch; ++b) {
      for (isize h = 0; h < args.heads; ++h) {
        const isize shared = h * args.kv_heads / args.heads * size;
        const S slope = slopes ? slopes(0, h) : scalar<S>(0.0);
        for (isize i = 0; i < args.time; ++i) {
          const isize row = b * args.time + i, base = b * args.time;
          const isize first = first_key(args, b, i);
          const S total = score_row(
              scores, first, i, size, scalar<S>(args.scale), slope,
              [&](isize d) { return q(row, h * size + d); },
              [&](isize j, isize d) { return k(base + j, shared + d); });
          if (lse) lse.set(row, h, total);
          for (isize j = first; j <= i; ++j) {
            scores[j] = probability(scores[j], total) * mask(mask_element(args, b, h, i) + j);
          }
          for (isize d = 0; d < size; ++d) {
            S chain = scalar<S>(0.0);
            for (isize j = first; j <= i; ++j) chain += scores[j] * v(base + j, shared + d);
            out.set(row, h * size + d, chain);
          }
        }
      }
    }
  }

  static void attention_backward(context* state, const attention_backward_args& args) {
    const attention_args& fwd = args.forward;
    const isize size = fwd.q.cols / fwd.heads, group = fwd.heads / fwd.kv_heads;
    // Scratch: dk and dv of one key/value head (T,D) each, then p and ds of one row (T) each.
    S* dk = scratch(state, 2 * fwd.time * size + 2 * fwd.time);
    S* dv = dk + fwd.time * size;
    const writes<S> dk_out(args.dk), dv_out(args.dv);
    for (isize b = 0; b < fwd.batch; ++b) {
      for (isize shared = 0; shared < fwd.kv_heads; ++shared) {
        for (isize i = 0; i < 2 * fwd.time * size; ++i) dk[i] = scalar<S>(0.0);
        for (isize h = shared * group; h < (shared + 1) * group; ++h) {
          head_backward(args, b, h, shared, dk, dv);
        }
        for (isize j = 0; j < fwd.time; ++j) {
          for (isize d = 0; d < size; ++d) {
            dk_out.set(b * fwd.time + j, shared * size + d, dk[j * size + d]);
            dv_out.set(b * fwd.time + j, shared * size + d, dv[j * size + d]);
          }
        }
      }
    }
  }

  static void cache_write(context*, const cache_write_args& args) {
    const reads<S> k(args.k), v(args.v);
    const writes<S> keys(args.cache.keys), values(args.cache.values);
    const isize size = args.cache.head_size;
    for (isize r = 0; r < args.k.rows; ++r) {
      const isize position = integer_at(args.positions, r);
      const isize page = page_of(args.cache, integer_at(args.sequences, r), position);
      for (isize h = 0; h < args.cache.kv_heads; ++h) {
        for (isize d = 0; d < size; ++d) {
          keys.set(page, key_column(args.cache, h, position, d), k(r, h * size + d));
          values.set(page, value_column(args.cache, h, position, d), v(r, h * size + d));
        }
      }
    }
  }

  static void cached_attention(context* state, const cached_attention_args& args) {
    const cache_view& cache = args.cache;
    const reads<S> q(args.q), keys(cache.keys), values(cache.values), slopes(args.slopes);
    const writes<S> out(args.out);
    const isize size = cache.head_size;
    for (isize r = 0; r < args.q.rows; ++r) {
      const isize sequence = integer_at(args.sequences, r), i = integer_at(args.positions, r);
      const isize first = first_key(i, args.window);
      S* scores = scratch(state, i + 1);
      for (isize h = 0; h < args.heads; ++h) {
        const isize shared = h * cache.kv_heads / args.heads;
        const S slope = slopes ? slopes(0, h) : scalar<S>(0.0);
        const S total = score_row(
            scores, first, i, size, scalar<S>(args.scale), slope,
            [&](isize d) { return q(r, h * size + d); },
            [&](isize j, isize d) {
              return keys(page_of(cache, sequence, j), key_column(cache, shared, j, d));
            });
        for (isize d = 0; d < size; ++d) {
          S chain = scalar<S>(0.0);
          for (isize j = first; j <= i; ++j) {
            chain += probability(scores[j], total) *
                     values(page_of(cache, sequence, j), value_column(cache, shared, j, d));
          }
          out.set(r, h * size + d, chain);
        }
      }
    }
  }

 private:
  static S* scratch(context* state, isize count) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(S);
    return static_cast<S*>(workers_of(state).scratch(0, bytes));
  }
  static isize first_key(isize i, isize window) {
    return window > 0 && i - window + 1 > 0 ? i - window + 1 : 0;
  }
  // Of query i of sequence b, which may not look into the document before its own.
  static isize first_key(const attention_args& args, isize b, isize i) {
    const isize first = first_key(i, args.window);
    if (!args.positions) return first;
    return std::max(first, i - integer_at(args.positions, b * args.time + i));
  }
  static S probability(const S& score, const S& total) {
    using std::exp;
    return exp(score - total);
  }
  static isize mask_element(const attention_args& args, isize b, isize h, isize i) {
    return ((b * args.heads + h) * args.time + i) * round_up_16(args.time);
  }

  // scores[first..i] of one query; returns their log-sum-exp.
  template <class Query, class Key>
  static S score_row(S* scores, isize first, isize i, isize size, const S& scale, const S& slope,
                     const Query& query, const Key& key) {
    using std::exp;
    using std::log;
    double largest = -std::numeric_limits<double>::infinity();
    for (isize j = first; j <= i; ++j) {
      S chain = scalar<S>(0.0);
      for (isize d = 0; d < size; ++d) chain += query(d) * key(j, d);
      scores[j] = scale * chain + slope * scalar<S>(j - i);
      largest = std::fmax(largest, real_part(scores[j]));
    }
    S total = scalar<S>(0.0);
    for (isize j = first; j <= i; ++j) total += exp(scores[j] - scalar<S>(largest));
    return scalar<S>(largest) + log(total);
  }

  static void head_backward(const attention_backward_args& args, isize b, isize h, isize shared,
                            S* dk, S* dv) {
    const attention_args& fwd = args.forward;
    const reads<S> q(fwd.q), k(fwd.k), v(fwd.v), out(fwd.out), lse(fwd.lse), dout(args.dout);
    const reads<S> slopes(fwd.slopes);
    const writes<S> dq(args.dq);
    const dropout_mask<S> mask(fwd.random, fwd.site, fwd.dropout);
    const isize size = fwd.q.cols / fwd.heads, own = h * size, other = shared * size;
    const isize base = b * fwd.time;
    const S scale = scalar<S>(fwd.scale), slope = slopes ? slopes(0, h) : scalar<S>(0.0);
    S* dscore = dv + fwd.time * size;
    for (isize i = 0; i < fwd.time; ++i) {
      const isize row = base + i, first = first_key(fwd, b, i);
      S overlap = scalar<S>(0.0);  // D_i
      for (isize d = 0; d < size; ++d) overlap += dout(row, own + d) * out(row, own + d);
      for (isize j = first; j <= i; ++j) {
        S chain = scalar<S>(0.0), up = scalar<S>(0.0);
        for (isize d = 0; d < size; ++d) {
          chain += q(row, own + d) * k(base + j, other + d);
          up += dout(row, own + d) * v(base + j, other + d);
        }
        const S p = probability(scale * chain + slope * scalar<S>(j - i), lse(row, h));
        const S keep = mask(mask_element(fwd, b, h, i) + j);
        dscore[j] = p * (keep * up - overlap);
        for (isize d = 0; d < size; ++d) {
          dv[j * size + d] += keep * p * dout(row, own + d);
          dk[j * size + d] += scale * dscore[j] * q(row, own + d);
        }
      }
      for (isize d = 0; d < size; ++d) {
        S chain = scalar<S>(0.0);
        for (isize j = first; j <= i; ++j) chain += dscore[j] * k(base + j, other + d);
        dq.set(row, own + d, scale * chain);
      }
    }
  }

  static isize page_of(const cache_view& cache, isize sequence, isize position) {
    return integer_at(cache.pages, sequence * cache.pages.stride + position / cache.page);
  }
  static isize key_column(const cache_view& cache, isize h, isize position, isize d) {
    const isize slot = position % cache.page, tiles = cache.page / attention_tile;
    return ((h * tiles + slot / attention_tile) * cache.head_size + d) * attention_tile +
           slot % attention_tile;
  }
  static isize value_column(const cache_view& cache, isize h, isize position, isize d) {
    return (h * cache.page + position % cache.page) * cache.head_size + d;
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
