// The quality filters of the large public corpora: Gopher, C4 and FineWeb.
//
// gopher, c4 and fineweb are stages (data/stage.hpp): pipeline<gopher, c4, fineweb>, in the order
// in which FineWeb runs them. parse_filter_rules({"gopher,c4"}) reads what a user chose.
// With FineWeb's rules, C4's rule of terminal marks is off: FineWeb has a milder one of its own.
// Errors: usage_error for a name that is none.
// Reference: Penedo et al., "The FineWeb Datasets", 2024.
#pragma once

#include "ctgpt/base/error.hpp"
#include "ctgpt/data/filters/c4.hpp"
#include "ctgpt/data/filters/fineweb.hpp"
#include "ctgpt/data/filters/gopher.hpp"
#include "ctgpt/data/name_list.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct filter_rules {
  bool gopher = false, c4 = false, fineweb = false;
};

inline filter_rules parse_filter_rules(std::string_view list) {
  filter_rules rules;
  for (const std::string_view name : names_in(list)) {
    if (name == "gopher") {
      rules.gopher = true;
    } else if (name == "c4") {
      rules.c4 = true;
    } else if (name == "fineweb") {
      rules.fineweb = true;
    } else {
      throw usage_error(join("there is no rule '", name,
                             "': give gopher, c4 or fineweb, or several "
                             "with commas between them"));
    }
  }
  return rules;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
