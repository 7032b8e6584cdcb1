// The held-out questions: how many, whether their answers follow from the text, and their score.
#include "ctgpt/data/world/questions.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "ctgpt/base/hash.hpp"
#include "ctgpt/data/world.hpp"
#include "ctgpt/data/world/questions.hpp"
#include "world_reader.hpp"

using namespace ctgpt;
using data::question;
using data::question_kind;

TEST_CASE("there are 128 different questions of each of four kinds, with forms as promised") {
  for (const std::uint64_t seed : {0ull, 1ull, 2ull, ~0ull}) {
    std::map<std::string, int> counts;
    std::set<std::string> prompts;
    for (const question& q : data::world_questions(seed)) {
      counts[std::string(data::question_kind_name(q.kind)) + "/" + q.form] += 1;
      prompts.insert(q.prompt);
      const bool ends = q.prompt.size() > 3 && q.prompt.substr(q.prompt.size() - 3) == "\nA:";
      CHECK(ends);
      CHECK(q.prompt.size() + q.line.size() + 2 <= 160);
      CHECK(q.line.substr(q.line.size() - q.answer.size() - 1) == q.answer + ".");
    }
    CHECK(prompts.size() == 512);
    CHECK(counts == std::map<std::string, int>{{"stated fact/unseen phrasing", 80},
                                               {"stated fact/never asked", 24},
                                               {"stated fact/new form", 24},
                                               {"two facts/", 128},
                                               {"story/", 128},
                                               {"sum/digits", 64},
                                               {"sum/words", 64}});
  }
}

TEST_CASE("the questions of a seed are always the same, and those of two seeds differ") {
  sha256 hash;
  for (const question& q : data::world_questions(1)) {
    hash.update(q.form + "\n" + q.prompt + " " + q.line + "\n" + q.guess + "\n");
  }
  CHECK(to_hex(hash.finish()) ==
        "81a33aad3298770dc53f361b821336f989d261cd6706f0206a7773333b45cc4b");
  const auto first = data::world_questions(1), again = data::world_questions(1),
             other = data::world_questions(2);
  int same = 0, shared = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    same += first[i].prompt == again[i].prompt && first[i].line == again[i].line ? 1 : 0;
    shared += first[i].prompt == other[i].prompt ? 1 : 0;
  }
  CHECK(same == 512);
  CHECK(shared < 20);
}

TEST_CASE("each stated fact is asked about what its answer states, which training prose states") {
  for (const std::uint64_t seed : {1ull, 2ull, 3ull}) {
    const auto all = world_reader::read(data::world({.bytes = 1 << 20, .seed = seed}));
    for (const question& q : data::world_questions(seed)) {
      if (q.kind != question_kind::stated_fact) continue;
      CAPTURE(q.prompt);
      const auto said = world_reader::read_statement(q.line.substr(0, q.line.size() - 1));
      REQUIRE(said);
      CHECK(world_reader::topic_of(q.prompt) == said->topic);
      CHECK(world_reader::contains(q.prompt, said->subject));
      CHECK(all.facts.at(said->about()) == said->value);
      CHECK(said->value == q.answer);
    }
  }
}

TEST_CASE("the forms of stated facts keep their promise about what training asks") {
  const auto all = world_reader::read(data::world({.bytes = 4 << 20, .seed = 1}));
  std::set<std::string> subjects;
  for (const auto& [about, value] : all.facts) subjects.insert(about.second);
  // What a question is without its subject, and which facts are asked directly.
  const auto form_of = [&](const std::string& asked) {
    std::string longest;
    for (const std::string& subject : subjects) {
      if (world_reader::contains(asked, subject) && subject.size() > longest.size()) {
        longest = subject;
      }
    }
    const auto at = asked.find(longest);
    return longest.empty() ? asked : asked.substr(0, at) + "*" + asked.substr(at + longest.size());
  };
  std::set<std::string> forms, direct;
  for (const auto& [asked, line] : all.answered) {
    forms.insert(form_of(asked));
    const auto lines = world_reader::sentences(line);
    if (lines.size() == 1 && world_reader::read_statement(lines[0])) direct.insert(line);
  }
  for (const question& q : data::world_questions(1)) {
    if (q.kind != question_kind::stated_fact) continue;
    CAPTURE(q.prompt);
    const std::string form = form_of(q.prompt.substr(3, q.prompt.find('\n') - 3));
    CHECK(forms.contains(form) == (q.form != "new form"));
    CHECK(direct.contains(q.line) == (q.form != "never asked"));
  }
}

TEST_CASE("the answer to two facts goes from the first to the second, as the question asks") {
  for (const question& q : data::world_questions(1)) {
    if (q.kind != question_kind::two_facts) continue;
    CAPTURE(q.prompt);
    const auto lines = world_reader::sentences(q.line.substr(0, q.line.size() - 1));
    REQUIRE(lines.size() == 2);
    const auto first = world_reader::read_statement(lines[0]);
    const auto second = world_reader::read_statement(lines[1]);
    REQUIRE(first);
    REQUIRE(second);
    CHECK(world_reader::contains(q.prompt, first->subject));
    CHECK(world_reader::contains(q.prompt, first->topic == "home" ? "town" : first->topic));
    CHECK(first->value == second->subject);
    CHECK_FALSE(world_reader::contains(q.prompt, second->subject));
    CHECK(world_reader::topic_of(q.prompt) == second->topic);
    CHECK(second->value == q.answer);
  }
}

