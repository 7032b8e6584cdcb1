// Conversations about the embedded world for fine-tuning, and the chat questions that they leave
// out.
//
// world_dialogues talks(seed);
// std::vector<world_turn> talk = talks.next();       what a user says, and the answer
// std::vector<question> asked = chat_questions(seed);      68, of kind chat
//
// A conversation has one to four turns: questions about facts, about two facts, sums, stories with
// a question, and chat: greetings, who are you, what can you do, thanks, and things outside the
// world, which get one fixed answer (a small model cannot repeat a name that it has never seen).
// What data/world/held_out.hpp holds out of the text is never asked here either; of the phrasings
// of chat the last six of each kind, and of the strangers' names half, are only examined. Names
// made of syllables stand beside the others, or a model would learn who is strange by heart. One
// question in four has something polite around it.
// The same seed gives the same conversations, from the start.
//
// Errors: none.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/data/world/questions.hpp"
#include "ctgpt/data/world/writer.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data {

struct world_turn {
  std::string user, bot;
};

namespace small_world {

// Ways to say one thing, and its answer. A question may have something polite around it.
struct intent {
  std::string_view form, answer;
  bool question;
  std::array<word, 26> phrasings;
};
inline constexpr std::size_t held_phrasings = 6;  // the last of each intent

inline constexpr std::array<intent, 4> intents = {{
    {"greetings",
     "Hello! What can I do for you?",
     false,
     {"Hello.",
      "Hello!",
      "Hi.",
      "Hi!",
      "Hey.",
      "Good day.",
      "Good morning.",
      "Good evening!",
      "Hello there.",
      "Hi there!",
      "Hello, my friend.",
      "Are you there?",
      "Hey, friend.",
      "Hi, how are you?",
      "Hello, how are you?",
      "Good to see you.",
      "Hello again.",
      "Hi again.",
      "Good night.",
      "Well, hello.",  //
      "Hey!",
      "Good day!",
      "Good evening.",
      "Hey there.",
      "Hi, my friend.",
      "Good morning!"}},
    {"who are you",
     "I am a small GPT. I know the people of a small world.",
     true,
     {"Who are you?",
      "What are you?",
      "What is your name?",
      "Who am I talking to?",
      "Tell me who you are.",
      "Are you a person?",
      "Are you a model?",
      "What are you called?",
      "Tell me about you.",
      "Who is this?",
      "Say who you are.",
      "What kind of model are you?",
      "Who are you, friend?",
      "What should I know about you?",
      "Who do I speak to?",
      "May I have your name?",
      "What do people call you?",
      "Who am I with?",
      "Say your name.",
      "Are you human?",  //
      "Who am I speaking to?",
      "Tell me your name.",
      "Are you a real person?",
      "What should I call you?",
      "Say what you are.",
      "Who is there?"}},
    {"what can you do",
     "I can tell you about 24 people and 8 towns, and I can add.",
     true,
     {"What can you do?",
      "What do you know?",
      "How can you help me?",
      "What can I ask you?",
      "Can you help me?",
      "What are you good at?",
      "Tell me what you can do.",
      "What do you do?",
      "What may I ask?",
      "Help.",
      "What is it that you know?",
      "What can you tell me?",
      "What should I try?",
      "What could I ask?",
      "What may I ask you about?",
      "Tell me what to ask.",
      "Which questions can you answer?",
      "What are you able to do?",
      "What can I do with you?",
      "I need help.",  //
      "How can you help?",
      "What should I ask you?",
      "Tell me what you know.",
      "Help me.",
      "What can you help me with?",
      "What things do you know?"}},
    {"thanks",
     "You are welcome.",
     false,
     {"Thanks.",
      "Thank you.",
      "Thanks!",
      "Thank you!",
      "Thanks a lot.",
      "Many thanks.",
      "Thank you very much.",
      "That was good, thanks.",
      "Great, thank you.",
      "Thanks for that.",
      "I thank you.",
      "Good, thanks.",
      "Thanks again.",
      "Thank you again.",
      "Thanks, that is all.",
      "Thank you, friend.",
      "That helps, thanks.",
      "Very good, thanks.",
      "Nice, thank you.",
      "Thanks for the help.",  //
      "Thanks a lot!",
      "Many thanks!",
      "Thank you so much.",
      "Great, thanks.",
      "Thank you for that.",
      "Good, thank you."}},
}};

inline constexpr std::string_view unknown_answer = "I do not know that.";
// Those of conversations.hpp, of which the last six are examined only.
inline constexpr std::size_t known_strangers = strangers.size() / 2;
// $0 is nobody of this world. The last six are examined only.
inline constexpr std::array<word, 34> outside_questions = {"Where does $0 live?",
                                                           "What is the job of $0?",
                                                           "Who is $0?",
                                                           "Do you know $0?",
                                                           "Which pet does $0 have?",
                                                           "Who is the boss of $0?",
                                                           "Who is the president?",
                                                           "What time is it?",
                                                           "What is the weather like?",
                                                           "Can you write a poem?",
                                                           "How far is the moon?",
                                                           "What is the capital of France?",
                                                           "Have you met $0?",
                                                           "How old is $0?",
                                                           "Can you find $0?",
                                                           "What year is it?",
                                                           "How big is the sea?",
                                                           "Can you tell a joke?",
                                                           "Who won the game?",
                                                           "What is the news?",
                                                           "Can you draw a house?",
                                                           "When does the train come?",
                                                           "How many stars are there?",
                                                           "What does a car cost?",
                                                           "Say something about $0.",
                                                           "What do you know about $0?",
                                                           "Tell me where $0 is.",
                                                           "Who made the sea?",  //
                                                           "What does $0 like to eat?",
                                                           "Who is $0's friend?",
                                                           "Tell me about $0.",
                                                           "What day is it?",
                                                           "How old is the sun?",
                                                           "Can you write a song?"};

// A name that nobody has, neither here nor in the exam.
[[gnu::cold]] inline std::string invented_name(random_stream& random) {
  constexpr std::array<word, 20> begin = {"Ar",  "Bel", "Cor", "Dar", "El",  "Far", "Gor",
                                          "Hal", "Ir",  "Jor", "Kel", "Lor", "Mar", "Nel",
                                          "Or",  "Pel", "Ral", "Sel", "Tor", "Val"};
  constexpr std::array<word, 10> end = {"a", "an", "as", "en", "ik", "in", "is", "o", "us", "y"};
  const word first = begin[draw(random, begin.size())];  // two draws in one call have no order
  return join(first, end[draw(random, end.size())]);
}

// How the world's own facts are asked, about somebody whom it does not have; not as examined.
[[gnu::cold]] inline void append_fact_of_nobody(std::string& out, random_stream& random) {
  const auto examined = std::span(outside_questions).last<held_phrasings>();
  const attribute* a = nullptr;
  word question;
  std::string form;
  do {
    a = &attributes[draw(random, std::size_t{trade})];
    question = a->questions[draw(random, std::size_t{asked_forms})];
    form.clear();
    fill(form, question, {"$0", "", a->noun});
  } while (std::find(examined.begin(), examined.end(), form) != examined.end());
  fill(out, question, {invented_name(random), "", a->noun});
}

// Other ways to ask for a sum, which the exam does not use.
inline constexpr std::array<word, 6> sum_wordings = {"What is $0 + $1?",
                                                     "Add $0 and $1.",
                                                     "Can you add $0 and $1?",
                                                     "What is the sum of $0 and $1?",
                                                     "$0 + $1",
                                                     "How much is $0 + $1?"};

// The first two fit any question.
inline constexpr std::array<word, 6> politeness = {"Hello. $0",       "I have a question. $0",
                                                   "$0 Thanks.",      "Please tell me. $0",
                                                   "Now tell me. $0", "$0 Please tell me."};

}  // namespace small_world

