// The log of a chat server: each person's conversations, ratings and edits, kept in one SQLite
// file.
//
// feedback::chat_log log("chat.db");
// const auto talk = log.open("anna", {.title = "Trip", .system = "Be brief."});
// const auto asked = log.add("anna", talk.id, {.role = "user", .content = "Where to?"});
// const auto told = log.add("anna", talk.id, {asked->id, "assistant", "To the sea.", details});
// log.rate("anna", told->id, {.value = 1, .reason = "correct"});
// log.find("bob", talk.id)                              nothing: it is not his
// log.export_person("anna", [&](std::string_view line) { out << line; });
//
// Messages form a tree: an edited question and an answer made anew are further children of the same
// parent. The leaf of a conversation is the end of the branch that is shown.
// Every call takes the name of a person and sees what is theirs; a foreign id is an unknown one.
// Consent, off at first, lets export_consented() read a person's conversations, and nothing else.
// Ensures: what a call has returned survives kill -9 and loss of power; a rating given twice counts
// once; what is erased is gone from the file, from its events and from its write-ahead log.
// Any number of threads may call.
// Errors: one sentence for a file that is locked, read-only, damaged, another program's or a newer
// ctgpt's; text that is not UTF-8 is refused (usage_error).
#pragma once

#include <sys/random.h>

#include <chrono>
#include <mutex>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/feedback/log_events.hpp"
#include "ctgpt/feedback/log_export.hpp"

namespace ctgpt::inline CTGPT_ABI::feedback {

class chat_log {
 public:
  explicit chat_log(const std::string& path) : file_(path) { prepare_log(file_); }

  conversation_record open(const std::string& person, const conversation_head& head) {
    const std::lock_guard held(mutex_);
    const std::string id = new_id();
    write({.person = person,
           .kind = "open",
           .conversation = id,
           .body = io::json::object()
                       .set("title", utf8(head.title))
                       .set("system", utf8(head.system))
                       .set("settings", head.settings)});
    return *read_conversation(person, id);
  }

  // Nothing where the conversation is not the person's, or the parent not a message of it.
  std::optional<message_record> add(const std::string& person, const std::string& conversation,
                                    const new_message& message) {
    const std::lock_guard held(mutex_);
    if (!owns(person, conversation)) return std::nullopt;
    if (!message.parent.empty() && conversation_of(person, message.parent) != conversation) {
      return std::nullopt;
    }
    message_record added{.id = new_id(),
                         .parent = message.parent,
                         .role = message.role,
                         .content = message.content,
                         .details = message.details};
    added.created = write({.person = person,
                           .kind = "message",
                           .conversation = conversation,
                           .body = io::json::object()
                                       .set("id", added.id)
                                       .set("parent", utf8(message.parent))
                                       .set("role", utf8(message.role))
                                       .set("content", utf8(message.content))
                                       .set("details", message.details)});
    return added;
  }

  // False where the conversation is not the person's, or the leaf not a message of it.
  bool change(const std::string& person, const std::string& conversation,
              const conversation_change& change) {
    const std::lock_guard held(mutex_);
    if (!owns(person, conversation)) return false;
    if (change.leaf && conversation_of(person, *change.leaf) != conversation) return false;
    io::json body = io::json::object();
    if (change.title) body.set("title", utf8(*change.title));
    if (change.system) body.set("system", utf8(*change.system));
    if (change.leaf) body.set("leaf", *change.leaf);
    if (change.settings) body.set("settings", *change.settings);
    write({.person = person, .kind = "change", .conversation = conversation, .body = body});
    return true;
  }

  // False where the message is not of a conversation of the person. The newest rating counts; the
  // same one again changes nothing.
  bool rate(const std::string& person, const std::string& message, const rating& given) {
    if (given.value < -1 || given.value > 1) throw usage_error("a rating is -1, 0 or 1");
    const std::lock_guard held(mutex_);
    const std::string conversation = conversation_of(person, message);
    if (conversation.empty()) return false;
    const std::optional<rating> before = read_rating(person, message);
    if (before && before->value == given.value && before->reason == given.reason &&
        before->comment == given.comment && before->answer == given.answer) {
      return true;
    }
    write({.person = person,
           .kind = "rate",
           .conversation = conversation,
           .body = io::json::object()
                       .set("message", message)
                       .set("value", given.value)
                       .set("reason", utf8(given.reason))
                       .set("comment", utf8(given.comment))
                       .set("answer", utf8(given.answer))});
    return true;
  }

