// Counts what the program allocates with new while a counter lives, worker threads included.
#pragma once

#include <atomic>

namespace ctgpt_test {

inline std::atomic<bool> counting_allocations{false};
inline std::atomic<long> allocations{0};

struct allocation_counter {
  allocation_counter() {
    allocations = 0;
    counting_allocations = true;
  }
  ~allocation_counter() { counting_allocations = false; }
  long count() const { return allocations; }
};

}  // namespace ctgpt_test
