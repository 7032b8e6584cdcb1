// rows<W>, matrix<R, C>, vector<N>: tensors whose width is a compile-time fact (or `dyn`).
//
// They hold nothing but a tensor (a matrix may have an adapter); the width in the type is what
// ops.hpp checks statically.
// Shapes: rows<W> is an activation, (tokens, W), tokens known at run time; matrix<R, C> (R,C);
// vector<N> (N).
// Requires: the tensor's cols equal the static width where there is one.
// Errors: none of its own; a width that does not fit an operation does not compile.
#pragma once

#include "ctgpt/base/tensor.hpp"
#include "ctgpt/core/low_rank.hpp"
#include "ctgpt/core/shape.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <isize Width>
struct rows {
  static constexpr isize width = Width;
  tensor t;

  constexpr explicit operator bool() const { return t.data != nullptr; }
  isize count() const { return t.rows; }
  rows range(isize first, isize count) const { return {row_range(t, first, count)}; }
};

template <isize Rows, isize Cols>
struct matrix {
  tensor t;
  const low_rank* adapter = nullptr;  // of a weight, and of its gradient
  constexpr explicit operator bool() const { return t.data != nullptr; }
};

template <isize Size>
struct vector {
  tensor t;
  constexpr explicit operator bool() const { return t.data != nullptr; }
};

// Columns [first, first + Part) of an activation, as one of width Part.
template <isize Part, isize Width>
rows<Part> columns(rows<Width> whole, isize first, isize count) {
  return {column_range(whole.t, first, count)};
}

}  // namespace ctgpt::inline CTGPT_ABI
