// Personal data in text: e-mail addresses, telephone, card, social security and bank account
// numbers, and IP addresses are found, and masked by a mark that says what stood there.
//
// for (const pii_span& found : find_pii(text)) ...       found.kind, found.begin, found.end
// pii_counts counts;
// std::string safe = mask_pii(text, counts);            "write to <EMAIL>"; counts[pii_kind::email]
//
// Candidates are looked for only around '@' and digits, eight bytes at a time; what is found must
// pass the check of its kind (data/pii_rules.hpp; data/pii_phone.hpp for telephone numbers):
//   email   local part, '@', a domain with a top level of two letters; letters of any script
//   card    14 to 19 digits, in one piece (up to 16) or in groups of 3 to 7, of a known network,
//           with Luhn; near a word such as "card", 12 to 19 digits with Luhn, of any network
//   ssn     3-2-4 digits with hyphens, or, near "SSN" or "social security", with blanks or together
//   iban    of a known country, in one piece or in groups of four, with its check digits
//   ip      an IPv4 or IPv6 address that is global: private, local and documentation addresses stay
// Names and postal addresses are not looked for: that takes a model, not a rule.
// Ensures: spans are ordered, do not overlap, and begin and end on whole characters; the same text
// gives the same spans; a mark is never part of one, nor a word that makes a number one.
// Errors: none; any bytes are accepted.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <optional>
#include <vector>

#include "ctgpt/data/pii_address.hpp"
#include "ctgpt/data/pii_phone.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

enum class pii_kind : std::uint8_t { email, phone, card, ssn, iban, ip };
inline constexpr std::size_t pii_kinds = 6;
inline constexpr std::string_view pii_names[pii_kinds] = {"email", "phone", "card",
                                                          "ssn",   "iban",  "ip"};
inline constexpr std::string_view pii_marks[pii_kinds] = {"<EMAIL>", "<PHONE>", "<CARD>",
                                                          "<SSN>",   "<IBAN>",  "<IP>"};

// text[begin, end)
struct pii_span {
  pii_kind kind = pii_kind::email;
  std::size_t begin = 0, end = 0;
  bool operator==(const pii_span&) const = default;
};

// How many of each kind.
struct pii_counts {
  std::array<std::int64_t, pii_kinds> of = {};
  std::int64_t& operator[](pii_kind kind) { return of[static_cast<std::size_t>(kind)]; }
  std::int64_t operator[](pii_kind kind) const { return of[static_cast<std::size_t>(kind)]; }
  std::int64_t total() const { return std::accumulate(of.begin(), of.end(), std::int64_t{0}); }
};

namespace detail {

inline constexpr std::string_view card_words[] = {"card",    "cc.",   "visa.",   "mastercard",
                                                  "maestro", "amex.", "credit",  "debit",
                                                  "carte",   "karte", "tarjeta", "carta"};
inline constexpr std::string_view ssn_words[] = {"ssn", "social"};

inline bool word_near(std::string_view text, std::size_t begin, std::size_t end,
                      std::span<const std::string_view> words) {
  return has_word(text, begin - std::min<std::size_t>(begin, 48), begin, words) ||
         has_word(text, end, std::min(text.size(), end + 16), words);
}

// What a text holds around its digits and '@' signs.
class pii_scanner {
 public:
  explicit pii_scanner(std::string_view text) : text_(text) {}

  std::vector<pii_span> all() {
    for (std::size_t at = next_candidate(0); at < text_.size(); at = next_candidate(at)) {
      at = text_[at] == '@' ? around_at(at) : around_digits(at);
    }
    return std::move(found_);
  }

 private:
  // The next '@' or digit from `at` on, or the end.
  std::size_t next_candidate(std::size_t at) const {
    for (; at + 8 <= text_.size(); at += 8) {
      std::uint64_t eight;
      std::memcpy(&eight, text_.data() + at, 8);
      constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
      const std::uint64_t digit = eight ^ (ones * '0'), sign = eight ^ (ones * '@');
      // A byte below 10, a byte of 0: a borrow can only mark bytes above a true one.
      const std::uint64_t hits = (((digit - ones * 10) & ~digit) | ((sign - ones) & ~sign)) & tops;
      if (hits == 0) continue;
      break;
    }
    while (at < text_.size() && !is_digit(text_[at]) && text_[at] != '@') ++at;
    return at;
  }

