// The writer of the embedded world's training text, a piece at a time.
//
// piece(out) draws a kind by the mix and appends one paragraph and an empty line. Only what
// held_out allows is drawn, and the guard looks up every question, story and sum as it is written.
// The pieces depend on seed and mix alone. Streams of the seed: 1 the facts, 2 what is held out,
// 3 the training text, 4 the exam, 5 and 6 conversations, 7 the exam of chat.
//
// [[gnu::cold]] here and in the files beside: compiled for size, which saves every unit that
// includes the world a tenth of a second of compile time.
//
// Errors: usage_error for a mix that is negative, above a million a kind, or empty.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/random.hpp"
#include "ctgpt/data/world/arithmetic.hpp"
#include "ctgpt/data/world/conversations.hpp"
#include "ctgpt/data/world/held_out.hpp"
#include "ctgpt/data/world/people.hpp"
#include "ctgpt/data/world/stories.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data {

// Relative numbers of pieces.
struct world_mix {
  int facts = 7, tales = 4, statements = 1, asked = 20, combined = 22, sums = 18, word_sums = 12,
      stories = 12, talks = 8;
};

namespace small_world {

class writer {
 public:
  [[gnu::cold]] writer(std::uint64_t seed, const world_mix& mix, std::uint64_t stream = 3)
      : facts_(seed), held_(facts_, seed), random_(seed, stream) {
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
  [[gnu::cold]] void piece(std::string& out) {
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
        state_sum(out);
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

  // A question and, on the next line, its answer: for conversations (data/world/dialogues.hpp).
  [[gnu::cold]] void exchange(std::string& out) {
    switch (draw(random_, 12)) {
      case 0:
      case 1:
        ask_sum(out, false, "", "\n");
        break;
      case 2:
        ask_sum(out, true, "", "\n");
        break;
      case 3:
        ask_about_story(out);
        break;
      case 4:
      case 5:
      case 6:
      case 7:
        ask_combined(out, "", "\n");
        break;
      default:
        ask_fact(out, "", "\n");
    }
  }

 private:
  [[gnu::cold]] void checked(const std::string& out, std::size_t start) const {
    held_.check().question(std::string_view(out).substr(start));
  }

  [[gnu::cold]] sum draw_sum() {
    const auto& all = held_.every_sum();
    sum s = all[held_out::sums + draw(random_, all.size() - held_out::sums)];
    if (draw(random_, 2) == 1) std::swap(s.left, s.right);
    held_.check().sum(s);
    return s;
  }

  // Two to four facts about the subject of a fact, which comes first.
  [[gnu::cold]] void portrait(std::string& out) {
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

  [[gnu::cold]] void ask_fact(std::string& out, word user, word bot) {
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

  [[gnu::cold]] void ask_combined(std::string& out, word user, word bot) {
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

  [[gnu::cold]] void state_sum(std::string& out) {
    const sum s = draw_sum();  // two draws in one call would have no order
    const bool words = draw(random_, 2) == 1;
    append_sum_statement(out, s, words);
  }

  [[gnu::cold]] void ask_sum(std::string& out, bool words, word user, word bot) {
    const sum s = draw_sum();
    out += user;
    append_sum_question(out, s, words, draw(random_, sum_forms));
    out += bot;
    append_working(out, s);
  }

  [[gnu::cold]] story tell_story(std::string& out) {
    story s = draw_story(random_, 2 + draw(random_, 2));
    while (!held_.may_tell(s)) s = draw_story(random_, s.count);
    const std::size_t start = out.size();
    append_story(out, s);
    checked(out, start);
    return s;
  }

  // A story and two questions about different things in it.
  [[gnu::cold]] void ask_story(std::string& out) {
    const story s = tell_story(out);
    const int first = draw(random_, s.count);
    const int second = (first + 1 + draw(random_, s.count - 1)) % s.count;
    for (int i : {first, second}) {
      out += "\nQ: ";
      append_story_question(out, s, i);
      out += "\nA: ";
      append_story_sentence(out, s, i);
    }
  }

  [[gnu::cold]] void ask_about_story(std::string& out) {
    const story s = tell_story(out);
    const int asked = draw(random_, s.count);
    out += ' ';
    append_story_question(out, s, asked);
    out += '\n';
    append_story_sentence(out, s, asked);
  }

  [[gnu::cold]] void talk(std::string& out) {
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

}  // namespace data
}  // namespace ctgpt::inline CTGPT_ABI
