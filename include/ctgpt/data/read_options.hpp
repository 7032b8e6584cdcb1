// How files are read into documents, and what is told of it.
//
// read_options{.format = file_format::jsonl, .field = "content"}
//
// The rule for bad input: a record that is wrong is left out, counted and described, and reading
// goes on with the next; a file whose data end too early gives all that came before. With
// `strict`, the first such sentence is thrown instead. What the system refuses (a file that is not
// there, a disk that fails) is always thrown.
// Errors: a format's name that is none; expect_documents() where none was read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/data/document.hpp"
#include "ctgpt/data/input_stream.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

enum class file_format : unsigned char { automatic, text, jsonl, csv, html, wet, wikipedia };

inline constexpr std::string_view file_format_names[] = {"auto", "text", "jsonl",    "csv",
                                                         "html", "wet",  "wikipedia"};

inline std::string_view name_of(file_format format) {
  return file_format_names[static_cast<std::size_t>(format)];
}

inline file_format file_format_of(std::string_view name) {
  for (std::size_t i = 0; i < std::size(file_format_names); ++i) {
    if (file_format_names[i] == name) return static_cast<file_format>(i);
  }
  throw usage_error(
      join("there is no format '", name, "': give auto, text, jsonl, csv, html, wet or wikipedia"));
}

struct read_options {
  file_format format = file_format::automatic;
  std::string field = "text";  // the member of a JSON object, the column of a CSV file
  bool every_column = false;   // of a CSV file: paragraphs of one text
  std::uint64_t max_document = std::uint64_t{1} << 30;  // bytes of a record; memory is bound by it
  bool gutenberg = true;  // Project Gutenberg's header and licence are taken off plain text
  bool strict = false;    // the first bad record is an error
};

struct read_counts {
  std::uint64_t documents = 0;
  std::uint64_t bytes = 0;     // of their texts
  std::uint64_t left_out = 0;  // records that hold no text to read: empty ones, redirects
  std::uint64_t bad = 0;       // records, or ends of files, that are wrong
  std::vector<std::string> messages = {};  // what was wrong with the first few

  static constexpr std::size_t most_messages = 10;

  void add(const read_counts& other) {
    documents += other.documents;
    bytes += other.bytes;
    left_out += other.left_out;
    bad += other.bad;
    for (const std::string& message : other.messages) {
      if (messages.size() < most_messages) messages.push_back(message);
    }
  }
};

// Where files have given no document, why: the first record that is wrong, if any is.
inline void expect_documents(const read_counts& read) {
  if (read.documents > 0) return;
  expects(!read.messages.empty(), "there is no document in the files that were given");
  const std::uint64_t others = read.bad - 1;
  const char* const are = others == 1 ? " more is" : " more are";
  const std::string more = others > 0 ? join(" (and ", others, are, " wrong)") : "";
  fail("there is no document that can be read: ", read.messages.front(), more);
}

inline constexpr std::size_t most_named = 20;

// What a record has instead of the field that is asked for: "; the header has id, body".
inline std::string instead_of_field(std::string_view record, std::span<const std::string> names) {
  constexpr std::size_t most_bytes = 60;
  std::string list;
  for (const std::string& name : names.first(std::min(names.size(), most_named))) {
    list += (list.empty() ? "" : ", ") + name.substr(0, most_bytes);
  }
  return join("; the ", record, " has ", names.empty() ? "none" : list);
}

// What the reader of one format works with.
struct reading {
  std::string path;
  read_options options;
  read_counts counts;
  input_stream in;

  template <class... Parts>
  void bad(const Parts&... parts) {
    std::string sentence = join(path, ": ", parts...);
    if (options.strict) fail(sentence);
    ++counts.bad;
    if (counts.messages.size() < read_counts::most_messages) {
      counts.messages.push_back(std::move(sentence));
    }
  }
  template <class... Parts>
  void too_long(const Parts&... parts) {
    bad(parts..., " is longer than the ", options.max_document, " bytes allowed; it is left out");
  }
};

// One format. Each has its class in data/readers/.
class format_reader {
 public:
  format_reader() = default;
  format_reader(const format_reader&) = delete;
  format_reader& operator=(const format_reader&) = delete;
  virtual ~format_reader() = default;

  // Fills the text, line and url of a new document; false at the end. Wrong records are told to
  // the reading and passed over; damage of the stream is told by the caller.
  virtual bool next(document& page) = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
