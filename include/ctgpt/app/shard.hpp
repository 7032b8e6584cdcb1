// shard: the verb `data shard`, which turns documents into tokens to train on.
//
// --out appears whole or not at all, and holds what data/token_set_writer.hpp writes and the
// tokenizer.json that `ctgpt train --data DIR` reads them with. meta.json has besides the count of
// documents and bytes read, and of records that were left out or wrong.
// Errors: usage_error for flags that do not go together; a split that no document fell to; those of
// reading, of the tokenizer and of writing. On a signal nothing is left behind (128 + signal).
#pragma once

#include <cstdio>

#include "ctgpt/app/document_progress.hpp"
#include "ctgpt/app/shard_flags.hpp"
#include "ctgpt/app/stop_signal.hpp"
#include "ctgpt/app/tokenizer_path.hpp"
#include "ctgpt/base/directory.hpp"
#include "ctgpt/data/reader.hpp"
#include "ctgpt/data/sharder.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline text::tokenizer shard_tokenizer(const shard_flags& given) {
  if (!given.tokenizer) throw usage_error("say how to cut texts by --tokenizer DIR, FILE or bytes");
  if (is_tokenizer_path(*given.tokenizer)) return load_tokenizer(*given.tokenizer);
  if (*given.tokenizer == text::characters::name()) {
    throw usage_error(
        "the characters of documents are not known before they are read; use --tokenizer bytes, or "
        "the tokenizer.json of a model of characters");
  }
  return text::tokenizer::named(*given.tokenizer, "", "");
}

inline data::token_set_options shard_options(const shard_flags& given,
                                             const text::tokenizer& tokens) {
  data::token_set_options how;
  how.vocab = tokens.vocab_size();
  how.format = data::parse_token_format(given.format.value_or("raw"));
  const bool small = how.vocab <= data::most_tokens(data::token_type::u16);
  how.type = given.dtype ? data::parse_token_type(*given.dtype)
                         : (small ? data::token_type::u16 : data::token_type::u32);
  how.end_of_text = end_of_text_of(tokens);
  if (given.end_of_text) how.end_of_text = static_cast<std::int32_t>(*given.end_of_text);
  if (how.format == data::token_format::llmc && !how.end_of_text) {
    throw usage_error(
        "the tokenizer has no end-of-text token, which llm.c's format puts before each document; "
        "choose one by --end-of-text N, or --format raw");
  }
  how.shard = given.shard_tokens.value_or(how.shard);
  const std::string out = without_trailing_slashes(*given.out);
  how.name = given.name.value_or(out.substr(out.rfind('/') + 1));
  if (how.name.find('/') != how.name.npos) {
    throw usage_error("--name is the first part of files' names, so it cannot have a slash");
  }
  how.tokenizer = tokens.name();
  how.tokenizer_sha256 = tokenizer_hash(tokens);
  data::check_token_set(how);
  return how;
}

// Reads all files into the sharder; the counts of what was read, or the signal that came.
inline int read_into(data::sharder& cut, const std::vector<std::string>& files,
                     const shard_flags& given, data::read_counts& counts) {
  data::read_options how;
  how.field = given.field.value_or(how.field);
  const stop_signal signals("\nStopped; no tokens are kept.\n");
  document_progress progress(files);
  for (const std::string& file : files) {
    data::document_reader reader(file, how);
    while (const auto page = reader.next()) {
      cut.add(*page);
      progress.at(static_cast<double>(reader.consumed()), cut.documents(), cut.bytes());
      if (signals.received() != 0) return signals.received();
    }
    progress.file_done(static_cast<double>(reader.consumed()));
    counts.add(reader.counts());
  }
  return 0;
}

inline std::string shard_table(const io::json& meta) {
  const io::json_field facts(meta, "meta.json");
  std::string table = "         documents           tokens  files\n";
  for (const char* name : {"train", "val"}) {
    const io::json_field part = facts[name], names = part["files"];
    std::string files = names.size() > 0 ? names[std::size_t{0}].string() : "none";
    if (names.size() > 1) files += " to " + names[names.size() - 1].string();
    char line[512];
    std::snprintf(line, sizeof line, "%-5s %12s %16s  %s\n", name,
                  grouped(part["documents"].integer()).c_str(),
                  grouped(part["tokens"].integer()).c_str(), files.c_str());
    table += line;
  }
  return table;
}

int shard_command(const shard_flags& given) {
  if (given.data.empty()) throw usage_error("say what to read by --data PATH");
  if (!given.out) throw usage_error("say where the tokens go by --out DIR");
  const double fraction = given.val_fraction.value_or(0.1);
  const text::tokenizer tokens = shard_tokenizer(given);
  const data::token_set_options how = shard_options(given, tokens);
  const std::vector<std::string> files = data::expand_paths(given.data);
  create_directories(parent_directory(*given.out));
  atomic_directory directory(*given.out);
  data::token_set_writer out(directory.path(), how);
  data::sharder cut(out, tokens, fraction);
  data::read_counts counts;
  if (const int signal = read_into(cut, files, given, counts); signal != 0) return 128 + signal;
  data::expect_documents(counts);
  for (const std::string& message : counts.messages) std::fprintf(stderr, "%s\n", message.c_str());
  for (const data::split which : {data::split::train, data::split::validation}) {
    const bool wanted = which == data::split::train || fraction > 0.0;
    expects(!wanted || out.documents(which) > 0, "none of the ", cut.documents(),
            " documents fell to ", which == data::split::train ? "training" : "validation",
            " at --val-fraction ", fraction, "; give more documents or another fraction");
  }
  io::json more = io::json::object();
  more.set("val_fraction", fraction).set("documents", cut.documents());
  more.set("bytes", cut.bytes()).set("left_out", static_cast<isize>(counts.left_out));
  more.set("bad", static_cast<isize>(counts.bad)).set("ctgpt", CTGPT_VERSION);
  const io::json meta = out.finish(more);
  write_file_atomic(directory.file("tokenizer.json"), tokens.to_json());
  directory.commit();
  put(given.json ? io::write_json(meta) + "\n" : shard_table(meta));
  std::fprintf(stderr, "Read %s documents, %s; wrote %s. Next:\n  ctgpt train --data %s\n",
               grouped(cut.documents()).c_str(),
               bytes_text(static_cast<double>(cut.bytes())).c_str(), given.out->c_str(),
               shell_quoted(*given.out).c_str());
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
