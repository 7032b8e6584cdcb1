// out_directory: where a verb that reads documents may write others.
//
// Not into a directory that it reads: with parts in it, it would stand for these alone from then.
// Errors: usage_error for such a one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline void expect_other_directory(const std::vector<std::string>& data, const std::string& out) {
  for (const std::string& path : data) {
    std::error_code absent;
    if (!std::filesystem::equivalent(path, out, absent)) continue;
    throw usage_error(join("--out ", out, " is what --data reads; choose another directory"));
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::app
