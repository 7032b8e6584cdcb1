// part: the names that a parameter's path is made of, and their text.
//
// A slot's path, "block.attention.heads.qkv", is a short array of these; checkpoints translate it
// into the names other programs use. Enumerators rather than strings keep template names short.
#pragma once

#include <array>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

// clang-format off
#define CTGPT_PARTS(name)                                                                          \
  name(token_embedding) name(position_embedding) name(block) name(final_norm) name(head)           \
  name(attention) name(mlp) name(normalize) name(heads) name(gate) name(residual_part)             \
  name(qkv) name(projection) name(up) name(down) name(weight) name(bias) name(gain)                \
  name(first) name(second) name(third) name(fourth) name(inner) name(outer) name(mix) name(extra)
// clang-format on

enum class part : unsigned char {
#define CTGPT_PART(text) text,
  CTGPT_PARTS(CTGPT_PART)
#undef CTGPT_PART
};

constexpr std::string_view part_name(part which) {
  constexpr std::string_view names[] = {
#define CTGPT_PART(text) #text,
      CTGPT_PARTS(CTGPT_PART)
#undef CTGPT_PART
  };
  return names[static_cast<int>(which)];
}

// The names of slots and of places in a block, for `using namespace ctgpt::parts`.
namespace parts {
#define CTGPT_PART(text) inline constexpr part text = part::text;
CTGPT_PARTS(CTGPT_PART)
#undef CTGPT_PART
}  // namespace parts
#undef CTGPT_PARTS

// Up to six parts, outermost first.
struct part_path {
  std::array<part, 6> parts{};
  int depth = 0;

  constexpr part_path within(part outer) const {
    part_path longer;
    longer.parts[0] = outer;
    for (int i = 0; i < depth; ++i) {
      longer.parts[static_cast<unsigned>(i + 1)] = parts[static_cast<unsigned>(i)];
    }
    longer.depth = depth + 1;
    return longer;
  }
  constexpr part operator[](int index) const { return parts[static_cast<unsigned>(index)]; }
  constexpr bool ends_with(part last) const { return depth > 0 && (*this)[depth - 1] == last; }
  constexpr bool has(part wanted) const {
    for (int i = 0; i < depth; ++i) {
      if ((*this)[i] == wanted) return true;
    }
    return false;
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