  bool consent(const std::string& person) {
    const std::lock_guard held(mutex_);
    return consents(person);
  }
  void set_consent(const std::string& person, bool consent) {
    const std::lock_guard held(mutex_);
    if (consents(person) == consent) return;
    write({.person = person,
           .kind = "consent",
           .body = io::json::object().set("consent", consent ? 1 : 0)});
  }

  // With all its messages.
  std::optional<conversation_record> find(const std::string& person, const std::string& id) {
    const std::lock_guard held(mutex_);
    return read_conversation(person, id);
  }

  // The newest first.
  std::vector<conversation_line> list(const std::string& person,
                                      const conversation_query& query = {}) {
    const std::lock_guard held(mutex_);
    std::vector<conversation_line> lines;
    const std::string words = match_of(query.search);
    auto rows = words.empty()
                    ? file_
                          .prepare(
                              "SELECT id, title, updated, '' FROM conversations WHERE person = ? "
                              "ORDER BY updated DESC, number DESC LIMIT ? OFFSET ?")
                          .bind(person, query.limit, query.offset)
                    : file_.prepare(found_sql).bind(person, words, like_of(query.search),
                                                    query.limit, query.offset);
    while (rows.step()) {
      lines.push_back({rows.text(0), rows.text(1), rows.integer(2), rows.text(3)});
    }
    return lines;
  }

  // Removes a conversation; false where it is not the person's.
  bool erase(const std::string& person, const std::string& conversation) {
    const std::lock_guard held(mutex_);
    if (!owns(person, conversation)) return false;
    erase_from(person, conversation, 1);
    return true;
  }
  // Removes all that is the person's. How many conversations that were.
  std::int64_t erase_person(const std::string& person) {
    const std::lock_guard held(mutex_);
    auto rows = file_.prepare("SELECT count(*) FROM conversations WHERE person = ?").bind(person);
    const std::int64_t conversations = rows.step() ? rows.integer(0) : 0;
    { const auto done = std::move(rows); }
    erase_from(person, std::nullopt, conversations);
    return conversations;
  }

  // Conversations as JSON lines: feedback/log_export.hpp has their form.
  // The lock is held for one conversation at a time: a slow reader of an export stops nobody.
  void export_person(const std::string& person, const line_sink& out) {
    for (const std::string& id : names("SELECT id FROM conversations WHERE person = ? "
                                       "ORDER BY number",
                                       person)) {
      if (const auto talk = find(person, id)) export_branches(*talk, out);
    }
  }
  // Those of all who have agreed; the name of nobody is in it.
  void export_consented(const line_sink& out) {
    for (const std::string& person :
         names("SELECT person FROM people WHERE consent = ? ORDER BY person", 1)) {
      if (consent(person)) export_person(person, out);
    }
  }

  // The tables that are read, anew from the events.
  void rebuild() {
    const std::lock_guard held(mutex_);
    sqlite::transaction change(file_);
    feedback::rebuild(file_);
    change.commit();
  }
  std::int64_t events() {
    const std::lock_guard held(mutex_);
    return file_.number("SELECT count(*) FROM events");
  }

 private:
  static constexpr std::string_view found_sql =
      "SELECT c.id, c.title, c.updated, ifnull((SELECT snippet(message_words, 0, '', '', '…', 12) "
      "FROM message_words JOIN messages m ON m.number = message_words.rowid "
      "WHERE message_words MATCH ?2 AND m.conversation = c.id LIMIT 1), '') "
      "FROM conversations c WHERE c.person = ?1 AND (c.title LIKE ?3 ESCAPE '\\' OR c.id IN "
      "(SELECT m.conversation FROM message_words JOIN messages m ON m.number = "
      "message_words.rowid WHERE message_words MATCH ?2)) "
      "ORDER BY c.updated DESC, c.number DESC LIMIT ?4 OFFSET ?5";

  // 128 random bits: nobody guesses the id of another's conversation.
  static std::string new_id() {
    unsigned char bytes[16];
    expects(::getrandom(bytes, sizeof bytes, 0) == sizeof bytes,
            "cannot make an id: the system gives no random bytes");
    std::string id;
    for (const unsigned char byte : bytes) {
      id += "0123456789abcdef"[byte >> 4];
      id += "0123456789abcdef"[byte & 15];
    }
    return id;
  }

  static const std::string& utf8(const std::string& text) {
    if (utf8_error_offset(text) != text.npos) throw usage_error("a text for the log must be UTF-8");
    return text;
  }