class world_dialogues {
 public:
  explicit world_dialogues(std::uint64_t seed)
      : writer_(seed, {}, dialogue_stream), random_(seed, dialogue_stream + 1) {}

  std::vector<world_turn> next() {
    std::vector<world_turn> talk;
    const int questions = 1 + small_world::draw(random_, 3);
    if (chance(4)) talk.push_back(say(0));
    for (int i = 0; i < questions; ++i) {
      talk.push_back(chance(4) ? chat() : question());
    }
    if (talk.size() < 4 && chance(6)) talk.push_back(say(3));
    return talk;
  }

 private:
  static constexpr std::uint64_t dialogue_stream = 5;  // and 6

  bool chance(int in) { return small_world::draw(random_, in) == 0; }

  world_turn say(std::size_t which) {
    const small_world::intent& meant = small_world::intents[which];
    const std::size_t trained = meant.phrasings.size() - small_world::held_phrasings;
    world_turn turn{std::string(meant.phrasings[small_world::draw(random_, trained)]),
                    std::string(meant.answer)};
    if (meant.question && chance(4)) turn.user = politely(turn.user, 2);
    return turn;
  }

  // ways: how many of the forms of politeness may be used, from the first.
  std::string politely(const std::string& asked, std::size_t ways) {
    std::string text;
    small_world::fill(text, small_world::politeness[small_world::draw(random_, ways)], {asked});
    return text;
  }

