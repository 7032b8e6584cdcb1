// crc32c: the published values, and any cutting of the input.
#include "ctgpt/base/crc32c.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace ctgpt;

namespace {

std::string counting(int first, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes += static_cast<char>(first + i * step);
  return bytes;
}

}  // namespace

static_assert(crc32c("123456789") == 0xE3069283u);

TEST_CASE("crc32c: the vectors of RFC 3720, appendix B.4, and the check value") {
  CHECK(crc32c("") == 0u);
  CHECK(crc32c("123456789") == 0xE3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);
  CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43u);
  CHECK(crc32c(counting(0, 1)) == 0x46DD794Eu);
  CHECK(crc32c(counting(31, -1)) == 0x113FDB5Cu);
}

TEST_CASE("crc32c: cutting the input changes nothing, flipping a bit does") {
  std::string text = counting(7, 5) + "any text";
  const std::uint32_t whole = crc32c(text);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CHECK(crc32c(text.substr(cut), crc32c(text.substr(0, cut))) == whole);
  }
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    CHECK(crc32c(text) != whole);
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
  }
}
