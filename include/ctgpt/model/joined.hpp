// joined_matrices: the matrices that one slot holds, one below the other.
//
// A layer keeps queries, keys and values as one weight, and a gated MLP its gate and up side, so
// that each is one product. Where they count one by one (an optimiser that orthogonalises a matrix,
// the names of Llama's files, adapters) this says which rows are whose.
// qkv (Q + 2K, C) beside projection (C, Q): Q, K and K rows.
// up (2F, C) beside down (C, F): F and F rows.
// Errors: none; a slot that looks otherwise is one matrix.
// Reference: Jordan, "Muon", 2024: query, key and value are better orthogonalised apart.
#pragma once

#include <vector>

#include "ctgpt/model/layout.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct matrix_rows {
  isize first = 0, count = 0;
};

namespace detail {

// Columns of the weight that follows slot `index` in its layer under the name `partner`; 0: none.
inline isize columns_of_partner(const model_layout& layout, int index, part partner) {
  for (int i = index + 1; i < layout.count() && i <= index + 2; ++i) {
    const slot& item = layout.at(i);
    if (!item.vector && item.path.has(partner) && layout.block_of(i) == layout.block_of(index)) {
      return item.cols;
    }
  }
  return 0;
}

}  // namespace detail

[[gnu::cold]] inline std::vector<matrix_rows> joined_matrices(const model_layout& layout,
                                                              int index) {
  const slot& item = layout.at(index);
  if (!item.vector && item.path.has(part::qkv)) {
    const isize queries = detail::columns_of_partner(layout, index, part::projection);
    const isize rest = item.rows - queries;
    if (queries > 0 && rest > 0 && rest % 2 == 0) {
      return {{0, queries}, {queries, rest / 2}, {queries + rest / 2, rest / 2}};
    }
  }
  if (!item.vector && item.path.has(part::up)) {
    const isize hidden = detail::columns_of_partner(layout, index, part::down);
    if (item.rows == 2 * hidden) return {{0, hidden}, {hidden, hidden}};
  }
  return {{0, item.rows}};
}

}  // namespace ctgpt::inline CTGPT_ABI
