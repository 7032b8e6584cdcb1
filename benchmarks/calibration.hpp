// The ceilings that benchmarks are compared with, measured in the same run: multiply-adds a second
// out of registers, bytes a second read from memory, and bytes a second read and written, for a
// backend as it stands (its instruction set and threads).
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/backend/peak.hpp"
#include "ctgpt/base/clock.hpp"

namespace benchmarks {

inline double seconds_of(auto&& work) {
  const double start = ctgpt::clock_seconds();
  work();
  return ctgpt::clock_seconds() - start;
}

// Bytes a second: a sum of squares over 256 MB of numbers that are not zero, best of eight.
inline double read_bandwidth(const ctgpt::backend& where) {
  constexpr ctgpt::isize count = ctgpt::isize{1} << 26;
  const ctgpt::memory numbers(where, ctgpt::element::f32, count);
  const ctgpt::memory result(where, ctgpt::element::f64, 1);
  where.table().fill(where.state(), {numbers.row(0, count), 0.5});
  double best = 0.0;
  for (int i = 0; i < 8; ++i) {
    const double seconds = seconds_of([&] {
      where.table().square_sum(where.state(), {result.row(0, 1), numbers.row(0, count)});
      where.synchronise();
    });
    best = std::max(best, 4.0 * static_cast<double>(count) / seconds);
  }
  return best;
}

// Bytes a second read and written: y += x over two blocks of 128 MB, best of eight. In place, so
// that every line that is written has been asked for: what is counted is all that moves.
inline double update_bandwidth(const ctgpt::backend& where) {
  constexpr ctgpt::isize count = ctgpt::isize{1} << 25;
  const ctgpt::memory both(where, ctgpt::element::f32, 2 * count);
  const ctgpt::tensor x = both.row(0, count), y = both.row(count, count);
  where.table().fill(where.state(), {both.row(0, 2 * count), 0.5});
  double best = 0.0;
  for (int i = 0; i < 8; ++i) {
    const double seconds = seconds_of([&] {
      where.table().add(where.state(), {y, y, x});
      where.synchronise();
    });
    best = std::max(best, 12.0 * static_cast<double>(count) / seconds);
  }
  return best;
}

// The middle of several timings in seconds, the first left out.
inline double median_seconds(int repeats, auto&& work) {
  work();
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) times.push_back(seconds_of(work));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace benchmarks