  // An e-mail address is worth more than the numbers in its local part.
  void add(pii_kind kind, std::size_t begin, std::size_t end) {
    while (!found_.empty() && found_.back().end > begin) found_.pop_back();
    found_.push_back({kind, begin, end});
  }

  std::size_t around_at(std::size_t at) {
    const email_bounds address = email_around(text_, at);
    if (address.end == 0) return at + 1;
    add(pii_kind::email, address.begin, address.end);
    return address.end;
  }

  // Requires: text_[at] is the first digit that has not been looked at. Returns where to go on.
  std::size_t around_digits(std::size_t at) {
    std::size_t end = at;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    if (const std::size_t stop = iban_end(at, end)) return stop;
    const char next = end < text_.size() ? text_[end] : ' ';
    if (next == ':' || is_ascii_letter(next) || (at > 0 && text_[at - 1] == ':') ||
        (at > 0 && is_ascii_letter(text_[at - 1]))) {
      if (const std::size_t stop = ipv6_end(at)) return stop;
    }
    if (next == '.' && end - at <= 3) {
      if (const std::size_t stop = ipv4_end(at)) return stop;
    }
    // Years, pages and the like are most of the digits in a text.
    if (end - at < 7 && separation_at(text_, end).length == 0) return end;
    return numbers(digits_near(at));
  }

  digit_cluster digits_near(std::size_t at) const { return cluster_at(text_, at); }

  std::size_t iban_end(std::size_t at, std::size_t end) {
    if (at < 2 || end - at < 2 || !is_ascii_letter(text_[at - 1]) ||
        !is_ascii_letter(text_[at - 2])) {
      return 0;
    }
    if (at > 2 && is_ascii_alnum(text_[at - 3])) return 0;
    const std::size_t length = iban_length(text_[at - 2], text_[at - 1]);
    if (length == 0) return 0;
    char plain[34];
    std::size_t used = 0, stop = at - 2;
    while (stop < text_.size() && used < length) {
      const char c = text_[stop];
      if (is_ascii_alnum(c)) {
        plain[used++] = c;
      } else if ((c != ' ' && c != '-') || used % 4 != 0) {
        return 0;
      }
      ++stop;
    }
    if (used < length || (stop < text_.size() && is_ascii_alnum(text_[stop]))) return 0;
    if (!is_iban({plain, used})) return 0;
    add(pii_kind::iban, at - 2, stop);
    return stop;
  }

  std::size_t ipv4_end(std::size_t at) {
    const ipv4_read read = read_ipv4(text_, at);
    if (read.end == 0) return 0;
    const bool small = read.end - at == 7;  // of single digits
    const std::size_t before = at - std::min<std::size_t>(at, 24);
    // "3.4.1.2" is more often a section or a version than an address.
    const bool address = small ? word_near(text_, at, read.end, address_words)
                               : !has_word(text_, before, at, section_words);
    if (address && is_global_ipv4(read.address)) add(pii_kind::ip, at, read.end);
    return read.end;  // what is private is no telephone number either
  }

  std::size_t ipv6_end(std::size_t at) {
    const ipv6_read read = ipv6_around(text_, at);
    if (read.end <= at || (!found_.empty() && found_.back().end > read.begin)) return 0;
    // Shortened, it must be an address that is given out: "a::b1" is more often source code.
    const bool global =
        read.shortened ? is_global_unicast_ipv6(read.groups) : is_global_ipv6(read.groups);
    if (global) add(pii_kind::ip, read.begin, read.end);
    return read.end;
  }

  // Cards, social security and telephone numbers: the longest run of groups from the first on, then
  // from the second on, and so forth.
  std::size_t numbers(const digit_cluster& cluster) {
    for (std::size_t i = 0; i < cluster.count; ++i) {
      for (std::size_t n = cluster.count - i; n > 0; --n) {
        const std::span<const digit_group> groups(cluster.groups.data() + i, n);
        if (const std::size_t stop = number(groups, i == 0 && cluster.plus, cluster)) return stop;
      }
      // What is left of a group is looked at again, from its cluster's middle on.
      if (cluster.count == most_groups) return cluster.groups[i].end;
    }
    return cluster.groups[cluster.count - 1].end;
  }

