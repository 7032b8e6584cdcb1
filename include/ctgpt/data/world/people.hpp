// The people and places of the embedded world: the words it is made of, the forms in which a fact
// is stated and asked, and the facts that a seed chooses.
//
// A fact is (attribute, subject, value): (home, Anna, Oakby). Nine attributes: home, job, pet and
// food of a person; friend, cousin and boss of a person, whose value is a person; trade and site of
// a town. Friends and cousins are pairs (Leo's friend is Anna if Anna's friend is Leo), bosses form
// a tree, so the one person at its top has none. Values are dealt like cards, so none is rare.
//
// Every attribute has four statements and six questions, and a seventh question that only a trained
// model is asked. The first statement is the canonical one: answers use it, and its last word is
// the value. The first three questions also fit a subject such as "the boss of Anna".
//
// Names are short and differ in their first letter: a small model of characters has to learn them.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctgpt/base/random.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data::small_world {

using word = std::string_view;

inline constexpr std::array<word, 24> people = {
    "Anna", "Ben", "Cara", "Dan",  "Eva",  "Finn", "Gus", "Hana", "Ida", "Jack", "Kim", "Leo",
    "Mia",  "Ned", "Olga", "Paul", "Quin", "Rosa", "Sam", "Tina", "Uma", "Vic",  "Wes", "Zoe"};
inline constexpr std::array<word, 8> towns = {"Ashby", "Brook", "Colton", "Dale",
                                              "Elmby", "Holt",  "Marsh",  "Oakby"};
inline constexpr std::array<word, 12> jobs = {"baker",   "cook",   "doctor", "farmer",
                                              "guard",   "judge",  "miner",  "nurse",
                                              "painter", "sailor", "tailor", "vet"};
inline constexpr std::array<word, 8> pets = {"cat", "dog",   "fox",  "goat",
                                             "hen", "mouse", "pony", "rabbit"};
inline constexpr std::array<word, 12> foods = {"apples", "beans", "corn", "dates", "eggs",  "figs",
                                               "grapes", "honey", "jam",  "nuts",  "plums", "rice"};
inline constexpr std::array<word, 8> trades = {"bells", "clocks", "dolls", "gloves",
                                               "kites", "lamps",  "silk",  "wool"};
inline constexpr std::array<word, 8> sites = {"canal", "cliff", "fen", "lake",
                                              "moor",  "river", "sea", "wood"};
inline constexpr std::array<word, 12> things = {"bag", "cup", "fan", "hat", "jar", "key",
                                                "log", "map", "net", "pen", "rug", "toy"};
inline constexpr std::array<word, 12> rooms = {"attic", "barn", "cave", "den",  "gym",  "hall",
                                               "inn",   "loft", "mill", "shed", "tent", "yard"};

enum attribute_name { home, job, pet, food, friendship, cousin, boss, trade, site };

inline constexpr int asked_forms = 6;  // questions[6] is never trained
inline constexpr int plain_forms = 3;  // questions[0..2] take any subject

// In a form $0 is the subject, $1 the value and $2 the relation's noun.
struct attribute {
  word noun;                     // of a relation between people, else empty
  std::span<const word> values;  // what a value is called
  std::array<word, 4> statements;
  std::array<word, asked_forms + 1> questions;
};

inline constexpr attribute relation_of(word noun) {
  return {
      noun,
      people,
      {"$0's $2 is $1.", "The $2 of $0 is $1.", "$1 is the $2 of $0.", "$0 has $1 as a $2."},
      {"Who is the $2 of $0?", "Who is a $2 to $0?", "Which $2 does $0 have?", "Who is $0's $2?",
       "What is the name of $0's $2?", "Who does $0 have as a $2?", "What is $0's $2 called?"}};
}

inline constexpr std::array<attribute, 9> attributes = {{
    {"",
     towns,
     {"$0 lives in $1.", "$0's home is in $1.", "$0 has a house in $1.", "In $1 you can meet $0."},
     {"Where does $0 live?", "In which town does $0 live?", "Which town is home to $0?",
      "Where is $0's home?", "What is $0's town?", "Where is the house of $0?",
      "Which town is $0's house in?"}},
    {"",
     jobs,
     {"$0 is a $1.", "$0 works as a $1.", "$0's job is to be a $1.", "As a $1, $0 works hard."},
     {"What is the job of $0?", "What does $0 work as?", "Which job does $0 have?",
      "What is $0's job?", "What is $0's work?", "What does $0 do for a living?",
      "Which work does $0 do?"}},
    {"",
     pets,
     {"$0 has a $1.", "$0 keeps a $1.", "$0's pet is a $1.", "The pet of $0 is a $1."},
     {"Which pet does $0 have?", "What pet does $0 keep?", "What is the pet of $0?",
      "What is $0's pet?", "Which animal is $0's pet?", "What animal does $0 have?",
      "Which animal does $0 keep?"}},
    {"",
     foods,
     {"$0 likes $1.", "$0 loves to eat $1.", "$0's best food is $1.", "The food of $0 is $1."},
     {"What does $0 like to eat?", "Which food does $0 like?", "What food does $0 love?",
      "What is $0's best food?", "What is $0's food?", "What does $0 eat?",
      "Which food does $0 eat?"}},
    relation_of("friend"),
    relation_of("cousin"),
    relation_of("boss"),
    {"",
     trades,
     {"$0 is known for $1.", "They make $1 in $0.", "You can buy $1 in $0.",
      "The people of $0 make $1."},
     {"What is $0 known for?", "What do they make in $0?", "Which goods come from $0?",
      "What is made in $0?", "What can you buy in $0?", "What do the people of $0 make?",
      "Which goods can you buy in $0?"}},
    {"",
     sites,
     {"$0 lies by the $1.", "$0 stands by the $1.", "By the $1 lies $0.",
      "The houses of $0 are by the $1."},
     {"What does $0 lie by?", "What does $0 stand by?", "What is close to $0?", "What is by $0?",
      "What can you see from $0?", "What do the houses of $0 stand by?", "What do you see in $0?"}},
}};

