// Where bytes come from, a piece at a time: a file, a pipe, a text in memory.
//
// file_source file("a.txt");
// while (const std::size_t got = file.read(piece)) ...     0 is the end
//
// damaged_file is the error of a source whose bytes are not what they should be (decompress.hpp);
// what came before it is good. Every other error is the system's and says so.
// Errors: the sentences of base/file.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "ctgpt/base/file.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class damaged_file : public error {
 public:
  using error::error;
};

class byte_source {
 public:
  byte_source() = default;
  byte_source(const byte_source&) = delete;
  byte_source& operator=(const byte_source&) = delete;
  virtual ~byte_source() = default;

  // Fills a part of `to`, at least one byte of it; 0 only at the end.
  // Requires: `to` is not empty.
  virtual std::size_t read(std::span<char> to) = 0;
  // Bytes taken from the disk so far: compressed ones, where they are.
  virtual std::uint64_t consumed() const = 0;
};

class file_source : public byte_source {
 public:
  explicit file_source(std::string path)
      : path_(std::move(path)), file_(open_or_fail(path_, O_RDONLY, "read")) {
    status_or_fail(file_, path_);
  }

  std::size_t read(std::span<char> to) override {
    for (;;) {
      const ssize_t got = ::read(file_.get(), to.data(), to.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail_system("read", path_, errno);
      consumed_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
  }
  std::uint64_t consumed() const override { return consumed_; }

 private:
  std::string path_;
  file_descriptor file_;
  std::uint64_t consumed_ = 0;
};

// Bytes that are in memory already, at most `piece` of them at a time.
// Requires: they outlive it.
class memory_source : public byte_source {
 public:
  explicit memory_source(std::string_view bytes, std::size_t piece = 65536)
      : rest_(bytes), piece_(piece) {}

  std::size_t read(std::span<char> to) override {
    const std::size_t bytes = std::min({to.size(), rest_.size(), piece_});
    if (bytes == 0) return 0;
    std::memcpy(to.data(), rest_.data(), bytes);
    rest_.remove_prefix(bytes);
    consumed_ += bytes;
    return bytes;
  }
  std::uint64_t consumed() const override { return consumed_; }

 private:
  std::string_view rest_;
  std::size_t piece_;
  std::uint64_t consumed_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
