// The embedded corpus: training text about a small consistent world in plain English, from a seed.
//
// world({.bytes = 1 << 20, .seed = 1}) returns exactly that many bytes of printable ASCII and
// newlines. A piece is a paragraph, ends with an empty line and is one of nine kinds:
//   facts        two to four facts about one person or town, in one of four wordings each
//   tales        a short story built from facts ("Once Anna the baker went to see Tom in Oakby.
//   ...") statements   a sum as a sentence ("38 and 25 make 63.") asked        Q: Where does Anna
//   live?           A: Anna lives in Oakby. combined     Q: Where does Anna's boss live?    A:
//   Anna's boss is Tom. Tom lives in Oakby. sums         Q: What is 38+25?                  A:
//   8+5=13, 30+20=50, 63. word_sums    Q: What is six plus twenty?        A: the same working, in
//   digits stories      where two or three things lie, and two questions about it talks        a
//   conversation, "User: ..." and "Bot: ..."
// The mix gives how many pieces of each kind come in a hundred or any other total. The same options
// give the same bytes on every machine; a longer text of the same seed and mix starts with the same
// pieces. Pieces are drawn until the next one does not fit, then shorter ones; what is left, less
// than the shortest piece, is filled with newlines. world_questions(seed)
// (data/world/questions.hpp) holds the questions that this text never contains, which every
// question is checked against while it is written. Errors: usage_error for fewer than 4 KiB or more
// than 16 GiB, and for a mix that is negative or empty.
#pragma once

#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/base/random.hpp"
#include "ctgpt/data/world/arithmetic.hpp"
#include "ctgpt/data/world/conversations.hpp"
#include "ctgpt/data/world/held_out.hpp"
#include "ctgpt/data/world/people.hpp"
#include "ctgpt/data/world/questions.hpp"
#include "ctgpt/data/world/stories.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data {

// Relative numbers of pieces.
struct world_mix {
  int facts = 7, tales = 4, statements = 1, asked = 18, combined = 20, sums = 18, word_sums = 12,
      stories = 16, talks = 8;
};

struct world_options {
  isize bytes = 1 << 20;
  std::uint64_t seed = 1;
  world_mix mix = {};
};

inline constexpr isize smallest_world = 1 << 12;
inline constexpr isize largest_world = isize{1} << 34;

namespace small_world {

class writer {
 public:
  writer(std::uint64_t seed, const world_mix& mix)
      : facts_(seed), held_(facts_, seed), random_(seed, 3) {
    for (int share : {mix.facts, mix.tales, mix.statements, mix.asked, mix.combined, mix.sums,
                      mix.word_sums, mix.stories, mix.talks}) {
      if (share < 0 || share > 1'000'000) {
        throw usage_error(join("ctgpt: a world's mix has ", share,
                               " pieces of a kind: give numbers from 0 to 1000000"));
      }
      total_ += share;
      limits_.push_back(total_);
    }
    if (total_ == 0) throw usage_error("ctgpt: a world's mix is empty: give one kind at least a 1");
  }

  // Appends one piece with its empty line.
  void piece(std::string& out) {
    const int at = draw(random_, total_);
    std::size_t kind = 0;
    while (at >= limits_[kind]) ++kind;
    switch (kind) {
      case 0:
        portrait(out);
        break;
      case 1:
        append_tale(out, facts_, random_);
        break;
      case 2:
        append_sum_statement(out, draw_sum(), draw(random_, 2) == 1);
        break;
      case 3:
        ask_fact(out, "Q: ", "\nA: ");
        break;
      case 4:
        ask_combined(out, "Q: ", "\nA: ");
        break;
      case 5:
        ask_sum(out, false, "Q: ", "\nA: ");
        break;
      case 6:
        ask_sum(out, true, "Q: ", "\nA: ");
        break;
      case 7:
        ask_story(out);
        break;
      default:
        talk(out);
    }
    out += "\n\n";
  }

