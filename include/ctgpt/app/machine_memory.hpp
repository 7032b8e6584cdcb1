// machine_memory: how many bytes this process may use: the machine's memory, or less where a
// container has a limit (Linux control groups, version 2 or 1).
//
// Asked before a large allocation, because systems that promise more than they have would kill the
// process later instead of refusing.
// Errors: none; what cannot be read limits nothing.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline double machine_memory() {
  double least = std::numeric_limits<double>::infinity();
  const long pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) least = static_cast<double>(pages) * static_cast<double>(page);
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (!is_file(path)) continue;
    try {
      const std::string text = read_file(path, 4096);
      std::uint64_t limit = 0;
      const auto [rest, code] = std::from_chars(text.data(), text.data() + text.size(), limit);
      if (code == std::errc() && limit > 0) least = std::min(least, static_cast<double>(limit));
    } catch (const error&) {
      // Unreadable: no limit that we know of.
    }
  }
  return least;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
