// token_file: a file of tokens, mapped and never copied as a whole.
//
// raw: tokens alone, u16 or u32, little-endian (nanoGPT's train.bin). Nothing in the file says
//      which, so whoever opens it must.
// llmc: 256 words of i32, then the tokens (llm.c's shards). The words are a magic number, a version
//      and the count of tokens; 20240520 and 1 stand for u16, 20240801 and 7 for u32.
// A document index (.idx) lies beside a raw file: for each document the number of tokens up to its
// end, u64, little-endian, ascending; the last one is the count of the file's tokens.
//
// token_file::open("data/train.bin", token_format::raw, token_type::u16, 50257).read(0, ids);
//
// Requires: as mapped_file, nobody shortens the file while it is open.
// Errors, one sentence each with the file: a size that is no whole number of tokens, a header of
// another kind, one that lies about the count; in read(), a token outside the vocabulary, with its
// place. An index that is not ascending or does not end where the tokens do.
// Reference: karpathy/nanoGPT, data/openwebtext/prepare.py; karpathy/llm.c, dev/data/
// data_common.py; huggingface/datatrove, pipeline/tokens/tokenizer.py (the index).
#pragma once

#include <bit>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

static_assert(std::endian::native == std::endian::little,
              "token files are little-endian and are mapped as they are");

enum class token_type : std::uint8_t { u16, u32 };
enum class token_format : std::uint8_t { raw, llmc };

inline constexpr std::string_view name_of(token_type type) {
  return type == token_type::u16 ? "u16" : "u32";
}
inline constexpr std::string_view name_of(token_format format) {
  return format == token_format::raw ? "raw" : "llmc";
}
inline constexpr isize bytes_of(token_type type) { return type == token_type::u16 ? 2 : 4; }
// How many different tokens a file of this type can hold; ids are i32 everywhere else.
inline constexpr isize most_tokens(token_type type) {
  return type == token_type::u16 ? isize{1} << 16 : isize{1} << 31;
}

inline token_type parse_token_type(std::string_view name) {
  if (name == "u16") return token_type::u16;
  if (name == "u32") return token_type::u32;
  throw usage_error(join("there is no token type '", name, "'; choose u16 or u32"));
}
inline token_format parse_token_format(std::string_view name) {
  if (name == "raw") return token_format::raw;
  if (name == "llmc") return token_format::llmc;
  throw usage_error(join("there is no format '", name, "' of token files; choose raw or llmc"));
}

// The header of llm.c's files.
struct llmc_header {
  static constexpr isize words = 256, bytes = 4 * words;
  static constexpr isize most = (isize{1} << 31) - 1;  // tokens in a file
  static constexpr std::int32_t evaluation = 20240522;

  static constexpr std::int32_t magic(token_type type) {
    return type == token_type::u16 ? 20240520 : 20240801;
  }
  static constexpr std::int32_t version(token_type type) { return type == token_type::u16 ? 1 : 7; }

  static std::string text(token_type type, isize tokens) {
    const std::int32_t head[3] = {magic(type), version(type), static_cast<std::int32_t>(tokens)};
    std::string all(static_cast<std::size_t>(bytes), '\0');
    std::memcpy(all.data(), head, sizeof head);
    return all;
  }
};

class token_file {
 public:
  // type: of a raw file; one of llm.c says its own.
  static token_file open(const std::string& path, token_format format, token_type type,
                         isize vocab) {
    mapped_file file(path);
    token_file out = parse(file.bytes(), format, type, vocab, path);
    out.file_ = std::move(file);
    return out;
  }
  // Of bytes that stay where they are; `name` is for errors.
  static token_file parse(std::span<const std::byte> bytes, token_format format, token_type type,
                          isize vocab, const std::string& name) {
    token_file out;
    out.name_ = name;
    out.type_ = type;
    out.vocab_ = vocab;
    const auto size = static_cast<isize>(bytes.size());
    if (format == token_format::llmc) {
      const isize promised = out.read_header(bytes);
      const isize width = bytes_of(out.type_), held = size - llmc_header::bytes;
      expects(held == promised * width, name, ": the header promises ", promised, " tokens of ",
              width, " bytes, but ", held, " bytes follow it; write the file again");
      out.first_ = llmc_header::bytes;
      out.size_ = promised;
    } else {
      const isize width = bytes_of(type);
      expects(size % width == 0, name, " has ", size, " bytes, which is no whole number of tokens ",
              "of ", width, " bytes; it may be cut short or hold another type of token");
      out.size_ = size / width;
    }
    out.bytes_ = bytes.subspan(static_cast<std::size_t>(out.first_));
    return out;
  }

  const std::string& name() const { return name_; }
  isize size() const { return size_; }  // tokens
  token_type type() const { return type_; }

