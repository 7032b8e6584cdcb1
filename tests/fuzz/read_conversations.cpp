// Any bytes: every record is a conversation that can be learnt, or is counted with its place.
#include "ctgpt/align/conversations.hpp"
#include "fuzz/require.hpp"

using namespace ctgpt;
using namespace ctgpt::align;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const conversation_format format :
       {conversation_format::any, conversation_format::alpaca, conversation_format::sharegpt,
        conversation_format::openai, conversation_format::oasst}) {
    conversation_counts counts;
    isize talks = 0;
    read_conversations(fuzz::text_of(data, size), "f", format, counts, [&](conversation&& talk) {
      ++talks;
      require(!talk.empty() && talk.back().role == "assistant", "a conversation ends in an answer");
      bool asked = false;
      for (const message& each : talk) {
        require(!each.content.empty(), "every message says something");
        require(each.role == "user" || each.role == "assistant" || each.role == "system",
                "a role is one of three");
        asked = asked || each.role == "user";
      }
      require(asked, "somebody asks");
    });
    require(talks == counts.conversations, "conversations are counted");
    require(counts.skipped_in_all() <= counts.records, "records are counted");
    require(counts.skipped_in_all() < counts.records || talks == 0 || counts.records == 0,
            "what is left out gives nothing");
    require(counts.messages.size() == counts.skipped.size(), "every reason has an example");
    for (const std::string& sentence : counts.messages) {
      require(sentence.starts_with("f: line "), "an example names its place");
    }
  }
  return 0;
}