 private:
  void checked(const std::string& out, std::size_t start) const {
    held_.check().question(std::string_view(out).substr(start));
  }

  sum draw_sum() {
    const auto& all = held_.every_sum();
    sum s = all[held_out::sums + draw(random_, all.size() - held_out::sums)];
    if (draw(random_, 2) == 1) std::swap(s.left, s.right);
    held_.check().sum(s);
    return s;
  }

  // Two to four facts about the subject of a fact, which comes first.
  void portrait(std::string& out) {
    const fact& first = facts_.facts()[draw(random_, facts_.facts().size())];
    const int count = of_town(first.attribute) ? 2 : 2 + draw(random_, 3);
    int attribute = first.attribute;
    for (int i = 0; i < count; ++i) {
      if (i > 0) out += ' ';
      append_statement(out, {attribute, first.subject, facts_.value(attribute, first.subject)},
                       draw(random_, 4));
      do {
        attribute = of_town(attribute) ? trade + site - attribute : (attribute + 1) % trade;
      } while (facts_.value(attribute, first.subject) < 0);
    }
  }

  void ask_fact(std::string& out, word user, word bot) {
    std::size_t at = 0;
    int form = 0;
    do {
      at = draw(random_, facts_.facts().size());
      form = draw(random_, asked_forms);
    } while (!held_.may_ask(at, form));
    const fact& f = facts_.facts()[at];
    out += user;
    const std::size_t start = out.size();
    append_question(out, f, form);
    checked(out, start);
    out += bot;
    append_statement(out, f);
  }

  void ask_combined(std::string& out, word user, word bot) {
    const auto& all = held_.every_combination();
    const combination& c =
        all[held_out::combinations + draw(random_, all.size() - held_out::combinations)];
    out += user;
    const std::size_t start = out.size();
    append_combined_question(out, c, draw(random_, combined_forms));
    checked(out, start);
    out += bot;
    append_combined_answer(out, c);
  }

  void ask_sum(std::string& out, bool words, word user, word bot) {
    const sum s = draw_sum();
    out += user;
    append_sum_question(out, s, words, draw(random_, sum_forms));
    out += bot;
    append_working(out, s);
  }

  // A story and two questions about different things in it.
  void ask_story(std::string& out) {
    story s = draw_story(random_, 2 + draw(random_, 2));
    while (!held_.may_tell(s)) s = draw_story(random_, s.count);
    const std::size_t start = out.size();
    append_story(out, s);
    checked(out, start);
    const int first = draw(random_, s.count);
    const int second = (first + 1 + draw(random_, s.count - 1)) % s.count;
    for (int i : {first, second}) {
      out += "\nQ: ";
      append_story_question(out, s, i);
      out += "\nA: ";
      append_story_sentence(out, s, i);
    }
  }

  void talk(std::string& out) {
    if (draw(random_, 2) == 1) {
      append_exchange(out, greetings[draw(random_, greetings.size())]);
      out += '\n';
    }
    switch (draw(random_, 8)) {
      case 0:
        append_exchange(out, small_talk[draw(random_, small_talk.size())]);
        break;
      case 1:
        append_stranger(out, random_);
        break;
      case 2:
        append_echo(out, random_);
        break;
      case 3:
        append_spelling(out, random_);
        break;
      case 4:
        ask_sum(out, draw(random_, 2) == 1, "User: ", "\nBot: ");
        break;
      case 5:
        ask_combined(out, "User: ", "\nBot: ");
        break;
      default:
        ask_fact(out, "User: ", "\nBot: ");
    }
    if (draw(random_, 2) == 1) {
      out += '\n';
      append_exchange(out, farewells[draw(random_, farewells.size())]);
    }
  }

  people_and_places facts_;
  held_out held_;
  random_stream random_;
  std::vector<int> limits_;  // running sums of the mix
  int total_ = 0;
};

}  // namespace small_world

inline std::string world(const world_options& options = {}) {
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
