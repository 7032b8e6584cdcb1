// Compressed bytes as plain ones: gzip of many members, zstd of many frames, bzip2 of many streams.
//
// auto bytes = decompressed(std::make_unique<file_source>(path), path);
//
// What a file is, its first bytes say; a name that ends in .gz, .zst or .bz2 must agree. Bytes that
// are not compressed pass as they are. Memory: two buffers of 128 KiB and what the format asks for
// (gzip 32 KiB, bzip2 4 MB, zstd the window that its frame names, at most 2 GiB).
// Ensures: all that could be decoded is given before the damage is told.
// Errors: damaged_file, with the file and how much of it was good, e.g.
//   a.txt.gz: the gzip data end too early, after 1200 good bytes of text; fetch the file again
// Reference: RFC 1952 (gzip), RFC 8878 (zstd), the bzip2 manual.
#pragma once

#include <bzlib.h>
#include <zlib.h>
#include <zstd.h>

#include <exception>
#include <memory>
#include <vector>

#include "ctgpt/data/byte_source.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

enum class compression : unsigned char { none, gzip, zstd, bzip2 };

// What the first bytes say; 10 of them are enough.
inline compression compression_of_bytes(std::string_view head) {
  const auto byte = [head](std::size_t i) { return static_cast<unsigned char>(head[i]); };
  if (head.starts_with("\x1F\x8B\x08")) return compression::gzip;
  if (head.starts_with("\x28\xB5\x2F\xFD")) return compression::zstd;
  const bool skippable = head.size() >= 4 && (byte(0) & 0xF0) == 0x50 && byte(1) == 0x2A &&
                         byte(2) == 0x4D && byte(3) == 0x18;
  if (skippable) return compression::zstd;  // a frame that carries other data than text
  const std::string_view mark = head.size() < 10 ? std::string_view() : head.substr(4, 6);
  const bool block = mark == "1AY&SY" || mark == "\x17\x72\x45\x38\x50\x90";  // or an empty stream
  if (head.starts_with("BZh") && block) return compression::bzip2;
  return compression::none;
}

// What the name says.
inline compression compression_of_name(std::string_view path) {
  if (path.ends_with(".gz")) return compression::gzip;
  if (path.ends_with(".zst")) return compression::zstd;
  if (path.ends_with(".bz2")) return compression::bzip2;
  return compression::none;
}

inline std::string_view without_compression(std::string_view path) {
  if (compression_of_name(path) != compression::none) path = path.substr(0, path.rfind('.'));
  return path;
}

// Takes the bytes of another source through a decoder. A decoder is a class with
//   name                         "gzip"
//   step(in, out, progress)      consumes from `in`, writes to `out`, and says how it went
struct decoder_progress {
  std::size_t taken = 0, made = 0;
  bool whole = false;           // the data may end here: a member, frame or stream is complete
  const char* wrong = nullptr;  // what the library says of damaged data
};

template <class Decoder>
class decoding_source : public byte_source {
 public:
  decoding_source(std::unique_ptr<byte_source> from, std::string path)
      : from_(std::move(from)), path_(std::move(path)), buffer_(std::size_t{1} << 17) {}

  std::size_t read(std::span<char> to) override {
    std::size_t made = 0;
    while (made == 0) {
      if (!wrong_.empty()) damage();
      if (begin_ == end_ && !ended_) refill();
      if (begin_ == end_ && ended_ && whole_) return 0;
      const std::string_view in(buffer_.data() + begin_, end_ - begin_);
      if (whole_ && !in.empty() && only_zeros(in)) return 0;  // padding of tapes and blocks
      const decoder_progress step = decoder_.step(in, to);
      begin_ += step.taken;
      made = step.made;
      good_ += made;
      whole_ = step.whole;
      if (step.wrong != nullptr) {
        wrong_ = join("are damaged (", step.wrong, ")");
      } else if (step.taken == 0 && made == 0 && ended_ && begin_ == end_ && !whole_) {
        wrong_ = "end too early";
      }
    }
    return made;
  }
  std::uint64_t consumed() const override { return from_->consumed(); }

 private:
  // Whole buffers, so that what a decoder sees, and what it decodes before damage, does not depend
  // on the pieces in which the source gives its bytes. A source's own failure waits for its place.
  void refill() {
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    begin_ = end_ = 0;
    try {
      while (end_ < buffer_.size()) {
        const std::size_t got = from_->read(std::span<char>(buffer_).subspan(end_));
        if (got == 0) break;
        end_ += got;
      }
    } catch (...) {
      if (end_ == 0) throw;
      failure_ = std::current_exception();
    }
    ended_ = end_ == 0;
  }

  // Between members: nothing but zero bytes up to the end of the file. They are used up.
  bool only_zeros(std::string_view in) {
    if (in.front() != '\0') return false;
    for (;;) {
      for (; begin_ < end_; ++begin_) {
        if (buffer_[begin_] != '\0') return false;
      }
      refill();
      if (ended_) return true;
    }
  }

  [[noreturn]] void damage() const {
    throw damaged_file(join(path_, ": the ", Decoder::name, " data ", wrong_, ", after ", good_,
                            " good bytes of text; fetch the file again"));
  }

  std::unique_ptr<byte_source> from_;
  std::string path_;
  Decoder decoder_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t good_ = 0;
  bool ended_ = false, whole_ = false;
  std::string wrong_;
  std::exception_ptr failure_;
};

class gzip_decoder {
 public:
  static constexpr std::string_view name = "gzip";
  gzip_decoder() {
    expects(::inflateInit2(&stream_, 15 + 16) == Z_OK, "zlib cannot start: not enough memory");
  }
  gzip_decoder(const gzip_decoder&) = delete;
  gzip_decoder& operator=(const gzip_decoder&) = delete;
  ~gzip_decoder() { ::inflateEnd(&stream_); }

