// How the chat page is told of conversations and messages.
//
// message        {"id", "parent", "role", "content", "created", "details", "rating" or null}
// conversation   {"id", "title", "system", "settings", "created", "updated", "leaf", "messages"}
// Errors: none.
#pragma once

#include "ctgpt/align/message.hpp"
#include "ctgpt/feedback/log.hpp"
#include "ctgpt/serve/request_fields.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline void write_message(io::json_writer& out, const feedback::message_record& one) {
  out.begin_object().member("id", one.id).member("parent", one.parent).member("role", one.role);
  out.member("content", one.content).member("created", one.created);
  out.member("details", one.details).key("rating");
  if (one.rated) {
    out.begin_object().member("value", one.rated->value).member("reason", one.rated->reason);
    out.member("comment", one.rated->comment).member("answer", one.rated->answer).end_object();
  } else {
    out.value(nullptr);
  }
  out.end_object();
}

inline void write_conversation(io::json_writer& out, const feedback::conversation_record& one) {
  out.begin_object().member("id", one.id).member("title", one.head.title);
  out.member("system", one.head.system).member("settings", one.head.settings);
  out.member("created", one.created).member("updated", one.updated).member("leaf", one.leaf);
  out.key("messages").begin_array();
  for (const feedback::message_record& each : one.messages) write_message(out, each);
  out.end_array().end_object();
}

// A foreign id and one that never was are told alike.
inline api_error unknown_id(const std::string& kind) {
  return {404, "there is no such " + kind, "invalid_request_error", "not_found"};
}

// The messages from the first one to `last`; empty where it is not there.
inline std::vector<feedback::message_record> branch_to(const feedback::conversation_record& talk,
                                                       const std::string& last) {
  std::vector<feedback::message_record> branch;
  std::string wanted = last;
  for (auto each = talk.messages.rbegin(); each != talk.messages.rend(); ++each) {
    if (each->id != wanted) continue;  // a parent is always older than its child
    branch.insert(branch.begin(), *each);
    wanted = each->parent;
  }
  return branch;
}

inline align::conversation messages_of(const std::string& system,
                                       const std::vector<feedback::message_record>& branch) {
  align::conversation messages;
  if (!system.empty()) messages.push_back({"system", system});
  for (const feedback::message_record& each : branch) messages.push_back({each.role, each.content});
  return messages;
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
