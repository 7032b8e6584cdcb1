// The large texts that some tests read: in the folder that CTGPT_DATA names, else beside the
// repository. They are not part of it, so a test that needs one is left out, and reported as left
// out, where it is missing.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "ctgpt/base/file.hpp"

namespace ctgpt_test {

// The path of a text, or "" where there is none. CTest knows the sentence: it counts such a test as
// skipped (SKIP_REGULAR_EXPRESSION).
inline std::string corpus(const std::string& name) {
  const char* folder = std::getenv("CTGPT_DATA");
  const std::string path =
      (folder != nullptr ? folder : std::string(CTGPT_REPOSITORY) + "/../shared/data") + "/" + name;
  if (ctgpt::is_file(path)) return path;
  MESSAGE("left out: there is no " << path << " (CTGPT_DATA names another folder)");
  return "";
}

}  // namespace ctgpt_test
