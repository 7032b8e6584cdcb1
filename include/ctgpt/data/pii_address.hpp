// Addresses of machines and mailboxes in text: how far one reaches, and what it says.
//
// email_around(text, at)   the e-mail address around the '@' at text[at]
// read_ipv4(text, at)      four numbers up to 255 without leading zeros, from text[at] on
// ipv6_around(text, at)    the IPv6 address around the hexadecimal digit or ':' at text[at]
//
// Each gives end == 0 where there is none. An address is a whole word: letters and digits beside
// it, or a further dot and number, mean that it is something else.
// Requires: at < text.size().
// Errors: none.
// Reference: RFC 5321 and 6531 (mailboxes), RFC 1035 (domains), RFC 4291 section 2.2 (IPv6).
#pragma once

#include "ctgpt/data/pii_rules.hpp"
#include "ctgpt/text/unicode.hpp"

namespace ctgpt::inline CTGPT_ABI::data::detail {

struct email_bounds {
  std::size_t begin = 0, end = 0;
};

// A letter, digit or mark of any script at text[at]: its length, else 0.
inline std::size_t name_character(std::string_view text, std::size_t at) {
  if (at >= text.size()) return 0;
  if (text[at] >= 0) return is_ascii_alnum(text[at]) ? 1 : 0;
  const text::classified c =
      text::unicode_classes::get().beyond_ascii(text.data() + at, text.data() + text.size());
  const int wanted = text::kind_any_letter | text::kind_mark | text::kind_number;
  return (c.kind & wanted) != 0 ? c.length : 0;
}

// Where the character that ends before text[end] begins.
inline std::size_t character_before(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && end - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return utf8_decode(text.substr(at, end - at)).length == end - at ? at : end - 1;
}

inline email_bounds email_around(std::string_view text, std::size_t at) {
  constexpr std::string_view atoms = "!#$%&'*+-/=?^_`{|}~.";  // of RFC 5322
  constexpr std::string_view edges = "_+-";                   // those with which a name may begin
  std::size_t begin = at, first = at;
  while (begin > 0 && at - begin < 64) {
    const std::size_t before = character_before(text, begin);
    const bool named = name_character(text, before) == begin - before;
    if (!named && (begin - before != 1 || atoms.find(text[before]) == atoms.npos)) break;
    if (!named && text[before] == '.' && text[begin] == '.') break;
    begin = before;
    if (named || edges.find(text[before]) != edges.npos) first = begin;
  }
  if (first == at || text[at - 1] == '.') return {};
  // A quote or "mailto=" before the name belongs to the sentence or the link.
  for (std::size_t i = first; i < at; ++i) {
    const bool sign = std::string_view("=/'?&|`{}").find(text[i]) != std::string_view::npos;
    if (sign && name_character(text, i + 1) != 0 && text[i] != '\'') first = i + 1;
  }
  std::size_t end = 0, label = at + 1, letters = 0, dots = 0;
  std::size_t i = at + 1;
  for (;;) {
    if (const std::size_t length = name_character(text, i)) {
      letters += is_digit(text[i]) ? 0 : 1;
      i += length;
      // A label ends here if neither a letter nor a hyphen follows.
      if (dots > 0 && letters >= 2 && i - label >= 2) end = i;
    } else if (i < text.size() && text[i] == '-' && i > label) {
      ++i;
      if (name_character(text, i) == 0 && (i >= text.size() || text[i] != '-')) break;
    } else if (i < text.size() && text[i] == '.' && i > label && name_character(text, i + 1) != 0) {
      ++dots;
      ++i;
      label = i;
      letters = 0;
    } else {
      break;
    }
    if (i - at > 255) return {};
  }
  if (end == 0) return {};
  return {first, end};
}

struct ipv4_read {
  std::uint32_t address = 0;
  std::size_t end = 0;
};

inline ipv4_read read_ipv4(std::string_view text, std::size_t at, bool inside_ipv6 = false) {
  if (at > 0 && !inside_ipv6) {
    const char before = text[at - 1];
    if (is_ascii_alnum(before) || before == '-' || before == '_') return {};
    if (before == '.' && at > 1 && is_ascii_alnum(text[at - 2])) return {};
  }
  std::uint32_t address = 0;
  for (int octet = 0; octet < 4; ++octet) {
    std::size_t stop = at;
    while (stop < text.size() && is_digit(text[stop])) ++stop;
    if (stop == at || stop - at > 3 || (stop - at > 1 && text[at] == '0')) return {};
    const std::uint32_t value = leading_number(text.substr(at), stop - at);
    if (value > 255) return {};
    address = address << 8 | value;
    at = stop;
    if (octet < 3 && (at >= text.size() || text[at++] != '.')) return {};
  }
  if (at < text.size()) {
    const char after = text[at];
    if (is_ascii_alnum(after) || after == '_') return {};
    if ((after == '.' || after == '-') && at + 1 < text.size() && is_ascii_alnum(text[at + 1])) {
      return {};
    }
  }
  return {address, at};
}

struct ipv6_read {
  std::size_t begin = 0, end = 0;
  bool shortened = false;
  ipv6_groups groups = {};
};

inline bool is_hex(char c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }

inline ipv6_read ipv6_around(std::string_view text, std::size_t at) {
  std::size_t begin = at;
  while (begin > 0 && at - begin < 40 && (is_hex(text[begin - 1]) || text[begin - 1] == ':')) {
    --begin;
  }
  if (begin > 0) {  // a colon: longer than an address can be
    const char before = text[begin - 1];
    if (is_ascii_alnum(before) || before == '_' || before == ':') return {};
  }
  ipv6_read read;
  std::size_t count = 0, gap = 8, i = begin;
  if (text.substr(i).starts_with("::")) {
    gap = 0;
    i += 2;
  }
  while (count < 8 && i < text.size() && is_hex(text[i])) {
    std::uint32_t value = 0;
    std::size_t stop = i;
    for (; stop < text.size() && is_hex(text[stop]) && stop - i < 5; ++stop) {
      const auto nibble = static_cast<std::uint32_t>(
          is_digit(text[stop]) ? text[stop] - '0' : (text[stop] | 32) - 'a' + 10);
      value = value << 4 | nibble;
    }
    if (stop - i > 4) return {};
    read.groups[count++] = static_cast<std::uint16_t>(value);
    i = stop;
    if (i + 1 < text.size() && text[i] == ':' && text[i + 1] == ':') {
      if (gap < 8) return {};
      gap = count;
      i += 2;
    } else if (i + 1 < text.size() && text[i] == ':' && is_hex(text[i + 1])) {
      ++i;
    } else {
      break;
    }
  }
  if (count < 2 || (gap == 8 && count != 8) || (gap < 8 && count == 8)) return {};
  if (i < text.size() && (is_ascii_alnum(text[i]) || text[i] == '_' || text[i] == ':')) {
    if (text[i] != ':' || (i + 1 < text.size() && is_ascii_alnum(text[i + 1]))) return {};
  }
  if (gap < 8) {
    read.shortened = true;
    ipv6_groups moved{};
    for (std::size_t k = 0; k < count; ++k) {
      moved[k < gap ? k : 8 - count + k] = read.groups[k];
    }
    read.groups = moved;
  }
  read.begin = begin;
  read.end = i;
  return read;
}

}  // namespace ctgpt::inline CTGPT_ABI::data::detail
