// What training must never see, chosen from the seed alone, and the guard that enforces it.
//
// Held out of training are
// - phrasings: two of the six questions of every fact, all six of one fact in eight, which is then
//   stated but never asked, and the seventh question of every attribute;
// - two facts: 64 combinations, such as Anna's boss's home, in all of their phrasings;
// - sums: 128 pairs of numbers, in both orders, in digits and in words;
// - stories: 128 whole ones, whatever the opening, the order of their sentences or the question.
//   (Holding out pairs of a thing and a room would teach that such a pair is never the answer.)
//
// The writer draws what may_ask() and may_tell() allow, and combinations and sums past the held-out
// ones. The guard does not ask them: it holds the texts that follow from the list above, and looks
// up whatever is written.
//
// Errors: guard::question and guard::sum throw ctgpt::error for what is held out.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/data/world/arithmetic.hpp"
#include "ctgpt/data/world/people.hpp"
#include "ctgpt/data/world/stories.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data::small_world {

// A question that needs two facts: a relation (or the home) of a person, then a fact about its
// value.
struct combination {
  fact first, second;
};

inline constexpr int combined_forms = 2 * plain_forms;

[[gnu::cold]] inline void append_combined_question(std::string& out, const combination& c,
                                                   int form) {
  const attribute& asked = attributes[static_cast<std::size_t>(c.second.attribute)];
  const attribute& link = attributes[static_cast<std::size_t>(c.first.attribute)];
  std::string subject;
  fill(subject, form % 2 == 0 ? "$0's $1" : "the $1 of $0",
       {subject_name(c.first.attribute, c.first.subject),
        c.first.attribute == home ? word("town") : link.noun});
  fill(out, asked.questions[static_cast<std::size_t>(form / 2)], {subject, "", asked.noun});
}

// Both facts in their canonical form: "Anna's boss is Tom. Tom lives in Oakby."
[[gnu::cold]] inline void append_combined_answer(std::string& out, const combination& c) {
  append_statement(out, c.first);
  out += ' ';
  append_statement(out, c.second);
}

[[gnu::cold]] inline std::vector<combination> all_combinations(const people_and_places& facts) {
  std::vector<combination> list;
  for (const fact& first : facts.facts()) {
    const bool to_person = of_relation(first.attribute);
    if (!to_person && first.attribute != home) continue;
    for (int a : {home, job, pet, food, trade, site}) {
      if (of_town(a) == to_person) continue;
      list.push_back({first, {a, first.value, facts.value(a, first.value)}});
    }
  }
  return list;
}

// Numbers, found by hashing.
class number_set {
 public:
  [[gnu::cold]] void add(std::uint64_t number) {
    expects(++count_ < slots_.size() / 2, "the world holds out more than it has room for");
    slots_[place(number)] = number;
  }
  bool holds(std::uint64_t number) const { return slots_[place(number)] == number; }

 private:
  static constexpr std::uint64_t none = ~std::uint64_t{0};  // of no story, sum or text
  [[gnu::noinline]] std::size_t place(std::uint64_t number) const {
    std::size_t at = static_cast<std::size_t>(number * 0x9e3779b97f4a7c15u >> 50);
    while (slots_[at] != none && slots_[at] != number) at = (at + 1) % slots_.size();
    return at;
  }

  std::vector<std::uint64_t> slots_ = std::vector(std::size_t{1} << 14, none);
  std::size_t count_ = 0;
};

class guard {
 public:
  void hold(std::string_view question) { held_.add(mark(question)); }
  void hold(const sum& s) { held_.add(mark(s)); }
  void question(std::string_view text) const {
    expects(!holds(mark(text)),
            "ctgpt: the world's training text was about to contain the held-out question '", text,
            "'; this is a defect of data/world, please report it");
  }
  void sum(const small_world::sum& s) const {
    expects(!holds(mark(s)),
            "ctgpt: the world's training text was about to contain the held-out sum ", s.left,
            " + ", s.right, "; this is a defect of data/world, please report it");
  }

