// The events of the log, and what each of them does to the tables that are read.
//
// record(file, {.at = now, .person = "anna", .kind = "rate", .body = ...});
// rebuild(file);        the tables anew, from the events alone
//
// Kinds and their bodies (ids are given by the log):
//   open     conversation; {title, system, settings}
//   change   conversation; what changes of {title, system, settings, leaf}
//   message  conversation; {id, parent, role, content, details}
//   rate     {message, value, reason, comment, answer}; the newest counts
//   consent  {consent}
//   erase    a conversation, or all that was the person's, was removed: {conversations}, a number
// Errors: those of feedback/sqlite.hpp.
#pragma once

#include "ctgpt/feedback/log_schema.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::feedback {

struct log_event {
  std::int64_t at = 0;  // milliseconds since 1970
  std::string person = {}, kind = {}, conversation = {};
  io::json body = io::json::object();
};

namespace detail {

inline std::string text_of(const io::json& body, std::string_view key) {
  const io::json* value = body.find(key);
  const std::string* text = value != nullptr ? value->get_if<std::string>() : nullptr;
  return text != nullptr ? *text : std::string();
}
inline std::int64_t number_of(const io::json& body, std::string_view key) {
  const io::json* value = body.find(key);
  const std::int64_t* number = value != nullptr ? value->get_if<std::int64_t>() : nullptr;
  return number != nullptr ? *number : 0;
}
inline std::string object_of(const io::json& body, std::string_view key) {
  const io::json* value = body.find(key);
  const bool object = value != nullptr && value->get_if<io::json_object>() != nullptr;
  return object ? io::write_json(*value) : "{}";
}
inline std::optional<std::string> filled(std::string text) {
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

inline void apply_message(sqlite::database& file, const log_event& event) {
  const std::string id = text_of(event.body, "id"), content = text_of(event.body, "content");
  file.prepare(
          "INSERT INTO messages (id, conversation, parent, role, content, created, details) "
          "VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(id, event.conversation, filled(text_of(event.body, "parent")),
           text_of(event.body, "role"), content, event.at, object_of(event.body, "details"));
  file.prepare("INSERT INTO message_words (rowid, content) VALUES (last_insert_rowid(), ?)")
      .run(content);
  file.prepare("UPDATE conversations SET updated = ?, leaf = ? WHERE id = ?")
      .run(event.at, id, event.conversation);
}

inline void apply_change(sqlite::database& file, const log_event& event) {
  for (const char* column : {"title", "system", "leaf"}) {
    if (event.body.find(column) == nullptr) continue;
    file.prepare(join("UPDATE conversations SET ", column, " = ? WHERE id = ?"))
        .run(text_of(event.body, column), event.conversation);
  }
  if (event.body.find("settings") == nullptr) return;
  file.prepare("UPDATE conversations SET settings = ? WHERE id = ?")
      .run(object_of(event.body, "settings"), event.conversation);
}

}  // namespace detail

// What the event changes in the tables that are read.
inline void apply(sqlite::database& file, const log_event& event) {
  using namespace detail;
  const io::json& body = event.body;
  if (event.kind == "open") {
    file.prepare(
            "INSERT INTO conversations (id, person, title, system, settings, created, "
            "updated) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .run(event.conversation, event.person, text_of(body, "title"), text_of(body, "system"),
             object_of(body, "settings"), event.at, event.at);
  } else if (event.kind == "change") {
    apply_change(file, event);
  } else if (event.kind == "message") {
    apply_message(file, event);
  } else if (event.kind == "rate") {
    file.prepare("INSERT OR REPLACE INTO ratings VALUES (?, ?, ?, ?, ?, ?, ?)")
        .run(text_of(body, "message"), event.person, number_of(body, "value"),
             text_of(body, "reason"), text_of(body, "comment"), text_of(body, "answer"), event.at);
  } else if (event.kind == "consent") {
    file.prepare("INSERT OR REPLACE INTO people VALUES (?, ?)")
        .run(event.person, number_of(body, "consent"));
  }
}

// Adds the event and applies it. Requires: a transaction.
inline void record(sqlite::database& file, const log_event& event) {
  file.prepare("INSERT INTO events (at, person, kind, conversation, body) VALUES (?, ?, ?, ?, ?)")
      .run(event.at, event.person, event.kind, detail::filled(event.conversation),
           io::write_json(event.body));
  apply(file, event);
}

// Requires: a transaction.
inline void rebuild(sqlite::database& file) {
  file.run(
      "DELETE FROM ratings; DELETE FROM messages; DELETE FROM conversations; "
      "DELETE FROM people; INSERT INTO message_words (message_words) VALUES ('delete-all')");
  auto rows = file.prepare("SELECT at, person, kind, conversation, body FROM events ORDER BY id");
  while (rows.step()) {
    apply(file, {.at = rows.integer(0),
                 .person = rows.text(1),
                 .kind = rows.text(2),
                 .conversation = rows.text(3),
                 .body = io::parse_json(rows.text(4), file.path())});
  }
}

// Removes the person's conversation, or, where none is named, everything that is theirs: rows,
// events and words of the index. Requires: a transaction.
inline void remove(sqlite::database& file, const std::string& person,
                   const std::optional<std::string>& conversation) {
  const std::string one = conversation ? *conversation : std::string();
  file.prepare("INSERT INTO erasing VALUES (?)").run(person);
  file.prepare(
          "DELETE FROM ratings WHERE message IN (SELECT m.id FROM messages m JOIN "
          "conversations c ON m.conversation = c.id WHERE c.person = ?1 AND "
          "(?2 = '' OR c.id = ?2))")
      .run(person, one);
  file.prepare(
          "DELETE FROM messages WHERE conversation IN (SELECT id FROM conversations WHERE "
          "person = ?1 AND (?2 = '' OR id = ?2))")
      .run(person, one);
  file.prepare("DELETE FROM conversations WHERE person = ?1 AND (?2 = '' OR id = ?2)")
      .run(person, one);
  file.prepare("DELETE FROM events WHERE person = ?1 AND (?2 = '' OR conversation = ?2)")
      .run(person, one);
  if (!conversation) {
    file.prepare("DELETE FROM people WHERE person = ?").run(person);
    file.prepare("DELETE FROM ratings WHERE person = ?").run(person);
  }
  file.run("DELETE FROM erasing");
  // The index keeps words of removed rows in old segments: only a new one is without them.
  file.run("INSERT INTO message_words (message_words) VALUES ('rebuild')");
}

}  // namespace ctgpt::inline CTGPT_ABI::feedback
