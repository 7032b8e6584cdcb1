// The character set of a web page, and its bytes as UTF-8.
//
// std::string text = page_as_utf8(bytes);
//
// Believed, in this order: a byte order mark, <meta charset=...> (or its older form) in the first
// 4096 bytes, UTF-8 if the bytes are that, windows-1252. What ill-formed bytes stand for is lost:
// U+FFFD takes their place, and that of zero bytes. Names mean what browsers take them to mean
// (iso-8859-1 is windows-1252).
// Errors: none; a name that is not known counts as no name.
// Reference: WHATWG Encoding Standard; iconv(3).
#pragma once

#include <errno.h>
#include <iconv.h>

#include <utility>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/data/ascii.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// What the page itself names, in lower case; "" when it names none.
inline std::string named_charset(std::string_view page) {
  const std::string head = lower_ascii(page.substr(0, 4096));
  for (std::size_t at = 0; (at = head.find("<meta", at)) != head.npos;) {
    const std::size_t end = head.find('>', at);
    const std::string_view tag = std::string_view(head).substr(at, end - at);
    at += 5;
    const std::size_t word = tag.find("charset");
    if (word == tag.npos) continue;
    std::string_view value = trimmed(tag.substr(word + 7));
    if (!value.starts_with('=')) continue;
    value = trimmed(value.substr(1));
    if (value.starts_with('"') || value.starts_with('\'')) value.remove_prefix(1);
    return std::string(value.substr(0, value.find_first_of("\"' \t\r\n;/>")));
  }
  return {};
}

// For iconv_open.
inline std::string iconv_name(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> meant[] = {
      {"iso-8859-1", "windows-1252"},
      {"iso8859-1", "windows-1252"},
      {"latin1", "windows-1252"},
      {"ascii", "windows-1252"},
      {"us-ascii", "windows-1252"},
      {"iso-8859-9", "windows-1254"},
      {"gb2312", "gbk"},
      {"x-sjis", "shift_jis"},
      {"shift-jis", "shift_jis"},
      {"ks_c_5601-1987", "cp949"},
      {"euc-kr", "cp949"},
      {"x-gbk", "gbk"},
      {"utf-16", "utf-8"},
      {"utf-16le", "utf-8"},
      {"utf-16be", "utf-8"},
      {"utf8", "utf-8"}};  // a name that could be read in bytes was no UTF-16
  for (const auto& [from, to] : meant) {
    if (name == from) return std::string(to);
  }
  return std::string(name);
}

// false when there is no such character set.
inline bool append_as_utf8(std::string& out, std::string_view bytes, const std::string& charset) {
  const iconv_t converter = ::iconv_open("UTF-8", charset.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) return false;
  char piece[8192];
  char* from = const_cast<char*>(bytes.data());
  std::size_t left = bytes.size();
  while (left > 0) {
    char* to = piece;
    std::size_t room = sizeof piece;
    const bool failed =
        ::iconv(converter, &from, &left, &to, &room) == static_cast<std::size_t>(-1);
    const int code = errno;
    out.append(piece, sizeof piece - room);
    if (failed && code != E2BIG && left > 0) {
      utf8_append(out, replacement_character);
      ++from;
      --left;
    }
  }
  ::iconv_close(converter);
  return true;
}

inline std::string page_as_utf8(std::string_view page) {
  std::string text;
  text.reserve(page.size() + page.size() / 8);
  if (page.starts_with(byte_order_mark)) {
    utf8_append_repaired(text, page.substr(3));
  } else if (page.starts_with("\xFF\xFE") || page.starts_with("\xFE\xFF")) {
    const bool little = page.front() == '\xFF';
    append_as_utf8(text, page.substr(2), little ? "UTF-16LE" : "UTF-16BE");
  } else {
    const std::string charset = iconv_name(named_charset(page));
    if (charset == "utf-8" || charset.empty() || !append_as_utf8(text, page, charset)) {
      if (charset == "utf-8" || utf8_error_offset(page) == page.npos) {
        utf8_append_repaired(text, page);
      } else if (!append_as_utf8(text, page, "windows-1252")) {
        utf8_append_repaired(text, page);
      }
    }
  }
  if (text.find('\0') == text.npos) return text;
  std::string without_zeros;
  for (const char c : text) {
    if (c == '\0') {
      utf8_append(without_zeros, replacement_character);
    } else {
      without_zeros += c;
    }
  }
  return without_zeros;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
