// read_conversations: four formats, and every row that is none of them counted with its place.
#include "ctgpt/align/conversations.hpp"

#include "base/corpora.hpp"
#include "base/error_text.hpp"
#include "base/temporary.hpp"

using namespace ctgpt;
using namespace ctgpt::align;
using namespace ctgpt_test;

namespace {

struct result {
  std::vector<conversation> talks;
  conversation_counts counts;
};
result read(std::string_view text, std::string_view format = "auto") {
  result found;
  read_conversations(text, "file", parse_conversation_format(format), found.counts,
                     [&](conversation&& talk) { found.talks.push_back(std::move(talk)); });
  return found;
}
conversation only(std::string_view text, std::string_view format = "auto") {
  const result found = read(text, format);
  for (const std::string& each : found.counts.messages) MESSAGE(each);
  REQUIRE(found.talks.size() == 1);
  return found.talks[0];
}
// What is said of the one row that is refused.
std::string refused(std::string_view text, std::string_view format = "auto") {
  const result found = read(text, format);
  CHECK(found.talks.empty());
  CHECK(found.counts.skipped_in_all() == 1);
  REQUIRE(found.counts.messages.size() == 1);
  return found.counts.messages[0];
}
const conversation hello{{"user", "Hi"}, {"assistant", "Hello"}};

}  // namespace

TEST_CASE("conversations: Alpaca, with an input, a system message, and self-instruct's instances") {
  CHECK(only(R"({"instruction":"Hi","input":"","output":"Hello"})") == hello);
  CHECK(only(R"({"instruction":"Add","input":"2 2","output":"4","system":"Be brief"})") ==
        conversation{{"system", "Be brief"}, {"user", "Add\n2 2"}, {"assistant", "4"}});
  const result two = read(R"([{"instruction":"Add","instances":[
      {"input":"1 1","output":"2"},{"input":"","output":"?"}]}])");
  REQUIRE(two.talks.size() == 2);
  CHECK(two.counts.records == 1);
  CHECK(two.counts.conversations == 2);
  CHECK(two.talks[1] == conversation{{"user", "Add"}, {"assistant", "?"}});
}

TEST_CASE("conversations: ShareGPT, whose first words may be the assistant's") {
  CHECK(only(R"([{"conversations":[{"from":"gpt","value":"I am here"},
      {"from":"human","value":"Hi"},{"from":"gpt","value":"Hello"},
      {"from":"human","value":"Bye"}]}])") == hello);
  CHECK(only(R"([{"conversations":[{"role":"user","content":"Hi"},
      {"role":"assistant","content":"Hello"}]}])") == hello);
}

TEST_CASE("conversations: OpenAI messages, alone or in an object, with parts of text") {
  CHECK(only(R"([{"messages":[{"role":"user","content":"Hi"},
      {"role":"assistant","content":"Hello"}]}])") == hello);
  CHECK(only(R"([[{"role":"user","content":[{"type":"text","text":"H"},
      {"type":"text","text":"i"}]},{"role":"assistant","content":"Hello"}]])") == hello);
  CHECK(only(R"([{"messages":[{"role":"developer","content":"Be kind"},
      {"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}])")[0] ==
        message{"system", "Be kind"});
  // A line each: the second says nothing.
  const result lines =
      read(R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}])"
           "\n[]\n");
  CHECK(lines.talks == std::vector<conversation>{hello});
  CHECK(lines.counts.skipped_in_all() == 1);
}

TEST_CASE("conversations: an OASST tree is its best path, deleted replies aside") {
  CHECK(only(R"([{"prompt":{"role":"prompter","text":"Hi","replies":[
      {"role":"assistant","text":"worse","rank":1,"replies":[]},
      {"role":"assistant","text":"gone","rank":0,"deleted":true,"replies":[]},
      {"role":"assistant","text":"Hello","rank":0,"replies":[
        {"role":"prompter","text":"unanswered","replies":[]}]}]}}])") == hello);
}

