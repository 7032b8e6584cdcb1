// clock_seconds(): a clock that only goes forward, for durations; wall_seconds(): the time of day.
//
// Seconds, of nanosecond resolution, since some moment before the program started, and since the
// beginning of 1970. <chrono> says the same and costs every unit that includes it a tenth of a
// second of compile time.
// Errors: none.
// Reference: POSIX.1, clock_gettime, CLOCK_MONOTONIC and CLOCK_REALTIME.
#pragma once

#include <time.h>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace detail {

inline double seconds_of(clockid_t clock) {
  struct timespec now {};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace detail

inline double clock_seconds() { return detail::seconds_of(CLOCK_MONOTONIC); }
inline double wall_seconds() { return detail::seconds_of(CLOCK_REALTIME); }

}  // namespace ctgpt::inline CTGPT_ABI
