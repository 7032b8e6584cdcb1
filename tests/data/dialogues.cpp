// Conversations about the embedded world: what they ask and answer, and what they never contain.
#include "ctgpt/data/world/dialogues.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace ctgpt;

namespace {

std::vector<data::world_turn> turns(std::uint64_t seed, int conversations) {
  data::world_dialogues talks(seed);
  std::vector<data::world_turn> all;
  for (int i = 0; i < conversations; ++i) {
    for (data::world_turn& turn : talks.next()) all.push_back(std::move(turn));
  }
  return all;
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("dialogues: one to four turns, the same for one seed, others for another") {
  data::world_dialogues talks(1), again(1), other(2);
  std::set<std::size_t> lengths;
  bool differs = false;
  for (int i = 0; i < 500; ++i) {
    const auto talk = talks.next(), same = again.next(), strange = other.next();
    REQUIRE(talk.size() == same.size());
    lengths.insert(talk.size());
    for (std::size_t k = 0; k < talk.size(); ++k) {
      CHECK(talk[k].user == same[k].user);
      CHECK(talk[k].bot == same[k].bot);
      CHECK(!talk[k].user.empty());
      CHECK(!talk[k].bot.empty());
      CHECK(!holds(talk[k].user + talk[k].bot, "\n"));
    }
    differs = differs || talk[0].user != strange[0].user;
  }
  CHECK(lengths == std::set<std::size_t>{1, 2, 3, 4});
  CHECK(differs);
}

TEST_CASE("dialogues: a user's question has one answer, whatever is around it") {
  std::map<std::string, std::string> answers;
  for (const data::world_turn& turn : turns(1, 20'000)) {
    const auto [known, fresh] = answers.emplace(turn.user, turn.bot);
    CHECK(known->second == turn.bot);
  }
  CHECK(answers.at("Who are you?") == "I am a small GPT. I know the people of a small world.");
  CHECK(answers.at("Who is the boss of Carl?") == "I do not know that.");
}

TEST_CASE("dialogues: sums are right in every wording, and no invented name has a fact") {
  int sums = 0, added = 0, nobody = 0;
  for (const data::world_turn& turn : turns(1, 4'000)) {
    std::vector<int> numbers;
    for (std::size_t at = turn.user.find_first_of("0123456789"); at != std::string::npos;
         at = turn.user.find_first_of("0123456789", at)) {
      std::size_t size = 0;
      numbers.push_back(std::stoi(turn.user.substr(at), &size));
      at += size;
    }
    if (numbers.size() == 2) {
      ++sums;
      added += holds(turn.user, "dd ") ? 1 : 0;
      CHECK(data::last_word(turn.bot) == std::to_string(numbers[0] + numbers[1]));
    }
    if (turn.bot != data::small_world::unknown_answer) continue;
    ++nobody;
    for (const data::small_world::word person : data::small_world::people) {
      CHECK(!holds(turn.user, std::string(person) + "'"));
      CHECK(!holds(turn.user, std::string(person) + "?"));
    }
  }
  CHECK(sums > 500);
  CHECK(added > 50);
  CHECK(nobody > 300);
}

TEST_CASE("dialogues: nothing that is examined is ever said, alone or with something around it") {
  const auto said = turns(1, 20'000);
  std::set<std::string> users;
  for (const data::world_turn& turn : said) {
    users.insert(turn.user);
    for (const data::small_world::word form : data::small_world::politeness) {
      const std::string before(form.substr(0, form.find('$'))),
          after(form.substr(form.find('$') + 2));
      if (turn.user.starts_with(before) && turn.user.ends_with(after)) {
        users.insert(
            turn.user.substr(before.size(), turn.user.size() - before.size() - after.size()));
      }
    }
  }
  CHECK(users.size() > 5'000);
  std::vector<data::question> examined = data::world_questions(1);
  const std::vector<data::question> chat = data::chat_questions(1);
  CHECK(chat.size() == 68);
  examined.insert(examined.end(), chat.begin(), chat.end());
  for (const data::question& asked : examined) {
    INFO(data::chat_message(asked));
    CHECK(users.count(data::chat_message(asked)) == 0);
  }
  // The control: what is trained is found by the same search.
  CHECK(users.count("Who are you?") == 1);
  CHECK(users.count("Hello.") == 1);
}

TEST_CASE("dialogues: chat is examined in five forms, scored by the whole line") {
  std::map<std::string, int> forms;
  const auto asked = data::chat_questions(1);
  std::vector<std::string> right, last_words;
  std::set<std::string> different;
  for (const data::question& each : asked) {
    ++forms[each.form];
    CHECK(each.kind == data::question_kind::chat);
    right.push_back(" " + each.line + "\nand more");
    last_words.push_back("No " + each.line.substr(each.line.rfind(' ') + 1));
    different.insert(each.prompt);
  }
  CHECK(different.size() == asked.size());
  CHECK(forms == std::map<std::string, int>{{"greetings", 6},
                                            {"outside its world", 20},
                                            {"thanks", 6},
                                            {"what can you do", 18},
                                            {"who are you", 18}});
  const auto all = data::score_questions(asked, right);
  REQUIRE(all.size() == 1);
  CHECK(all[0].exact == 1.0);
  CHECK(data::score_questions(asked, last_words)[0].exact == 0.0);
}

TEST_CASE("dialogues: a message is the question alone, a story stands before its question") {
  const auto asked = data::world_questions(3);
  int stories = 0;
  for (const data::question& each : asked) {
    const std::string message = data::chat_message(each);
    CHECK(message.ends_with("?"));
    CHECK(!holds(message, "Q: "));
    CHECK(!holds(message, "\n"));
    if (each.kind != data::question_kind::story) continue;
    ++stories;
    CHECK(holds(message, each.answer));
    CHECK(holds(message, " Where is the "));
  }
  CHECK(stories == 128);
}
