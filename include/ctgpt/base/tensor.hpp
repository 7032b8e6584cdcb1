// tensor: what a kernel is told about a block of numbers: where it lies, its shape, and how it is
// stored.
//
// It owns nothing. An empty tensor (data == nullptr) stands for an optional one that is not there.
// row_range(t, first, count) and column_range(t, first, count) are parts of a tensor in place.
// Shapes: (rows, cols), row r beginning stride * r elements after the first.
// Errors: none; nothing is checked here (ops.hpp checks widths statically).
#pragma once

#include <cstddef>
#include <cstdint>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

enum class layout : std::uint8_t {
  rows,    // row-major
  panels,  // the backend's own order for the right-hand side of nt products, made by pack()
};

struct tensor {
  void* data = nullptr;
  isize rows = 0;
  isize cols = 0;
  isize stride = 0;  // elements from one row to the next
  element type = element::none;
  layout packing = layout::rows;
  const void* scales = nullptr;  // for formats whose scales lie apart; unused by q8_0 and q4_0

  constexpr explicit operator bool() const { return data != nullptr; }
};

// Rows [first, first + count) of t. Panels can only be cut at their start.
inline tensor row_range(tensor t, isize first, isize count) {
  t.data = static_cast<std::byte*>(t.data) + element_bytes(t.type, first * t.stride);
  t.rows = count;
  return t;
}

// Columns [first, first + count) of row-major t.
inline tensor column_range(tensor t, isize first, isize count) {
  t.data = static_cast<std::byte*>(t.data) + element_bytes(t.type, first);
  t.cols = count;
  return t;
}

}  // namespace ctgpt::inline CTGPT_ABI
