// Views: a tensor whose width is a type's fact, and its parts by rows and columns.
#include "ctgpt/core/view.hpp"

#include <doctest/doctest.h>

#include <type_traits>

using namespace ctgpt;

namespace {

static_assert(rows<8>::width == 8);
static_assert(!std::is_same_v<rows<8>, rows<9>>);
static_assert(sizeof(rows<8>) == sizeof(tensor));
static_assert(!matrix<2, 3>{} && !vector<3>{} && !rows<4>{});  // an empty view is false

}  // namespace

TEST_CASE("view: rows and columns of an activation point into it") {
  float data[6 * 8];
  for (int i = 0; i < 48; ++i) data[i] = static_cast<float>(i);
  const rows<8> x{{data, 6, 8, 8, element::f32}};
  CHECK(x.count() == 6);
  CHECK(static_cast<bool>(x));

  const rows<8> middle = x.range(2, 3);
  CHECK(middle.count() == 3);
  CHECK(middle.t.data == data + 16);
  CHECK(middle.t.stride == 8);

  const rows<3> part = columns<3>(x, 4, 3);
  CHECK(part.t.data == data + 4);
  CHECK(part.t.cols == 3);
  CHECK(part.t.rows == 6);
  CHECK(part.t.stride == 8);  // a row further is still a whole row further
  CHECK(static_cast<const float*>(part.range(5, 1).t.data)[2] == 46.0f);
}

TEST_CASE("view: offsets count the element's bytes") {
  bf16 data[4 * 6];
  const rows<6> x{{data, 4, 6, 6, element::bf16}};
  CHECK(x.range(3, 1).t.data == data + 18);
  CHECK(columns<2>(x, 4, 2).t.data == data + 4);
}
