// document_texts: the readers of ctgpt::data as `tokenizer train` uses them.
//
// install_document_texts();    in the unit of the data verbs, before main() begins
//
// Documents are handed on in batches of a few megabytes, so that all threads have work. Records
// that are wrong are told on standard error, and reading goes on.
// Errors: those of data/reader.hpp; a file of which nothing could be read.
#pragma once

#include <cstdio>

#include "ctgpt/app/training_texts.hpp"
#include "ctgpt/data/reader.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline bool is_document_file(const std::string& path, const std::string& format) {
  data::file_format wanted = data::file_format_of(format);
  if (data::compression_of_name(path) != data::compression::none) return true;
  data::input_stream in(std::make_unique<data::file_source>(path));
  const std::string_view head = in.peek(4096);
  if (data::compression_of_bytes(head) != data::compression::none) return true;
  if (wanted == data::file_format::automatic) wanted = data::format_of_name(path);
  if (wanted == data::file_format::automatic) wanted = data::format_of_bytes(head);
  return wanted != data::file_format::text;
}

inline bool read_document_texts(const std::string& path, const std::string& format,
                                const std::string& field, const visit_texts& visit) {
  constexpr std::size_t batch = std::size_t{8} << 20;
  data::document_reader reader(
      path, {.format = data::file_format_of(format), .field = field, .gutenberg = false});
  std::vector<std::string> texts;
  std::size_t held = 0;
  const auto hand_on = [&] {
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const bool more = visit(views, static_cast<std::size_t>(reader.consumed()));
    texts.clear();
    held = 0;
    return more;
  };
  while (auto page = reader.next()) {
    held += page->text.size();
    texts.push_back(std::move(page->text));
    if (held >= batch && !hand_on()) return false;
  }
  const data::read_counts& counts = reader.counts();
  for (const std::string& message : counts.messages) std::fprintf(stderr, "%s\n", message.c_str());
  expects(counts.documents > 0 || counts.bad == 0, path, ": none of its ", counts.bad,
          " records could be read");
  return texts.empty() || hand_on();
}

inline bool install_document_texts() {
  document_texts::installed() = {data::expand_paths, is_document_file, read_document_texts};
  return true;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
