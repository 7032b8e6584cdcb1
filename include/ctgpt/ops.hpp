// ops: the typed facade over a backend's kernel table. Shapes are checked here, statically; below
// there are only pointers and integers.
//
// Every function is one or two calls of the table; the mathematics of each is stated in
// backend/kernel_table.hpp.
// Shapes: widths are template arguments, so a layer that passes a row of the wrong width does not
// compile. N is the number of tokens, B * T.
// Errors: none of its own; a queued backend may report later, at synchronise.
#pragma once

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/core/view.hpp"

namespace ctgpt::inline CTGPT_ABI {

class ops {
 public:
  explicit ops(const backend& where) : table_(&where.table()), state_(where.state()) {}

  // y (N,Out) = act(x W^T + b); `before` (N,Out), if given, keeps x W^T + b for the backward pass.
  // Where a weight has an adapter, W is W + factor B A (core/low_rank.hpp), here and below.
  template <isize Out, isize In>
  void linear(rows<Out> y, rows<In> x, matrix<Out, In> w, vector<Out> b = {},
              activation act = activation::none, rows<Out> before = {}) {
    multiply(product::nt, y.t, x.t, w.t, b.t, before.t, act, false, w.adapter);
  }
  // dx (N,In) = dy W
  template <isize Out, isize In>
  void linear_input_gradient(rows<In> dx, rows<Out> dy, matrix<Out, In> w) {
    multiply(product::nn, dx.t, dy.t, w.t, {}, {}, activation::none, false, w.adapter);
  }
  // dW (Out,In) += dy^T x, db (Out) += sum over tokens of dy; those that are empty are frozen.
  template <isize Out, isize In>
  void linear_weight_gradient(matrix<Out, In> dw, vector<Out> db, rows<Out> dy, rows<In> x) {
    multiply(product::tn, dw.t, dy.t, x.t, {}, {}, activation::none, true, dw.adapter);
    if (db) sum_rows(db.t, dy.t);
  }
  // c = a b, a b^T or a^T b (+ c), of matrices whose shapes are known at run time.
  void matmul(product kind, const tensor& c, const tensor& a, const tensor& b,
              bool accumulate = false) {
    multiply(kind, c, a, b, {}, {}, activation::none, accumulate);
  }

  template <isize Width>
  void add(rows<Width> y, rows<Width> a, rows<Width> b) {
    sum_of(y.t, a.t, b.t);
  }
  // y = factors[0] a + factors[1] b; y = factors[0] a without b.
  void combine(const tensor& y, const tensor& a, const tensor& b, const tensor& factors) {
    table_->combine(state_, {y, a, b, factors});
  }
  template <isize Width>
  void copy(rows<Width> y, rows<Width> x) {
    table_->convert(state_, {y.t, x.t});
  }
  // y = dropout(x) (+ residual)
  template <isize Width>
  void dropout(rows<Width> y, rows<Width> x, rows<Width> residual, const tensor& random,
               std::uint32_t site, float rate) {
    drop(y.t, x.t, residual.t, random, site, rate);
  }

  template <isize Out, isize In>
  void activate(rows<Out> y, rows<In> x, activation act) {
    table_->activate(state_, {y.t, x.t, act});
  }
  template <isize Out, isize In>
  void activate_backward(rows<In> dx, rows<Out> dy, rows<In> x, activation act) {
    table_->activate_backward(state_, {dx.t, dy.t, x.t, act});
  }

  template <isize Width, isize Part>
  void norm(rows<Width> y, rows<Width> x, vector<Part> gain, vector<Part> bias, const tensor& mean,
            const tensor& rstd, normalization kind, float epsilon, isize groups = 1) {
    normalize(y.t, x.t, gain.t, bias.t, mean, rstd, kind, epsilon, groups);
  }
  template <isize Width, isize Part>
  void norm_backward(rows<Width> dx, rows<Width> dy, rows<Width> x, vector<Part> gain,
                     const tensor& mean, const tensor& rstd, vector<Part> dgain, vector<Part> dbias,
                     normalization kind, isize groups = 1) {
    normalize_backward(dx.t, dy.t, x.t, gain.t, mean, rstd, dgain.t, dbias.t, kind, groups);
  }

