// Names with commas between them, as options take them.
//
// names_in("gopher, c4")        {"gopher", "c4"}
//
// Errors: none; "" and two commas in a row give empty names, which no list of choices holds.
#pragma once

#include <vector>

#include "ctgpt/data/ascii.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

inline std::vector<std::string_view> names_in(std::string_view list) {
  std::vector<std::string_view> names;
  for (;;) {
    const std::size_t comma = list.find(',');
    names.push_back(trimmed(list.substr(0, comma)));
    if (comma == list.npos) return names;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::data
