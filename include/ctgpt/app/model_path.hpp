// resolve_model: which directory a --model path means.
//
// A run directory stands for its best checkpoint, else its last; a model directory for itself.
// Errors: a path that is no directory, or holds no model.
#pragma once

#include <string>

#include "ctgpt/base/directory.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// The directory with config.json that `path` means.
inline std::string resolve_model(const std::string& path) {
  expects(is_directory(path), "there is no directory ", path);
  for (const char* name : {"", "/best", "/last"}) {
    const std::string file = path + name + "/config.json";
    if (is_file(file)) return path + name;
    if (errno == EACCES) fail_system("read", file, EACCES);
  }
  fail(path, " holds no model: it has no config.json, and no best or last checkpoint");
}

}  // namespace ctgpt::inline CTGPT_ABI::app
