// clean_flags: the options of the verb `data clean` (app/clean.hpp).
//
// Errors: those of app/flags.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct clean_flags {
  std::vector<std::string> data;
  std::optional<std::string> format, field, rules, language, normalise, shard, out;
  std::optional<isize> threads, part_bytes;
  bool mask_pii = false, drop_harmful = false, json = false;

  template <class Visitor>
  void describe(Visitor& v) {
    v.paths("--data PATH...", "files and directories of documents, plain, gzip, zstd or bzip2",
            data);
    v.text("--format NAME", "auto (default), text, jsonl, csv, html, wet or wikipedia", format);
    v.text("--field NAME", "member of JSON lines, column of CSV with the text (default text)",
           field);
    v.text("--rules LIST", "quality filters to drop documents by: gopher,c4,fineweb", rules);
    v.text("--language CODE", "keep the documents of one language: en, de, zh, ...", language);
    v.text("--normalise LIST",
           "make one spelling of several: entities,control,nfc,nfkc,lower,whitespace", normalise);
    v.yes("--mask-pii", "put marks for e-mail, phone, card, social security, IBAN and IP addresses",
          mask_pii);
    v.yes("--drop-harmful", "drop documents with words of the built-in list", drop_harmful);
    v.text("--shard I/N", "do part I of N of the work; I counts from 0 (default 0/1: all)", shard);
    v.integer("--threads N", "threads (default: all); they change no result", threads, 1, 1024);
    v.integer("--part-bytes N", "text in a part (default 64000000)", part_bytes, 1, 1LL << 40);
    v.text("--out DIR", "directory for the parts and report.json", out);
    v.yes("--json", "print report.json", json);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::app