TEST_CASE("stories and sums can be answered from the prompt alone") {
  for (const question& q : data::world_questions(7)) {
    CAPTURE(q.prompt);
    if (q.kind == question_kind::sum) {
      const std::string asked = q.prompt.substr(3, q.prompt.find('\n') - 3);
      const auto sum = world_reader::read_sum(asked);
      REQUIRE(sum);
      CHECK(q.answer == std::to_string(sum->first + sum->second));
      CHECK(world_reader::contains(asked, "plus") == (q.form == "words"));
    } else if (q.kind == question_kind::story) {
      const auto lines = world_reader::split(q.prompt, "\n");
      const auto told = world_reader::read_story(lines[0]);
      const auto asked = world_reader::match("", "Q: Where is the *?", lines[1]);
      REQUIRE(asked);
      CHECK(q.answer == told.at(asked->subject));
      CHECK(q.candidates.size() == told.size());
      for (const auto& [thing, room] : told) {
        CHECK(std::count(q.candidates.begin(), q.candidates.end(), room) == 1);
      }
    }
  }
}

TEST_CASE("the score is all for the expected lines, none for silence, the baseline for the guess") {
  const auto questions = data::world_questions(1);
  std::vector<std::string> right, silent, guessed;
  for (const question& q : questions) {
    right.push_back(" " + q.line + "\nQ: and so on");
    silent.emplace_back();
    guessed.push_back(" " + (q.candidates.empty() ? q.guess : q.candidates[0]) + ".\n");
  }
  const auto best = data::score_questions(questions, right);
  const auto none = data::score_questions(questions, silent);
  const auto plain = data::score_questions(questions, guessed);
  REQUIRE(best.size() == 4);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(best[k].kind == static_cast<question_kind>(k));
    CHECK(best[k].asked == 128);
    CHECK(best[k].exact == 1.0);
    CHECK(none[k].right == 0);
    if (best[k].kind == question_kind::story) {
      CHECK(plain[k].baseline == doctest::Approx((0.5 + 1.0 / 3) / 2));
      CHECK(plain[k].exact == doctest::Approx(plain[k].baseline).epsilon(0.35));
    } else {
      CHECK(plain[k].exact == plain[k].baseline);
      CHECK(plain[k].baseline < 0.2);
    }
  }
  std::map<std::string, isize> forms;
  for (const data::kind_score& kind : best) {
    for (const data::form_score& form : kind.forms) {
      forms[form.form] = form.asked;
      CHECK(form.exact() == 1.0);
    }
  }
  CHECK(forms == std::map<std::string, isize>{{"unseen phrasing", 80},
                                              {"never asked", 24},
                                              {"new form", 24},
                                              {"digits", 64},
                                              {"words", 64}});
  CHECK(none[0].forms[0].exact() == 0.0);
  CHECK_THROWS_AS(data::score_questions(questions, std::vector<std::string>(3)), error);
  const auto part = std::span(questions).first(10);
  const auto few = data::score_questions(part, std::vector<std::string>(10, "no"));
  REQUIRE(few.size() == 1);
  CHECK(few[0].asked == 10);
}

TEST_CASE("the guess is the answer that training gives most often") {
  const auto all = world_reader::read(data::world({.bytes = 8 << 20, .seed = 1}));
  std::map<std::string, int> stated, sums;
  for (const auto& [asked, line] : all.answered) {
    const std::string last(data::last_word(line));
    if (world_reader::read_sum(asked)) {
      sums[last] += 1;
    } else if (const auto lines = world_reader::sentences(line);
               lines.size() == 1 && world_reader::read_statement(lines[0])) {
      stated[last] += 1;
    }
  }
  const auto most = [](const std::map<std::string, int>& counts) {
    int best = 0;
    for (const auto& [answer, count] : counts) best = std::max(best, count);
    return best;
  };
  for (const question& q : data::world_questions(1)) {
    if (q.kind == question_kind::sum) CHECK(sums[q.guess] > 0.9 * most(sums));
    if (q.kind == question_kind::stated_fact) CHECK(stated[q.guess] > 0.9 * most(stated));
  }
}

TEST_CASE("the last word of the first line is what is compared") {
  CHECK(data::last_word(" Anna lives in Oakby.\nQ: Who") == "Oakby");
  CHECK(data::last_word("\n\n 8+5=13, 30+20=50, 63.") == "63");
  CHECK(data::last_word("Oakby") == "Oakby");
  CHECK(data::last_word(" the barn , \n") == "barn");
  CHECK(data::last_word("").empty());
  CHECK(data::last_word(" .\nx").empty());
}
