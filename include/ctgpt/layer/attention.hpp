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

#include "ctgpt/core/sizes.hpp"
#include "ctgpt/layer/frame.hpp"

namespace ctgpt::inline CTGPT_ABI::parts {

struct absolute {};  // positions, if any, came in with the embedding
struct rope {};
struct alibi {};

// a b, dyn where one of them is.
constexpr isize times(isize a, isize b) { return a == dyn || b == dyn ? dyn : a * b; }

// No template, so that it is compiled once.
[[noreturn, gnu::cold]] inline void fail_unlike_config(isize mine, const char* but, isize given) {
  fail("ctgpt::causal_attention: ", mine, but, given,
       "; the model's config (or check_gradient's) must describe this attention");
}

template <config C, class Positions = absolute>
class causal_attention : public configured<C> {
 public:
  using configured<C>::configured;

 private:
  // Widths as types have them: dyn where the config is.
  static constexpr isize head = head_size_of(C);
  static constexpr isize queries = times(C.heads, head);
  static constexpr isize keys = times(kv_heads_of(C), head);
  static constexpr isize all = is_dyn(C) ? dyn : queries + 2 * keys;
  static constexpr bool rotary = std::is_same_v<Positions, rope>;
  static constexpr bool biased = std::is_same_v<Positions, alibi>;
  static_assert(!rotary || is_dyn(C) || head % 2 == 0,
                "ctgpt::causal_attention: rope needs an even head size");

  // The same as numbers.
  constexpr isize heads() const { return this->actual().heads; }
  constexpr isize kv_heads() const { return kv_heads_of(this->actual()); }
  constexpr isize head_size() const { return head_size_of(this->actual()); }
  constexpr isize width_of_queries() const { return heads() * head_size(); }
  constexpr isize width_of_keys() const { return kv_heads() * head_size(); }
  constexpr isize width_of_all() const { return width_of_queries() + 2 * width_of_keys(); }

 public:
  static constexpr isize in_width = C.width, out_width = C.width;
  constexpr isize input() const { return this->actual().width; }
  constexpr isize output() const { return input(); }

  static constexpr int slot_count = C.bias ? 4 : 2;
  constexpr auto slots() const {
    const slot_list<1> weight{{matrix_slot(part::weight, width_of_all(), input())}};
    const slot_list<1> out{
        {matrix_slot(part::weight, input(), width_of_queries(), initializer::residual)}};
    if constexpr (C.bias) {
      const slot_list<1> bias{{vector_slot(part::bias, width_of_all(), initializer::zeros)}};
      const slot_list<1> out_bias{{vector_slot(part::bias, input(), initializer::zeros)}};
      return (weight + bias).within(part::qkv) + (out + out_bias).within(part::projection);
    } else {
      return weight.within(part::qkv) + out.within(part::projection);
    }
  }
  static constexpr int cache_count = 1;
  constexpr cache_shape cache(int) const { return {kv_heads(), head_size()}; }
  constexpr isize tape() const {
    const isize before_norm = C.qk_norm ? width_of_queries() + width_of_keys() : 0;
    return width_of_all() + width_of_queries() + before_norm;
  }
  constexpr isize statistics() const { return heads() + (C.qk_norm ? heads() + kv_heads() : 0); }
  constexpr isize scratch() const { return width_of_queries() + width_of_all(); }

