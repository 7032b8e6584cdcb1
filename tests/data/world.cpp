// The embedded corpus: its bytes, its size, its pieces, its facts, and what it must not contain.
#include "ctgpt/data/world.hpp"

#include <doctest/doctest.h>

#include <future>
#include <string>

#include "ctgpt/base/hash.hpp"
#include "ctgpt/data/world/questions.hpp"
#include "world_reader.hpp"

using namespace ctgpt;
using data::world;
using data::world_mix;
using data::world_options;

namespace {

constexpr world_mix nothing{.facts = 0,
                            .tales = 0,
                            .statements = 0,
                            .asked = 0,
                            .combined = 0,
                            .sums = 0,
                            .word_sums = 0,
                            .stories = 0,
                            .talks = 0};

std::string message_of(const world_options& options) {
  try {
    world(options);
  } catch (const usage_error& problem) {
    return problem.what();
  }
  return "";
}

isize newlines_at_end(const std::string& text) {
  return static_cast<isize>(text.size() - text.find_last_not_of('\n') - 1);
}

}  // namespace

TEST_CASE("one megabyte of seed 1 has the committed hash, from any thread") {
  const std::string expected = "e8e2b8245c705c4b8fe1bc9d096f0997195a06e735edf6917ec6eb9ba71597f5";
  auto other = std::async(std::launch::async, [] { return world({.bytes = 1'000'000}); });
  const std::string text = world({.bytes = 1'000'000, .seed = 1});
  CHECK(sha256_hex(text) == expected);
  CHECK(other.get() == text);
}

TEST_CASE("a text has exactly the bytes that were asked for and few newlines at its end") {
  for (const isize bytes : {isize{4096}, isize{4097}, isize{5000}, isize{10'240}, isize{65'537}}) {
    for (const std::uint64_t seed : {0ull, 1ull, 7ull}) {
      const std::string text = world({.bytes = bytes, .seed = seed});
      CHECK(static_cast<isize>(text.size()) == bytes);
      CHECK(newlines_at_end(text) < 100);
    }
  }
}

