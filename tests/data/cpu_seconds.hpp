// Seconds that this process has computed: for bounds on speed that other programs must not break.
#pragma once

#include <time.h>

namespace ctgpt_test {

inline double cpu_seconds() {
  struct timespec now {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace ctgpt_test
