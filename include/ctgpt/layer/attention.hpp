// causal_attention<C, Positions>: multi-head, grouped or multi-query self-attention of config C, in
// which a token sees itself and what came before it (within the layer's window).
//
// [q k v] = x W^T + b;  q, k RMS-normalised a head (with C.qk_norm), then rotated (rope);
// s = q k^T / sqrt(D) (alibi: + slope (j - i));  o = softmax(s, causal) v a head;  y = o P^T + p;
// while training dropout acts on the probabilities.
// Backward: through P, then the attention kernel (which recomputes the probabilities from the kept
// log-sum-exp), the inverse rotation, the norm, and W.
// Shapes: x, y (N,C); W ((H + 2K) D, C), H heads, K heads of keys and values; P (C, H D).
// Parameters: qkv.weight, qkv.bias, projection.weight, projection.bias (biases with C.bias).
// Tape: q k v, o, and q k after the norm where there is one; statistics: H log-sum-exps, and H + K
// of 1 / rms with the norm.
// Errors: widths that do not fit, and rope with an odd head size, do not compile; angles or slopes
// of another config throw ctgpt::error.
// Reference: Vaswani et al. 2017; Shazeer 2019 (multi-query); Ainslie et al. 2023 (grouped);
// Su et al. 2021 (rope); Press et al. 2022 (alibi); Henry et al. 2020 (query-key norm);
// Dao et al. 2022 (flash).
#pragma once

#include <type_traits>

#include "ctgpt/core/config.hpp"
#include "ctgpt/layer/frame.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

struct absolute {};  // positions, if any, came in with the embedding
struct rope {};
struct alibi {};

template <config C, class Positions = absolute>
struct causal_attention {
  static constexpr isize head = head_size_of(C);
  static constexpr isize queries = C.heads * head;
  static constexpr isize keys = kv_heads_of(C) * head;
  static constexpr isize all = queries + 2 * keys;
  static constexpr bool rotary = std::is_same_v<Positions, rope>;
  static constexpr bool biased = std::is_same_v<Positions, alibi>;
  static_assert(!rotary || head % 2 == 0, "ctgpt::causal_attention: rope needs an even head size");

  static constexpr isize in_width = C.width, out_width = C.width;
  constexpr isize input() const { return C.width; }
  constexpr isize output() const { return C.width; }

  static constexpr int slot_count = C.bias ? 4 : 2;
  constexpr auto slots() const {
    const slot_list<1> weight{{matrix_slot(part::weight, all, C.width)}};
    const slot_list<1> out{{matrix_slot(part::weight, C.width, queries, initializer::residual)}};
    if constexpr (C.bias) {
      const slot_list<1> bias{{vector_slot(part::bias, all, initializer::zeros)}};
      const slot_list<1> out_bias{{vector_slot(part::bias, C.width, initializer::zeros)}};
      return (weight + bias).within(part::qkv) + (out + out_bias).within(part::projection);
    } else {
      return weight.within(part::qkv) + out.within(part::projection);
    }
  }
  static constexpr int cache_count = 1;
  constexpr cache_shape cache(int) const { return {kv_heads_of(C), head}; }
  constexpr isize tape() const { return all + queries + (C.qk_norm ? queries + keys : 0); }
  constexpr isize statistics() const {
    return C.heads + (C.qk_norm ? C.heads + kv_heads_of(C) : 0);
  }
  constexpr isize scratch() const { return queries + all; }

  void forward(ops& run, const frame& f, rows<C.width> x, rows<C.width> y) const {
    const activations a(f);
    vector<all> bias{};
    vector<C.width> out_bias{};
    if constexpr (C.bias) {
      bias = f.vector_weight<all>(1);
      out_bias = f.vector_weight<C.width>(projection + 1);
    }
    run.linear(a.qkv, x, f.weight<all, C.width>(0), bias);
    if constexpr (C.qk_norm) {
      const vector<head> none{};
      run.norm(a.q, a.raw_q, none, none, {}, a.rstd_q, normalization::rms, f.shared->norm_epsilon,
               C.heads);
      run.norm(a.k, a.raw_k, none, none, {}, a.rstd_k, normalization::rms, f.shared->norm_epsilon,
               kv_heads_of(C));
    }
    rotate(run, f, a.q, a.k, false);
    if (f.shared->caches != nullptr) {
      const cache_view& cache = f.shared->caches[f.cache];
      run.cache_write({cache, a.k.t, a.v.t, f.shared->sequences, f.shared->token_positions});
      run.cached_attention({cache, a.o.t, a.q.t, f.shared->sequences, f.shared->token_positions,
                            slopes(f), C.heads, window_of(C, f.layer), scale()});
    } else {
      run.attention(a.arguments(f));
    }
    run.linear(y, a.o, f.weight<C.width, queries>(projection), out_bias);
  }

