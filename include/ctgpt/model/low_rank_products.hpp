// multiply_low_rank: the three products of a weight that has an adapter.
//
// y = act(x W^T + b + factor (x A^T) B^T)                       nt
// dx = dy W + g A, g = factor dy B                              nn
// dW += dy^T x (unless frozen), dB += dy^T u, dA += g^T x, u = factor x A^T     tn
// Shapes: core/low_rank.hpp. u and g (tokens, rank) lie in the adapter's scratch, for some tokens
// at a time; they are computed again rather than kept on the tape.
// Errors: none.
// Reference: Hu et al., "LoRA", 2021.
#pragma once

#include "ctgpt/backend/kernel_table.hpp"
#include "ctgpt/core/low_rank.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace detail {

class low_rank_products {
 public:
  low_rank_products(const kernel_table& table, context* state, const low_rank& adapter)
      : table_(table), state_(state), adapter_(adapter) {}

  void output(const matmul_args& args) {
    matmul_args plain = args;
    plain.c = args.before ? args.before : args.c;
    plain.before = {};
    plain.act = activation::none;
    table_.matmul(state_, plain);
    for_each(args.a.rows, [&](const low_rank_part& part, isize first, isize count, tensor u) {
      inner(u, row_range(args.a, first, count), part);
      product_of(product::nt, outputs(plain.c, part, first, count), u, part.b, true);
    });
    if (args.act != activation::none) table_.activate(state_, {args.c, plain.c, args.act});
  }

  void input_gradient(const matmul_args& args) {
    table_.matmul(state_, args);
    for_each(args.a.rows, [&](const low_rank_part& part, isize first, isize count, tensor g) {
      inner_gradient(g, outputs(args.a, part, first, count), part);
      product_of(product::nn, row_range(args.c, first, count), g, part.a, true);
    });
  }

  void weight_gradient(const matmul_args& args) {
    if (args.c) table_.matmul(state_, args);
    for_each(args.a.rows, [&](const low_rank_part& part, isize first, isize count, tensor both) {
      if (!part.da) return;
      const tensor dy = outputs(args.a, part, first, count), x = row_range(args.b, first, count);
      inner(both, x, part);
      product_of(product::tn, part.db, dy, both, true);
      inner_gradient(both, dy, part);
      product_of(product::tn, part.da, both, x, true);
    });
  }

 private:
  // Calls use(part, first token, their number, scratch).
  template <class Use>
  void for_each(isize tokens, Use use) {
    for (isize first = 0; first < tokens; first += adapter_.scratch.rows) {
      const isize left = tokens - first;
      const isize count = left < adapter_.scratch.rows ? left : adapter_.scratch.rows;
      for (int i = 0; i < adapter_.count; ++i) {
        use(adapter_.parts[i], first, count, row_range(adapter_.scratch, 0, count));
      }
    }
  }
  void inner(const tensor& u, const tensor& x, const low_rank_part& part) {
    product_of(product::nt, u, x, part.a, false);
    table_.combine(state_, {u, u, {}, adapter_.factor});
  }
  void inner_gradient(const tensor& g, const tensor& dy, const low_rank_part& part) {
    product_of(product::nn, g, dy, part.b, false);
    table_.combine(state_, {g, g, {}, adapter_.factor});
  }
  void product_of(product kind, const tensor& c, const tensor& a, const tensor& b,
                  bool accumulate) {
    table_.matmul(state_, {kind, c, a, b, {}, {}, activation::none, accumulate});
  }
  static tensor outputs(const tensor& y, const low_rank_part& part, isize first, isize count) {
    return column_range(row_range(y, first, count), part.first, part.b.rows);
  }

  const kernel_table& table_;
  context* state_;
  const low_rank& adapter_;
};

}  // namespace detail

[[gnu::cold]] inline void multiply_low_rank(const kernel_table& table, context* state,
                                            const matmul_args& args, const low_rank& adapter) {
  detail::low_rank_products run(table, state, adapter);
  if (args.kind == product::nt) run.output(args);
  if (args.kind == product::nn) run.input_gradient(args);
  if (args.kind == product::tn) run.weight_gradient(args);
}

}  // namespace ctgpt::inline CTGPT_ABI