  std::size_t number(std::span<const digit_group> groups, bool plus, const digit_cluster& cluster) {
    std::size_t begin = groups[0].begin;
    const std::size_t end = groups.back().end;
    std::size_t sum = 0;
    for (const digit_group& group : groups) sum += group.size();
    if (sum < 7 || sum > 19) return 0;
    if (!plus && is_card(groups, sum)) return keep(pii_kind::card, begin, end);
    if (!plus && sum == 9 && is_social(groups)) return keep(pii_kind::ssn, begin, end);
    if (&groups[0] == cluster.groups.data()) begin = cluster.begin;
    if (groups[0].opened && begin == groups[0].begin && text_[begin - 1] == '(') --begin;
    if (is_other_number(text_, begin, end) || !is_phone(text_, groups, plus, begin, end)) return 0;
    return keep(pii_kind::phone, begin, extension_end(text_, end));
  }

  std::size_t keep(pii_kind kind, std::size_t begin, std::size_t end) {
    add(kind, begin, end);
    return end;
  }

  bool stands_alone(std::size_t begin, std::size_t end) const {
    const auto joins = [&](std::size_t at, std::size_t beyond) {
      return is_ascii_alnum(text_[at]) || text_[at] == '_' ||
             ((text_[at] == '.' || text_[at] == '-') && beyond < text_.size() &&
              is_digit(text_[beyond]));
    };
    return (begin == 0 || !joins(begin - 1, begin - 2)) &&
           (end == text_.size() || !joins(end, end + 1));
  }

  bool is_card(std::span<const digit_group> groups, std::size_t sum) const {
    if (sum < 12) return false;
    for (std::size_t i = 1; i < groups.size(); ++i) {
      if ((groups[i].before != ' ' && groups[i].before != '-') ||
          groups[i].before != groups[1].before || groups[i].opened ||
          groups[i].begin != groups[i - 1].end + 1 || groups[i].size() > 7 ||
          (groups[i].size() < 3 && i + 1 < groups.size())) {
        return false;
      }
    }
    if (groups.size() > 1 && groups[0].size() != 4) return false;
    const std::string digits = joined_digits(text_, groups);
    if (!is_any_card_number(digits)) return false;
    const std::size_t begin = groups[0].begin, end = groups.back().end;
    if (!stands_alone(begin, end)) return false;
    const bool common = sum >= 14 && (sum <= 16 || groups.size() > 1) && is_card_number(digits);
    return common || word_near(text_, begin, end, card_words);
  }

  bool is_social(std::span<const digit_group> groups) const {
    const std::size_t begin = groups[0].begin, end = groups.back().end;
    bool plain = groups.size() == 1;
    if (groups.size() == 3) {
      if (groups[0].size() != 3 || groups[1].size() != 2 || groups[0].opened) return false;
      for (const std::size_t i : {1u, 2u}) {
        if (groups[i].begin != groups[i - 1].end + 1) return false;
        if (groups[i].before != '-') plain = true;
      }
    } else if (groups.size() != 1) {
      return false;
    }
    return is_ssn(joined_digits(text_, groups)) && stands_alone(begin, end) &&
           (!plain || word_near(text_, begin, end, ssn_words));
  }

  std::string_view text_;
  std::vector<pii_span> found_;
};

}  // namespace detail

inline std::vector<pii_span> find_pii(std::string_view text) {
  return detail::pii_scanner(text).all();
}

// The text with a mark for each; `counts` grows by what was found.
inline std::string mask_pii(std::string_view text, pii_counts& counts) {
  std::string masked;
  std::size_t done = 0;
  for (const pii_span& found : find_pii(text)) {
    masked += text.substr(done, found.begin - done);
    masked += pii_marks[static_cast<std::size_t>(found.kind)];
    ++counts[found.kind];
    done = found.end;
  }
  return masked += text.substr(done);
}

}  // namespace ctgpt::inline CTGPT_ABI::data
