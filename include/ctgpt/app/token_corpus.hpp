// token_corpus: a directory of tokens (data/token_set.hpp) as what training needs.
//
// Its identity is the SHA-256 of the files' names, sizes and of up to 64 blocks of 64 KiB, spread
// evenly over each: all of a small file, and an instant also of many gigabytes.
// Errors, one sentence each: a tokenizer that did not make the tokens; a split that is too short;
// those of data/token_set.hpp.
#pragma once

#include "ctgpt/app/corpus.hpp"
#include "ctgpt/app/tokenizer_path.hpp"
#include "ctgpt/data/token_set.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline std::string files_identity(const std::vector<std::string>& paths, isize& bytes) {
  constexpr std::size_t block = std::size_t{1} << 16, blocks = 64;
  sha256 hash;
  for (const std::string& path : paths) {
    const mapped_file file(path);
    const std::string_view text = file.text();
    bytes += static_cast<isize>(text.size());
    hash.update(join(path.substr(path.rfind('/') + 1), " ", text.size(), "\n"));
    if (text.size() <= block * blocks) {
      hash.update(text);
      continue;
    }
    for (std::size_t i = 0; i < blocks; ++i) {
      hash.update(text.substr((text.size() - block) / (blocks - 1) * i, block));
    }
    hash.update(text.substr(text.size() - block));
  }
  return to_hex(hash.finish());
}

// given: as open_corpus().
inline corpus open_tokens(const std::string& path, const std::string& tokenizer,
                          const std::optional<text::tokenizer>& given,
                          const batch_options& options) {
  const bool beside = !given && tokenizer == path + "/tokenizer.json";
  expects(!beside || is_file(tokenizer), path, " has no tokenizer.json, so it is not known what ",
          "its tokens mean; name their tokenizer by --tokenizer");
  const text::tokenizer tokens = given ? *given : open_tokenizer(tokenizer, "", path);
  const auto set = data::token_set::open(path, tokens.vocab_size(), end_of_text_of(tokens));
  expects(set.tokenizer_sha256.empty() || set.tokenizer_sha256 == tokenizer_hash(tokens),
          "the tokens of ", path, " were made by another tokenizer",
          given ? " than that of the model; shard the texts again with its tokenizer.json"
                : join(" than ", tokenizer, "; leave --tokenizer out to use the one beside them"));
  const isize train = set.train->size(), validation = set.validation->size();
  const isize least = options.time + 1;
  expects(train >= least && validation >= least, "the tokens of ", path, " are ", train,
          " to train with and ", validation, " to validate with; each needs at least ", least,
          " for a context of ", options.time,
          "; give more text, a shorter --context or another --val-fraction to ctgpt data shard");
  batch_options plain = options;  // evaluations are the same for every order
  plain.order = {};
  isize bytes = 0;
  const std::string identity = files_identity(set.paths, bytes);
  return {identity, bytes, tokens, {batches(set.train, options), batches(set.validation, plain)}};
}

// The data that --data names. given: the tokenizer of a model that training starts from; else the
// one that `tokenizer` names.
inline corpus open_corpus(const std::string& path, const std::string& tokenizer,
                          const std::optional<text::tokenizer>& given, double fraction,
                          const batch_options& options) {
  if (data::token_set::is_at(path)) return open_tokens(path, tokenizer, given, options);
  expects(!is_directory(path), "the directory ", path, " holds no tokens (train.bin, or ",
          "NAME_train_000000.bin); ctgpt data shard makes them from texts");
  return open_text(path, tokenizer, given, fraction, options);
}

}  // namespace ctgpt::inline CTGPT_ABI::app
