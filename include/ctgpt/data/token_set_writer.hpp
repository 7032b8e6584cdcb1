// token_set_writer: a directory of tokens to train on and to validate with.
//
//   raw    train.bin, val.bin, each with its document index train.idx, val.idx (nanoGPT's files);
//          the end-of-text token, where there is one, follows each document
//   llmc   NAME_train_000000.bin and so on, NAME_val_000000.bin, of `shard` tokens each but for the
//          last (llm.c's files); the end-of-text token comes before each document
//   meta.json   format, dtype, vocab_size, end_of_text (or null), the tokenizer's name and SHA-256,
//          and of train and val the counts of tokens and documents and the names of the files
//
// token_set_writer out(directory, {.vocab = 50257, .end_of_text = 50256});
// out.begin(split::train);  out.add(ids);  out.end();   one document; as many adds as it takes
// out.finish();
//
// A split without documents has no files in llmc, and empty ones in raw. The same documents in the
// same order give the same bytes. No more than a block of tokens is in memory.
// Errors, one sentence each: u16 for a vocabulary of more than 65,536 tokens; llmc without an
// end-of-text token; a token outside the vocabulary; those of writing.
// Reference: karpathy/nanoGPT, data/openwebtext/prepare.py; karpathy/llm.c, dev/data/fineweb.py.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "ctgpt/data/token_writer.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

enum class split : std::uint8_t { train, validation };
inline constexpr std::string_view name_of(split which) {
  return which == split::train ? "train" : "val";
}

struct token_set_options {
  token_format format = token_format::raw;
  token_type type = token_type::u16;
  isize vocab = 0;
  std::optional<std::int32_t> end_of_text = {};
  std::string name = "tokens";  // the first part of llm.c's file names
  isize shard = 100'000'000;    // tokens in a file of llm.c
  std::string tokenizer = {};   // its name, for meta.json
  std::string tokenizer_sha256 = {};
};

// Says what cannot be written, before anything is.
inline void check_token_set(const token_set_options& o) {
  expects(o.vocab >= 1 && o.vocab <= most_tokens(o.type), "a vocabulary of ", o.vocab,
          " tokens does not fit ", name_of(o.type), ", which tells ", most_tokens(o.type), " apart",
          o.type == token_type::u16 ? "; use u32" : "");
  expects(!o.end_of_text || (*o.end_of_text >= 0 && *o.end_of_text < o.vocab),
          "the end-of-text token ", o.end_of_text.value_or(0), " is outside the vocabulary of ",
          o.vocab);
  expects(o.format == token_format::raw || o.end_of_text.has_value(),
          "the tokenizer has no end-of-text token, which llm.c's format puts before each document; "
          "name a token for it, or use the format raw");
  expects(o.shard >= 1 && o.shard <= llmc_header::most, "a file of ", o.shard,
          " tokens is not possible: give 1 to ", llmc_header::most);
}

class token_set_writer {
 public:
  // directory: one that is there; meta.json, tokens and indices are written into it.
  token_set_writer(const std::string& directory, const token_set_options& options)
      : directory_(directory), options_(options) {
    check_token_set(options_);
    if (options_.format == token_format::llmc) return;
    for (const split which : {split::train, split::validation}) {
      open_next(which);
      parts_[at(which)].index.emplace(join(directory_, "/", name_of(which), ".idx"));
    }
  }

  isize tokens(split which) const { return parts_[at(which)].tokens; }
  isize documents(split which) const { return parts_[at(which)].documents; }

  void begin(split which) {
    now_ = which;
    started_ = tokens(which);
    if (options_.format == token_format::llmc) put(std::span(&*options_.end_of_text, 1));
  }
  void add(std::span<const std::int32_t> ids) {
    for (const std::int32_t id : ids) {
      expects(id >= 0 && id < options_.vocab, "the tokenizer gave the token ", id,
              ", which is outside its vocabulary of ", options_.vocab);
    }
    put(ids);
  }
  void end() {
    state& to = parts_[at(now_)];
    const bool raw = options_.format == token_format::raw;
    if (raw && options_.end_of_text) put(std::span(&*options_.end_of_text, 1));
    if (to.tokens == started_) return;  // an empty document without a token of its own
    ++to.documents;
    if (raw) to.index->add(to.tokens);
  }

  // What meta.json holds; `extra` members come at its end.
  io::json finish(const io::json& extra = io::json::object()) {
    for (state& each : parts_) {
      if (each.file) each.file->finish();
      if (each.index) each.index->finish();
    }
    io::json meta = io::json::object();
    meta.set("format", name_of(options_.format)).set("dtype", name_of(options_.type));
    meta.set("vocab_size", options_.vocab);
    meta.set("end_of_text",
             options_.end_of_text ? io::json(*options_.end_of_text) : io::json(nullptr));
    meta.set("tokenizer", options_.tokenizer).set("tokenizer_sha256", options_.tokenizer_sha256);
    for (const split which : {split::train, split::validation}) {
      const state& of = parts_[at(which)];
      io::json files = io::json::array(), counts = io::json::object();
      for (const std::string& name : of.names) files.push(name);
      counts.set("tokens", of.tokens).set("documents", of.documents).set("files", files);
      meta.set(std::string(name_of(which)), counts);
    }
    for (const io::json_member& member : extra.get_if<io::json_object>()->members()) {
      meta.set(member.key, member.value);
    }
    write_file_atomic(directory_ + "/meta.json", io::write_json(meta, {.pretty = true}) + "\n");
    return meta;
  }

 private:
  struct state {
    std::optional<token_writer> file;
    std::optional<index_writer> index;
    std::vector<std::string> names;
    isize tokens = 0, documents = 0;
  };
  static constexpr std::size_t at(split which) { return static_cast<std::size_t>(which); }

  void open_next(split which) {
    state& to = parts_[at(which)];
    if (to.file) to.file->finish();
    std::string name = join(name_of(which), ".bin");
    if (options_.format == token_format::llmc) {
      std::string number = std::to_string(to.names.size());
      number.insert(0, 6 - std::min<std::size_t>(number.size(), 6), '0');
      name = join(options_.name, "_", name_of(which), "_", number, ".bin");
    }
    to.file.emplace(directory_ + "/" + name, options_.format, options_.type);
    to.names.push_back(std::move(name));
  }

  void put(std::span<const std::int32_t> ids) {
    state& to = parts_[at(now_)];
    to.tokens += static_cast<isize>(ids.size());
    if (options_.format == token_format::raw) {
      to.file->add(ids);
      return;
    }
    while (!ids.empty()) {
      if (!to.file || to.file->size() == options_.shard) open_next(now_);
      const auto room = static_cast<std::size_t>(options_.shard - to.file->size());
      const std::size_t fits = std::min(ids.size(), room);
      to.file->add(ids.first(fits));
      ids = ids.subspan(fits);
    }
  }

  std::string directory_;
  token_set_options options_;
  std::array<state, 2> parts_;
  split now_ = split::train;
  isize started_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
