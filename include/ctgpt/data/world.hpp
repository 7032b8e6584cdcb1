// The embedded corpus: training text about a small consistent world in plain English, from a seed.
//
// world({.bytes = 1 << 20, .seed = 1}) is exactly that many bytes of printable ASCII and newlines.
// A piece is a paragraph, ends with an empty line, and is of one of nine kinds:
// - facts: two to four facts about one person or town, each in one of four wordings
// - tales: a short story built from facts, "Once Anna the baker went to see Leo in Oakby. ..."
// - statements: a sum as a sentence, "38 and 25 make 63."
// - asked: "Q: Where does Anna live?", on the next line "A: Anna lives in Oakby."
// - combined: "Q: Where does Anna's boss live?" and "A: Anna's boss is Leo. Leo lives in Dale."
// - sums: "Q: What is 38+25?" and "A: 8+5=13, 30+20=50, 63."; word_sums ask in words
// - stories: where two or three things lie, and two questions about it
// - talks: a conversation, "User: ..." and "Bot: ..."
//
// The mix says how many pieces of each kind come in the sum of its numbers. The same options give
// the same bytes on every machine; a longer text of the same seed and mix starts with the same
// pieces. Pieces are written until none fits; the last bytes, fewer than a piece has, are newlines.
// world_questions(seed) has the questions that this text never contains (data/world/questions.hpp).
//
// Errors: usage_error for less than 4 KiB or more than 4 GiB, and for an impossible mix.
#pragma once

#include <new>
#include <string>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/data/world/writer.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data {

struct world_options {
  isize bytes = 1 << 20;
  std::uint64_t seed = 1;
  world_mix mix = {};
};

inline constexpr isize smallest_world = 1 << 12;
inline constexpr isize largest_world = isize{1} << 32;

[[gnu::cold]] inline std::string world(const world_options& options = {}) {
  if (options.bytes < smallest_world || options.bytes > largest_world) {
    throw usage_error(join("ctgpt: a world of ", options.bytes, " bytes is not possible: give ",
                           smallest_world, " to ", largest_world, " bytes"));
  }
  small_world::writer writer(options.seed, options.mix);
  const auto bytes = static_cast<std::size_t>(options.bytes);
  constexpr int tries = 64;  // for a shorter piece in the room that is left
  std::string text;
  try {
    text.reserve(bytes + 1024);
  } catch (const std::bad_alloc&) {
    fail("ctgpt: a world of ", options.bytes, " bytes does not fit into memory: ask for less");
  }
  for (int misses = 0; misses < tries;) {
    const std::size_t before = text.size();
    writer.piece(text);
    if (text.size() > bytes) {
      text.resize(before);
      ++misses;
    }
  }
  text.resize(bytes, '\n');
  return text;
}

}  // namespace data
}  // namespace ctgpt::inline CTGPT_ABI
