// token_set: a directory of token files, opened: mapped, checked, and read as two sequences.
//
// const data::token_set set = data::token_set::open("data/web", 50257);
// set.train->size(), set.validation->read(0, ids)
//
// Takes what data/token_set_writer.hpp writes, nanoGPT's own train.bin and val.bin (u16), and
// llm.c's own NAME_train_NNNNNN.bin and NAME_val_NNNNNN.bin (all of a split, in the order of their
// names, as one sequence). meta.json says what a directory holds; without it a raw file is of u16.
// Documents end where the index says, else at the end-of-text tokens.
// Errors, one sentence each: no token files; a meta.json that is damaged or belongs to other files;
// a vocabulary that is another one; those of data/token_file.hpp.
#pragma once

#include <optional>

#include "ctgpt/base/directory.hpp"
#include "ctgpt/data/token_set_writer.hpp"
#include "ctgpt/data/token_source.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Token files, one after the other.
class token_files final : public token_source {
 public:
  // end_of_text: where no index is given; `leads`: it comes before a document, not after it.
  token_files(std::vector<token_file> files, std::optional<document_index> index,
              std::optional<std::int32_t> end_of_text, bool leads, isize vocab)
      : files_(std::move(files)),
        index_(std::move(index)),
        end_of_text_(end_of_text),
        leads_(leads),
        vocab_(vocab) {
    for (const token_file& file : files_) ends_.push_back(size() + file.size());
  }

  isize size() const override { return ends_.empty() ? 0 : ends_.back(); }
  const std::vector<token_file>& files() const { return files_; }

  void read(isize first, std::span<std::int32_t> to) const override {
    auto at = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), first) -
                                       ends_.begin());
    for (; !to.empty(); ++at) {
      const auto fits = std::min(to.size(), static_cast<std::size_t>(ends_[at] - first));
      files_[at].read(first - (ends_[at] - files_[at].size()), to.first(fits));
      first += static_cast<isize>(fits);
      to = to.subspan(fits);
    }
  }

  // What the files hold is looked at when it is read.
  void expect_tokens_of(isize vocab) const override {
    expects(vocab_ <= vocab, "the tokens of the data are of a vocabulary of ", vocab_,
            ", but the model's has ", vocab, "; use a model with a larger vocabulary");
  }

  void documents(const visitor& visit) const override {
    if (index_) {
      index_->each(visit);
    } else if (end_of_text_) {
      scan(visit);
    } else {
      token_source::documents(visit);
    }
  }

 private:
  // Reads everything once.
  void scan(const visitor& visit) const {
    std::vector<std::int32_t> block(std::size_t{1} << 16);
    isize begin = 0;
    for (isize first = 0; first < size();) {
      const auto some =
          static_cast<std::size_t>(std::min(size() - first, static_cast<isize>(block.size())));
      read(first, std::span(block).first(some));
      for (std::size_t i = 0; i < some; ++i) {
        if (block[i] != *end_of_text_) continue;
        const isize end = first + static_cast<isize>(i) + (leads_ ? 0 : 1);
        if (end > begin) visit(begin, end);
        begin = end;
      }
      first += static_cast<isize>(some);
    }
    if (begin < size()) visit(begin, size());
  }

  std::vector<token_file> files_;
  std::vector<isize> ends_;  // the count of tokens up to the end of each file
  std::optional<document_index> index_;
  std::optional<std::int32_t> end_of_text_;
  bool leads_;
  isize vocab_;
};

// NAME_train_000000.bin is of the split "train".
inline bool is_llmc_name(std::string_view name, split which) {
  const std::string middle = join("_", name_of(which), "_");
  if (!name.ends_with(".bin")) return false;
  name.remove_suffix(4);
  const std::size_t digits = name.size() - std::min<std::size_t>(name.size(), 6);
  return name.substr(digits).find_first_not_of("0123456789") == name.npos &&
         name.substr(0, digits).ends_with(middle);
}

