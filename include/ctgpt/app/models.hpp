// models: the presets that the program knows, and the type that runs a config.
//
// Besides the library's presets those of a file that the build names: -DCTGPT_PRESETS=FILE, a list
// of initialisers of `preset` as in model/presets.hpp:
//   {"mine", "what it is for", {.vocab = 256, .layers = 2, .width = 64}, {.steps = 500}},
// A config that is a preset's runs as that compiled type, any other by sizes known at run time, if
// its kinds are a preset's, GPT-2's or Llama's (model/any.hpp).
// Errors: two presets of one name do not compile; a config that no compiled type runs: one
// sentence.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <type_traits>

#include "ctgpt/model/any.hpp"
#include "ctgpt/model/hugging_face.hpp"

// A namespace of its own for a program with presets of its own: a macro changes no type's body.
#if defined(CTGPT_PRESETS)
#define CTGPT_PRESET_LIST with_presets
#else
#define CTGPT_PRESET_LIST without_presets
#endif

namespace ctgpt::inline CTGPT_ABI::app::inline CTGPT_PRESET_LIST {

inline constexpr auto known_presets = [] {
#if defined(CTGPT_PRESETS)
  constexpr preset own[] = {
#include CTGPT_PRESETS
  };
  std::array<preset, presets::count + sizeof(own) / sizeof(own[0])> list{};
  for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); ++i) list[presets::count + i] = own[i];
#else
  std::array<preset, presets::count> list{};
#endif
  for (unsigned i = 0; i < presets::count; ++i) list[i] = presets::all[i];
  return list;
}();

template <class List>
constexpr bool names_differ(const List& list) {
  for (const preset& each : list) {
    for (const preset& other : list) {
      if (&each != &other && each.name == other.name) return false;
    }
  }
  return true;
}
static_assert(names_differ(known_presets),
              "two presets have the same name; give each of CTGPT_PRESETS one of its own");

constexpr const preset* find_preset(std::string_view name) {
  for (const preset& each : known_presets) {
    if (each.name == name) return &each;
  }
  return nullptr;
}
// The preset that a config is of; nullptr: none.
constexpr const preset* preset_of(const config& c) {
  for (const preset& each : known_presets) {
    if (canonical(each.model) == canonical(c)) return &each;
  }
  return nullptr;
}

// Every preset, a line each, under a heading.
inline std::string preset_table() {
  std::string list = "The presets:\n";
  for (const preset& each : known_presets) {
    const std::size_t size = each.name.size();
    list += std::string("  ").append(each.name).append(size < 22 ? 22 - size : 1, ' ');
    list.append(each.summary) += '\n';
  }
  return list;
}
// For a name that is none of them. The table goes to standard error before the sentence.
[[noreturn]] inline void fail_unknown_preset(const std::string& name) {
  std::fputs(preset_table().c_str(), stderr);
  throw usage_error(join("there is no preset \"", name,
                         "\"; choose one of the table above, or build the program with ",
                         "-DCTGPT_PRESETS=FILE for sizes of your own"));
}

// Calls visit(model) with the type whose sizes are known at run time: visit_kinds, and the kinds of
// one's own presets.
template <class Visitor, std::size_t Index = presets::count>
void visit_any(const config& c, Visitor&& visit) {
  if constexpr (Index == known_presets.size()) {
    visit_kinds(c, visit);
  } else {
    constexpr config kinds = kinds_of(known_presets[Index].model);
    constexpr auto& others = detail::all_kinds.first;
    constexpr bool is_new = std::find(others.begin(), others.end(), kinds) == others.end();
    if constexpr (is_new) {
      if (kinds_of(c) == kinds) {
        visit(gpt<kinds>(c));
        return;
      }
    }
    visit_any<Visitor, Index + 1>(c, std::forward<Visitor>(visit));
  }
}

// Calls visit(model) with the type that runs c.
template <class Visitor, std::size_t Index = 0>
void visit_model(const config& c, Visitor&& visit) {
  if constexpr (Index == known_presets.size()) {
    visit_any(c, visit);
  } else {
    if constexpr (known_presets[Index].runs) {
      if (canonical(c) == canonical(known_presets[Index].model)) {
        struct model : gpt<known_presets[Index].model> {};
        visit(model{});
        return;
      }
    }
    visit_model<Visitor, Index + 1>(c, std::forward<Visitor>(visit));
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::app::inline CTGPT_PRESET_LIST
#undef CTGPT_PRESET_LIST
