// A source of bytes with a buffer before it, from which the readers take lines and blocks.
//
// input_stream in(decompressed(std::make_unique<file_source>(path), path));
// in.peek(512)                        the first bytes, not taken
// in.line(text, limit)                a line without its end; one that is too long is passed over
// in.chunk(), in.skip(n)              what is in the buffer, for parsers of their own
// in.block(text, n)                   appends the next n bytes
//
// Damaged data end the stream: in.damage() is then the sentence that says so.
// Memory: 128 KiB, and twice what is peeked. Cost: linear, however much is peeked how often.
// Errors: those of the system, thrown.
#pragma once

#include <memory>
#include <optional>

#include "ctgpt/data/decompress.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class input_stream {
 public:
  explicit input_stream(std::unique_ptr<byte_source> source) : source_(std::move(source)) {}
  // A file that is damaged from its first byte.
  explicit input_stream(std::string damage) : damage_(std::move(damage)) {}

  // Bytes in the buffer; they are empty only at the end. Valid until the next call.
  std::string_view chunk() {
    if (begin_ == buffer_.size()) {
      buffer_.clear();
      begin_ = 0;
      fill();
    }
    return std::string_view(buffer_).substr(begin_);
  }
  // Requires: at most chunk().size().
  void skip(std::size_t bytes) { begin_ += bytes; }

  // The next `bytes`, fewer at the end. Valid until the next call.
  std::string_view peek(std::size_t bytes) {
    while (buffer_.size() - begin_ < bytes && fill()) continue;
    return std::string_view(buffer_).substr(begin_, bytes);
  }

  enum class line_kind : unsigned char { whole, unfinished, too_long, end };

  // Replaces `text` by the next line, without "\n". `unfinished` has no "\n", as the last line may;
  // of a line that is too long, `text` holds the beginning.
  line_kind line(std::string& text, std::uint64_t limit) {
    text.clear();
    bool too_long = false;
    for (;;) {
      const std::string_view have = chunk();
      if (have.empty()) {
        if (too_long) return line_kind::too_long;
        return text.empty() ? line_kind::end : line_kind::unfinished;
      }
      const std::size_t end = have.find('\n');
      const std::string_view piece = have.substr(0, end);
      too_long = too_long || piece.size() > limit - text.size();
      if (!too_long) text += piece;
      skip(end == have.npos ? piece.size() : end + 1);
      if (end != have.npos) return too_long ? line_kind::too_long : line_kind::whole;
    }
  }

  // Appends the next `bytes` to `text`; fewer at the end.
  void block(std::string& text, std::uint64_t bytes) {
    while (bytes > 0) {
      const std::string_view have = chunk();
      if (have.empty()) return;
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, have.size()));
      text += have.substr(0, taken);
      skip(taken);
      bytes -= taken;
    }
  }

  // Why the stream ended before its end; empty while all is well.
  const std::string& damage() const { return damage_; }
  std::uint64_t consumed() const { return source_ != nullptr ? source_->consumed() : 0; }

 private:
  static constexpr std::size_t piece = std::size_t{1} << 17;

  bool fill() {
    if (source_ == nullptr || ended_) return false;
    if (begin_ * 2 >= buffer_.size()) {  // no more is moved than was used
      buffer_.erase(0, begin_);
      begin_ = 0;
    }
    const std::size_t before = buffer_.size();
    buffer_.resize(before + piece);
    std::size_t got = 0;
    try {
      got = source_->read(std::span<char>(buffer_).subspan(before));
    } catch (const damaged_file& damaged) {
      damage_ = damaged.what();
    }
    buffer_.resize(before + got);
    ended_ = got == 0;
    return !ended_;
  }

  std::unique_ptr<byte_source> source_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool ended_ = false;
  std::string damage_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
