// slot_list: a constexpr table of parameters that concatenates and nests.
#include "ctgpt/core/slots.hpp"

#include <doctest/doctest.h>

using namespace ctgpt;

namespace {

constexpr slot_list<1> weights{{matrix_slot(part::weight, 3, 5, initializer::residual)}};
constexpr slot_list<1> biases{{vector_slot(part::bias, 3, initializer::zeros)}};

constexpr bool lists_concatenate_in_order() {
  constexpr auto both = weights + biases;
  static_assert(both.count == 2);
  return both.size() == 18 && both[0].size() == 15 && both[0].rows == 3 && both[0].cols == 5 &&
         both[1].size() == 3 && both[1].rows == 1 && both[1].vector && !both[0].vector &&
         both[0].start == initializer::residual && both[1].start == initializer::zeros;
}
static_assert(lists_concatenate_in_order());

constexpr bool lists_nest_under_a_name() {
  constexpr auto nested =
      (weights + biases).within(part::up).within(part::mlp) + biases.within(part::down);
  for (int i = 0; i < 2; ++i) {
    if (nested[i].path[0] != part::mlp || nested[i].path[1] != part::up) return false;
  }
  return nested.count == 3 && nested[0].path.ends_with(part::weight) &&
         nested[1].path.ends_with(part::bias) && nested[2].path[0] == part::down &&
         nested[2].path.depth == 2;
}
static_assert(lists_nest_under_a_name());

constexpr bool an_empty_list_adds_nothing() {
  constexpr auto none = slot_list<0>{}.within(part::mlp) + slot_list<0>{};
  static_assert(none.count == 0 && none.size() == 0);
  constexpr auto same = none + weights + slot_list<0>{};
  static_assert(same.count == 1);
  return same.size() == weights.size() && same[0].path.depth == 1;
}
static_assert(an_empty_list_adds_nothing());

}  // namespace

TEST_CASE("slots: lists concatenate in order and nest under names") {
  CHECK(lists_concatenate_in_order());
  CHECK(lists_nest_under_a_name());
  CHECK(an_empty_list_adds_nothing());
}

TEST_CASE("slots: matrices decay, gains and biases do not") {
  CHECK(weights[0].decays());
  CHECK_FALSE(biases[0].decays());
  CHECK_FALSE(vector_slot(part::gain, 4, initializer::ones).decays());
  CHECK(matrix_slot(part::weight, 1, 4).decays());  // one row is still a matrix
}
