// ctgpt chat with a chat model: history, commands, Ctrl-C, and what goes where.
#include "app/talks.hpp"
#include "base/terminal.hpp"
#include "ctgpt/align/conversations.hpp"

using namespace ctgpt_test;
using ctgpt::align::conversation;

namespace {

// One model for all cases. What it answers is nearly noise, but always the same, and to questions
// like those that it has seen it answers something.
struct chat_ground : talk_ground {
  chat_ground() : talk_ground(120) { model = tuned("chat", {"--steps", "100", "--lr", "0.003"}); }
  std::string model;

  words chat(const words& more = {}) const {
    return words{"chat", "-m", model, "-n", "12", "--temperature", "0", "-t", "1"} + more;
  }
  outcome talk(const std::string& input, const words& more = {}) const {
    const outcome result = result_of(chat(more), {.input = input});
    INFO(result.err);
    CHECK(result.code == 0);
    return result;
  }
  // The conversations that /save left.
  std::vector<conversation> saved(const std::string& name) const {
    std::vector<conversation> talks;
    ctgpt::align::conversation_counts counts;
    read_conversations(file(name), ctgpt::align::conversation_format::any, counts,
                       [&](conversation&& each) { talks.push_back(std::move(each)); });
    CHECK(counts.skipped.empty());
    return talks;
  }
};
const chat_ground& ground() {
  static const chat_ground here;
  return here;
}

}  // namespace

TEST_CASE("chat: answers alone go to standard output; the history is what was said") {
  const chat_ground& here = ground();
  const std::string save = here.file("talk1.jsonl");
  const outcome result =
      here.talk("Who is Tina?\n\nAnd Bob?\n/save " + save + "\nlast without end");
  CHECK_FALSE(contains(result.err, "> "));  // nobody watches
  const std::vector<conversation> talks = here.saved("talk1.jsonl");
  REQUIRE(talks.size() == 1);
  REQUIRE(talks[0].size() == 4);
  CHECK(talks[0][0].content == "Who is Tina?");
  CHECK(talks[0][2].content == "And Bob?");
  CHECK(result.out.starts_with(talks[0][1].content + "\n" + talks[0][3].content + "\n"));
  CHECK(result.out.size() > talks[0][1].content.size() + talks[0][3].content.size() + 2);
  CHECK_FALSE(contains(result.out, "<|im_end|>"));
  // The same input, the same answers.
  CHECK(here.talk("Who is Tina?\n\nAnd Bob?\nlast without end").out == result.out);
  CHECK(result_of(here.chat()).code == 0);  // nothing to read at all
}

TEST_CASE("chat: /clear forgets, /undo takes back, /regenerate draws again") {
  const chat_ground& here = ground();
  const std::string one = here.talk("Who is Tina?\n").out;
  CHECK(here.talk("Who is Tina?\n/clear\nWho is Tina?\n").out == one + one);
  CHECK(here.talk("Who is Tina?\n/new\nWho is Tina?\n").out == one + one);
  CHECK(here.talk("Who is Tina?\n/undo\nWho is Tina?\n").out == one + one);
  CHECK(here.talk("Who is Tina?\n/regenerate\n").out == one + one);  // the likeliest, again
  const words warm{"chat", "-m", here.model, "-n", "40", "--temperature", "2", "-t", "1"};
  const std::string drawn = output_of(warm, {.input = "Who is Tina?\n/regenerate\n"});
  const std::string first = output_of(warm, {.input = "Who is Tina?\n"});
  CHECK(drawn.starts_with(first));
  CHECK(drawn != first + first);
  const outcome nothing = here.talk("/undo\n/regenerate\n");
  CHECK(contains(nothing.err, "There is nothing to take back."));
  CHECK(contains(nothing.err, "There is no question yet."));
  CHECK(nothing.out.empty());
}

TEST_CASE("chat: /system and --system tell the model the same") {
  const chat_ground& here = ground();
  const std::string save = here.file("talk2.jsonl");
  const outcome told = here.talk("/system Be kind.\nHi\n/save " + save + "\n");
  CHECK(here.talk("Hi\n", {"--system", "Be kind."}).out == told.out);
  const std::vector<conversation> talks = here.saved("talk2.jsonl");
  REQUIRE(talks.size() == 1);
  CHECK(talks[0][0] == ctgpt::align::message{"system", "Be kind."});
  // It outlives /clear, and goes with nothing behind the command.
  CHECK(here.talk("/system Be kind.\n/clear\nHi\n").out == told.out);
  CHECK(here.talk("/system Be kind.\n/system\nHi\n").out == here.talk("Hi\n").out);
}

