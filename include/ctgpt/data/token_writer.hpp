// token_writer: writes a file of tokens piece by piece; index_writer the document index beside it.
//
// token_writer file("train.bin", token_format::raw, token_type::u16);
// file.add(ids);  file.add(more);  file.finish();
//
// No more than a block of tokens is in memory. The formats are those of data/token_file.hpp; the
// count in llm.c's header is written by finish(), so a file that was not finished is refused.
// Requires: every token is one of most_tokens(type) (data/token_set_writer.hpp sees to it).
// Errors: those of writing; a path that exists; more tokens than the header of a file can count.
#pragma once

#include "ctgpt/data/token_file.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Gathers small writes.
class block_output {
 public:
  explicit block_output(const std::string& path) : file_(output_file::create(path)) {
    block_.reserve(block_bytes);
  }
  void add(const void* bytes, std::size_t count) {
    if (block_.size() + count > block_bytes) flush();
    block_.append(static_cast<const char*>(bytes), count);
  }
  output_file& flush() {
    file_.write(block_);
    block_.clear();
    return file_;
  }

 private:
  static constexpr std::size_t block_bytes = std::size_t{1} << 17;
  output_file file_;
  std::string block_;
};

class token_writer {
 public:
  token_writer(const std::string& path, token_format format, token_type type)
      : out_(path), path_(path), format_(format), type_(type) {
    if (format_ == token_format::raw) return;
    const std::string unfinished(static_cast<std::size_t>(llmc_header::bytes), '\0');
    out_.add(unfinished.data(), unfinished.size());
  }

  isize size() const { return size_; }  // tokens so far

  void add(std::span<const std::int32_t> ids) {
    size_ += static_cast<isize>(ids.size());
    expects(format_ == token_format::raw || size_ <= llmc_header::most, path_,
            ": the header of a token file of llm.c counts at most ", llmc_header::most, " tokens");
    for (const std::int32_t id : ids) {
      if (type_ == token_type::u16) {
        const auto stored = static_cast<std::uint16_t>(id);
        out_.add(&stored, sizeof stored);
      } else {
        out_.add(&id, sizeof id);
      }
    }
  }

  void finish() {
    output_file& file = out_.flush();
    if (format_ == token_format::llmc) file.write_at(0, llmc_header::text(type_, size_));
    file.close();
  }

 private:
  block_output out_;
  std::string path_;
  token_format format_;
  token_type type_;
  isize size_ = 0;
};

class index_writer {
 public:
  explicit index_writer(const std::string& path) : out_(path) {}

  // end: the count of tokens up to the end of the next document.
  void add(isize end) {
    const auto stored = static_cast<std::uint64_t>(end);
    out_.add(&stored, sizeof stored);
  }
  void finish() { out_.flush().close(); }

 private:
  block_output out_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
