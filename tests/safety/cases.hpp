// Rules and texts at random that are likely to meet, and the meaning of rules written down once
// more in the slowest way, on a whole text.
#pragma once

#include <random>

#include "ctgpt/safety/rules.hpp"

namespace safety_test {

using namespace ctgpt;
using namespace ctgpt::safety;

// What the rules make of a whole text, from the definition alone: no pieces, no beginnings, no
// search; every place is tried.
struct outcome {
  std::string text;
  std::string blocked;  // the rule's name
  std::vector<finding> findings;
  friend bool operator==(const outcome&, const outcome&) = default;
};

inline outcome by_definition(const std::vector<rule>& rules, std::string_view text,
                             rule_side side = rule_side::output) {
  outcome result;
  for (const rule& each : rules) {
    if (!each.is_about(side)) continue;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = each.match_at(text, at).size();
      if (size > 0) result.findings.push_back({&each, at, size});
      at += size > 0 ? size : 1;
    }
  }
  std::stable_sort(result.findings.begin(), result.findings.end(),
                   [](const finding& a, const finding& b) { return a.begin < b.begin; });
  std::size_t end = text.size();
  for (std::size_t i = 0; i < result.findings.size(); ++i) {
    if (result.findings[i].which->action != rule_action::block) continue;
    end = result.findings[i].begin;
    result.blocked = result.findings[i].which->name;
    result.findings.resize(i + 1);
    break;
  }
  std::vector<bool> hidden(text.size(), false);
  std::vector<const rule*> starts(text.size() + 1, nullptr);
  for (const finding& each : result.findings) {
    if (each.which->action != rule_action::mask || each.begin >= end) continue;
    if (!hidden[each.begin]) starts[each.begin] = each.which;
    for (std::size_t i = each.begin; i < each.begin + each.size; ++i) hidden[i] = true;
  }
  for (std::size_t i = 0; i < end; ++i) {
    if (starts[i] != nullptr) result.text += starts[i]->message;
    if (!hidden[i]) result.text += text[i];
  }
  return result;
}

// The text in pieces that end at the given places.
inline outcome in_pieces(const safety::rules& rules, std::string_view text,
                         const std::vector<std::size_t>& cuts, rule_side side = rule_side::output) {
  outcome result;
  screen passing = rules.screen(side);
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    if (cut < begin || cut > text.size()) continue;
    result.text += passing.feed(text.substr(begin, cut - begin));
    begin = cut;
  }
  result.text += passing.feed(text.substr(begin));
  result.text += passing.finish();
  if (passing.blocked() != nullptr) result.blocked = passing.blocked()->name;
  result.findings = passing.findings();
  return result;
}

class dice {
 public:
  explicit dice(std::uint64_t seed) : bits_(seed) {}
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(bits_() % limit); }
  template <class List>
  const auto& of(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  std::mt19937_64 bits_;
};

// Few letters, so that matches begin everywhere, end late or not at all.
inline std::string random_text(dice& dice, std::size_t most) {
  constexpr std::string_view letters[] = {
      "a", "a", "b", "c", " ", "\n", "-", "é", "É", "日", "A", "\xe0\x93\x93", "\xff"};
  std::string text;
  for (std::size_t n = dice.below(most + 1); n > 0; --n) text += dice.of(letters);
  return text;
}

inline std::string random_pattern(dice& dice, int depth) {
  constexpr std::string_view atoms[] = {"a",      "b",        "c",    "é",          "日",
                                        ".",      "[ab]",     "[^a]", "\\w",        "\\s",
                                        "\\pL",   "(?i:a)",   "-",    "[é-ê ]",     "\\x{65E5}",
                                        "(?s:.)", "\\Qa-\\E", "[]a]", "[[:alpha:]]"};
  constexpr std::string_view empty[] = {"\\b", "\\B", "^", "$", "(?m:^)", "(?m:$)", "\\A", "\\z"};
  constexpr std::string_view times[] = {"*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "{0,2}"};
  switch (depth == 0 ? 0 : dice.below(7)) {
    default:
      return std::string(dice.of(atoms));
    case 1:
      return random_pattern(dice, depth - 1) + random_pattern(dice, depth - 1);
    case 2:
      return "(?:" + random_pattern(dice, depth - 1) + "|" + random_pattern(dice, depth - 1) + ")";
    case 3:
      return "(" + random_pattern(dice, depth - 1) + ")" + std::string(dice.of(times));
    case 4:
      return std::string(dice.of(empty)) + random_pattern(dice, depth - 1);
    case 5:
      return random_pattern(dice, depth - 1) + std::string(dice.of(empty));
    case 6:
      return "(?:a(?i)" + random_pattern(dice, depth - 1) + "|" + random_pattern(dice, depth - 1) +
             ")";
  }
}

// A rule of a file, as JSON; its pattern may be one that is refused.
inline io::json random_rule(dice& dice, std::size_t number) {
  constexpr std::string_view actions[] = {"mask", "mask", "mask", "flag", "block"};
  constexpr std::string_view phrases[] = {"a b", "é日", "aba", "-", "bc", "b"};
  io::json made = io::json::object();
  made.set("name", std::to_string(number)).set("action", dice.of(actions));
  made.set("max_bytes", 1 + dice.below(12)).set("message", "<" + std::to_string(number) + ">");
  if (dice.below(4) == 0) {
    made.set("phrase", dice.of(phrases)).set("whole_words", dice.below(2) == 0);
  } else {
    made.set("pattern", random_pattern(dice, static_cast<int>(1 + dice.below(4))));
  }
  return made;
}

// Up to three rules that are not refused.
inline safety::rules random_rules(dice& dice) {
  std::vector<rule> all;
  for (std::size_t wanted = 1 + dice.below(3), number = 0; all.size() < wanted; ++number) {
    try {
      const io::json file = io::json::array().push(random_rule(dice, number));
      all.push_back(std::move(read_rules(file, "rules")[0]));
    } catch (const error&) {
      // One that matches an empty text, say.
    }
  }
  return safety::rules(std::move(all));
}

}  // namespace safety_test
