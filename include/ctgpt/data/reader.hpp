// Reads files of any kind that text comes in, document by document, in constant memory.
//
// for (const std::string& path : expand_paths({"corpus/", "more.jsonl.zst"})) {
//   document_reader reader(path, {.field = "content"});
//   while (auto page = reader.next()) use(page->text);
//   report.add(reader.counts());
// }
//
// Formats: plain text, JSON lines, CSV, HTML, WET, Wikipedia's dumps; each also as gzip, zstd or
// bzip2. `automatic` goes by the name (a.jsonl.zst) and, where it says nothing, by the first bytes.
// Bad input is left out, counted and described, or thrown with `strict`: data/read_options.hpp.
// Memory: one document, at most options.max_document, and the buffers.
// Ensures: the same documents in the same order, however the file is cut into pieces.
// Errors: a path that cannot be read; what the system says while reading; with `strict`, the first
// sentence on bad input.
#pragma once

#include <memory>
#include <optional>

#include "ctgpt/data/expand_paths.hpp"
#include "ctgpt/data/readers/csv.hpp"
#include "ctgpt/data/readers/html.hpp"
#include "ctgpt/data/readers/jsonl.hpp"
#include "ctgpt/data/readers/text.hpp"
#include "ctgpt/data/readers/wet.hpp"
#include "ctgpt/data/readers/wikipedia.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// By the ending of a name without .gz and the like; `automatic` when it says nothing.
inline file_format format_of_name(std::string_view path) {
  const std::string name = lower_ascii(without_compression(path));
  constexpr std::pair<std::string_view, file_format> endings[] = {
      {".txt", file_format::text},     {".text", file_format::text},
      {".md", file_format::text},      {".jsonl", file_format::jsonl},
      {".ndjson", file_format::jsonl}, {".json", file_format::jsonl},
      {".csv", file_format::csv},      {".html", file_format::html},
      {".htm", file_format::html},     {".xhtml", file_format::html},
      {".wet", file_format::wet}};
  for (const auto& [ending, format] : endings) {
    if (name.ends_with(ending)) return format;
  }
  return file_format::automatic;
}

// By the first bytes of the plain data; `text` when they say nothing.
inline file_format format_of_bytes(std::string_view head) {
  if (head.starts_with(byte_order_mark)) head.remove_prefix(3);
  head = trimmed(head);
  if (head.starts_with("WARC/1.")) return file_format::wet;
  const std::string lower = lower_ascii(head);
  const bool markup = lower.starts_with("<?xml") || lower.starts_with("<!--");
  if (lower.starts_with("<mediawiki") || (markup && lower.find("<mediawiki") != lower.npos)) {
    return file_format::wikipedia;
  }
  if (lower.starts_with("<!doctype html") || lower.starts_with("<html") ||
      (markup && lower.find("<html") != lower.npos)) {
    return file_format::html;
  }
  return head.starts_with("{\"") ? file_format::jsonl : file_format::text;
}

// What a file is that these formats do not cover; "" when nothing speaks against it.
inline std::string_view foreign_kind(std::string_view head, file_format format) {
  constexpr std::pair<std::string_view, std::string_view> marks[] = {
      {"PAR1", "a Parquet file"},        {"PK\x03\x04", "a zip archive"},
      {"\xFD\x37zXZ", "an xz file"},     {"7z\xBC\xAF", "a 7z archive"},
      {"\x04\x22\x4D\x18", "lz4 data"},  {"%PDF-", "a PDF file"},
      {"\xFF\xFE", "UTF-16, not UTF-8"}, {"\xFE\xFF", "UTF-16, not UTF-8"}};
  for (const auto& [mark, what] : marks) {
    if (head.starts_with(mark)) return what;
  }
  const bool zeros = format == file_format::text && head.find('\0') != head.npos;
  return zeros ? "no text: it holds zero bytes" : "";
}

// JSON that is one value rather than an object a line.
inline bool is_one_value(std::string_view head) {
  const std::string_view first = trimmed(head.substr(0, head.find('\n')));
  return first.starts_with('[') || first == "{";
}

class document_reader {
 public:
  explicit document_reader(const std::string& path, read_options options = {})
      : document_reader(std::make_unique<file_source>(path), path, std::move(options)) {}

  // From any source, e.g. a pipe or memory; `name` is its source in documents and errors.
  document_reader(std::unique_ptr<byte_source> source, const std::string& name,
                  read_options options = {})
      : file_(std::make_unique<reading>(
            reading{name, std::move(options), {}, open(std::move(source), name)})) {
    file_format format = file_->options.format;
    const bool guessed = format == file_format::automatic;
    if (guessed) format = format_of_name(name);
    if (format == file_format::automatic) format = format_of_bytes(file_->in.peek(4096));
    const std::string_view head = file_->in.peek(4096);
    const std::string_view other =
        guessed && format != file_format::html ? foreign_kind(head, format) : "";
    if (guessed && format == file_format::jsonl && is_one_value(head)) {
      file_->bad("it is one JSON value; JSON is read as one object a line");
    } else if (!other.empty()) {
      file_->bad("it is ", other, "; it is left out");
    } else {
      format_ = make(format);
    }
    options_format_ = format;
  }

  // The next document; nullopt at the end.
  std::optional<document> next() {
    while (format_ != nullptr) {
      document page{.source = file_->path};
      if (!format_->next(page)) {
        format_ = nullptr;
        const std::string& damage = file_->in.damage();
        if (!damage.empty()) file_->bad(std::string_view(damage).substr(file_->path.size() + 2));
      } else if (page.text.empty()) {
        if (file_->in.damage().empty()) ++file_->counts.left_out;
      } else {
        ++file_->counts.documents;
        file_->counts.bytes += page.text.size();
        return page;
      }
    }
    return std::nullopt;
  }

  const read_counts& counts() const { return file_->counts; }
  // What the file is taken for; never `automatic`.
  file_format format() const { return options_format_; }
  // Bytes of the file used so far, as they lie on the disk: for progress.
  std::uint64_t consumed() const { return file_->in.consumed(); }

 private:
  static input_stream open(std::unique_ptr<byte_source> source, const std::string& name) {
    try {
      return input_stream(decompressed(std::move(source), name));
    } catch (const damaged_file& damaged) {
      return input_stream(std::string(damaged.what()));
    }
  }

  std::unique_ptr<format_reader> make(file_format format) {
    switch (format) {
      case file_format::jsonl:
        return std::make_unique<jsonl_reader>(*file_);
      case file_format::csv:
        return std::make_unique<csv_reader>(*file_);
      case file_format::html:
        return std::make_unique<html_reader>(*file_);
      case file_format::wet:
        return std::make_unique<wet_reader>(*file_);
      case file_format::wikipedia:
        return std::make_unique<wikipedia_reader>(*file_);
      case file_format::automatic:
      case file_format::text:
        break;
    }
    return std::make_unique<text_reader>(*file_);
  }

  std::unique_ptr<reading> file_;  // in one place: the readers refer to it
  std::unique_ptr<format_reader> format_;
  file_format options_format_ = file_format::text;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
