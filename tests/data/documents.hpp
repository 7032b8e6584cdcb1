// What a reader makes of bytes, however they are cut; and files compressed as the tools do it.
#pragma once

#include <bzlib.h>
#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "ctgpt/base/random.hpp"
#include "ctgpt/data/reader.hpp"

namespace ctgpt_test {

using ctgpt::data::document;
using ctgpt::data::document_reader;
using ctgpt::data::file_format;
using ctgpt::data::read_counts;
using ctgpt::data::read_options;
using texts = std::vector<std::string>;

struct result {
  std::vector<document> documents;
  read_counts counts;

  texts all() const {
    texts list;
    for (const document& page : documents) list.push_back(page.text);
    return list;
  }
  // The messages, a line each.
  std::string said() const {
    std::string lines;
    for (const std::string& message : counts.messages) lines += message + "\n";
    return lines;
  }
};

inline result drain(document_reader reader) {
  result all;
  while (auto page = reader.next()) all.documents.push_back(std::move(*page));
  CHECK(!reader.next());  // the end stays the end
  all.counts = reader.counts();
  CHECK(all.counts.documents == all.documents.size());
  return all;
}

// Pieces of random lengths, most of them short.
class ragged_source : public ctgpt::data::byte_source {
 public:
  ragged_source(std::string_view bytes, std::uint64_t seed) : rest_(bytes), random_(seed) {}
  std::size_t read(std::span<char> to) override {
    const std::uint64_t most = random_.below(4) == 0 ? 1000 : 8;
    const std::size_t bytes = std::min<std::size_t>(
        {1 + static_cast<std::size_t>(random_.below(most)), rest_.size(), to.size()});
    if (bytes > 0) std::memcpy(to.data(), rest_.data(), bytes);
    rest_.remove_prefix(bytes);
    return bytes;
  }
  std::uint64_t consumed() const override { return 0; }

 private:
  std::string_view rest_;
  ctgpt::random_stream random_;
};

inline void check_same(const result& a, const result& b) {
  CHECK(a.all() == b.all());
  CHECK(a.said() == b.said());
  CHECK(a.counts.left_out == b.counts.left_out);
  CHECK(a.counts.bad == b.counts.bad);
  for (std::size_t i = 0; i < std::min(a.documents.size(), b.documents.size()); ++i) {
    CHECK(a.documents[i].line == b.documents[i].line);
    CHECK(a.documents[i].url == b.documents[i].url);
    CHECK(a.documents[i].source == b.documents[i].source);
  }
}

// The documents in `bytes`, which are the same for every way of cutting them that is tried.
inline result read_bytes(const std::string& bytes, const std::string& name,
                         const read_options& options = {}) {
  using ctgpt::data::memory_source;
  const result whole =
      drain(document_reader(std::make_unique<memory_source>(bytes), name, options));
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 64u}) {
    check_same(whole, drain(document_reader(std::make_unique<memory_source>(bytes, piece), name,
                                            options)));
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    check_same(whole,
               drain(document_reader(std::make_unique<ragged_source>(bytes, seed), name, options)));
  }
  return whole;
}

inline std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(::deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

inline std::string zstd(const std::string& text) {
  ZSTD_CCtx* packer = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(packer, ZSTD_c_checksumFlag, 1);
  std::string packed(::ZSTD_compressBound(text.size()), '\0');
  const std::size_t size =
      ::ZSTD_compress2(packer, packed.data(), packed.size(), text.data(), text.size());
  REQUIRE(::ZSTD_isError(size) == 0);
  ::ZSTD_freeCCtx(packer);
  packed.resize(size);
  return packed;
}

inline std::string bzip2(const std::string& text) {
  std::string packed(text.size() + text.size() / 100 + 600, '\0');
  auto size = static_cast<unsigned>(packed.size());
  REQUIRE(::BZ2_bzBuffToBuffCompress(packed.data(), &size, const_cast<char*>(text.data()),
                                     static_cast<unsigned>(text.size()), 1, 0, 0) == BZ_OK);
  packed.resize(size);
  return packed;
}

}  // namespace ctgpt_test
