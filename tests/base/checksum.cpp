#include "ctgpt/base/checksum.hpp"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

using namespace ctgpt;

namespace {

std::uint64_t sum_of(std::string_view text) {
  xxh64 sum;
  sum.update(std::as_bytes(std::span(text)));
  return sum.finish();
}

std::string pattern(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>((i * 31 + 7) & 0xff);
  return text;
}

}  // namespace

// Values of the Python package xxhash 3.5: xxhash.xxh64(text).hexdigest().
TEST_CASE("checksum: the published values of XXH64") {
  CHECK(checksum_text(sum_of("")) == "ef46db3751d8e999");
  CHECK(checksum_text(sum_of("a")) == "d24ec4f1a98c6e5b");
  CHECK(checksum_text(sum_of("abc")) == "44bc2cf5ad770999");
  CHECK(checksum_text(sum_of(pattern(31))) == "4a74f3a1a39ad4a1");
  CHECK(checksum_text(sum_of(pattern(32))) == "8d57d6a4671cc43d");
  CHECK(checksum_text(sum_of(pattern(1001))) == "966f6b2332940612");
}

TEST_CASE("checksum: any cutting of the input gives the same value, any flipped bit another") {
  const std::string text = pattern(200);
  const auto bytes = std::as_bytes(std::span(text));
  for (std::size_t cut = 0; cut <= 200; ++cut) {
    xxh64 sum;
    sum.update(bytes.first(cut / 2));
    sum.update(bytes.subspan(cut / 2, cut - cut / 2));
    sum.update(bytes.subspan(cut));
    CHECK(sum.finish() == sum_of(text));
  }
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    CHECK(sum_of(flipped) != sum_of(text));
  }
}