 private:
  // FNV-1a, 64 bits: among the thousands of texts of a world two that share a mark would be met
  // once in a billion worlds, and would stop the writer rather than let a question through.
  [[gnu::noinline]] static std::uint64_t mark(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char byte : text) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
    return hash;
  }
  static std::uint64_t mark(const small_world::sum& s) {
    return static_cast<std::uint64_t>(std::min(s.left, s.right) * 100 + std::max(s.left, s.right));
  }
  bool holds(std::uint64_t mark) const { return held_.holds(mark); }
  number_set held_;
};

class held_out {
 public:
  static constexpr std::size_t combinations = 64, sums = 128, stories = 128;

  [[gnu::cold]] held_out(const people_and_places& facts, std::uint64_t seed) {
    random_stream random(seed, 2);
    choose_phrasings(facts, random);
    combinations_ = all_combinations(facts);
    shuffle(combinations_, random);
    std::vector<sum> sums = all_sums();
    shuffle(sums, random);
    for (const bool round : {false, true}) {
      for (const sum& s : sums) {
        if (is_round(s) == round) sums_.push_back(s);
      }
    }
    while (stories_.size() < stories) {
      const story s = draw_story(random, 2 + static_cast<int>(stories_.size() % 2));
      if (may_tell(s)) {
        stories_.push_back(s);
        keys_.add(s.key());
      }
    }
    fill_guard(facts);
  }

  // For the fact with this place in people_and_places::facts().
  bool may_ask(std::size_t at, int form) const { return (phrasings_[at] >> form & 1u) == 0; }
  bool is_asked(std::size_t at) const { return phrasings_[at] != nothing_asked; }
  bool may_tell(const story& s) const { return !keys_.holds(s.key()); }
  // The first `combinations` of all combinations and the first `sums` of all sums are held out.
  bool may_combine(std::size_t at) const { return at >= combinations; }
  bool may_add(std::size_t at) const { return at >= sums; }

  const std::vector<combination>& every_combination() const { return combinations_; }
  const std::vector<sum>& every_sum() const { return sums_; }
  const std::vector<story>& held_stories() const { return stories_; }
  const guard& check() const { return guard_; }

 private:
  static constexpr unsigned nothing_asked = (1u << (asked_forms + 1)) - 1;

  [[gnu::cold]] void choose_phrasings(const people_and_places& facts, random_stream& random) {
    const std::size_t count = facts.facts().size();
    phrasings_.assign(count, 1u << asked_forms);
    std::vector<int> order = count_to(static_cast<int>(count));
    shuffle(order, random);
    for (std::size_t i = 0; i < count; ++i) {
      unsigned& held = phrasings_[static_cast<std::size_t>(order[i])];
      if (i < count / 8) {
        held = nothing_asked;
        continue;
      }
      const int one = draw(random, asked_forms);
      const int other = (one + 1 + draw(random, asked_forms - 1)) % asked_forms;
      held |= 1u << one | 1u << other;
    }
  }

  [[gnu::cold]] void fill_guard(const people_and_places& facts) {
    std::string text;
    const auto hold = [&] {
      guard_.hold(text);
      text.clear();
    };
    for (std::size_t at = 0; at < facts.facts().size(); ++at) {
      for (int form = 0; form <= asked_forms; ++form) {
        if (may_ask(at, form)) continue;
        append_question(text, facts.facts()[at], form);
        hold();
      }
    }
    for (std::size_t at = 0; at < combinations; ++at) {
      for (int form = 0; form < combined_forms; ++form) {
        append_combined_question(text, combinations_[at], form);
        hold();
      }
    }
    for (std::size_t at = 0; at < sums; ++at) guard_.hold(sums_[at]);
    for (const story& s : stories_) {
      append_story(text, s);
      hold();
    }
  }

  std::vector<unsigned> phrasings_;  // a bit for each question form that is held out
  std::vector<combination> combinations_;
  std::vector<sum> sums_;
  std::vector<story> stories_;
  number_set keys_;  // of stories_
  guard guard_;
};

}  // namespace data::small_world
}  // namespace ctgpt::inline CTGPT_ABI
