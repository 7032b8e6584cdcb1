// Validation windows: spread evenly, the same at every call.
#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "ctgpt/train/batches.hpp"

TEST_CASE("batches spread evenly: first and last window touch the ends, the rest lie between") {
  std::vector<std::int32_t> ids(1000);
  std::iota(ids.begin(), ids.end(), 0);
  const ctgpt::batches all(ids, {.batch = 3, .time = 10});
  const ctgpt::batches part = all.part(100, 500);
  std::vector<std::int32_t> got(60), again(60);
  std::int32_t before = 99;
  for (ctgpt::isize number = 0; number < 4; ++number) {
    part.spread(number, 4, got);
    part.spread(number, 4, again);
    CHECK(got == again);
    for (std::size_t window = 0; window < 3; ++window) {
      const std::int32_t start = got[window * 10];
      CHECK(start > before);
      before = start;
      for (std::size_t i = 0; i < 10; ++i) {
        CHECK(got[window * 10 + i] == start + static_cast<std::int32_t>(i));
        CHECK(got[30 + window * 10 + i] == start + static_cast<std::int32_t>(i) + 1);
      }
    }
  }
  part.spread(0, 4, got);
  CHECK(got[0] == 100);
  part.spread(3, 4, got);
  CHECK(got[59] == 599);  // the last target is the last token
}
