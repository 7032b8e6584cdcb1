// The reference kernels of products: matmul in its three forms with its epilogues, pack, sum_rows.
//
// c = act(a b + bias), a b in the form of `kind`; every output is one chain with k ascending that
// starts from c when `accumulate`, from 0 otherwise; `before` receives what act is applied to.
// Shapes: nn (M,K)(K,N), nt (M,K)(N,K)^T, tn (K,M)^T(K,N).
// Panels are plain rows of stride cols here, so pack() is a copy.
// Errors: an element type that S cannot be stored in throws ctgpt::error.
#pragma once

#include "ctgpt/backend/reference/elementwise.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <class S>
struct reference_products {
  static void matmul(context*, const matmul_args& args) {
    const reads<S> a(args.a), b(args.b), bias(args.bias);
    const writes<S> c(args.c), before(args.before);
    const isize depth = args.kind == product::tn ? args.a.rows : args.a.cols;
    for (isize m = 0; m < args.c.rows; ++m) {
      for (isize n = 0; n < args.c.cols; ++n) {
        S chain = args.accumulate ? c(m, n) : scalar<S>(0.0);
        for (isize k = 0; k < depth; ++k) {
          const S left = args.kind == product::tn ? a(k, m) : a(m, k);
          const S right = args.kind == product::nt ? b(n, k) : b(k, n);
          chain += left * right;
        }
        if (bias) chain += bias(0, n);
        if (before) before.set(m, n, chain);
        c.set(m, n, activation_value(args.act, chain));
      }
    }
  }

  static isize pack_elements(context*, isize rows, isize cols, element) { return rows * cols; }

  static void pack(context* state, const pack_args& args) {
    tensor rows = args.dst;
    rows.packing = layout::rows;
    rows.stride = rows.cols;
    reference_elementwise<S>::convert(state, {rows, args.src});
  }

  static void sum_rows(context*, const sum_rows_args& args) {
    const reads<S> x(args.x);
    const writes<S> out(args.out);
    for (isize c = 0; c < args.x.cols; ++c) {
      S chain = out(0, c);
      for (isize r = 0; r < args.x.rows; ++r) chain += x(r, c);
      out.set(0, c, chain);
    }
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
