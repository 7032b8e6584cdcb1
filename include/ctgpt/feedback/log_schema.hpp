// The tables of the log, and how a file of an older version becomes one of this.
//
// events is the truth: what happened, in order, as JSON; a line is never changed, and goes only
// when a person wants their data gone. The other tables are what the events add up to, kept beside
// them in the same transaction so that reading is fast; chat_log::rebuild() makes them anew.
//
//   events         id, at (milliseconds since 1970), person, kind, conversation, body (JSON)
//   people         person, consent
//   conversations  id, person, title, system, settings (JSON), created, updated, leaf
//   messages       id, conversation, parent, role, content, created, details (JSON)
//   ratings        message, person, value (-1, 0, 1), reason, comment, answer, at
//   message_words  full-text index of the messages
//
// The file's application_id says that it is a log of ctgpt, user_version which schema it has.
// Errors: a file of another program, or of a newer ctgpt, is left alone: one sentence.
#pragma once

#include <span>

#include "ctgpt/feedback/sqlite.hpp"

namespace ctgpt::inline CTGPT_ABI::feedback {

inline constexpr std::int64_t log_application = 0x63746770;  // "ctgp"

// The n-th makes a file of schema n - 1 one of schema n. Those that were released never change.
inline constexpr const char* log_migrations[] = {R"sql(
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  person TEXT NOT NULL,
  kind TEXT NOT NULL,
  conversation TEXT,
  body TEXT NOT NULL
);
CREATE INDEX events_of_person ON events (person);
CREATE INDEX events_of_conversation ON events (conversation);
-- Whose data is being erased, while it is.
CREATE TABLE erasing (person TEXT PRIMARY KEY);
CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM erasing WHERE person = old.person)
BEGIN SELECT RAISE(ABORT, 'an event is only removed with its person''s data'); END;

CREATE TABLE people (person TEXT PRIMARY KEY, consent INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE conversations (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  person TEXT NOT NULL,
  title TEXT NOT NULL,
  system TEXT NOT NULL,
  settings TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  leaf TEXT
);
CREATE INDEX conversations_of_person ON conversations (person, updated);
CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  conversation TEXT NOT NULL,
  parent TEXT,
  role TEXT NOT NULL,
  content TEXT NOT NULL,
  created INTEGER NOT NULL,
  details TEXT NOT NULL
);
CREATE INDEX messages_of_conversation ON messages (conversation);
CREATE TABLE ratings (
  message TEXT NOT NULL,
  person TEXT NOT NULL,
  value INTEGER NOT NULL CHECK (value IN (-1, 0, 1)),
  reason TEXT NOT NULL,
  comment TEXT NOT NULL,
  answer TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (message, person)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE message_words
USING fts5 (content, content = messages, content_rowid = number,
            tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
)sql"};

// Brings the file to the schema of `migrations`, one whole step after the other.
inline void migrate(sqlite::database& file, std::span<const char* const> migrations) {
  const auto newest = static_cast<std::int64_t>(migrations.size());
  sqlite::transaction change(file);  // of several programs that start at once, one migrates
  const std::int64_t application = file.number("PRAGMA application_id");
  const std::int64_t version = file.number("PRAGMA user_version");
  expects(
      application == log_application || (application == 0 && version == 0 &&
                                         file.number("SELECT count(*) FROM sqlite_master") == 0),
      "the file ", file.path(), " is a SQLite database of another program, not a log of ctgpt; ",
      "name another file");
  expects(version <= newest, "the log ", file.path(), " has schema ", version,
          ", but this ctgpt knows only up to ", newest, "; use the newer ctgpt that wrote it");
  for (std::int64_t step = version; step < newest; ++step) {
    file.run(migrations[static_cast<std::size_t>(step)]);
  }
  if (version < newest) {
    file.run(join("PRAGMA user_version = ", newest));
    file.run(join("PRAGMA application_id = ", log_application));
  }
  change.commit();
}

// Ready to write: nothing that was acknowledged is lost when the program or the machine stops, and
// what is deleted is overwritten.
inline void prepare_log(sqlite::database& file) {
  expects(!file.read_only(), "the log ", file.path(), " cannot be written: it is read-only; give ",
          "this user the right to write to it, or name another file");
  migrate(file, log_migrations);  // first: a file of another program stays as it is
  file.run("PRAGMA journal_mode = WAL");
  file.run("PRAGMA synchronous = FULL");
  file.run("PRAGMA secure_delete = ON");
}

}  // namespace ctgpt::inline CTGPT_ABI::feedback
