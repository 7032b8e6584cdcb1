#include "ctgpt/base/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace ctgpt;

namespace {

std::string repaired(std::string_view bytes) {
  std::string text;
  utf8_append_repaired(text, bytes);
  return text;
}

// U+FFFD `count` times.
std::string replacements(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "\xEF\xBF\xBD";
  return text;
}

// The value that 1 to 4 bytes have by the arithmetic of RFC 3629, or -1: written from the text of
// the standard, without its table of ranges.
long value_of(std::string_view s) {
  const auto byte = [s](std::size_t i) {
    return static_cast<long>(static_cast<unsigned char>(s[i]));
  };
  const std::size_t length = byte(0) < 0x80       ? 1
                             : byte(0) >> 5 == 6  ? 2
                             : byte(0) >> 4 == 14 ? 3
                             : byte(0) >> 3 == 30 ? 4
                                                  : 0;
  if (length != s.size()) return -1;
  long value = length == 1 ? byte(0) : byte(0) & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) >> 6 != 2) return -1;
    value = value << 6 | (byte(i) & 0x3F);
  }
  const long least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  return value < least[length] || value > 0x10FFFF || surrogate ? -1 : value;
}

}  // namespace

TEST_CASE("utf8: every Unicode scalar value is written and read back") {
  std::size_t count = 0;
  int wrong = 0;
  for (char32_t code = 0; code < 0x110000; ++code) {
    if (!is_unicode_scalar(code)) continue;
    ++count;
    std::string text;
    utf8_append(text, code);
    const utf8_character read = utf8_decode(text);
    wrong += read.state != utf8_state::valid || read.code != code || read.length != text.size();
    wrong += value_of(text) != static_cast<long>(code);
    // Cut anywhere, it is incomplete and not wrong.
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      const utf8_character part = utf8_decode(text.substr(0, cut));
      wrong += part.state != utf8_state::incomplete || part.length != cut;
    }
  }
  CHECK(count == unicode_scalars);
  CHECK(wrong == 0);
}

TEST_CASE("utf8: of all sequences of 1, 2 and 3 bytes exactly the well-formed ones are valid") {
  int wrong = 0;
  for (std::size_t length = 1; length <= 3; ++length) {
    for (long bits = 0; bits < 1L << (8 * length); ++bits) {
      std::string text;
      for (std::size_t i = length; i-- > 0;) text += static_cast<char>(bits >> (8 * i) & 0xFF);
      const utf8_character read = utf8_decode(text);
      const bool whole = read.state == utf8_state::valid && read.length == length;
      wrong += whole != (value_of(text) >= 0);
      wrong += read.length == 0;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("utf8: four-byte sequences at the edges of the ranges") {
  for (const int first : {0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF8, 0xFF}) {
    for (int second = 0; second < 256; ++second) {
      for (const char third : {'\x7F', '\x80', '\xBF', '\xC0'}) {
        const std::string text{static_cast<char>(first), static_cast<char>(second), third, '\x80'};
        const utf8_character read = utf8_decode(text);
        CHECK((read.state == utf8_state::valid && read.length == 4) == (value_of(text) >= 0));
      }
    }
  }
}

TEST_CASE("utf8: U+FFFD stands for maximal subparts, as the Unicode Standard's examples do") {
  // Tables 3-8 to 3-11 of the standard, version 15.
  CHECK(repaired("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41") == replacements(8) + "A");
  CHECK(repaired("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41") == replacements(8) + "A");
  CHECK(repaired("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") ==
        replacements(5) + "A" + replacements(2) + "B");
  CHECK(repaired("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == replacements(4) + "A");
  CHECK(repaired("ok \xE2\x82") == "ok " + replacements(1));
  CHECK(repaired("h\xC3\xA9!") == "h\xC3\xA9!");
  CHECK(repaired("").empty());
}

TEST_CASE("utf8: the first bad byte is found wherever it stands") {
  CHECK(utf8_error_offset("") == std::string_view::npos);
  CHECK(utf8_error_offset("plain \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x8E\x89") ==
        std::string_view::npos);
  for (std::size_t place = 0; place < 40; ++place) {
    std::string text(40, 'a');
    CHECK(utf8_error_offset(text) == std::string_view::npos);
    text[place] = '\xFF';
    CHECK(utf8_error_offset(text) == place);
    CHECK(ascii_prefix(text) == place);
    // An unfinished character at the end is an error as well.
    text = std::string(place, 'a') + "\xE2\x82";
    CHECK(utf8_error_offset(text) == place);
  }
}