  world_turn chat() {
    const std::size_t which = small_world::draw(random_, std::size_t{6});
    if (which < small_world::intents.size()) return say(which);
    constexpr std::size_t trained =
        small_world::outside_questions.size() - small_world::held_phrasings;
    world_turn turn;
    turn.bot = small_world::unknown_answer;
    if (chance(3)) {
      small_world::append_fact_of_nobody(turn.user, random_);
      return turn;
    }
    const std::string name =
        chance(2)
            ? small_world::invented_name(random_)
            : std::string(
                  small_world::strangers[small_world::draw(random_, small_world::known_strangers)]);
    small_world::fill(turn.user,
                      small_world::outside_questions[small_world::draw(random_, trained)], {name});
    return turn;
  }

  world_turn question() {
    std::string both;
    writer_.exchange(both);
    const std::size_t cut = both.rfind('\n');
    world_turn turn{both.substr(0, cut), both.substr(cut + 1)};
    const std::size_t plus = turn.user.find('+');
    if (plus != std::string::npos && chance(2)) {  // "What is 11+23?"
      const std::size_t begin = turn.user.find_last_of(' ') + 1, end = turn.user.size() - 1;
      const std::string left = turn.user.substr(begin, plus - begin),
                        right = turn.user.substr(plus + 1, end - plus - 1);
      turn.user.clear();
      small_world::fill(
          turn.user,
          small_world::sum_wordings[small_world::draw(random_, small_world::sum_wordings.size())],
          {left, right});
    }
    if (chance(4)) turn.user = politely(turn.user, small_world::politeness.size());
    return turn;
  }

  small_world::writer writer_;
  random_stream random_;
};

// A question as a user of a chat writes it: without "Q: " and "A:".
inline std::string chat_message(const question& asked) {
  std::string text = asked.prompt.substr(0, asked.prompt.size() - std::string_view("\nA:").size());
  if (text.starts_with("Q: ")) return text.substr(3);
  const std::size_t at = text.find("\nQ: ");  // a story comes before
  return at == text.npos ? text : text.substr(0, at) + " " + text.substr(at + 4);
}

// Of kind chat: the held-out phrasings, questions among them also with something polite before
// them, and 20 about things outside the world. The whole line must be answered.
inline std::vector<question> chat_questions(std::uint64_t seed) {
  using namespace small_world;
  random_stream random(seed, 7);
  std::vector<question> list;
  const auto examine = [&](std::string_view form, std::string_view asked, std::string_view answer) {
    list.push_back({question_kind::chat,
                    std::string(form),
                    join("Q: ", asked, "\nA:"),
                    std::string(answer),
                    std::string(answer),
                    "",
                    {}});
  };
  for (const intent& meant : intents) {
    for (std::size_t i = meant.phrasings.size() - held_phrasings; i < meant.phrasings.size(); ++i) {
      examine(meant.form, meant.phrasings[i], meant.answer);
      for (std::size_t way = 0; meant.question && way < 2; ++way) {
        std::string text;
        fill(text, politeness[way], {meant.phrasings[i]});
        examine(meant.form, text, meant.answer);
      }
    }
  }
  std::vector<std::string> pool;
  for (std::size_t i = outside_questions.size() - held_phrasings; i < outside_questions.size();
       ++i) {
    const bool named = outside_questions[i].find('$') != word::npos;
    for (std::size_t who = known_strangers; who < strangers.size(); ++who) {
      pool.emplace_back();
      fill(pool.back(), outside_questions[i], {strangers[who]});
      if (!named) break;
    }
  }
  shuffle(pool, random);
  pool.resize(20);
  for (const std::string& each : pool) examine("outside its world", each, unknown_answer);
  return list;
}

}  // namespace data
}  // namespace ctgpt::inline CTGPT_ABI