  // Tokens [first, first + to.size()).
  // Requires: 0 <= first, first + to.size() <= size().
  void read(isize first, std::span<std::int32_t> to) const {
    const isize width = bytes_of(type_);
    const std::byte* from = bytes_.data() + first * width;
    if (type_ == token_type::u16) {
      copy<std::uint16_t>(from, to);
    } else {
      copy<std::uint32_t>(from, to);
    }
    const auto vocab = static_cast<std::uint64_t>(vocab_);
    bool known = true;
    for (const std::int32_t id : to) known &= static_cast<std::uint32_t>(id) < vocab;
    if (!known) [[unlikely]]
      fail_unknown(first, to);
  }

 private:
  template <class Stored>
  static void copy(const std::byte* from, std::span<std::int32_t> to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      Stored value;
      std::memcpy(&value, from + i * sizeof value, sizeof value);
      to[i] = static_cast<std::int32_t>(value);
    }
  }

  [[noreturn, gnu::cold]] void fail_unknown(isize first, std::span<const std::int32_t> ids) const {
    for (std::size_t i = 0;; ++i) {
      const auto id = static_cast<std::uint32_t>(ids[i]);
      if (id < static_cast<std::uint64_t>(vocab_)) continue;
      fail(name_, ": the token ", id, " at byte ",
           first_ + (first + static_cast<isize>(i)) * bytes_of(type_),
           " is outside the vocabulary of ", vocab_,
           "; the file is damaged, holds another type of ",
           "token, or belongs to another tokenizer");
    }
  }

  // The count of tokens that it promises; sets the type.
  isize read_header(std::span<const std::byte> bytes) {
    expects(bytes.size() >= static_cast<std::size_t>(llmc_header::bytes), name_, " has ",
            bytes.size(), " bytes, but the header of a token file of llm.c alone has ",
            llmc_header::bytes);
    std::int32_t head[3];
    std::memcpy(head, bytes.data(), sizeof head);
    expects(head[0] != llmc_header::evaluation, name_, " is an evaluation set of llm.c (magic ",
            head[0], "), not a file of tokens to train on");
    type_ = head[0] == llmc_header::magic(token_type::u32) ? token_type::u32 : token_type::u16;
    expects(head[0] == llmc_header::magic(type_), name_, " begins with ", head[0],
            ", not with the magic number of a token file of llm.c, ",
            llmc_header::magic(token_type::u16), " or ", llmc_header::magic(token_type::u32));
    expects(head[1] == llmc_header::version(type_), name_, " is of version ", head[1],
            ", but token files of llm.c with magic ", head[0], " are read in version ",
            llmc_header::version(type_));
    expects(head[2] >= 0, name_, ": the header promises ", head[2], " tokens");
    return head[2];
  }

  mapped_file file_;
  std::span<const std::byte> bytes_;  // of the tokens
  std::string name_;
  token_type type_ = token_type::u16;
  isize vocab_ = 0, size_ = 0, first_ = 0;
};

// The ends of documents that a .idx file holds.
class document_index {
 public:
  static document_index open(const std::string& path, isize tokens) {
    mapped_file file(path);
    document_index out = parse(file.bytes(), tokens, path);
    out.file_ = std::move(file);
    return out;
  }
  static document_index parse(std::span<const std::byte> bytes, isize tokens,
                              const std::string& name) {
    document_index out;
    out.bytes_ = bytes;
    out.name_ = name;
    out.tokens_ = tokens;
    expects(bytes.size() % 8 == 0, name, " has ", bytes.size(),
            " bytes, which is no whole number of ends of documents of 8 bytes");
    const std::uint64_t last = out.size() > 0 ? out.raw_end(out.size() - 1) : 0;
    expects(last == static_cast<std::uint64_t>(tokens), name, ": the last document ends at token ",
            last, ", but there are ", tokens, " tokens; the index belongs to another file");
    return out;
  }

  isize size() const { return static_cast<isize>(bytes_.size() / 8); }  // documents

  // Calls visit(begin, end) for each document, in order.
  template <class Visit>
  void each(Visit visit) const {
    std::uint64_t begin = 0;
    for (isize i = 0; i < size(); ++i) {
      const std::uint64_t end = raw_end(i);
      expects(end > begin && end <= static_cast<std::uint64_t>(tokens_), name_, ": document ", i,
              " ends at token ", end, ", but begins at ", begin, " of ", tokens_,
              "; the index is damaged");
      visit(static_cast<isize>(begin), static_cast<isize>(end));
      begin = end;
    }
  }

 private:
  std::uint64_t raw_end(isize i) const {
    std::uint64_t end;
    std::memcpy(&end, bytes_.data() + 8 * i, 8);
    return end;
  }

  mapped_file file_;
  std::span<const std::byte> bytes_;
  std::string name_;
  isize tokens_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