TEST_CASE("conversations: a row that is none is refused with file, line and what") {
  CHECK(contains_text(refused("{\"messages\": ["), "file: line 1"));
  CHECK(contains_text(
      refused("\n\n{\"a\":1}"),
      "file: line 3: it has neither instruction, conversations, messages nor prompt"));
  CHECK(contains_text(refused(R"({"messages":[{"role":"user","content":"Hi"}]})"),
                      "line 1: nobody answers"));
  CHECK(
      contains_text(refused(R"({"messages":[{"role":"assistant","content":"Hi"}]})"), "line 1: "));
  CHECK(contains_text(refused(R"({"messages":[{"role":"tool","content":"Hi"}]})"),
                      "the role \"tool\""));
  CHECK(contains_text(refused(R"({"messages":[{"role":"user","content":5}]})"), "content"));
  CHECK(contains_text(refused(R"({"messages":[{"role":"user","content":""},)"
                              R"({"role":"assistant","content":"x"}]})"),
                      "a message is empty"));
  CHECK(contains_text(refused(R"({"messages":[{"role":"user","content":[{"type":"image"}]}]})"),
                      "no text"));
  CHECK(contains_text(refused(R"({"messages":[{"role":"user","content":"Hi"},)"
                              R"({"role":"assistant","content":"x","weight":0}]})"),
                      "weight is 0"));
  CHECK(contains_text(refused(R"({"instruction":"Hi","output":null})"), "output"));
  CHECK(contains_text(refused(R"({"instruction":"Hi"})", "openai"), "messages"));
  CHECK(contains_text(refused("null"), "neither"));
  CHECK(contains_text(refused("42"), "neither"));
}

TEST_CASE("conversations: rows are counted by reason, and the others are read") {
  std::string text = R"({"instruction":"Hi","output":"Hello"})"
                     "\n";
  for (int i = 0; i < 3; ++i) text += "{damaged\n";
  text += "{}\n" + text;
  const result found = read(text);
  CHECK(found.talks == std::vector<conversation>{hello, hello});
  CHECK(found.counts.records == 9);
  CHECK(found.counts.skipped_in_all() == 7);
  CHECK(found.counts.skipped ==
        std::vector<std::pair<std::string, isize>>{{"no JSON", 6}, {"no known format", 1}});
  CHECK(found.counts.messages.size() == 2);
  CHECK(found.counts.messages[0].starts_with("file: line 2"));
}

TEST_CASE("conversations: files that cannot be any are refused at once") {
  const temporary_directory here;
  const auto said = [&](const std::string& name) {
    return error_text([&] {
      conversation_counts counts;
      read_conversations(here.file(name), conversation_format::any, counts, [](conversation&&) {});
    });
  };
  CHECK(contains_text(said("missing"), "there is no file "));
  CHECK(contains_text(said(""), "a directory holds no conversations by itself"));
  write_file_atomic(here.file("empty"), "");
  CHECK(contains_text(said("empty"), "is empty"));
  write_file_atomic(here.file("packed"), "\x1F\x8B\x08 and so on");
  CHECK(contains_text(said("packed"), "is compressed; unpack it"));
  CHECK(contains_text(error_text([] { parse_conversation_format("csv"); }),
                      "choose auto, alpaca, sharegpt, openai or oasst"));
}

// Real files: every tree of 100 and every row of 999.
TEST_CASE("conversations: all OASST trees and Alpaca rows of CTGPT_DATA are read") {
  const struct {
    const char* name;
    isize records, conversations;
  } files[] = {{"oasst-100-trees.jsonl", 100, 100},
               {"alpaca-999.json", 999, 999},
               {"instructions-1100.json", 1100, 1100},
               {"self-instruct-175.jsonl", 175, 175}};
  for (const auto& each : files) {
    CAPTURE(each.name);
    conversation_counts counts;
    isize answers = 0;
    const std::string path = corpus(std::string("sft/") + each.name);
    if (path.empty()) continue;
    read_conversations(path, conversation_format::any, counts, [&](conversation&& talk) {
      CHECK(talk.back().role == "assistant");
      answers += std::count_if(talk.begin(), talk.end(),
                               [](const message& m) { return m.role == "assistant"; });
    });
    MESSAGE(std::string(each.name)
            << ": " << counts.records << " records, " << counts.conversations << " conversations, "
            << answers << " answers, " << counts.skipped_in_all() << " left out");
    for (const std::string& sentence : counts.messages) MESSAGE(sentence);
    CHECK(counts.records == each.records);
    CHECK(counts.conversations == each.conversations);
  }
}
