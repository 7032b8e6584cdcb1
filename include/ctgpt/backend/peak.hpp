// measured_peak: the floating-point operations a second that a backend's processors can do at best,
// measured in a few milliseconds by its own register-only loop (kernel_table::burn).
//
// The ceiling of "fraction of peak". 0 where the backend has no such loop.
// Errors: none.
#pragma once

#include <algorithm>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/base/clock.hpp"

namespace ctgpt::inline CTGPT_ABI {

inline double measured_peak(const backend& where, int repeats = 10) {
  if (where.table().burn == nullptr) return 0.0;
  double best = 0.0;
  for (int i = 0; i < repeats; ++i) {
    const double start = clock_seconds();
    const double done = where.table().burn(where.state(), 200000);
    const double taken = clock_seconds() - start;
    best = std::max(best, done / taken);
  }
  return best;
}

}  // namespace ctgpt::inline CTGPT_ABI
