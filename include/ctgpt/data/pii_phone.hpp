// Telephone numbers: which groups of digits are one.
//
// Digits that stand together, with the separators of telephone numbers between them, are cut into
// groups: "+41 (0)69 979 80 58" is 41, 0, 69, 979, 80, 58. A number is one of
//   international   + or 00, a country code, 8 to 15 digits
//   North American  3-3-4 digits, the first 2 to 9, perhaps after a 1
//   national        the trunk prefix 0, then 9 to 11 digits in all, in 2 to 5 groups
//   parenthesised   an area code in brackets, 7 to 11 digits in all
//   with a word     7 to 12 digits in 2 to 5 groups, or a run of 9 to 12, where a word such as
//                   "phone", "fax" or "call" stands close by
// with an extension ("x45", "ext. 45") if there is one. Dates, spans of years, decimals and
// amounts are not numbers, nor is what follows "ISBN", "#" or a currency's sign.
// Errors: none.
// Reference: ITU-T E.164 (2010) and E.123 (2001).
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "ctgpt/data/pii_rules.hpp"

namespace ctgpt::inline CTGPT_ABI::data::detail {

// A run of digits. `before` is the separator that joins it to the group before: ' ', '-', '.', '/',
// or 0 for brackets alone.
struct digit_group {
  std::size_t begin = 0, end = 0;
  char before = 0;
  bool opened = false;  // it stands in brackets
  std::size_t size() const { return end - begin; }
};

inline constexpr std::size_t most_groups = 8;

struct digit_cluster {
  std::array<digit_group, most_groups> groups;
  std::size_t count = 0;
  std::size_t begin = 0;  // with the "+" or "(" before the first digit
  bool plus = false;
};

// Separators at text[at..] that a digit follows: how many bytes, and which kind. 0 bytes: the
// cluster ends here.
struct separation {
  std::size_t length = 0;
  char kind = 0;
  bool opened = false;
};
inline separation separation_at(std::string_view text, std::size_t at) {
  separation found;
  for (std::size_t i = at; i < text.size() && i < at + 4; ++i) {
    char c = text[i];
    if (is_digit(c)) {
      found.length = i - at;
      return found;
    }
    if (c == '\xC2' && i + 1 < text.size() && text[i + 1] == '\xA0') {  // no-break space
      c = ' ';
      ++i;
    }
    if (c == '(') {
      found.opened = true;
    } else if (c == '-' || c == '.' || c == '/') {
      if (found.kind != 0 && found.kind != ' ') return {};
      found.kind = c;
    } else if (c == ' ') {
      if (found.kind == 0) found.kind = ' ';
    } else if (c != ')') {
      return {};
    }
  }
  return {};
}

// The digits around text[first], which is the first digit of a run.
inline digit_cluster cluster_at(std::string_view text, std::size_t first) {
  digit_cluster cluster;
  std::size_t begin = first;
  bool opened = false;
  if (begin > 0 && text[begin - 1] == '(') {
    --begin;
    opened = true;
  }
  if (begin > 0 && text[begin - 1] == '+') {
    --begin;
    cluster.plus = true;
  }
  cluster.begin = begin;
  std::size_t at = first;
  separation joint{0, 0, opened};
  while (cluster.count < most_groups) {
    digit_group& group = cluster.groups[cluster.count++];
    group = {at, at, joint.kind, joint.opened};
    while (group.end < text.size() && is_digit(text[group.end])) ++group.end;
    group.opened = group.opened && group.end < text.size() && text[group.end] == ')';
    if (cluster.count == 1 && opened && !group.opened && !cluster.plus) cluster.begin = first;
    joint = separation_at(text, group.end);
    if (joint.length == 0) break;
    at = group.end + joint.length;
  }
  return cluster;
}

inline std::string joined_digits(std::string_view text, std::span<const digit_group> groups) {
  std::string digits;
  for (const digit_group& group : groups) digits += text.substr(group.begin, group.size());
  return digits;
}

// Whether one of `stems` begins a word of text[begin, end). A stem ending in '.' is a whole word.
inline bool has_word(std::string_view text, std::size_t begin, std::size_t end,
                     std::span<const std::string_view> stems) {
  const std::string_view window = text.substr(begin, end - begin);
  const auto letter = [](char c) { return is_ascii_letter(c) || c < 0; };
  for (std::size_t at = 0; at < window.size();) {
    if (!letter(window[at])) {
      ++at;
      continue;
    }
    std::size_t stop = at;
    while (stop < window.size() && letter(window[stop])) ++stop;
    const std::string_view word = window.substr(at, stop - at);
    const bool whole_start = at > 0 || begin == 0 || !letter(text[begin - 1]);
    for (std::string_view stem : stems) {
      const bool exact = stem.ends_with('.');
      if (exact) stem.remove_suffix(1);
      if (!whole_start || word.size() < stem.size() || (exact && word.size() != stem.size())) {
        continue;
      }
      if (std::equal(stem.begin(), stem.end(), word.begin(),
                     [](char a, char b) { return a == ascii_lower(b); })) {
        return true;
      }
    }
    at = stop;
  }
  return false;
}

// Words of English, German, French, Spanish, Italian, Portuguese, Dutch and Polish.
inline constexpr std::string_view phone_words[] = {
    "phone",   "telephon",    "telef",    "tel.",         "t\xC3\xA9l", "fax",       "mobil",
    "cell.",   "cellphon",    "celular",  "m\xC3\xB3vil", "cellular",   "call.",     "calls.",
    "called.", "calling.",    "caller.",  "dial.",        "dialing.",   "dialling.", "sms.",
    "text.",   "messag",      "whatsapp", "voicemail",    "hotline",    "helpline",  "landline",
    "pager.",  "switchboard", "contact",  "reach.",       "answering",  "handy.",    "rufen.",
    "anruf",   "appel",       "llam",     "chiam",        "ligar",      "bellen",    "zadzwo",
    "komórk"};
inline constexpr std::string_view label_words[] = {"office", "desk",   "fax",   "mobil", "cell.",
                                                   "home.",  "direct", "work.", "phone"};
inline constexpr std::string_view other_number_words[] = {
    "isbn",   "issn",   "doi.",    "card",    "cc.",  "iban", "ssn.", "social", "invoice",
    "order.", "serial", "account", "version", "zip.", "page", "pp.",  "vol."};
inline constexpr std::string_view section_words[] = {
    "version", "release", "section", "chapter", "clause", "paragraph", "appendix", "kernel",
    "oid.",    "object",  "rfc.",    "iso.",    "fig",    "table",     "v."};
inline constexpr std::string_view address_words[] = {
    "ip.", "ipv", "ips.", "address", "addr.", "host", "server", "ping", "dns", "resolver"};

inline bool phone_word_near(std::string_view text, std::size_t begin, std::size_t end) {
  return has_word(text, begin - std::min<std::size_t>(begin, 48), begin, phone_words) ||
         // A label right behind it ("555 0100 office") or before it ("Desk: 555 0100").
         has_word(text, end, std::min(text.size(), end + 9), label_words) ||
         has_word(text, begin - std::min<std::size_t>(begin, 10), begin, label_words);
}

inline bool looks_like_year(std::string_view digits) {
  return digits.size() == 4 && (digits.starts_with("1") || digits.starts_with("20"));
}

// 3.4.2005, 2005-04-03, 1998-2004 and the like.
inline bool looks_like_date(std::string_view text, std::span<const digit_group> groups) {
  const auto digits = [&](std::size_t i) { return text.substr(groups[i].begin, groups[i].size()); };
  if (groups.size() == 2) return looks_like_year(digits(0)) && looks_like_year(digits(1));
  if (groups.size() != 3) return false;
  return (groups[0].size() == 4 && looks_like_year(digits(0)) && groups[1].size() <= 2 &&
          groups[2].size() <= 2) ||
         (groups[0].size() <= 2 && groups[1].size() <= 2 &&
          (groups[2].size() == 2 || looks_like_year(digits(2))));
}

// Separators behind the first `skip` groups that are all alike; brackets go with any.
inline bool even_separators(std::span<const digit_group> groups, std::size_t skip) {
  char kind = 0;
  for (std::size_t i = skip; i < groups.size(); ++i) {
    if (groups[i].before == 0) continue;
    if (kind != 0 && kind != groups[i].before) return false;
    kind = groups[i].before;
  }
  return true;
}

inline bool is_north_american(std::string_view text, std::span<const digit_group> groups) {
  const bool one = groups.size() == 4 && groups[0].size() == 1 && text[groups[0].begin] == '1';
  if (one) groups = groups.subspan(1);
  return groups.size() == 3 && groups[0].size() == 3 && groups[1].size() == 3 &&
         groups[2].size() == 4 && text[groups[0].begin] >= '2' &&
         (groups[0].opened || even_separators(groups, 1));
}

// Requires: groups is not empty.
inline bool is_phone(std::string_view text, std::span<const digit_group> groups, bool plus,
                     std::size_t begin, std::size_t end) {
  if (groups.size() == 1 && groups[0].size() < 9) return false;  // quick, for years and the like
  const std::string digits = joined_digits(text, groups);
  if (digits.size() < 7 || digits.size() > 17) return false;
  if (plus || (digits.starts_with("00") && groups[0].size() > 1 && groups[0].size() <= 5)) {
    const std::string_view number = std::string_view(digits).substr(plus ? 0 : 2);
    const std::size_t code = calling_code_length(number);
    if (code == 0 || number.size() < 8 || number.size() > 15) return false;
    if (number[0] == '1') return number.size() == 11 && number[1] >= '2';
    return plus || groups.size() > 1;
  }
  if (is_north_american(text, groups)) return true;
  const std::size_t ungrouped = groups[0].opened ? 2 : 1;
  if (groups.size() > 5 || looks_like_date(text, groups) || !even_separators(groups, ungrouped)) {
    return false;
  }
  for (const digit_group& group : groups) {
    if (group.size() < 2) return false;
  }
  if (groups.size() > 1) {
    // Five digits, a hyphen and four are a ZIP code more often than a number.
    const bool zip = groups.size() == 2 && groups[0].size() == 5 && groups[1].size() == 4;
    if (digits[0] == '0' && digits.size() >= 9 && digits.size() <= 11 && groups[0].size() <= 5 &&
        !zip) {
      return true;
    }
    if (groups[0].opened && groups[0].size() <= 4 && !looks_like_year(digits.substr(0, 4)) &&
        digits.size() <= 11 && groups[1].before != '.' && groups[1].before != '/') {
      return true;
    }
    return digits.size() <= 12 && groups.back().before != '/' && phone_word_near(text, begin, end);
  }
  return digits.size() <= 12 && phone_word_near(text, begin, end);
}

// Where the extension behind a number ends, or `end` if there is none.
inline std::size_t extension_end(std::string_view text, std::size_t end) {
  std::size_t at = end;
  while (at < text.size() && (text[at] == ' ' || text[at] == ',')) ++at;
  const auto word = [&](std::string_view name) {
    if (text.size() - at < name.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i) {
      if (ascii_lower(text[at + i]) != name[i]) return false;
    }
    at += name.size();
    return true;
  };
  if (at > end + 2 || !(word("extension") || word("ext.") || word("ext") || word("x"))) return end;
  if (at < text.size() && text[at] == ' ') ++at;
  std::size_t stop = at;
  while (stop < text.size() && is_digit(text[stop])) ++stop;
  return stop > at && stop - at <= 6 ? stop : end;
}

// What stands before or behind a number may say that it is something else.
inline bool is_other_number(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0) {
    const char c = text[begin - 1];
    if (is_ascii_alnum(c) || std::string_view("#$_/@^").find(c) != std::string_view::npos)
      return true;
    const char beyond = begin > 1 ? text[begin - 2] : ' ';
    if ((c == ',' || c == ':') && is_digit(beyond)) return true;
    if (c == '-' && is_ascii_alnum(beyond)) return true;
    if (c == '.' && !(beyond >= 'a' && beyond <= 'z')) return true;  // "tel.0123" is one
    if (c < 0) {  // the signs of pound, yen and euro, with or without a space
      for (const std::string_view sign : {"\xC2\xA3", "\xC2\xA5", "\xE2\x82\xAC"}) {
        if (text.substr(0, begin).ends_with(sign)) return true;
      }
    }
    if (c == ' ' && begin > 1 && (text[begin - 2] == '$' || text[begin - 2] == '#')) return true;
  }
  if (end < text.size()) {
    const char c = text[end];
    if (c == '%' || c == '_' || c == '@') return true;
    if (is_ascii_alnum(c) && extension_end(text, end) == end) return true;
    if (std::string_view(".,:/-").find(c) != std::string_view::npos && end + 1 < text.size() &&
        is_digit(text[end + 1])) {
      return true;
    }
  }
  return has_word(text, begin - std::min<std::size_t>(begin, 24), begin, other_number_words);
}

}  // namespace ctgpt::inline CTGPT_ABI::data::detail
