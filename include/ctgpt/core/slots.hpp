// slot_list: the named parameters of a layer, in the order in which they lie in the arena.
//
// The same list drives initialisation, the optimiser's decay mask, checkpoint names and describe().
// Composites concatenate the lists of their children; the offset of a slot is the sum of the sizes
// before it, a constant where the sizes are.
// Shapes: a slot is (rows, cols) of elements, or a vector of cols (rows == 1, vector true).
// Errors: none.
#pragma once

#include <array>
#include <utility>

#include "ctgpt/base/element.hpp"
#include "ctgpt/core/part.hpp"

namespace ctgpt::inline CTGPT_ABI {

enum class initializer : unsigned char {
  zeros,
  ones,
  normal,    // N(0, 0.02)
  residual,  // N(0, 0.02 / sqrt(2 * layers)): the projections that write into the residual stream
};

struct slot {
  part_path path;
  isize rows = 1;
  isize cols = 0;
  bool vector = false;
  initializer start = initializer::normal;

  constexpr isize size() const { return rows * cols; }
  constexpr bool decays() const { return !vector; }  // weight decay: matrices, not gains and biases
};

constexpr slot matrix_slot(part name, isize rows, isize cols,
                           initializer start = initializer::normal) {
  return {part_path{}.within(name), rows, cols, false, start};
}
constexpr slot vector_slot(part name, isize size, initializer start) {
  return {part_path{}.within(name), 1, size, true, start};
}

template <int Count>
struct slot_list {
  static constexpr int count = Count;
  std::array<slot, static_cast<unsigned>(Count)> items{};

  constexpr const slot& operator[](int index) const { return items[static_cast<unsigned>(index)]; }
  constexpr isize size() const {
    isize total = 0;
    for (const slot& item : items) total += item.size();
    return total;
  }
  constexpr slot_list within(part outer) const {
    slot_list longer = *this;
    for (slot& item : longer.items) item.path = item.path.within(outer);
    return longer;
  }
};

template <>
struct slot_list<0> {
  static constexpr int count = 0;
  std::array<slot, 0> items{};
  constexpr isize size() const { return 0; }
  constexpr slot_list within(part) const { return *this; }
};

template <int A, int B>
constexpr slot_list<A + B> operator+(const slot_list<A>& a, const slot_list<B>& b) {
  slot_list<A + B> both;
  unsigned next = 0;
  for (const slot& item : a.items) both.items[next++] = item;
  for (const slot& item : b.items) both.items[next++] = item;
  return both;
}

}  // namespace ctgpt::inline CTGPT_ABI
