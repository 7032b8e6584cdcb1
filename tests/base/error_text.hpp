// The sentence of the error that a call throws, for tests of what it says.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "ctgpt/base/error.hpp"

namespace ctgpt_test {

template <class Call>
std::string error_text(Call call) {
  try {
    call();
  } catch (const ctgpt::error& problem) {
    return problem.what();
  }
  FAIL_CHECK("nothing was thrown");
  return "";
}

// Prints the text where the part is missing.
inline bool contains_text(std::string_view text, std::string_view part) {
  const bool found = text.find(part) != std::string_view::npos;
  if (!found) MESSAGE("said: " << std::string(text));
  return found;
}

}  // namespace ctgpt_test
