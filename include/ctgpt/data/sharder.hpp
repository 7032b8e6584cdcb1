// sharder: documents become the tokens of a training and of a validation split.
//
// token_set_writer out(directory, {.vocab = tokens.vocab_size()});
// sharder cut(out, tokens, 0.1);
// while (auto page = reader.next()) cut.add(*page);
// out.finish();
//
// A document validates where the hash of its text, as a fraction of all hashes, lies below
// `fraction`: whatever the order and the other documents, and the same text never on both sides.
// One of more than `whole` bytes is cut, at ends of lines where it has some, into blocks of about
// `block` bytes, which are hashed and tokenized one by one; blocks of one split that follow each
// other stay one document. So a single long text has both splits, and no more than a block of
// tokens is in memory. (Tokens of a tokenizer that joins lines may differ from those of the whole
// text where a block ends.)
// Errors: what the tokenizer refuses, with the document's source and line; those of writing.
#pragma once

#include "ctgpt/base/checksum.hpp"
#include "ctgpt/data/document.hpp"
#include "ctgpt/data/token_set_writer.hpp"
#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

inline split split_of(std::string_view text, double fraction) {
  const bool validates = static_cast<double>(xxh64_of(text) >> 11) * 0x1p-53 < fraction;
  return validates ? split::validation : split::train;
}

class sharder {
 public:
  static constexpr std::size_t whole = std::size_t{1} << 20, block = std::size_t{1} << 16;

  sharder(token_set_writer& out, text::tokenizer tokens, double fraction)
      : out_(&out), tokens_(std::move(tokens)), fraction_(fraction) {}

  isize documents() const { return documents_; }
  isize bytes() const { return bytes_; }

  void add(const document& page) {
    ++documents_;
    bytes_ += static_cast<isize>(page.text.size());
    std::string_view rest = page.text;
    std::optional<split> now;
    do {
      const std::string_view piece =
          rest.substr(0, page.text.size() > whole ? next_cut(rest) : rest.size());
      rest.remove_prefix(piece.size());
      const split which = split_of(piece, fraction_);
      if (now && *now != which) out_->end();
      if (!now || *now != which) out_->begin(which);
      now = which;
      out_->add(encode(piece, page));
    } while (!rest.empty());
    out_->end();
  }

  // Where the first block of a text ends: after the first line that ends past `block` bytes, and
  // where none does before twice as many, between two characters.
  static std::size_t next_cut(std::string_view text) {
    if (text.size() <= 2 * block) return text.size();
    const std::size_t line = text.substr(0, 2 * block).find('\n', block);
    if (line != text.npos) return line + 1;
    std::size_t cut = 2 * block;
    for (int back = 0; back < 3 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80; ++back) {
      --cut;
    }
    return cut;
  }

 private:
  std::vector<std::int32_t> encode(std::string_view piece, const document& page) const {
    try {
      return tokens_.encode_ordinary(piece);
    } catch (const error& problem) {
      const std::string line = page.line > 0 ? join(", record ", page.line) : "";
      const std::string source = page.source.empty() ? "a document" : page.source;
      fail(source, line, ": ", problem.what());
    }
  }

  token_set_writer* out_;
  text::tokenizer tokens_;
  double fraction_;
  isize documents_ = 0, bytes_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