struct token_set {
  token_format format = token_format::raw;
  token_type type = token_type::u16;
  isize vocab = 0;
  std::optional<std::int32_t> end_of_text;
  std::string tokenizer_sha256;                          // "" where it is not known
  std::shared_ptr<const token_files> train, validation;  // of no tokens where there are no files
  std::vector<std::string> paths;                        // of all files of tokens

  // Whether a path is a directory that holds tokens to train on.
  static bool is_at(const std::string& path) {
    return is_directory(path) &&
           (is_file(path + "/train.bin") || !names(path, split::train).empty());
  }

  // vocab, end_of_text: those of the tokenizer; meta.json may know them, and must agree.
  static token_set open(const std::string& directory, std::optional<isize> vocab = {},
                        std::optional<std::int32_t> end_of_text = {}) {
    token_set out;
    const std::string meta_path = directory + "/meta.json";
    const bool described = is_file(meta_path);
    const io::json meta = described ? io::read_json(meta_path) : io::json();
    const io::json_field facts(meta, meta_path);
    out.end_of_text = end_of_text;
    if (described) {
      out.read_meta(facts);
    } else {
      const bool raw = is_file(directory + "/train.bin");
      out.format = raw ? token_format::raw : token_format::llmc;
      expects(vocab.has_value(), directory, " has no meta.json that tells the vocabulary of its ",
              "tokens; name their tokenizer");
      out.vocab = *vocab;
    }
    expects(!vocab || *vocab == out.vocab, "the tokens of ", directory, " are of a vocabulary of ",
            out.vocab, ", but the tokenizer has ", vocab.value_or(0),
            "; use the one that made them");
    out.train = out.open_part(directory, split::train, facts);
    out.validation = out.open_part(directory, split::validation, facts);
    return out;
  }

 private:
  static std::vector<std::string> names(const std::string& directory, split which) {
    std::vector<std::string> found;
    for (const directory_entry& entry : list_entries(directory)) {
      if (is_llmc_name(entry.name, which)) found.push_back(entry.name);
    }
    return found;
  }

  void read_meta(const io::json_field& facts) {
    try {
      format = parse_token_format(facts["format"].string());
      type = parse_token_type(facts["dtype"].string());
    } catch (const usage_error& problem) {
      facts["format"].wrong(join("a format of tokens that is known here (", problem.what(), ")"));
    }
    vocab = facts["vocab_size"].integer(1, most_tokens(type));
    if (facts["end_of_text"].present()) {
      end_of_text = static_cast<std::int32_t>(facts["end_of_text"].integer(0, vocab - 1));
    }
    tokenizer_sha256 = facts["tokenizer_sha256"].string_or("");
  }

  std::shared_ptr<const token_files> open_part(const std::string& directory, split which,
                                               const io::json_field& facts) {
    const bool raw = format == token_format::raw;
    const bool described = facts.present();
    std::vector<std::string> wanted;
    if (!raw) {
      wanted = names(directory, which);
    } else if (is_file(join(directory, "/", name_of(which), ".bin"))) {
      wanted.push_back(join(name_of(which), ".bin"));
    }
    std::vector<token_file> files;
    isize tokens = 0;
    for (const std::string& name : wanted) {
      paths.push_back(directory + "/" + name);
      files.push_back(token_file::open(paths.back(), format, type, vocab));
      tokens += files.back().size();
    }
    if (described) {
      const isize promised = facts[name_of(which)]["tokens"].integer(0);
      expects(promised == tokens, directory, "/meta.json says that ", name_of(which), " has ",
              promised, " tokens, but its files hold ", tokens, "; they belong to other data");
    }
    std::optional<document_index> index;
    const std::string index_path = join(directory, "/", name_of(which), ".idx");
    if (raw && !files.empty() && is_file(index_path)) {
      index = document_index::open(index_path, tokens);
    }
    return std::make_shared<token_files>(std::move(files), std::move(index), end_of_text, !raw,
                                         vocab);
  }
};

}  // namespace ctgpt::inline CTGPT_ABI::data