  // Each word quoted, so that no sign of the search language counts; the last may go on.
  static std::string match_of(const std::string& search) {
    std::string words;
    std::size_t at = 0;
    while ((at = search.find_first_not_of(" \t\r\n", at)) != search.npos) {
      const std::size_t end = std::min(search.find_first_of(" \t\r\n", at), search.size());
      words += words.empty() ? "\"" : " \"";
      for (; at < end; ++at) {
        if (search[at] == '\0') continue;
        words += search[at];
        if (search[at] == '"') words += '"';
      }
      words += '"';
    }
    return words.empty() ? words : words + "*";
  }
  static std::string like_of(const std::string& search) {
    std::string pattern = "%";
    for (const char c : search) {
      if (c == '%' || c == '_' || c == '\\') pattern += '\\';
      pattern += c;
    }
    return pattern + "%";
  }

  // Records one event by itself; its time.
  std::int64_t write(log_event event) {
    using namespace std::chrono;
    event.at = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    sqlite::transaction change(file_);
    record(file_, event);
    change.commit();
    return event.at;
  }

  void erase_from(const std::string& person, const std::optional<std::string>& conversation,
                  std::int64_t conversations) {
    {
      sqlite::transaction change(file_);
      remove(file_, person, conversation);
      change.commit();
    }
    write({.kind = "erase",
           .body = io::json::object().set("conversations", conversations)});  // whose: no trace
    auto rows = file_.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    expects(rows.step() && rows.integer(0) == 0, "the data was deleted, but another program holds ",
            "the log ", file_.path(), " open: its write-ahead log keeps a copy until then; delete ",
            "again when that program has ended");
  }

  // The first column.
  template <class Value>
  std::vector<std::string> names(std::string_view sql, const Value& value) {
    const std::lock_guard held(mutex_);
    std::vector<std::string> all;
    auto rows = file_.prepare(sql).bind(value);
    while (rows.step()) all.push_back(rows.text(0));
    return all;
  }
  bool owns(const std::string& person, const std::string& conversation) {
    auto rows = file_.prepare("SELECT 1 FROM conversations WHERE id = ? AND person = ?")
                    .bind(conversation, person);
    return rows.step();
  }
  // Of the person's conversations the one that holds the message; "" for none.
  std::string conversation_of(const std::string& person, const std::string& message) {
    auto rows = file_
                    .prepare(
                        "SELECT c.id FROM messages m JOIN conversations c ON c.id = "
                        "m.conversation WHERE m.id = ? AND c.person = ?")
                    .bind(message, person);
    return rows.step() ? rows.text(0) : std::string();
  }
  bool consents(const std::string& person) {
    auto rows = file_.prepare("SELECT consent FROM people WHERE person = ?").bind(person);
    return rows.step() && rows.integer(0) != 0;
  }
  std::optional<rating> read_rating(const std::string& person, const std::string& message) {
    auto rows = file_
                    .prepare(
                        "SELECT value, reason, comment, answer, at FROM ratings WHERE "
                        "message = ? AND person = ?")
                    .bind(message, person);
    if (!rows.step()) return std::nullopt;
    return rating{rows.integer(0), rows.text(1), rows.text(2), rows.text(3), rows.integer(4)};
  }

  std::optional<conversation_record> read_conversation(const std::string& person,
                                                       const std::string& id);

  sqlite::database file_;
  std::mutex mutex_;
};

inline std::optional<conversation_record> chat_log::read_conversation(const std::string& person,
                                                                      const std::string& id) {
  conversation_record found;
  {
    auto rows = file_
                    .prepare(
                        "SELECT title, system, settings, created, updated, leaf FROM "
                        "conversations WHERE id = ? AND person = ?")
                    .bind(id, person);
    if (!rows.step()) return std::nullopt;
    found = {.id = id,
             .head = {rows.text(0), rows.text(1), io::parse_json(rows.text(2), file_.path())},
             .created = rows.integer(3),
             .updated = rows.integer(4),
             .leaf = rows.text(5),
             .messages = {}};
  }
  auto rows = file_
                  .prepare(
                      "SELECT m.id, m.parent, m.role, m.content, m.created, m.details, "
                      "r.value, r.reason, r.comment, r.answer, r.at FROM messages m LEFT "
                      "JOIN ratings r ON r.message = m.id AND r.person = ? WHERE "
                      "m.conversation = ? ORDER BY m.number")
                  .bind(person, id);
  while (rows.step()) {
    message_record message{.id = rows.text(0),
                           .parent = rows.text(1),
                           .role = rows.text(2),
                           .content = rows.text(3),
                           .created = rows.integer(4),
                           .details = io::parse_json(rows.text(5), file_.path()),
                           .rated = {}};
    if (!rows.null(6)) {
      message.rated =
          rating{rows.integer(6), rows.text(7), rows.text(8), rows.text(9), rows.integer(10)};
    }
    found.messages.push_back(std::move(message));
  }
  return found;
}

}  // namespace ctgpt::inline CTGPT_ABI::feedback
