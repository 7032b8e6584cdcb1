// The program's operator new, in a unit of its own: inlined, g++ 12 takes new and free for a
// mismatch.
#include "infer/allocations.hpp"

#include <cstdlib>
#include <new>

void* operator new(std::size_t bytes) {
  if (ctgpt_test::counting_allocations) ++ctgpt_test::allocations;
  if (void* data = std::malloc(bytes != 0 ? bytes : 1)) return data;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (ctgpt_test::counting_allocations) ++ctgpt_test::allocations;
  return std::malloc(bytes != 0 ? bytes : 1);
}
void operator delete(void* data) noexcept { std::free(data); }
void operator delete(void* data, std::size_t) noexcept { std::free(data); }
