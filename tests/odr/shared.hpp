// What both units of the test say of the library that they see.
#pragma once

#include <ctgpt/ctgpt.hpp>

#include <vector>

using addresses = std::vector<const void*>;

constexpr ctgpt::config tiny{.vocab = 32, .context = 8, .layers = 1, .heads = 2, .width = 16};
struct model : ctgpt::gpt<tiny> {};

// Internal linkage on purpose: each unit compiles its own, and looks for itself.
static addresses look() {
  return {&ctgpt::attention_tile, &ctgpt::f32_precision,
          reinterpret_cast<const void*>(&ctgpt::element_name),
          reinterpret_cast<const void*>(&ctgpt::available_isas)};
}

addresses seen_by_first();
addresses seen_by_second();
ctgpt::network<model> built_by_second();
[[noreturn]] void fail_in_second();
