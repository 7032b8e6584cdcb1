// clock_seconds(): a clock that only goes forward, for durations.
//
// Seconds since some moment before the program started, of nanosecond resolution. <chrono> says the
// same and costs every unit that includes it a tenth of a second of compile time.
// Errors: none.
// Reference: POSIX.1, clock_gettime, CLOCK_MONOTONIC.
#pragma once

#include <time.h>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

inline double clock_seconds() {
  struct timespec now {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace ctgpt::inline CTGPT_ABI
