// What the log holds: conversations, their messages, ratings.
//
// Times are milliseconds since 1970. details and settings are JSON objects that the log keeps and
// does not read.
// Errors: none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::feedback {

struct rating {
  std::int64_t value = 0;                 // 1 good, -1 bad, 0 neither
  std::string reason = {}, comment = {};  // a word from a list, and the person's own
  std::string answer = {};                // the better answer that the person wrote
  std::int64_t at = 0;
};

struct new_message {
  std::string parent = {};  // "" for a first one
  std::string role = {}, content = {};
  io::json details =
      io::json::object();  // model, sampling settings, why it ended, what it replaces
};

struct message_record {
  std::string id = {}, parent = {}, role = {}, content = {};
  std::int64_t created = 0;
  io::json details = io::json::object();
  std::optional<rating> rated = {};
};

struct conversation_head {
  std::string title = {}, system = {};
  io::json settings = io::json::object();
};

struct conversation_record {
  std::string id = {};
  conversation_head head = {};
  std::int64_t created = 0, updated = 0;
  std::string leaf = {};
  std::vector<message_record> messages = {};  // in the order in which they came
};

struct conversation_change {
  std::optional<std::string> title = {}, system = {}, leaf = {};
  std::optional<io::json> settings = {};
};

struct conversation_line {
  std::string id = {}, title = {};
  std::int64_t updated = 0;
  std::string snippet = {};  // of a search: where the words stand
};

struct conversation_query {
  std::string search = {};  // words; all must be there, the last one may be a beginning
  std::int64_t limit = 50;
  std::int64_t offset = 0;
};

// Takes one line of an export, its end included.
using line_sink = std::function<void(std::string_view line)>;

}  // namespace ctgpt::inline CTGPT_ABI::feedback
