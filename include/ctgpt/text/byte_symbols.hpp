// GPT-2's way to write bytes as text: a printable character stands for each.
//
// byte_symbols[0x20] == U'Ġ';  to_symbols(" a") == "Ġa";  from_symbols("Ġa", bytes)
//
// vocab.json, merges.txt and tokenizer.json spell tokens so.
// Errors: none; from_symbols says whether every character stood for a byte.
// Reference: openai/gpt-2, src/encoder.py, bytes_to_unicode.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "ctgpt/base/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// Printable Latin-1 stands for itself, the other 68 bytes follow from U+0100 on.
inline constexpr std::array<char32_t, 256> byte_symbols = [] {
  std::array<char32_t, 256> symbols{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    symbols[byte] = printable ? byte : next++;
  }
  return symbols;
}();

// The byte of a symbol, -1 where it stands for none.
inline constexpr std::array<std::int16_t, 0x144> symbol_bytes = [] {
  std::array<std::int16_t, 0x144> bytes{};
  for (std::int16_t& each : bytes) each = -1;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    bytes[byte_symbols[byte]] = static_cast<std::int16_t>(byte);
  }
  return bytes;
}();

inline std::string to_symbols(std::string_view bytes) {
  std::string text;
  for (const char each : bytes) utf8_append(text, byte_symbols[static_cast<unsigned char>(each)]);
  return text;
}

inline bool from_symbols(std::string_view text, std::string& bytes) {
  bytes.clear();
  while (!text.empty()) {
    const utf8_character next = utf8_decode(text);
    if (next.state != utf8_state::valid || next.code >= symbol_bytes.size() ||
        symbol_bytes[next.code] < 0) {
      return false;
    }
    bytes += static_cast<char>(symbol_bytes[next.code]);
    text.remove_prefix(next.length);
  }
  return true;
}

}  // namespace ctgpt::inline CTGPT_ABI::text
