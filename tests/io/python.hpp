// Runs a script of the golden directory with the Python that CTGPT_PYTHON names (python3 unless
// told), for tests that ask a real peer when there is one.
#pragma once

#include <doctest/doctest.h>
#include <stdio.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "ctgpt/base/file.hpp"

#if !defined(CTGPT_REPOSITORY)
#error "the tests are built with CTGPT_REPOSITORY, the path of the repository"
#endif

namespace ctgpt_test {

inline std::string golden(const std::string& name) {
  return std::string(CTGPT_REPOSITORY) + "/tests/golden/" + name;
}

inline std::string quoted_for_shell(const std::string& word) {
  std::string quoted = "'";
  for (const char letter : word) quoted += letter == '\'' ? "'\\''" : std::string(1, letter);
  return quoted + "'";
}

// What `python3 <arguments>` prints; nothing when it fails.
inline std::optional<std::string> python(const std::string& arguments) {
  const char* named = std::getenv("CTGPT_PYTHON");
  const std::string interpreter = named != nullptr ? named : "python3";
  const std::string command = quoted_for_shell(interpreter) + " " + arguments + " 2>/dev/null";
  FILE* stream = ::popen(command.c_str(), "r");
  REQUIRE(stream != nullptr);
  std::string printed;
  char piece[4096];
  for (std::size_t got; (got = ::fread(piece, 1, sizeof piece, stream)) > 0;) {
    printed.append(piece, got);
  }
  if (::pclose(stream) != 0) return std::nullopt;
  return printed;
}

// Whether the package can be imported; says how to have it when not.
inline bool python_has(const std::string& package) {
  if (python("-c " + quoted_for_shell("import " + package)).has_value()) return true;
  MESSAGE("left out: the Python package " << package << " is not installed (pip install " << package
                                         << ", or name an interpreter in CTGPT_PYTHON)");
  return false;
}

}  // namespace ctgpt_test