  // y (N,C) = table[tokens] + places[position]
  template <isize Width, isize Vocab, isize Context>
  void embed(rows<Width> y, matrix<Vocab, Width> table, matrix<Context, Width> places,
             const tensor& tokens, const tensor& token_positions, isize time) {
    table_->embed(state_, {y.t, table.t, places.t, tokens, token_positions, time});
  }
  template <isize Width, isize Vocab, isize Context>
  void embed_backward(rows<Width> dy, matrix<Vocab, Width> dtable, matrix<Context, Width> dplaces,
                      const tensor& tokens, const tensor& token_positions, isize time) {
    if (!dtable) return;  // frozen
    table_->embed_backward(state_, {dy.t, dtable.t, dplaces.t, tokens, time, token_positions});
  }

  template <isize Width>
  void rope(rows<Width> x, const tensor& angles, const tensor& token_positions, isize time,
            isize heads, bool inverse) {
    rotate(x.t, angles, token_positions, time, heads, inverse);
  }
  void attention(const attention_args& args) { table_->attention(state_, args); }
  void attention_backward(const attention_backward_args& args) {
    table_->attention_backward(state_, args);
  }
  void cache_write(const cache_write_args& args) { table_->cache_write(state_, args); }
  void cached_attention(const cached_attention_args& args) {
    table_->cached_attention(state_, args);
  }

  void cross_entropy(const cross_entropy_args& args) { table_->cross_entropy(state_, args); }
  void softcap(const tensor& x, float cap) { table_->softcap(state_, {x, cap}); }
  void sum(const tensor& out, const tensor& x, double factor, bool accumulate) {
    table_->sum(state_, {out, x, factor, accumulate});
  }
  void fill(const tensor& dst, double value) { table_->fill(state_, {dst, value}); }

 private:
  // What the templates above share, out of line: an argument struct has hundreds of bytes, and
  // writing it at every call would be most of a layer's code and compile time.
  [[gnu::noinline]] void multiply(product kind, const tensor& c, const tensor& a, const tensor& b,
                                  const tensor& bias, const tensor& before, activation act,
                                  bool accumulate, const low_rank* adapter = nullptr) {
    const matmul_args args{kind, c, a, b, bias, before, act, accumulate};
    if (adapter != nullptr && adapter->count > 0) {
      adapter->multiply(*table_, state_, args, *adapter);
    } else if (c) {
      table_->matmul(state_, args);
    }
  }
  [[gnu::noinline]] void sum_rows(const tensor& out, const tensor& x) {
    table_->sum_rows(state_, {out, x});
  }
  [[gnu::noinline]] void sum_of(const tensor& y, const tensor& a, const tensor& b) {
    table_->add(state_, {y, a, b});
  }
  [[gnu::noinline]] void drop(const tensor& y, const tensor& x, const tensor& residual,
                              const tensor& random, std::uint32_t site, float rate) {
    table_->dropout(state_, {y, x, residual, random, site, rate});
  }
  [[gnu::noinline]] void normalize(const tensor& y, const tensor& x, const tensor& gain,
                                   const tensor& bias, const tensor& mean, const tensor& rstd,
                                   normalization kind, float epsilon, isize groups) {
    table_->norm(state_, {y, x, gain, bias, mean, rstd, kind, epsilon, groups});
  }
  [[gnu::noinline]] void normalize_backward(const tensor& dx, const tensor& dy, const tensor& x,
                                            const tensor& gain, const tensor& mean,
                                            const tensor& rstd, const tensor& dgain,
                                            const tensor& dbias, normalization kind, isize groups) {
    table_->norm_backward(state_, {dx, dy, x, gain, mean, rstd, dgain, dbias, kind, groups});
  }
  [[gnu::noinline]] void rotate(const tensor& x, const tensor& angles, const tensor& places,
                                isize time, isize heads, bool inverse) {
    table_->rope(state_, {x, angles, places, time, heads, inverse});
  }

  const kernel_table* table_;
  context* state_;
};

}  // namespace ctgpt::inline CTGPT_ABI