inline constexpr bool of_town(int attribute) { return attribute >= trade; }
inline constexpr bool of_relation(int attribute) {
  return attribute == friendship || attribute == cousin || attribute == boss;
}
inline constexpr word subject_name(int attribute, int subject) {
  const auto at = static_cast<std::size_t>(subject);
  return of_town(attribute) ? towns[at] : people[at];
}
inline constexpr word value_name(int attribute, int value) {
  return attributes[static_cast<std::size_t>(attribute)].values[static_cast<std::size_t>(value)];
}

// Appends `form` with $0, $1, ... replaced by `words`.
// Requires: every $ names one of the words.
[[gnu::cold]] inline void fill(std::string& out, word form, std::initializer_list<word> words) {
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] != '$') {
      out += form[i];
    } else {
      out += words.begin()[form[++i] - '0'];
    }
  }
}

[[gnu::cold]] inline std::size_t draw(random_stream& random, std::size_t bound) {
  return static_cast<std::size_t>(random.below(bound));
}
[[gnu::cold]] inline int draw(random_stream& random, int bound) {
  return static_cast<int>(random.below(static_cast<std::uint64_t>(bound)));
}

template <class T>
void shuffle(std::vector<T>& list, random_stream& random) {
  for (std::size_t left = list.size(); left > 1; --left) {
    std::swap(list[left - 1], list[draw(random, left)]);
  }
}

[[gnu::cold]] inline std::vector<int> count_to(int n) {
  std::vector<int> list;
  for (int i = 0; i < n; ++i) list.push_back(i);
  return list;
}

struct fact {
  int attribute, subject, value;
};

[[gnu::cold]] inline void append_statement(std::string& out, const fact& f, int form = 0) {
  const attribute& a = attributes[static_cast<std::size_t>(f.attribute)];
  fill(out, a.statements[static_cast<std::size_t>(form)],
       {subject_name(f.attribute, f.subject), value_name(f.attribute, f.value), a.noun});
}

[[gnu::cold]] inline void append_question(std::string& out, const fact& f, int form) {
  const attribute& a = attributes[static_cast<std::size_t>(f.attribute)];
  fill(out, a.questions[static_cast<std::size_t>(form)],
       {subject_name(f.attribute, f.subject), "", a.noun});
}

// The facts of one seed. facts() lists them by attribute, then by subject.
class people_and_places {
 public:
  [[gnu::cold]] explicit people_and_places(std::uint64_t seed) {
    random_stream random(seed, 1);
    for (auto& row : value_) row.fill(-1);
    for (int a : {home, job, pet, food, trade, site}) deal(a, random);
    pair_up(friendship, random);
    do {
      pair_up(cousin, random);
    } while (cousins_are_friends());
    std::vector<int> order = count_to(static_cast<int>(people.size()));
    shuffle(order, random);
    for (std::size_t i = 1; i < order.size(); ++i) {
      at(boss, order[i]) = order[draw(random, i)];
    }
    for (int a = 0; a < static_cast<int>(attributes.size()); ++a) {
      for (int s = 0; s < subjects(a); ++s) {
        if (value(a, s) >= 0) facts_.push_back({a, s, value(a, s)});
      }
    }
  }

  const std::vector<fact>& facts() const { return facts_; }

  // The value's number, or -1 where there is no such fact (the boss of the person at the top).
  int value(int attribute, int subject) const {
    return value_[static_cast<std::size_t>(attribute)][static_cast<std::size_t>(subject)];
  }
  word named(int attribute, int subject) const {
    return value_name(attribute, value(attribute, subject));
  }

 private:
  static int subjects(int attribute) {
    return static_cast<int>(of_town(attribute) ? towns.size() : people.size());
  }
  int& at(int attribute, int subject) {
    return value_[static_cast<std::size_t>(attribute)][static_cast<std::size_t>(subject)];
  }
  [[gnu::cold]] void deal(int attribute, random_stream& random) {
    const auto values = attributes[static_cast<std::size_t>(attribute)].values.size();
    std::vector<int> deck;
    while (static_cast<int>(deck.size()) < subjects(attribute)) {
      deck.push_back(static_cast<int>(deck.size() % values));
    }
    shuffle(deck, random);
    for (int s = 0; s < subjects(attribute); ++s)
      at(attribute, s) = deck[static_cast<std::size_t>(s)];
  }
  [[gnu::cold]] void pair_up(int relation, random_stream& random) {
    std::vector<int> order = count_to(static_cast<int>(people.size()));
    shuffle(order, random);
    for (std::size_t i = 0; i < order.size(); i += 2) {
      at(relation, order[i]) = order[i + 1];
      at(relation, order[i + 1]) = order[i];
    }
  }
  bool cousins_are_friends() const {
    for (int s = 0; s < static_cast<int>(people.size()); ++s) {
      if (value(cousin, s) == value(friendship, s)) return true;
    }
    return false;
  }

  std::array<std::array<int, people.size()>, attributes.size()> value_{};
  std::vector<fact> facts_;
};

}  // namespace data::small_world
}  // namespace ctgpt::inline CTGPT_ABI
