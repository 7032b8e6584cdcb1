// The Eigen kernels of products: matmul in its three forms with its epilogues, and sum_rows.
//
// c = act(a b + bias). Whatever is not f32 rows (bf16, q8_0, q4_0) is widened once into shared
// scratch, then Eigen multiplies.
// Threads: the longer side of c is cut into at most eight parts, each a whole multiple of 16, by
// its length alone; a part is one Eigen product whoever computes it, so bits do not depend on
// the number of threads. (Where Eigen's own kernel puts an element decides the order of its
// sum.)
// Errors: an element type that the backend does not compute on, and swiglu as an epilogue, throw
// ctgpt::error.
#pragma once

#include "ctgpt/backend/eigen/elementwise.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct eigen_products {
  static void matmul(context* state, const matmul_args& args) {
    expects(args.act != activation::swiglu, "swiglu is no epilogue of a product");
    const bool narrow = args.c.type != element::f32;
    const isize need_a = wide_size(args.a), need_b = wide_size(args.b);
    const isize need_c = narrow ? args.c.rows * args.c.cols : 0;
    float* shared = eigen_shared(state, need_a + need_b + need_c);
    const eigen_map a = wide_map(state, args.a, shared),
                    b = wide_map(state, args.b, shared + need_a);
    const eigen_map c =
        narrow ? eigen_block(shared + need_a + need_b, args.c.rows, args.c.cols, args.c.cols)
               : as_eigen(args.c);

    const bool by_rows = args.c.rows >= args.c.cols;
    const isize length = by_rows ? args.c.rows : args.c.cols;
    const isize parts = std::clamp<isize>(length / 64, 1, 8);
    eigen_ranges(state, parts, 1, args.c.cols, [&](range mine, float* buffer) {
      for (isize i = mine.begin; i < mine.end; ++i) {
        const range part = partition(length, parts, i, 16);
        const range rows = by_rows ? part : range{0, args.c.rows};
        const range cols = by_rows ? range{0, args.c.cols} : part;
        if (rows.begin < rows.end && cols.begin < cols.end) {
          multiply(args, a, b, c, rows, cols, buffer);
        }
      }
    });
  }

  // A chain over rows for every column; columns are independent.
  static void sum_rows(context* state, const sum_rows_args& args) {
    eigen_ranges(state, args.x.cols, 64, args.x.cols, [&](range mine, float* buffer) {
      const isize count = mine.end - mine.begin;
      eigen_row out(static_cast<float*>(eigen_address(args.out, 0, mine.begin)), count);
      for (isize r = 0; r < args.x.rows; ++r) out += read_row(args.x, r, mine.begin, count, buffer);
    });
  }

 private:
  static bool is_plain(const tensor& t) { return t.type == element::f32; }
  static isize wide_size(const tensor& t) { return is_plain(t) ? 0 : t.rows * t.cols; }

  static eigen_map wide_map(context* state, const tensor& t, float* buffer) {
    if (is_plain(t)) {
      return eigen_block(static_cast<float*>(t.data), t.rows, t.cols, eigen_stride(t));
    }
    eigen_ranges(state, t.rows, 1, 0, [&](range mine, float*) {
      for (isize r = mine.begin; r < mine.end; ++r) {
        eigen_widen(t, eigen_address(t, r), t.cols, buffer + r * t.cols);
      }
    });
    return eigen_block(buffer, t.rows, t.cols, t.cols);
  }

  static eigen_map cut(const eigen_map& m, range rows, range cols) {
    auto* data = const_cast<float*>(m.data()) + rows.begin * m.outerStride() + cols.begin;
    return eigen_block(data, rows.end - rows.begin, cols.end - cols.begin, m.outerStride());
  }

  static void multiply(const matmul_args& args, const eigen_map& a, const eigen_map& b,
                       const eigen_map& c, range rows, range cols, float* buffer) {
    const isize width = cols.end - cols.begin;
    const range all_a{0, args.kind == product::tn ? a.rows() : a.cols()};
    const eigen_map left = args.kind == product::tn ? cut(a, all_a, rows) : cut(a, rows, all_a);
    const eigen_map right = args.kind == product::nt ? cut(b, cols, all_a) : cut(b, all_a, cols);
    eigen_map out = cut(c, rows, cols);
    const bool narrow = args.c.type != element::f32;
    if (narrow && args.accumulate) {
      for (isize r = rows.begin; r < rows.end; ++r) {
        eigen_widen(args.c, eigen_address(args.c, r, cols.begin), width,
                    &out.coeffRef(r - rows.begin, 0));
      }
    }
    eigen_product(args.kind, out, left, right, args.accumulate);

    if (!args.bias && !args.before && args.act == activation::none && !narrow) return;
    for (isize r = rows.begin; r < rows.end; ++r) {
      float* data = &out.coeffRef(r - rows.begin, 0);
      eigen_row values(data, width);
      if (args.bias) values += read_row(args.bias, 0, cols.begin, width, buffer);
      if (args.before) {
        written_row before(args.before, r, cols.begin, width, buffer);
        before.values = values;
        before.store();
      }
      eigen_elementwise::apply(args.act, eigen_const_row(data, width), values);
      if (narrow) written_row(args.c, r, cols.begin, width, data).store();
    }
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