TEST_CASE("chat: commands that are none, messages that begin with a slash or go on") {
  const chat_ground& here = ground();
  const std::string save = here.file("talk3.jsonl");
  const outcome result =
      here.talk("/nonsense\n/help\n/save\n//Who is Bob?\nWho is\\\nTina?\n/save " + save +
                "\n/save /absent/there\n/exit\nnever asked\n");
  CHECK(contains(result.err, "There is no command /nonsense; /help lists them."));
  CHECK(contains(result.err, "/regenerate"));
  CHECK(contains(result.err, "say where: /save FILE"));
  CHECK(contains(result.err, "/absent/there"));
  const std::vector<conversation> talks = here.saved("talk3.jsonl");
  REQUIRE(talks.size() == 1);
  REQUIRE(talks[0].size() == 4);
  CHECK(talks[0][0].content == "/Who is Bob?");
  CHECK(talks[0][2].content == "Who is\nTina?");
  CHECK(contains(here.talk("\xFF\xFE\nHi\n").err, "the message is not UTF-8"));
}

TEST_CASE("chat: a conversation that grows too long loses its oldest turns, and that is said") {
  const chat_ground& here = ground();
  const std::string question = "Where does Tina live? What is the best food of Bob? Who is Carl?";
  const outcome result = here.talk("/system Be kind.\n" + question + "\n" + question + "\n" +
                                   question + "\n" + question + "\n");
  CHECK(contains(result.err, "(The conversation is longer than the model's "));
  CHECK(contains(result.err, "the oldest 2 messages are left out.)"));
  CHECK(contains(result.err, "the oldest 4 messages are left out.)"));
  const outcome huge = here.talk(std::string(5000, 'q') + "\nHi\n");
  CHECK(contains(huge.err, "the message is too long"));
  CHECK(huge.out == here.talk("Hi\n").out);
}

TEST_CASE("chat: flags of a base model and of none") {
  const chat_ground& here = ground();
  CHECK(contains(sentence(result_of({"chat", "-m", here.base(), "--system", "x"}), 2),
                 "has no chat template, so there is no --system"));
  CHECK(contains(sentence(result_of({"chat"}), 2), "--model DIR"));
}

TEST_CASE("chat: Ctrl-C stops the answer alone; at the prompt it leaves; a paste is one message") {
  const temporary_directory made;
  const talk_ground here(10);
  // Large enough that an answer takes a while.
  const std::string base =
      here.trained("large", {"--preset", "shakespeare-char", "--tokenizer", "bytes", "--steps", "1",
                             "--batch", "1", "--context", "32"});
  const std::string model =
      here.tuned("large-chat", {"--model", base, "--steps", "1", "--batch", "1", "--lr", "1e-6"});
  terminal watched;
  const std::string save = here.file("talk.jsonl");
  running chat({"chat", "-m", model, "-n", "200", "--temperature", "0", "--top-k", "1", "-t", "1",
                "--seed", "1"},
               {.before = [&] { ::dup2(watched.end(), 0); }});
  const auto says = [&](const char* text) {
    return chat.until([&] { return contains(chat.said(), text); });
  };
  REQUIRE(says("/exit or Ctrl-D ends"));
  watched.type("one\ntwo\nthree\n");  // pasted
  REQUIRE(chat.until([&] { return !chat.printed().empty(); }));
  chat.send(SIGINT);
  REQUIRE(says("(Stopped.)"));
  watched.type("/save " + save + "\n");
  REQUIRE(says("Added to "));
  chat.send(SIGINT);
  const outcome end = chat.wait();
  CHECK(end.code == 0);
  CHECK(end.signal == 0);
  const ctgpt::io::json talk = ctgpt::io::read_json(save);
  const ctgpt::io::json_field messages = ctgpt::io::json_field(talk, save)["messages"];
  REQUIRE(messages.size() == 2);  // what came of the answer is part of the conversation
  CHECK(messages[0]["content"].string() == "one\ntwo\nthree");
  CHECK(end.out.starts_with(messages[1]["content"].string()));
  CHECK(messages[1]["content"].string().size() < 190);
}
