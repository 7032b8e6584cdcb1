// text_windows: every token but the first is scored once, with the tokens before it as context.
#include "ctgpt/app/text_windows.hpp"

#include <doctest/doctest.h>

#include <numeric>

using namespace ctgpt;

TEST_CASE("text_windows: each token but the first is a target exactly once, in place") {
  for (const isize size : {2, 3, 9, 10, 11, 50}) {
    for (const isize context : {1, 4, 9, 10, 64}) {
      for (isize stride = 1; stride <= context; ++stride) {
        for (const isize batch : {1, 3}) {
          std::vector<std::int32_t> ids(static_cast<std::size_t>(size));
          std::iota(ids.begin(), ids.end(), 100);
          app::text_windows windows(ids, context, stride);
          const isize time = windows.time(), tokens = batch * time;
          REQUIRE(time == std::min(context, size - 1));
          std::vector<std::int32_t> window(static_cast<std::size_t>(2 * tokens));
          std::vector<int> seen(ids.size(), 0);
          isize calls = 0;
          for (; windows.fill(window, batch); ++calls) {
            for (isize i = 0; i < tokens; ++i) {
              const std::int32_t target = window[static_cast<std::size_t>(tokens + i)];
              if (target < 0) continue;
              CHECK(window[static_cast<std::size_t>(i)] == target - 1);
              ++seen[static_cast<std::size_t>(target - 100)];
              // Whatever has a place in the window has the tokens before it there too.
              const isize place = i % time;
              CHECK((place >= context - stride || target - 100 <= context));
            }
          }
          CHECK(calls == (windows.count() + batch - 1) / batch);
          CHECK(seen[0] == 0);
          CHECK(std::all_of(seen.begin() + 1, seen.end(), [](int times) { return times == 1; }));
        }
      }
    }
  }
}
