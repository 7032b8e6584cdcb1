// Stories of the embedded world: short ones about where things lie, which questions are asked
// about, and tales that are only told.
//
// "Anna came home. The hat is in the barn. The cup is in the shed." is a story of two or three
// things; "Where is the cup?" is answered by "The cup is in the shed.", a sentence of the story:
// a model has to look it up. Things, rooms and people are drawn afresh for each story, so nothing
// outside the story helps. Its key says which thing lies where, without regard to order.
//
// A tale is built from facts: who lives in Oakby in a tale lives there in every other piece.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "ctgpt/data/world/people.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data::small_world {

inline constexpr std::array<word, 6> story_openings = {"$0 came home.", "$0 went out.",
                                                       "$0 was ill.",   "$0 had a plan.",
                                                       "$0 woke up.",   "$0 sat down."};

struct story {
  int opening, person, count;
  std::array<int, 3> thing, room;

  std::uint64_t key() const {
    std::array<int, 3> pairs{};  // descending
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      int pair = 1 + thing[i] * static_cast<int>(rooms.size()) + room[i];
      for (int& each : pairs) {
        if (pair > each) std::swap(pair, each);
      }
    }
    std::uint64_t result = 0;
    for (int pair : pairs) result = result * 1000 + static_cast<std::uint64_t>(pair);
    return result;
  }
};

[[gnu::cold]] inline story draw_story(random_stream& random, int count) {
  story s{draw(random, static_cast<int>(story_openings.size())),
          draw(random, static_cast<int>(people.size())),
          count,
          {},
          {}};
  const auto draw_new = [&random](std::array<int, 3>& list, std::size_t at, std::size_t bound) {
    do {
      list[at] = static_cast<int>(draw(random, bound));
    } while (std::find(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(at), list[at]) !=
             list.begin() + static_cast<std::ptrdiff_t>(at));
  };
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    draw_new(s.thing, i, things.size());
    draw_new(s.room, i, rooms.size());
  }
  return s;
}

inline word thing_of(const story& s, int i) {
  return things[static_cast<std::size_t>(s.thing[static_cast<std::size_t>(i)])];
}
inline word room_of(const story& s, int i) {
  return rooms[static_cast<std::size_t>(s.room[static_cast<std::size_t>(i)])];
}
[[gnu::cold]] inline void append_story_sentence(std::string& out, const story& s, int i) {
  fill(out, "The $0 is in the $1.", {thing_of(s, i), room_of(s, i)});
}
[[gnu::cold]] inline void append_story_question(std::string& out, const story& s, int i) {
  fill(out, "Where is the $0?", {thing_of(s, i)});
}
[[gnu::cold]] inline void append_story(std::string& out, const story& s) {
  fill(out, story_openings[static_cast<std::size_t>(s.opening)],
       {people[static_cast<std::size_t>(s.person)]});
  for (int i = 0; i < s.count; ++i) {
    out += ' ';
    append_story_sentence(out, s, i);
  }
}

// $0 a person, $1 the person's home, $2 job, $3 pet, $4 food, $5 friend, $6 cousin, $7 the cousin's
// home, $8 what that town is known for, $9 what it lies by.
inline constexpr std::array<word, 6> tales = {
    "Once $0 the $2 went to see $6 in $7. They sat by the $9 and ate $4.",
    "Once $0 lost a $3 in $1. $0 called $5, a friend, and they found the $3 at night.",
    "Once $5 had no food. Then $0 came with $4, and the two friends ate it all.",
    "Once $0 left $1 and walked to $7 to buy $8. It was late, so $0 slept by the $9.",
    "Once $6 came to $1 to meet $0 and the $3. It rained all day, but they had $4.",
    "Once it was cold in $7. $6 asked $0 the $2 for help, and by night all was well."};

[[gnu::cold]] inline void append_tale(std::string& out, const people_and_places& facts,
                                      random_stream& random) {
  int who, relative;
  do {  // a visit needs two towns; at most three people share one, so this ends
    who = draw(random, static_cast<int>(people.size()));
    relative = facts.value(cousin, who);
  } while (facts.value(home, who) == facts.value(home, relative));
  const int town = facts.value(home, relative);
  fill(out, tales[draw(random, tales.size())],
       {people[static_cast<std::size_t>(who)], facts.named(home, who), facts.named(job, who),
        facts.named(pet, who), facts.named(food, who), facts.named(friendship, who),
        facts.named(cousin, who), facts.named(home, relative), facts.named(trade, town),
        facts.named(site, town)});
}

}  // namespace data::small_world
}  // namespace ctgpt::inline CTGPT_ABI
