// batches: windows that are a function of the seed and the batch's number alone.
#include "ctgpt/train/batches.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <set>

#include "base/child.hpp"

using namespace ctgpt;
using ctgpt_test::sentence_of;
using ids = std::vector<std::int32_t>;

namespace {

ids counting(int count) {
  ids values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}
ids draw(const batches& from, std::uint64_t number) {
  ids drawn(static_cast<std::size_t>(2 * from.batch() * from.time()));
  from.draw(number, drawn);
  return drawn;
}

}  // namespace

TEST_CASE("batches: a window's targets are its inputs, one further on") {
  const batches data(counting(1000), {.batch = 4, .time = 7});
  for (const std::uint64_t number : {0u, 1u, 99u}) {
    const ids drawn = draw(data, number);
    for (std::size_t b = 0; b < 4; ++b) {
      for (std::size_t t = 0; t < 7; ++t) {
        REQUIRE(drawn[b * 7 + t] == drawn[b * 7] + static_cast<std::int32_t>(t));
        REQUIRE(drawn[28 + b * 7 + t] == drawn[b * 7 + t] + 1);
      }
    }
  }
}

TEST_CASE("batches: a number gives the same windows whenever it is asked") {
  const batches data(counting(1000), {.batch = 4, .time = 7, .seed = 5});
  const ids tenth = draw(data, 10);
  draw(data, 3);
  CHECK(draw(data, 10) == tenth);
  CHECK(draw(batches(counting(1000), {.batch = 4, .time = 7, .seed = 5}), 10) == tenth);
  CHECK(draw(data, 11) != tenth);
  CHECK(draw(batches(counting(1000), {.batch = 4, .time = 7, .seed = 6}), 10) != tenth);
  // Far into a long run as well.
  CHECK(draw(data, std::uint64_t{1} << 40) != draw(data, (std::uint64_t{1} << 40) + 1));
}

TEST_CASE("batches: two batches are the one of double size") {
  const batches small(counting(1000), {.batch = 2, .time = 5});
  const batches large(counting(1000), {.batch = 4, .time = 5});
  const ids both = draw(large, 6), first = draw(small, 12), second = draw(small, 13);
  CHECK(ids(both.begin(), both.begin() + 10) == ids(first.begin(), first.begin() + 10));
  CHECK(ids(both.begin() + 10, both.begin() + 20) == ids(second.begin(), second.begin() + 10));
}

TEST_CASE("batches: every window that fits is drawn, and none that does not") {
  const batches data(counting(12), {.batch = 8, .time = 7});
  std::set<std::int32_t> starts;
  for (std::uint64_t number = 0; number < 50; ++number) {
    const ids drawn = draw(data, number);
    for (std::size_t b = 0; b < 8; ++b) starts.insert(drawn[b * 7]);
  }
  CHECK(starts == std::set<std::int32_t>{0, 1, 2, 3, 4});  // the last target is 11
}

TEST_CASE("batches: data of exactly one window gives that window") {
  const batches data = batches(counting(8), {.batch = 3}).with_time(7);
  const ids drawn = draw(data, 5);
  for (const std::size_t b : {0u, 7u, 14u}) CHECK(drawn[b] == 0);
  CHECK(drawn.back() == 7);
}

TEST_CASE("batches: a part stays inside its part") {
  const batches part = batches(counting(1000), {.batch = 8, .time = 7}).part(900, 100);
  CHECK(part.size() == 100);
  CHECK(part.token(0) == 900);
  CHECK(part.token(99) == 999);
  for (std::uint64_t number = 0; number < 50; ++number) {
    for (const std::int32_t id : draw(part, number)) REQUIRE(id >= 900);
  }
}

TEST_CASE("batches: data that is too short is refused with what would do") {
  const batches data(counting(7), {.batch = 3});
  CHECK(sentence_of([&] { data.with_time(7); }) ==
        "the data has 7 tokens, but a window of 7 inputs and their targets needs 8; give more data "
        "or a shorter context");
  CHECK(sentence_of([] {
          batches(std::vector<std::int32_t>{}, {}).with_time(1);
        }).find("the data has 0 tokens") == 0);
  CHECK(sentence_of([] { batches(counting(9), {.batch = 0}); }) ==
        "a batch needs at least one window, not 0");
}