  void forward(ops& run, const frame& f, rows<C.width> x, rows<C.width> y) const {
    const activations a(*this, f);
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
               heads());
      run.norm(a.k, a.raw_k, none, none, {}, a.rstd_k, normalization::rms, f.shared->norm_epsilon,
               kv_heads());
    }
    rotate(run, f, a.q, a.k, false);
    if (f.shared->caches != nullptr) {
      const cache_view& cache = f.shared->caches[f.cache];
      run.cache_write({cache, a.k.t, a.v.t, f.shared->sequences, f.shared->token_positions});
      run.cached_attention({cache, a.o.t, a.q.t, f.shared->sequences, f.shared->token_positions,
                            slopes(f), heads(), window_of(this->actual(), f.layer), scale()});
    } else {
      run.attention(a.arguments(*this, f));
    }
    run.linear(y, a.o, f.weight<C.width, queries>(projection), out_bias);
  }

  void backward(ops& run, const frame& f, rows<C.width> x, rows<C.width> dy,
                rows<C.width> dx) const {
    const activations a(*this, f);
    const rows<queries> d_o = f.temporary<queries>(0, width_of_queries());
    const rows<all> dqkv = f.temporary<all>(width_of_queries(), width_of_all());
    const rows<queries> dq = columns<queries>(dqkv, 0, width_of_queries());
    const rows<keys> dk = columns<keys>(dqkv, width_of_queries(), width_of_keys());
    const rows<keys> dv =
        columns<keys>(dqkv, width_of_queries() + width_of_keys(), width_of_keys());
    vector<all> bias{};
    vector<C.width> out_bias{};
    if constexpr (C.bias) {
      bias = f.vector_gradient<all>(1);
      out_bias = f.vector_gradient<C.width>(projection + 1);
    }
    run.linear_weight_gradient(f.gradient<C.width, queries>(projection), out_bias, dy, a.o);
    run.linear_input_gradient(d_o, dy, f.weight<C.width, queries>(projection));
    run.attention_backward({dq.t, dk.t, dv.t, d_o.t, a.arguments(*this, f)});
    rotate(run, f, dq, dk, true);
    if constexpr (C.qk_norm) {
      const vector<head> none{};
      run.norm_backward(dq, dq, a.raw_q, none, {}, a.rstd_q, none, none, normalization::rms,
                        heads());
      run.norm_backward(dk, dk, a.raw_k, none, {}, a.rstd_k, none, none, normalization::rms,
                        kv_heads());
    }
    run.linear_weight_gradient(f.gradient<all, C.width>(0), bias, dqkv, x);
    if (dx) run.linear_input_gradient(dx, dqkv, f.weight<all, C.width>(0));
  }

 private:
  static constexpr int projection = C.bias ? 2 : 1;

  constexpr float scale() const {
    return static_cast<float>(1.0 / __builtin_sqrt(static_cast<double>(head_size())));
  }
  tensor slopes(const frame& f) const {
    if constexpr (!biased) return {};
    const isize given = f.shared->slopes.cols;
    if (given != heads()) fail_unlike_config(heads(), " heads with alibi, but slopes for ", given);
    return f.shared->slopes;
  }

  void rotate(ops& run, const frame& f, rows<queries> q, rows<keys> k, bool inverse) const {
    if constexpr (rotary) {
      const pass& p = *f.shared;
      const isize given = p.angles.cols;
      if (given != head_size()) {
        fail_unlike_config(head_size(), " dimensions a head with rope, but angles for ", given);
      }
      run.rope(q, p.angles, p.token_positions, f.time, heads(), inverse);
      run.rope(k, p.angles, p.token_positions, f.time, kv_heads(), inverse);
    }
  }

  // Everything this layer keeps, by name.
  struct activations {
    rows<all> qkv;
    rows<queries> raw_q, q, o;
    rows<keys> raw_k, k, v;
    tensor lse, rstd_q, rstd_k;

    [[gnu::noinline]] activations(const causal_attention& it, const frame& f)
        : qkv(f.kept<all>(0, it.width_of_all())),
          raw_q(columns<queries>(qkv, 0, it.width_of_queries())),
          q(raw_q),
          o(f.kept<queries>(it.width_of_all(), it.width_of_queries())),
          raw_k(columns<keys>(qkv, it.width_of_queries(), it.width_of_keys())),
          k(raw_k),
          v(columns<keys>(qkv, it.width_of_queries() + it.width_of_keys(), it.width_of_keys())),
          lse(f.statistic(0, it.heads())) {
      if constexpr (C.qk_norm) {  // the normed pair lies apart; v stays where it is
        const isize pair = it.width_of_queries() + it.width_of_keys();
        const rows<dyn> normed = f.kept<dyn>(it.width_of_all() + it.width_of_queries(), pair);
        q = columns<queries>(normed, 0, it.width_of_queries());
        k = columns<keys>(normed, it.width_of_queries(), it.width_of_keys());
        rstd_q = f.statistic(it.heads(), it.heads());
        rstd_k = f.statistic(2 * it.heads(), it.kv_heads());
      }
    }
    [[gnu::noinline]] attention_args arguments(const causal_attention& it, const frame& f) const {
      const bool drops = f.shared->training && f.shared->dropout > 0.0f;
      return {o.t,
              q.t,
              k.t,
              v.t,
              lse,
              it.slopes(f),
              f.shared->random,
              f.batch,
              f.time,
              it.heads(),
              it.kv_heads(),
              window_of(it.actual(), f.layer),
              it.scale(),
              drops ? f.shared->dropout : 0.0f,
              f.site,
              f.shared->token_positions};
    }
  };
};

}  // namespace ctgpt::inline CTGPT_ABI::parts
