// Character references of HTML: "&amp;", "&#160;", "&#xA0;".
//
// std::size_t taken;  decoded_entity("&lt;b>", taken)       "<", taken is 4
//
// The 253 names of HTML 4 are known, and every number from 32; the ';' must be there.
// Errors: none; what is no reference takes no bytes.
// Reference: HTML 4.01, sections 5.3 and 24.
#pragma once

#include <libxml/HTMLparser.h>

#include <charconv>
#include <string>
#include <string_view>

#include "ctgpt/base/utf8.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// What the reference at the start of `text` ("&amp;", "&#160;") stands for; taken is 0 when it is
// none.
inline std::string decoded_entity(std::string_view text, std::size_t& taken) {
  std::string out;
  taken = 0;
  const std::size_t end = text.substr(0, 34).find(';');
  if (end == text.npos || end < 2) return out;
  const std::string name(text.substr(1, end - 1));
  std::uint64_t code = 0;
  if (name.front() == '#') {
    const bool hexadecimal = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    const char* first = name.data() + (hexadecimal ? 2 : 1);
    const char* last = name.data() + name.size();
    const auto [stop, wrong] = std::from_chars(first, last, code, hexadecimal ? 16 : 10);
    if (wrong != std::errc() || stop != last || code < 0x20) return out;
  } else if (const htmlEntityDesc* entity =
                 ::htmlEntityLookup(reinterpret_cast<const xmlChar*>(name.c_str()))) {
    code = entity->value;
  }
  if (code == 0 || !is_unicode_scalar(code)) return out;
  utf8_append(out, static_cast<char32_t>(code));
  taken = end + 1;
  return out;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
