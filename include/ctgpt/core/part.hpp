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

// The numbers 0 to 127 are names too: they tell equal layers apart (layer/repeat.hpp).
inline constexpr int numbered_parts = 128;
constexpr part numbered_part(int number) { return static_cast<part>(numbered_parts + number); }

namespace detail {

struct number_text {
  std::array<char, 3> digits{};
  unsigned size = 0;
};
inline constexpr auto number_texts = [] {
  std::array<number_text, numbered_parts> texts;
  for (unsigned i = 0; i < texts.size(); ++i) {
    number_text& text = texts[i];
    if (i >= 100) text.digits[text.size++] = '1';
    if (i >= 10) text.digits[text.size++] = static_cast<char>('0' + i / 10 % 10);
    text.digits[text.size++] = static_cast<char>('0' + i % 10);
  }
  return texts;
}();

}  // namespace detail

constexpr std::string_view part_name(part which) {
  constexpr std::string_view names[] = {
#define CTGPT_PART(text) #text,
      CTGPT_PARTS(CTGPT_PART)
#undef CTGPT_PART
  };
  const int place = static_cast<int>(which);
  if (place < numbered_parts) return names[place];
  const auto number = static_cast<unsigned>(place - numbered_parts);
  const detail::number_text& text = detail::number_texts[number];
  return {text.digits.data(), text.size};
}

// The names of slots and of places in a block, for `using namespace ctgpt::parts`.
namespace parts {
#define CTGPT_PART(text) inline constexpr part text = part::text;
CTGPT_PARTS(CTGPT_PART)
#undef CTGPT_PART
}  // namespace parts
#undef CTGPT_PARTS

// Not constexpr, so that a path which is too long stops the compilation with this name.
[[noreturn]] inline void ctgpt_a_parameter_lies_within_at_most_eight_names() { __builtin_trap(); }

// Up to eight parts, outermost first.
struct part_path {
  static constexpr int most = 8;
  std::array<part, most> parts{};
  int depth = 0;

  constexpr part_path within(part outer) const {
    if (depth == most) ctgpt_a_parameter_lies_within_at_most_eight_names();
    part_path longer;
    longer.parts[0] = outer;
    for (int i = 0; i < depth; ++i) {
      longer.parts[static_cast<unsigned>(i + 1)] = parts[static_cast<unsigned>(i)];
    }
    longer.depth = depth + 1;
    return longer;
  }
  constexpr part operator[](int index) const { return parts[static_cast<unsigned>(index)]; }
  friend constexpr bool operator==(const part_path&, const part_path&) = default;
  constexpr bool ends_with(part last) const { return depth > 0 && (*this)[depth - 1] == last; }
  constexpr bool has(part wanted) const {
    for (int i = 0; i < depth; ++i) {
      if ((*this)[i] == wanted) return true;
    }
    return false;
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
