// fetch_flags: the options of the verb `data fetch` (app/fetch.hpp).
//
// Errors: those of app/flags.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct fetch_flags {
  std::vector<std::string> names;
  std::optional<std::string> cache;
  bool list = false, json = false;

  template <class Visitor>
  void describe(Visitor& v) {
    v.words("NAME", "what to fetch: names that --list shows", names);
    v.yes("--list", "say what there is: names, sizes, licences", list);
    v.text("--cache DIR",
           "where files are kept (default: $CTGPT_CACHE, $XDG_CACHE_HOME/ctgpt or ~/.cache/ctgpt)",
           cache);
    v.yes("--json", "print JSON", json);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::app
