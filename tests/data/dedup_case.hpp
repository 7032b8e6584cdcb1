// A run of deduplication in a directory of its own: documents in, what is kept and the report out.
#pragma once

#include <doctest/doctest.h>

#include "base/temporary.hpp"
#include "ctgpt/data/dedup.hpp"

namespace ctgpt_test {

using ctgpt::data::dedup_report;
using ctgpt::data::dedup_settings;
using ctgpt::data::document;
using texts = std::vector<std::string>;

inline void write_lines(const std::string& path, const texts& list) {
  std::string lines;
  for (const std::string& text : list) {
    ctgpt::io::json_writer(lines).begin_object().member("text", text).end_object();
    lines += '\n';
  }
  ctgpt::write_file_atomic(path, lines);
}

// Dealt to `files` files in stretches; their order is the documents'.
inline std::vector<std::string> write_documents(const temporary_directory& folder,
                                                const texts& list, std::size_t files) {
  std::vector<std::string> paths;
  for (std::size_t f = 0; f < files; ++f) {
    const auto at = [&](std::size_t part) {
      return list.begin() + static_cast<std::ptrdiff_t>(list.size() * part / files);
    };
    paths.push_back(folder.file("in-" + std::to_string(f) + ".jsonl"));
    write_lines(paths.back(), texts(at(f), at(f + 1)));
  }
  return paths;
}

struct dedup_result {
  texts kept;
  dedup_report report;
  std::string json;   // report.json
  std::string bytes;  // of all parts

  std::uint64_t dropped(ctgpt::data::dedup_reason why) const { return report[why].documents; }
};

inline dedup_result dedup(const std::vector<std::string>& paths, const dedup_settings& settings,
                          std::uint32_t shards = 1, int threads = 1) {
  const temporary_directory folder;
  const std::string out = folder.file("out");
  const auto files = ctgpt::data::facts_of(paths);
  for (std::uint32_t s = shards; s-- > 0;) {  // in any order
    CHECK(ctgpt::data::make_signatures(out + "/signatures", files, settings, {s, shards}, threads));
  }
  dedup_result result;
  result.report = ctgpt::data::merge_signatures(out, files, settings);
  result.json = ctgpt::read_file(out + "/report.json");
  names expected = result.report.parts;
  expected.push_back("report.json");
  names found;
  for (const auto& each : ctgpt::list_entries(out)) found.push_back(each.name);
  CHECK(found == expected);  // and no signatures any more
  for (const std::string& part : result.report.parts) {
    result.bytes += ctgpt::read_file(out + "/" + part);
    ctgpt::data::document_reader reader(out + "/" + part);
    while (const auto page = reader.next()) result.kept.push_back(page->text);
  }
  // The counts add up.
  const auto all = result.report.all();
  CHECK(all.documents == result.report.read.documents);
  CHECK(all.bytes + result.report.line_bytes_removed == result.report.read.bytes);
  const auto kept = result.report[ctgpt::data::dedup_reason::kept];
  CHECK(kept.documents == result.kept.size());
  std::uint64_t bytes = 0;
  for (const std::string& text : result.kept) bytes += text.size();
  CHECK(kept.bytes == bytes);
  return result;
}

}  // namespace ctgpt_test
