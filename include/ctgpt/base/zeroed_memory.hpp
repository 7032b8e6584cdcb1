// Zeros from the system: memory that costs nothing until it is touched, in large pages if it can.
//
// zeroed_memory places(bytes);  places.data();       begins at a page; given back at the end
//
// calloc is not this: memory that a program used before it fills with zeros, all of it, at once.
// Cost: a page of 4 KB takes about 1.3 us when it is first touched, one of 2 MB 60 us: a tenth for
// the same bytes, and what is looked up in it misses the processor's page tables less.
// Errors: std::bad_alloc.
// Reference: mmap(2), MAP_ANONYMOUS; madvise(2), MADV_HUGEPAGE, which is advice: where the system
// has no large pages, nothing else changes.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

class zeroed_memory {
 public:
  zeroed_memory() = default;
  explicit zeroed_memory(std::size_t bytes) : mapped_(bytes + large_page) {
    map_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map_ == MAP_FAILED) throw std::bad_alloc();
    const auto address = reinterpret_cast<std::uintptr_t>(map_);
    data_ = reinterpret_cast<void*>((address + large_page - 1) & ~(large_page - 1));
#ifdef MADV_HUGEPAGE
    ::madvise(data_, bytes & ~(large_page - 1), MADV_HUGEPAGE);
#endif
  }
  zeroed_memory(zeroed_memory&& other) noexcept { swap(other); }
  zeroed_memory& operator=(zeroed_memory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~zeroed_memory() {
    if (data_ != nullptr) ::munmap(map_, mapped_);
  }
  void* data() const { return data_; }

 private:
  static constexpr std::size_t large_page = std::size_t{1} << 21;

  void swap(zeroed_memory& other) noexcept {
    std::swap(map_, other.map_);
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
  }

  void* map_ = nullptr;  // with a large page more than is asked for, so that data_ begins at one
  void* data_ = nullptr;
  std::size_t mapped_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
