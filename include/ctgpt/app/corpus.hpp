// corpus: a text file as tokens, split into training and validation.
//
// Errors, one sentence each: a missing, empty, unreadable, irregular, compressed or enormous file;
// bytes that are not UTF-8 where characters are wanted; too little text for a window of each part.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ctgpt/app/machine_memory.hpp"
#include "ctgpt/app/tokenizer_path.hpp"
#include "ctgpt/base/hash.hpp"
#include "ctgpt/data/window_orders.hpp"
#include "ctgpt/text/tokenizer.hpp"
#include "ctgpt/train/batches.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// Compressed bytes are no text, though a tokenizer of bytes would take them.
inline void expect_not_compressed(std::string_view text, const std::string& path) {
  constexpr std::pair<std::string_view, std::string_view> marks[] = {
      {"\x1F\x8B\x08", "gzip"}, {"\x28\xB5\x2F\xFD", "zstd"}, {"BZh", "bzip2"}};
  for (const auto& [mark, name] : marks) {
    const bool packed =
        text.starts_with(mark) && (name != "bzip2" || text.substr(0, 10).ends_with("1AY&SY"));
    expects(!packed, "the data file ", path, " holds ", name,
            " data; unpack it, or make tokens of it by ctgpt data shard");
  }
}

// A pipe could be read only once, and a resumed run reads its data again; a device may never end.
// A token takes four bytes beside the text's own, so a fifth of the memory would be tight already.
inline std::string read_corpus(const std::string& path) {
  struct stat status {};
  const bool strange =
      ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
  expects(!strange, "the data file ", path, " is a pipe or a device; give a regular file");
  const double limit = std::min(machine_memory() / 6.0, 1e18);
  std::string text = read_file(path, static_cast<std::uint64_t>(limit));
  expects(!text.empty(), "the data file ", path, " is empty");
  expect_not_compressed(text, path);
  return text;
}

struct split_corpus {
  batches train, validation;
};

// The last `fraction` of the tokens is validation (nanoGPT's split: the first 90 % train).
inline split_corpus split(std::vector<std::int32_t> ids, double fraction,
                          const batch_options& options, const std::string& path) {
  const isize time = options.time;
  const auto total = static_cast<isize>(ids.size());
  const auto train = static_cast<isize>(static_cast<double>(total) * (1.0 - fraction));
  const isize least = time + 1;
  expects(train >= least && total - train >= least, "the data file ", path, " has ", total,
          " tokens, of which ", train, " train and ", total - train,
          " validate; each part needs at least ", least, " for a context of ", time,
          "; give more text, a shorter --context or another --val-fraction");
  expects(options.order != data::orders::documents, "the data file ", path, " is one text; ",
          "--order documents needs tokens of documents (ctgpt data shard makes them)");
  const batches all(std::move(ids), options);
  return {all.part(0, train).with_time(time), all.part(train, total - train).with_time(time)};
}

// What training needs of a text; the text itself is not kept.
struct corpus {
  std::string sha256;
  isize bytes = 0;
  text::tokenizer tokens;
  split_corpus parts;
};

// The tokenizer that --tokenizer names, of this text where it depends on it.
inline text::tokenizer open_tokenizer(const std::string& name, std::string_view text,
                                      const std::string& path) {
  if (is_tokenizer_path(name)) return load_tokenizer(name);
  return text::tokenizer::named(name, text, path);
}

// given: the tokenizer of a model that training starts from; else one that `tokenizer` names.
inline corpus open_text(const std::string& path, const std::string& tokenizer,
                        const std::optional<text::tokenizer>& given, double fraction,
                        const batch_options& options) {
  const std::string text = read_corpus(path);
  const text::tokenizer tokens = given ? *given : open_tokenizer(tokenizer, text, path);
  return {sha256_hex(text), static_cast<isize>(text.size()), tokens,
          split(tokens.encode_ordinary(text, thread_pool::available()), fraction, options, path)};
}

}  // namespace ctgpt::inline CTGPT_ABI::app