TEST_CASE("a text is printable ASCII in paragraphs that fit into 256 characters") {
  const std::string text = world({.bytes = 1 << 20, .seed = 3});
  CHECK(std::all_of(text.begin(), text.end(),
                    [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  std::size_t longest = 0, pieces = 0;
  for (const std::string& piece : world_reader::pieces(text)) {
    longest = std::max(longest, piece.size() + 2);
    ++pieces;
    CHECK_FALSE(world_reader::contains(piece, "$"));
    CHECK_FALSE(world_reader::contains(piece, "  "));
    CHECK((piece.front() >= '0' && piece.back() <= '~'));
  }
  CHECK(longest <= 256);
  CHECK(pieces > 8000);
}

TEST_CASE("seeds differ, and a longer text of one seed starts with the pieces of a shorter one") {
  const std::string text = world({.bytes = 100'000, .seed = 1});
  CHECK(world({.bytes = 100'000, .seed = 2}) != text);
  const std::string longer = world({.bytes = 200'000, .seed = 1});
  CHECK(longer.substr(0, 99'000) == text.substr(0, 99'000));
  const auto facts = world_reader::read(world({.bytes = 1 << 20, .seed = 1})).facts;
  const auto others = world_reader::read(world({.bytes = 1 << 20, .seed = 2})).facts;
  CHECK(facts != others);
}

TEST_CASE("prose states every fact without contradiction, and answers repeat what prose states") {
  for (const std::uint64_t seed : {0ull, 1ull, 2ull, ~0ull}) {
    const auto all = world_reader::read(world({.bytes = 1 << 20, .seed = seed}));
    CHECK(all.contradictions.empty());
    // 24 people with 4 attributes, a friend and a cousin; 23 have a boss; 8 towns with 2
    // attributes.
    CHECK(all.facts.size() == 24 * 6 + 23 + 8 * 2);
    std::size_t statements = 0, wrong = 0;
    for (const auto& [question, line] : all.answered) {
      for (const std::string& sentence : world_reader::sentences(line)) {
        const auto said = world_reader::read_statement(sentence);
        if (!said || !all.facts.contains(said->about())) continue;
        ++statements;
        wrong += all.facts.at(said->about()) == said->value ? 0 : 1;
      }
    }
    CHECK(statements > 5000);
    CHECK(wrong == 0);
  }
}

TEST_CASE("friends and cousins are mutual, nobody is both, and bosses have no circle") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const data::small_world::people_and_places facts(seed);
    using namespace data::small_world;
    int without_boss = 0;
    for (int who = 0; who < static_cast<int>(people.size()); ++who) {
      CHECK(facts.value(friendship, who) != who);
      CHECK(facts.value(friendship, facts.value(friendship, who)) == who);
      CHECK(facts.value(cousin, facts.value(cousin, who)) == who);
      CHECK(facts.value(cousin, who) != facts.value(friendship, who));
      int top = who, steps = 0;
      for (; facts.value(boss, top) >= 0 && steps < 100; ++steps) top = facts.value(boss, top);
      CHECK(steps < 24);
      without_boss += facts.value(boss, who) < 0 ? 1 : 0;
    }
    CHECK(without_boss == 1);
  }
}

TEST_CASE("every sum in a text is right, in words and digits, step by step") {
  const auto all = world_reader::read(world({.bytes = 1 << 20, .seed = 5}));
  std::size_t digits = 0, words = 0;
  for (const auto& [question, line] : all.answered) {
    const auto sum = world_reader::read_sum(question);
    if (!sum) continue;
    const auto steps = world_reader::split(line, ", ");
    REQUIRE(steps.size() == 3);
    for (const std::string& step : {steps[0], steps[1]}) {
      const auto plus = step.find('+'), equals = step.find('=');
      REQUIRE(equals != std::string::npos);
      CHECK(std::stoi(step) + std::stoi(step.substr(plus + 1)) ==
            std::stoi(step.substr(equals + 1)));
    }
    const auto units = [](int number) { return number % 10; };
    CHECK(std::stoi(steps[0].substr(steps[0].find('=') + 1)) ==
          units(sum->first) + units(sum->second));
    CHECK(steps[2] == std::to_string(sum->first + sum->second) + ".");
    (world_reader::contains(question, "plus") ? words : digits) += 1;
  }
  CHECK(digits > 1000);
  CHECK(words > 1000);
  // Stated sums, of which the default mix has few.
  world_mix statements = nothing;
  statements.statements = 1;
  for (const std::string& piece :
       world_reader::pieces(world({.bytes = 20'000, .mix = statements}))) {
    const auto sum = world_reader::read_sum(piece);
    REQUIRE(sum);
    const std::string total = piece.substr(piece.find(" make ") + 6);
    CHECK(world_reader::number_of(total.substr(0, total.size() - 1)) == sum->first + sum->second);
  }
}

TEST_CASE("every question about a story is answered by a sentence of the story") {
  world_mix stories = nothing;
  stories.stories = 1;
  std::size_t asked = 0;
  for (const std::string& piece : world_reader::pieces(world({.bytes = 1 << 18, .mix = stories}))) {
    const auto lines = world_reader::split(piece, "\n");
    REQUIRE(lines.size() == 5);
    const auto told = world_reader::read_story(lines[0]);
    CHECK((told.size() == 2 || told.size() == 3));
    CHECK(lines[1] != lines[3]);
    for (const std::size_t at : {1u, 3u}) {
      const auto question = world_reader::match("", "Q: Where is the *?", lines[at]);
      REQUIRE(question);
      const std::string& thing = question->subject;
      REQUIRE(told.contains(thing));
      CHECK(lines[at + 1] == "A: The " + thing + " is in the " + told.at(thing) + ".");
      ++asked;
    }
  }
  CHECK(asked > 2000);
}

TEST_CASE("no held-out prompt, question, sum or story occurs in training text") {
  for (const std::uint64_t seed : {1ull, 2ull, 3ull, 4ull, 1234567890123ull}) {
    const std::string text = world({.bytes = 1 << 20, .seed = seed});
    const auto all = world_reader::read(text);
    for (const data::question& q : data::world_questions(seed)) {
      CAPTURE(q.prompt);
      CHECK_FALSE(world_reader::contains(text, q.prompt));
      const std::string asked = q.prompt.substr(q.prompt.rfind("Q: ") + 3);
      const std::string sentence = asked.substr(0, asked.find('\n'));
      if (q.kind == data::question_kind::story) {
        const std::string story = q.prompt.substr(0, q.prompt.find('\n'));
        CHECK_FALSE(world_reader::read_story(story).empty());
        CHECK_FALSE(all.stories.contains(world_reader::read_story(story)));
        continue;
      }
      CHECK_FALSE(all.questions.contains(sentence));
      if (q.kind == data::question_kind::sum) {
        const auto sum = world_reader::read_sum(sentence);
        REQUIRE(sum);
        CHECK_FALSE(all.sums.contains(*sum));
      }
    }
  }
}

TEST_CASE("a held-out combination is asked in no phrasing, while both of its facts are stated") {
  const auto all = world_reader::read(world({.bytes = 1 << 20, .seed = 1}));
  std::set<std::string> trained;  // the two statements of an answer name the combination
  for (const auto& [question, line] : all.answered) trained.insert(line);
  for (const data::question& q : data::world_questions(1)) {
    if (q.kind != data::question_kind::two_facts) continue;
    CHECK_FALSE(trained.contains(q.line));
    for (const std::string& sentence : world_reader::sentences(q.line)) {
      const auto said = world_reader::read_statement(sentence);
      REQUIRE(said);
      CHECK(all.facts.at(said->about()) == said->value);
    }
  }
}

TEST_CASE("a hundred megabytes hold nothing that is held out, stories and sums included") {
  const isize bytes = 100'000'000;
  const std::string text = world({.bytes = bytes, .seed = 9});
  CHECK(static_cast<isize>(text.size()) == bytes);
  std::set<std::string, std::less<>> held;
  for (const data::question& q : data::world_questions(9)) {
    held.insert(q.prompt.substr(0, q.prompt.rfind('\n')));
  }
  // A held-out story is its first line and its question, which training never has on adjacent
  // lines.
  std::size_t leaks = 0, questions = 0;
  std::string_view before;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    if (world_reader::starts_with(line, "Q: ")) {
      ++questions;
      leaks += held.contains(line) ? 1 : 0;
      const auto story = static_cast<std::size_t>(before.data() - text.data());
      leaks += held.contains(std::string_view(text).substr(story, end - story)) ? 1 : 0;
    }
    before = line;
    start = end + 1;
  }
  CHECK(questions > 1'000'000);
  CHECK(leaks == 0);
}

TEST_CASE("the guard stops a held-out question and a held-out sum") {
  using namespace data::small_world;
  guard check;
  check.hold(std::string("Where does Anna live?"));
  check.hold(sum{38, 25});
  CHECK_NOTHROW(check.question("Where does Ben live?"));
  CHECK_NOTHROW(check.sum({38, 24}));
  CHECK_THROWS_AS(check.question("Where does Anna live?"), error);
  CHECK_THROWS_AS(check.sum({38, 25}), error);
  CHECK_THROWS_AS(check.sum({25, 38}), error);

  // The world's own guard holds every question that the exam asks.
  const people_and_places facts(1);
  const held_out held(facts, 1);
  for (const data::question& q : data::world_questions(1)) {
    CAPTURE(q.prompt);
    if (q.kind == data::question_kind::sum) {
      const auto pair = world_reader::read_sum(q.prompt.substr(3));
      REQUIRE(pair);
      CHECK_THROWS_AS(held.check().sum({pair->first, pair->second}), error);
    } else if (q.kind == data::question_kind::story) {
      CHECK_THROWS_AS(held.check().question(q.prompt.substr(0, q.prompt.find('\n'))), error);
    } else {
      CHECK_THROWS_AS(held.check().question(q.prompt.substr(3, q.prompt.find('\n') - 3)), error);
    }
  }
}

TEST_CASE("the mix chooses the kinds of pieces") {
  world_mix sums = nothing;
  sums.sums = 3;
  for (const std::string& piece : world_reader::pieces(world({.bytes = 8192, .mix = sums}))) {
    CHECK(world_reader::read_sum(piece.substr(3, piece.find('\n') - 3)));
  }
  world_mix talks = nothing;
  talks.talks = 1;
  for (const std::string& piece : world_reader::pieces(world({.bytes = 8192, .mix = talks}))) {
    CHECK(world_reader::starts_with(piece, "User: "));
    CHECK(world_reader::contains(piece, "\nBot: "));
  }
  world_mix tales = nothing;
  tales.tales = 1;
  for (const std::string& piece : world_reader::pieces(world({.bytes = 8192, .mix = tales}))) {
    CHECK(world_reader::starts_with(piece, "Once "));
  }
}

TEST_CASE("impossible sizes and mixes are usage errors that name the number") {
  for (const isize bytes : {isize{-1}, isize{0}, isize{4095}, isize{1} << 40}) {
    CHECK(message_of({.bytes = bytes}) == "ctgpt: a world of " + std::to_string(bytes) +
                                              " bytes is not possible: give 4096 to 4294967296 "
                                              "bytes");
  }
  CHECK(world_reader::contains(message_of({.mix = nothing}), "mix is empty"));
  world_mix negative;
  negative.talks = -1;
  CHECK(world_reader::contains(message_of({.mix = negative}), "mix has -1 pieces"));
  world_mix huge;
  huge.sums = 2'000'000'000;
  CHECK(world_reader::contains(message_of({.mix = huge}), "mix has 2000000000 pieces"));
}
