// shard_flags: the options of the verb `data shard` (app/shard.hpp).
//
// Errors: those of app/flags.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct shard_flags {
  std::vector<std::string> data;
  std::optional<std::string> tokenizer, format, dtype, field, name, out;
  std::optional<double> val_fraction;
  std::optional<isize> end_of_text, shard_tokens;
  bool json = false;

  template <class Visitor>
  void describe(Visitor& v) {
    v.paths("--data PATH...",
            "files and directories of documents: text, JSON lines, CSV, HTML, WET", data);
    v.text("--tokenizer DIR|FILE", "tokenizer, or the name bytes", tokenizer);
    v.text("--format NAME", "raw (default): nanoGPT's train.bin and val.bin; llmc: llm.c's shards",
           format);
    v.text("--dtype NAME", "u16 or u32 (default: u16 where the vocabulary fits)", dtype);
    v.number("--val-fraction X", "share of the documents to validate with (default 0.1)",
             val_fraction, 0.0, 0.9);
    v.text("--field NAME", "member of JSON lines, column of CSV with the text (default text)",
           field);
    v.integer("--end-of-text N",
              "token that ends a document (default: the tokenizer's <|endoftext|>)", end_of_text, 0,
              (1LL << 31) - 1);
    v.integer("--shard-tokens N", "tokens in a file of llm.c (default 100000000)", shard_tokens, 1,
              (1LL << 31) - 1);
    v.text("--name NAME", "first part of the names of llm.c's files (default: that of --out)",
           name);
    v.text("--out DIR", "directory to make", out);
    v.yes("--json", "print meta.json", json);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::app
