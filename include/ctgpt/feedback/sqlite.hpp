// A SQLite file: opened, asked, changed whole or not at all, with a sentence for whatever goes
// wrong.
//
// sqlite::database file("chat.db");
// sqlite::transaction change(file);                    rolled back unless committed
// file.prepare("INSERT INTO t VALUES (?, ?)").run(7, "text");
// change.commit();
// auto rows = file.prepare("SELECT a, b FROM t WHERE c = ?").bind("x");
// while (rows.step()) rows.integer(0), rows.text(1);
//
// A database is used by one thread at a time: the caller holds a lock.
// Errors: one sentence with the file's name for one that is locked, read-only, damaged, no database
// at all, on a full disk.
// Reference: https://www.sqlite.org/c3ref/intro.html
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI::feedback::sqlite {

[[noreturn, gnu::cold]] inline void fail_sqlite(sqlite3* handle, const std::string& path,
                                                int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      fail("the log ", path, " is locked: another program is writing to it and did not let go; ",
           "stop that program, or give this one a file of its own");
    case SQLITE_READONLY:
      fail("the log ", path, " cannot be written: it, or its directory, is read-only; give this ",
           "user the right to write there, or name another file");
    case SQLITE_NOTADB:
      fail("the log ", path, " is not a SQLite database; name another file");
    case SQLITE_CORRUPT:
      fail("the log ", path, " is damaged (", sqlite3_errmsg(handle),
           "); restore it from a copy, or name another file");
    case SQLITE_FULL:
      fail("the log ", path, " cannot grow: the disk is full");
    case SQLITE_CANTOPEN:
      fail("cannot open the log ", path, ": its directory is missing, or this user may not write ",
           "there");
    default:
      fail("the log ", path, ": ", handle != nullptr ? sqlite3_errmsg(handle) : "out of memory",
           " (SQLite code ", code, ")");
  }
}

class statement {
 public:
  statement(sqlite3* handle, const std::string& path, std::string_view sql)
      : handle_(handle), path_(&path) {
    const int code =
        sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &prepared_, nullptr);
    if (code != SQLITE_OK) fail_sqlite(handle, path, code);
  }
  statement(statement&& other) noexcept
      : handle_(other.handle_),
        path_(other.path_),
        prepared_(std::exchange(other.prepared_, nullptr)) {}
  statement& operator=(statement&&) = delete;
  ~statement() { sqlite3_finalize(prepared_); }

  // Binds all parameters, in order. Texts are copied.
  template <class... Values>
  statement&& bind(const Values&... values) && {
    int place = 0;
    (bind_one(++place, values), ...);
    return std::move(*this);
  }
  // For a statement without rows.
  template <class... Values>
  void run(const Values&... values) && {
    statement bound = std::move(*this).bind(values...);
    while (bound.step()) {
    }
  }

  // True where there is a row.
  bool step() {
    const int code = sqlite3_step(prepared_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) fail_sqlite(handle_, *path_, code);
    return false;
  }

  // Columns of the row, from 0.
  std::int64_t integer(int column) const { return sqlite3_column_int64(prepared_, column); }
  bool null(int column) const { return sqlite3_column_type(prepared_, column) == SQLITE_NULL; }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(prepared_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(prepared_, column));
    return bytes != nullptr ? std::string(bytes, size) : std::string();
  }

 private:
  void check(int code) {
    if (code != SQLITE_OK) fail_sqlite(handle_, *path_, code);
  }
  void bind_one(int place, std::string_view text) {
    check(sqlite3_bind_text64(prepared_, place, text.data(), text.size(), SQLITE_TRANSIENT,
                              SQLITE_UTF8));
  }
  void bind_one(int place, const std::string& text) { bind_one(place, std::string_view(text)); }
  template <std::integral Integer>
  void bind_one(int place, Integer value) {
    check(sqlite3_bind_int64(prepared_, place, static_cast<sqlite3_int64>(value)));
  }
  void bind_one(int place, const std::optional<std::string>& text) {
    if (text) return bind_one(place, std::string_view(*text));
    check(sqlite3_bind_null(prepared_, place));
  }

  sqlite3* handle_;
  const std::string* path_;
  sqlite3_stmt* prepared_ = nullptr;
};

class database {
 public:
  static constexpr int patience = 5000;  // milliseconds to wait for another program's lock

  explicit database(std::string path, bool read_only = false) : path_(std::move(path)) {
    const int mode = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    const int code = sqlite3_open_v2(path_.c_str(), &handle_, mode | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) {
      const close_at_exit guard{handle_};
      fail_sqlite(handle_, path_, code);
    }
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, patience);
  }
  database(const database&) = delete;
  database& operator=(const database&) = delete;
  ~database() { sqlite3_close_v2(handle_); }

  const std::string& path() const { return path_; }
  bool read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }

  statement prepare(std::string_view sql) { return statement(handle_, path_, sql); }
  // Several statements without parameters.
  void run(const std::string& sql) {
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail_sqlite(handle_, path_, code);
  }
  // The first column of the first row.
  std::int64_t number(std::string_view sql) {
    statement rows = prepare(sql);
    return rows.step() ? rows.integer(0) : 0;
  }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

 private:
  struct close_at_exit {
    sqlite3* handle;
    ~close_at_exit() { sqlite3_close_v2(handle); }
  };
  std::string path_;
  sqlite3* handle_ = nullptr;
};

class transaction {
 public:
  explicit transaction(database& file) : file_(file) { file_.run("BEGIN IMMEDIATE"); }
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction() {
    if (!file_.in_transaction()) return;  // committed, or SQLite has rolled it back
    try {
      file_.run("ROLLBACK");
    } catch (const error&) {
      // What went wrong before is already on its way to the caller.
    }
  }
  void commit() { file_.run("COMMIT"); }

 private:
  database& file_;
};

}  // namespace ctgpt::inline CTGPT_ABI::feedback::sqlite
