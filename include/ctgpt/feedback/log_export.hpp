// Conversations of the log as JSON lines of OpenAI messages: what fine-tuning reads.
//
//   {"messages": [{"role": "system", "content": ...}, {"role": "user", ...}, ...],
//    "conversation": ID, "title": ..., "created": MS, "shown": true, "settings": {...},
//    "records": [{"message": 1, "id": ..., "created": MS, "details": {...},
//                 "rating": {"value": 1, "reason": ..., "comment": ..., "answer": ..., "at": MS}}]}
//
// A conversation is a tree: each way from its beginning to an end is a line, so that every message
// is in one; shown is true for the branch on the screen. records says of each message of the person
// and the model, by its place in messages, when and how it came to be; rating is there where one
// was given. Those who only train read messages and leave the rest.
// Nobody's name is in it.
// Errors: the sink's own.
#pragma once

#include <map>

#include "ctgpt/feedback/log_records.hpp"

namespace ctgpt::inline CTGPT_ABI::feedback {

// One line of a branch, given as messages from the first to the last.
inline std::string export_line(const conversation_record& talk,
                               const std::vector<const message_record*>& branch, bool shown) {
  std::string line;
  io::json_writer out(line);
  out.begin_object().key("messages").begin_array();
  const auto say = [&out](std::string_view role, std::string_view content) {
    out.begin_object().member("role", role).member("content", content).end_object();
  };
  if (!talk.head.system.empty()) say("system", talk.head.system);
  for (const message_record* each : branch) say(each->role, each->content);
  out.end_array().member("conversation", talk.id).member("title", talk.head.title);
  out.member("created", talk.created).member("shown", shown).member("settings", talk.head.settings);
  out.key("records").begin_array();
  std::int64_t place = talk.head.system.empty() ? 0 : 1;
  for (const message_record* each : branch) {
    out.begin_object().member("message", place++).member("id", each->id);
    out.member("created", each->created).member("details", each->details);
    if (each->rated) {
      const rating& given = *each->rated;
      out.key("rating").begin_object().member("value", given.value).member("reason", given.reason);
      out.member("comment", given.comment).member("answer", given.answer);
      out.member("at", given.at).end_object();
    }
    out.end_object();
  }
  out.end_array().end_object();
  return line;
}

// Each way from the beginning of a conversation to an end of it. A conversation without messages
// has none.
inline void export_branches(const conversation_record& talk, const line_sink& out) {
  std::map<std::string_view, const message_record*> by_id;
  std::map<std::string_view, bool> goes_on;
  for (const message_record& each : talk.messages) {
    by_id[each.id] = &each;
    goes_on[each.parent] = true;
  }
  const auto branch_to = [&](const message_record* last) {
    std::vector<const message_record*> branch;
    for (auto at = by_id.find(last->id); at != by_id.end(); at = by_id.find(at->second->parent)) {
      branch.insert(branch.begin(), at->second);
    }
    return branch;
  };
  for (const message_record& each : talk.messages) {
    if (goes_on.count(each.id) == 0) {
      out(export_line(talk, branch_to(&each), each.id == talk.leaf) + "\n");
    }
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::feedback