  decoder_progress step(std::string_view in, std::span<char> out) {
    if (between_ && !in.empty()) {
      ::inflateReset(&stream_);
      between_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), 1u << 30));
    const uInt room = stream_.avail_out;
    const int code = ::inflate(&stream_, Z_NO_FLUSH);
    decoder_progress done;
    done.taken = in.size() - stream_.avail_in;
    done.made = room - stream_.avail_out;
    done.whole = between_ = between_ || code == Z_STREAM_END;
    const bool fine = code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR;
    if (!fine) done.wrong = stream_.msg != nullptr ? stream_.msg : "not enough memory";
    return done;
  }

 private:
  z_stream stream_{};
  bool between_ = false;
};

class zstd_decoder {
 public:
  static constexpr std::string_view name = "zstd";
  zstd_decoder() : stream_(::ZSTD_createDCtx()) {
    expects(stream_ != nullptr, "zstd cannot start: not enough memory");
    // Dumps of forums are compressed with windows of 2 GiB.
    ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, sizeof(std::size_t) == 4 ? 30 : 31);
  }
  zstd_decoder(const zstd_decoder&) = delete;
  zstd_decoder& operator=(const zstd_decoder&) = delete;
  ~zstd_decoder() { ::ZSTD_freeDCtx(stream_); }

  decoder_progress step(std::string_view in, std::span<char> out) {
    // A call that finds damage does not tell of the good bytes before it. So it gets one block at
    // a time: what it asks for, less the three bytes of the next block's header.
    in = in.substr(0, wanted_ > 3 ? wanted_ - 3 : wanted_);
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t code = ::ZSTD_decompressStream(stream_, &to, &from);
    decoder_progress done;
    done.taken = from.pos;
    done.made = to.pos;
    if (::ZSTD_isError(code) != 0) done.wrong = ::ZSTD_getErrorName(code);
    done.whole = code == 0;  // the frame is decoded, and all of it written
    wanted_ = done.whole ? shortest_header : code;
    return done;
  }

 private:
  static constexpr std::size_t shortest_header = 5;

  ZSTD_DCtx* stream_;
  std::size_t wanted_ = shortest_header;
};

class bzip2_decoder {
 public:
  static constexpr std::string_view name = "bzip2";
  bzip2_decoder() { start(); }
  bzip2_decoder(const bzip2_decoder&) = delete;
  bzip2_decoder& operator=(const bzip2_decoder&) = delete;
  ~bzip2_decoder() { ::BZ2_bzDecompressEnd(&stream_); }

  decoder_progress step(std::string_view in, std::span<char> out) {
    if (between_ && !in.empty()) {
      ::BZ2_bzDecompressEnd(&stream_);
      start();
    }
    stream_.next_in = const_cast<char*>(in.data());
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<unsigned>(std::min<std::size_t>(out.size(), 1u << 30));
    const unsigned room = stream_.avail_out;
    const int code = between_ ? BZ_STREAM_END : ::BZ2_bzDecompress(&stream_);
    decoder_progress done;
    done.taken = in.size() - stream_.avail_in;
    done.made = room - stream_.avail_out;
    done.whole = between_ = code == BZ_STREAM_END;
    if (code != BZ_OK && code != BZ_STREAM_END) {
      done.wrong = code == BZ_MEM_ERROR          ? "not enough memory"
                   : code == BZ_DATA_ERROR_MAGIC ? "no bzip2 data where they should begin"
                                                 : "a checksum or a code is wrong";
    }
    return done;
  }

 private:
  void start() {
    stream_ = {};
    between_ = false;
    expects(::BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK, "bzip2 cannot start: no memory");
  }

  bz_stream stream_{};
  bool between_ = false;
};

// A few bytes that were looked at, then the rest.
class peeked_source : public byte_source {
 public:
  peeked_source(std::string head, std::unique_ptr<byte_source> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}

  std::size_t read(std::span<char> to) override {
    if (at_ == head_.size()) return rest_->read(to);
    const std::size_t bytes = std::min(to.size(), head_.size() - at_);
    std::memcpy(to.data(), head_.data() + at_, bytes);
    at_ += bytes;
    return bytes;
  }
  std::uint64_t consumed() const override { return rest_->consumed(); }

 private:
  std::string head_;
  std::size_t at_ = 0;
  std::unique_ptr<byte_source> rest_;
};

// The plain bytes of a source; `path` is for its ending and for errors.
inline std::unique_ptr<byte_source> decompressed(std::unique_ptr<byte_source> source,
                                                 const std::string& path) {
  std::string head(10, '\0');
  std::size_t have = 0;
  while (have < head.size()) {
    const std::size_t got = source->read(std::span<char>(head).subspan(have));
    if (got == 0) break;
    have += got;
  }
  head.resize(have);
  const compression named = compression_of_name(path), found = compression_of_bytes(head);
  if (named != compression::none && named != found) {
    constexpr std::string_view names[] = {"plain", "gzip", "zstd", "bzip2"};
    throw damaged_file(join(path, ": it is named as ", names[static_cast<int>(named)],
                            " data, but ", have == 0 ? "is empty" : "does not begin so"));
  }
  source = std::make_unique<peeked_source>(std::move(head), std::move(source));
  switch (found) {
    case compression::gzip:
      return std::make_unique<decoding_source<gzip_decoder>>(std::move(source), path);
    case compression::zstd:
      return std::make_unique<decoding_source<zstd_decoder>>(std::move(source), path);
    case compression::bzip2:
      return std::make_unique<decoding_source<bzip2_decoder>>(std::move(source), path);
    case compression::none:
      break;
  }
  return source;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
