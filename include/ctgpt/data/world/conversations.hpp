// Conversations of the embedded world: short exchanges between a user and a bot.
//
//   User: Hello.
//   Bot: Hello. What can I do for you?
//   User: Where does Anna live?
//   Bot: Anna lives in Oakby.
//
// The questions of a conversation are the ones that training may ask (data/world/held_out.hpp), or
// small talk, or about somebody who is not in the world, which the bot answers by a fixed sentence:
// a small model cannot repeat a name that it has never seen. The bot also says words after the user
// and writes numbers in digits, which trains copying and reading at little cost.
#pragma once

#include <array>

#include "ctgpt/data/world/arithmetic.hpp"
#include "ctgpt/data/world/people.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data::small_world {

struct exchange {
  word user, bot;
};

inline constexpr std::array<exchange, 6> greetings = {{
    {"Hello.", "Hello. What can I do for you?"},
    {"Hi!", "Hi! What can I do for you?"},
    {"Good day.", "Good day. What can I do for you?"},
    {"Are you there?", "Yes. What can I do for you?"},
    {"Can you help me?", "Yes. What can I do for you?"},
    {"I have a question.", "Good. What can I do for you?"},
}};
inline constexpr std::array<exchange, 6> small_talk = {{
    {"Who are you?", "I am a small model."},
    {"How are you?", "I am well. And you?"},
    {"What can you do?", "I can add, and I know people."},
    {"Can you add?", "Yes, up to 99."},
    {"Who do you know?", "I know 24 people."},
    {"Can you tell me a story?", "Once Anna lost a key, and then the key was in the hat."},
}};
inline constexpr std::array<exchange, 4> farewells = {{
    {"Thanks.", "You are welcome."},
    {"Thank you!", "You are welcome."},
    {"Bye.", "Bye!"},
    {"That is all.", "Bye!"},
}};

[[gnu::cold]] inline void append_exchange(std::string& out, const exchange& e) {
  fill(out, "User: $0\nBot: $1", {e.user, e.bot});
}

// Names of nobody, and how they are asked about.
inline constexpr std::array<word, 12> strangers = {"Bob",  "Carl", "Dora", "Emil", "Fred", "Greta",
                                                   "Hugo", "Iris", "Lena", "Max",  "Nora", "Ted"};
inline constexpr std::array<word, 4> stranger_questions = {
    "User: Where does $0 live?", "User: What is the job of $0?", "User: Who is $0?",
    "User: Do you know $0?"};

[[gnu::cold]] inline void append_stranger(std::string& out, random_stream& random) {
  const word form = stranger_questions[draw(random, stranger_questions.size())];
  const word name = strangers[draw(random, strangers.size())];
  fill(out, form, {name});
  out += "\nBot: I do not know that.";
}

// "User: Say cup, barn, key." "Bot: cup, barn, key."
[[gnu::cold]] inline void append_echo(std::string& out, random_stream& random) {
  std::string list;
  for (int left = 3 + draw(random, 3); left > 0; --left) {
    list += draw(random, 2) == 1 ? things[draw(random, things.size())]
                                 : rooms[draw(random, rooms.size())];
    list += left > 1 ? ", " : ".";
  }
  fill(out, "User: Say $0\nBot: $0", {list});
}

// "User: Write fifty-two." "Bot: 52."
[[gnu::cold]] inline void append_spelling(std::string& out, random_stream& random) {
  const int number = draw(random, 100);
  out += "User: Write ";
  append_words(out, number);
  out += ".\nBot: ";
  append_digits(out, number);
  out += '.';
}

}  // namespace data::small_world
}  // namespace ctgpt::inline CTGPT_ABI
