// What every reader of data/readers promises about any bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/data/reader.hpp"
#include "fuzz/require.hpp"

namespace fuzz {

struct reading {
  std::vector<ctgpt::data::document> documents;
  ctgpt::data::read_counts counts;
};

inline constexpr std::uint64_t longest = 4096;

inline std::optional<reading> read_all(std::string_view bytes, std::size_t piece,
                                       ctgpt::data::file_format format, bool strict) {
  reading all;
  try {
    ctgpt::data::document_reader reader(
        std::make_unique<ctgpt::data::memory_source>(bytes, piece), "f",
        {.format = format, .max_document = longest, .strict = strict});
    while (auto page = reader.next()) all.documents.push_back(std::move(*page));
    all.counts = reader.counts();
  } catch (const ctgpt::error& refusal) {
    require(strict, "only a strict reader throws");
    require(std::string_view(refusal.what()).starts_with("f: "), "errors begin with the name");
    return std::nullopt;
  }
  return all;
}

// The bytes are read, whole and in pieces, to the same documents; the counts fit them.
inline void check_reader(std::string_view bytes, ctgpt::data::file_format format) {
  const reading whole = *read_all(bytes, 65536, format, false);
  const reading pieces = *read_all(bytes, 1 + bytes.size() % 7, format, false);
  require(whole.documents.size() == pieces.documents.size(), "cutting keeps the documents");
  require(whole.counts.messages == pieces.counts.messages, "cutting keeps the messages");
  require(whole.counts.left_out == pieces.counts.left_out, "cutting keeps what is left out");
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < whole.documents.size(); ++i) {
    const ctgpt::data::document &a = whole.documents[i], &b = pieces.documents[i];
    require(a.text == b.text && a.source == b.source && a.url == b.url && a.line == b.line,
            "cutting changes no document");
    require(!a.text.empty(), "empty texts are left out");
    require(a.text.size() <= 4 * longest, "memory is bound by the limit");
    total += a.text.size();
  }
  require(total == whole.counts.bytes, "the bytes add up");
  require(whole.documents.size() == whole.counts.documents, "the documents add up");
  require(whole.counts.messages.size() <= whole.counts.bad, "each message is of a bad record");
  for (const std::string& message : whole.counts.messages) {
    require(message.starts_with("f: "), "messages begin with the name");
  }
  require(read_all(bytes, 65536, format, true).has_value() == (whole.counts.bad == 0),
          "strict throws where something is bad, and only there");
}

}  // namespace fuzz
