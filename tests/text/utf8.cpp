#include "ctgpt/text/utf8.hpp"

#include <doctest/doctest.h>

#include "ctgpt/base/random.hpp"

using namespace ctgpt;
using namespace ctgpt::text;

namespace {

// Text and damage in equal parts: characters of every length, cut characters, stray bytes.
std::string random_bytes(random_stream& random) {
  std::string bytes;
  for (std::uint64_t n = random.below(12); n > 0; --n) {
    std::string piece;
    const auto code = static_cast<char32_t>(random.below(0x110000) >> random.below(21));
    utf8_append(piece, is_unicode_scalar(code) ? code : U'x');
    if (random.below(3) == 0) piece.resize(random.below(piece.size()));
    if (random.below(4) == 0) piece += static_cast<char>(random.next());
    bytes += piece;
  }
  return bytes;
}

}  // namespace

TEST_CASE(
    "utf8_stream: any cutting of any bytes gives the repaired text, in pieces that are UTF-8") {
  random_stream random(1);
  for (int i = 0; i < 20000; ++i) {
    const std::string bytes = random_bytes(random);
    utf8_stream stream;
    std::string text;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t length = random.below(5);  // 0 too
      const std::string piece = stream.push(std::string_view(bytes).substr(at, length));
      REQUIRE(utf8_error_offset(piece) == std::string_view::npos);
      REQUIRE(stream.pending() <= 3);
      text += piece;
      at += length;
    }
    text += stream.flush();
    REQUIRE(text == repair_utf8(bytes));
    REQUIRE(utf8_error_offset(text) == std::string_view::npos);
    REQUIRE(stream.pending() == 0);
  }
}

TEST_CASE("utf8_stream: a character is shown with its last byte, not before and not after") {
  utf8_stream stream;
  CHECK(stream.push("a\xF0") == "a");
  CHECK(stream.push("\x9F") == "");
  CHECK(stream.push("\x8E") == "");
  CHECK(stream.pending() == 3);
  CHECK(stream.push("\x89") == "\xF0\x9F\x8E\x89");
  CHECK(stream.pending() == 0);
  // What nothing can mend is not held back.
  CHECK(stream.push("\xFF") == "\xEF\xBF\xBD");
  CHECK(stream.push("\x80") == "\xEF\xBF\xBD");
  CHECK(stream.push("\xE6\x97") == "");
  CHECK(stream.push("b") ==
        "\xEF\xBF\xBD"
        "b");
}

TEST_CASE("utf8_stream: flush turns what is left into one replacement and starts afresh") {
  utf8_stream stream;
  CHECK(stream.push("\xF0\x9F\x8E") == "");
  CHECK(stream.flush() == "\xEF\xBF\xBD");
  CHECK(stream.flush() == "");
  CHECK(stream.push("\x89") == "\xEF\xBF\xBD");  // no longer the end of anything
}
