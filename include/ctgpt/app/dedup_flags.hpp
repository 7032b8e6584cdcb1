// dedup_flags: the options of the verb `data dedup` (app/dedup.hpp).
//
// Errors: those of app/flags.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct dedup_flags {
  std::vector<std::string> data, decontaminate;
  bool exact = false, minhash = false, lines = false, json = false;
  std::optional<std::string> format, field, shard, out;
  std::optional<std::int64_t> memory, min_line;
  std::optional<int> threads;

  template <class Visitor>
  void describe(Visitor& v) {
    v.paths("--data PATH...",
            "files and directories of documents: text, JSON lines, CSV, HTML, WET", data);
    v.yes("--exact", "drop documents that are equal to an earlier one", exact);
    v.yes("--minhash",
          "drop near-duplicates of an earlier document (without --exact, --minhash, --lines or "
          "--decontaminate: --exact --minhash)",
          minhash);
    v.yes("--lines", "remove lines that stood before, in any document", lines);
    v.integer("--min-line N", "bytes of the shortest line that --lines removes (default 20)",
              min_line, 1, 1'000'000);
    v.paths("--decontaminate PATH...",
            "evaluation texts: drop documents that share 12 words in a row with one",
            decontaminate);
    v.text("--format NAME", "auto (default), text, jsonl, csv, html, wet or wikipedia", format);
    v.text("--field NAME", "member of JSON lines, column of CSV with the text (default text)",
           field);
    v.integer("--memory BYTES",
              "memory for tables and buffers (default 1073741824), besides the largest document",
              memory, 9 << 20, 1LL << 50);
    v.text("--shard I/N", "only make the signatures of part I of N, counted from 0", shard);
    v.integer("-t,--threads N", "threads (default: all processors)", threads, 1, 1024);
    v.text("--out DIR", "directory of the result", out);
    v.yes("--json", "print report.json", json);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::app
