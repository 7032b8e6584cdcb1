// part and part_path: names as text, and paths that grow outwards.
#include "ctgpt/core/part.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace ctgpt;

namespace {

constexpr bool paths_grow_outwards() {
  constexpr part_path path = part_path{}
                                 .within(part::weight)
                                 .within(part::qkv)
                                 .within(part::heads)
                                 .within(part::attention)
                                 .within(part::block);
  return path.depth == 5 && path[0] == part::block && path[1] == part::attention &&
         path[2] == part::heads && path[3] == part::qkv && path[4] == part::weight &&
         path.ends_with(part::weight) && !path.ends_with(part::block) && path.has(part::qkv) &&
         !path.has(part::mlp) && !part_path{}.ends_with(part::token_embedding) &&
         !part_path{}.has(part::token_embedding);
}
static_assert(paths_grow_outwards());

static_assert(part_name(part::token_embedding) == "token_embedding");
static_assert(part_name(part::extra) == "extra");
static_assert(parts::attention == part::attention);  // the name that blocks are written with

}  // namespace

TEST_CASE("part: a path grows outwards and knows its parts") { CHECK(paths_grow_outwards()); }

TEST_CASE("part: every part has a name of its own") {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(part::extra); ++i) {
    names.insert(std::string(part_name(static_cast<part>(i))));
  }
  CHECK(names.size() == static_cast<std::size_t>(part::extra) + 1);
  for (const char* name :
       {"block", "attention", "mlp", "normalize", "heads", "gate", "qkv", "projection", "up",
        "down", "weight", "bias", "gain", "final_norm", "head", "position_embedding"}) {
    CHECK_MESSAGE(names.count(name) == 1, name);
  }
}