  void backward(ops& run, const frame& f, rows<C.width> x, rows<C.width> dy,
                rows<C.width> dx) const {
    const activations a(f);
    const rows<queries> d_o = f.temporary<queries>(0);
    const rows<all> dqkv = f.temporary<all>(queries);
    const rows<queries> dq = columns<queries>(dqkv, 0, queries);
    const rows<keys> dk = columns<keys>(dqkv, queries, keys);
    const rows<keys> dv = columns<keys>(dqkv, queries + keys, keys);
    vector<all> bias{};
    vector<C.width> out_bias{};
    if constexpr (C.bias) {
      bias = f.vector_gradient<all>(1);
      out_bias = f.vector_gradient<C.width>(projection + 1);
    }
    run.linear_weight_gradient(f.gradient<C.width, queries>(projection), out_bias, dy, a.o);
    run.linear_input_gradient(d_o, dy, f.weight<C.width, queries>(projection));
    run.attention_backward({dq.t, dk.t, dv.t, d_o.t, a.arguments(f)});
    rotate(run, f, dq, dk, true);
    if constexpr (C.qk_norm) {
      const vector<head> none{};
      run.norm_backward(dq, dq, a.raw_q, none, {}, a.rstd_q, none, none, normalization::rms,
                        C.heads);
      run.norm_backward(dk, dk, a.raw_k, none, {}, a.rstd_k, none, none, normalization::rms,
                        kv_heads_of(C));
    }
    run.linear_weight_gradient(f.gradient<all, C.width>(0), bias, dqkv, x);
    if (dx) run.linear_input_gradient(dx, dqkv, f.weight<all, C.width>(0));
  }

 private:
  static constexpr int projection = C.bias ? 2 : 1;

  static float scale() {
    return static_cast<float>(1.0 / __builtin_sqrt(static_cast<double>(head)));
  }
  static tensor slopes(const frame& f) {
    if constexpr (!biased) return {};
    expects(f.shared->slopes.cols == C.heads, "ctgpt::causal_attention: ", C.heads,
            " heads with alibi, but slopes for ", f.shared->slopes.cols,
            "; the model's config (or check_gradient's) must describe this attention");
    return f.shared->slopes;
  }

  static void rotate(ops& run, const frame& f, rows<queries> q, rows<keys> k, bool inverse) {
    if constexpr (rotary) {
      const pass& p = *f.shared;
      expects(p.angles.cols == head, "ctgpt::causal_attention: heads of size ", head,
              " with rope, but angles for ", p.angles.cols,
              "; the model's config (or check_gradient's) must describe this attention");
      const tensor places = p.caches != nullptr ? p.token_positions : tensor{};
      run.rope(q, p.angles, places, f.time, C.heads, inverse);
      run.rope(k, p.angles, places, f.time, kv_heads_of(C), inverse);
    }
  }

  // Everything this layer keeps, by name.
  struct activations {
    rows<all> qkv;
    rows<queries> raw_q, q, o;
    rows<keys> raw_k, k, v;
    tensor lse, rstd_q, rstd_k;

    [[gnu::noinline]] explicit activations(const frame& f)
        : qkv(f.kept<all>(0)),
          raw_q(columns<queries>(qkv, 0, queries)),
          q(raw_q),
          o(f.kept<queries>(all)),
          raw_k(columns<keys>(qkv, queries, keys)),
          k(raw_k),
          v(columns<keys>(qkv, queries + keys, keys)),
          lse(f.statistic(0, C.heads)) {
      if constexpr (C.qk_norm) {  // the normed pair lies apart; v stays where it is
        const rows<queries + keys> normed = f.kept<queries + keys>(all + queries);
        q = columns<queries>(normed, 0, queries);
        k = columns<keys>(normed, queries, keys);
        rstd_q = f.statistic(C.heads, C.heads);
        rstd_k = f.statistic(2 * C.heads, kv_heads_of(C));
      }
    }
    [[gnu::noinline]] attention_args arguments(const frame& f) const {
      const bool drops = f.shared->training && f.shared->dropout > 0.0f;
      return {o.t,
              q.t,
              k.t,
              v.t,
              lse,
              slopes(f),
              f.shared->random,
              f.batch,
              f.time,
              C.heads,
              kv_heads_of(C),
              window_of(C, f.layer),
              scale(),
              drops ? f.shared->dropout : 0.0f,
              f.site};
    }
  };
};

}  // namespace ctgpt::inline CTGPT_ABI::parts
