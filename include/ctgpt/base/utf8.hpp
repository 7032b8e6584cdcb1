// UTF-8, one character at a time: decode, append, validate. Bytes in, Unicode scalar values out.
//
// A well-formed character is 1 to 4 bytes; surrogates (U+D800..U+DFFF), overlong forms and values
// past U+10FFFF are not characters. What is ill-formed is cut as the Unicode Standard recommends
// ("substitution of maximal subparts"), so that one U+FFFD stands for each piece, as in Python,
// browsers and ICU.
// Ensures: decode never reads outside the text and always advances by at least one byte.
// Errors: none are thrown; the caller knows the file's name and says what is wrong.
// Reference: The Unicode Standard, tables 3-7 (well-formed sequences) and 3-8 (subparts); RFC 3629.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

inline constexpr char32_t replacement_character = 0xFFFD;
inline constexpr std::size_t unicode_scalars = 0x110000 - 0x800;

enum class utf8_state : std::uint8_t {
  valid,
  invalid,    // no byte that follows could mend it
  incomplete  // the text ends inside a character that is well-formed so far
};

struct utf8_character {
  char32_t code = replacement_character;
  std::uint8_t length = 0;  // bytes taken; 0 only at the end of the text
  utf8_state state = utf8_state::incomplete;
};

constexpr bool is_unicode_scalar(std::uint64_t code) {
  return code < 0xD800 || (code > 0xDFFF && code < 0x110000);
}

// The character at the start of `text`.
constexpr utf8_character utf8_decode(std::string_view text) {
  if (text.empty()) return {};
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1, utf8_state::valid};
  if (first < 0xC2 || first > 0xF4) return {replacement_character, 1, utf8_state::invalid};
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // Only the second byte's range depends on the first: no overlong forms, surrogates or overflow.
  std::uint8_t low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  char32_t code = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto taken = static_cast<std::uint8_t>(i);
    if (i == text.size()) return {replacement_character, taken, utf8_state::incomplete};
    if (byte(i) < low || byte(i) > high) {
      return {replacement_character, taken, utf8_state::invalid};
    }
    code = (code << 6) | (byte(i) & 0x3Fu);
    low = 0x80;
    high = 0xBF;
  }
  return {code, static_cast<std::uint8_t>(length), utf8_state::valid};
}

// Requires: is_unicode_scalar(code).
inline void utf8_append(std::string& text, char32_t code) {
  const auto put = [&text](char32_t bits) { text.push_back(static_cast<char>(bits)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6));
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3F));
    put(0x80 | ((code >> 6) & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

// Bytes at the start of `text` that are ASCII, eight at a time.
inline std::size_t ascii_prefix(std::string_view text) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, text.data() + i, 8);
    if ((eight & 0x8080808080808080u) != 0) break;
  }
  while (i < text.size() && static_cast<std::uint8_t>(text[i]) < 0x80) ++i;
  return i;
}

// Offset of the first byte that is not part of a character, or npos when all of `text` is UTF-8.
inline std::size_t utf8_error_offset(std::string_view text) {
  for (std::size_t i = ascii_prefix(text); i < text.size();) {
    const utf8_character next = utf8_decode(text.substr(i));
    if (next.state != utf8_state::valid) return i;
    i += next.length;
    i += ascii_prefix(text.substr(i));
  }
  return std::string_view::npos;
}

// Appends `text` with one U+FFFD for each ill-formed piece.
inline void utf8_append_repaired(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t bad = utf8_error_offset(text);
    out += text.substr(0, bad);
    if (bad == std::string_view::npos) return;
    utf8_append(out, replacement_character);
    text.remove_prefix(bad + utf8_decode(text.substr(bad)).length);
  }
}

}  // namespace ctgpt::inline CTGPT_ABI
