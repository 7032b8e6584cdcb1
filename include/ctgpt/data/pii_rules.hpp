// The rules that tell a number of a person from any other number: check digits, ranges, lengths.
//
// luhn("4539578763621486")           the sum of digits, every second one doubled, is 0 mod 10
// is_card_number(digits)             a network's prefix and length, and Luhn; is_any_card_number:
//                                    12 to 19 digits, and Luhn
// is_ssn("123456789")                area not 000, 666 or 900-999, group not 00, serial not 0000
// is_iban("GB82WEST12345698765432")  a country's length, and the number mod 97 is 1
// is_global_ipv4, is_global_ipv6     not in a block for private or special use
// calling_code_length("4930123456")  digits of the country code at the start; 0 if there is none
//
// Everything is constexpr. Digits and letters are ASCII, separators are already gone.
// Errors: none; what is malformed is false.
// Reference: ISO/IEC 7812-1 (Luhn); ISO 13616 and SWIFT's IBAN registry, release 99; SSA, "The SSN
// Numbering Scheme"; IANA special-purpose address registries (RFC 6890); ITU-T E.164 country codes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

namespace detail {
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_ascii_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
constexpr bool is_ascii_alnum(char c) { return is_digit(c) || is_ascii_letter(c); }
constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

// The number that the first `count` digits are. Requires: count <= 9 and they are digits.
constexpr std::uint32_t leading_number(std::string_view digits, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = value * 10 + static_cast<std::uint32_t>(digits[i] - '0');
  }
  return value;
}

constexpr bool all_digits(std::string_view text) {
  for (const char c : text) {
    if (!is_digit(c)) return false;
  }
  return !text.empty();
}
}  // namespace detail

constexpr bool luhn(std::string_view digits) {
  int sum = 0;
  bool twice = false;
  for (std::size_t i = digits.size(); i-- > 0; twice = !twice) {
    const int digit = digits[i] - '0';
    sum += twice ? digit * 2 - (digit > 4 ? 9 : 0) : digit;
  }
  return !digits.empty() && sum % 10 == 0;
}

// The lengths of a network's numbers whose first four digits lie in a range.
struct card_range {
  std::uint16_t first, last;
  std::uint8_t shortest, longest;
};
inline constexpr card_range card_ranges[] = {
    {1800, 1800, 15, 15}, {2131, 2131, 15, 15},                        // JCB, the old numbers
    {2200, 2204, 16, 19},                                              // Mir
    {2221, 2720, 16, 16}, {5100, 5599, 16, 16},                        // Mastercard
    {3000, 3059, 14, 14}, {3095, 3095, 14, 14}, {3600, 3699, 14, 14},  // Diners Club
    {3800, 3999, 14, 14}, {3400, 3499, 15, 15}, {3700, 3799, 15, 15},  // American Express
    {3528, 3589, 16, 19},                                              // JCB
    {4000, 4999, 13, 13}, {4000, 4999, 16, 16}, {4000, 4999, 19, 19},  // Visa
    {5000, 5099, 12, 19}, {5600, 5899, 12, 19},                        // Maestro
    {6000, 6999, 12, 19},   // Maestro, Discover, UnionPay, RuPay, InterPayment
    {8100, 8299, 16, 19}};  // UnionPay, RuPay

// Of a network that may be unknown.
constexpr bool is_any_card_number(std::string_view digits) {
  return digits.size() >= 12 && digits.size() <= 19 && detail::all_digits(digits) && luhn(digits);
}

constexpr bool is_card_number(std::string_view digits) {
  if (!is_any_card_number(digits)) return false;
  const std::uint32_t prefix = detail::leading_number(digits, 4);
  for (const card_range& range : card_ranges) {
    if (prefix >= range.first && prefix <= range.last && digits.size() >= range.shortest &&
        digits.size() <= range.longest) {
      return true;
    }
  }
  return false;
}

constexpr bool is_ssn(std::string_view digits) {
  if (digits.size() != 9 || !detail::all_digits(digits)) return false;
  const std::uint32_t area = detail::leading_number(digits, 3);
  return area != 0 && area != 666 && area < 900 && digits.substr(3, 2) != "00" &&
         digits.substr(5) != "0000";
}

// A country and how many characters its IBANs have.
struct iban_country {
  char code[3];
  std::uint8_t length;
};
inline constexpr iban_country iban_countries[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BI", 27}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24},
    {"DE", 22}, {"DJ", 27}, {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18},
    {"FK", 18}, {"FO", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27},
    {"GT", 28}, {"HN", 28}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26},
    {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20}, {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20},
    {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27}, {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MN", 20},
    {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NI", 28}, {"NL", 18}, {"NO", 15}, {"OM", 23}, {"PK", 24},
    {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"RU", 33}, {"SA", 24},
    {"SC", 31}, {"SD", 18}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"SO", 23}, {"ST", 25},
    {"SV", 28}, {"TL", 23}, {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
    {"YE", 30}};

// 0 for letters that begin no IBAN; in any case.
constexpr std::size_t iban_length(char first, char second) {
  for (const iban_country& country : iban_countries) {
    if (country.code[0] == detail::ascii_upper(first) &&
        country.code[1] == detail::ascii_upper(second)) {
      return country.length;
    }
  }
  return 0;
}

// Letters in any case; no separators.
constexpr bool is_iban(std::string_view text) {
  if (text.size() < 15 || text.size() != iban_length(text[0], text[1])) return false;
  if (!detail::is_digit(text[2]) || !detail::is_digit(text[3])) return false;
  std::uint32_t rest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {  // the first four characters count last
    const char c = text[(i + 4) % text.size()];
    if (!detail::is_ascii_alnum(c)) return false;
    rest = detail::is_digit(c)
               ? (rest * 10 + static_cast<std::uint32_t>(c - '0')) % 97
               : (rest * 100 + static_cast<std::uint32_t>(detail::ascii_upper(c) - 'A') + 10) % 97;
  }
  return rest == 1;
}

constexpr bool is_global_ipv4(std::uint32_t address) {
  struct block {
    std::uint32_t first;
    int bits;
  };
  constexpr block special[] = {
      {0x00000000, 8},  {0x0A000000, 8},  {0x64400000, 10}, {0x7F000000, 8},  {0xA9FE0000, 16},
      {0xAC100000, 12}, {0xC0000000, 24}, {0xC0000200, 24}, {0xC0A80000, 16}, {0xC6120000, 15},
      {0xC6336400, 24}, {0xCB007100, 24}, {0xE0000000, 3}};
  for (const block& b : special) {
    if (((address ^ b.first) >> (32 - b.bits)) == 0) return false;
  }
  return true;
}

using ipv6_groups = std::array<std::uint16_t, 8>;

// 2000::/3, where addresses are given out, without what is set aside for documents and protocols.
constexpr bool is_global_unicast_ipv6(const ipv6_groups& a) {
  if ((a[0] & 0xE000) != 0x2000) return false;
  if (a[0] == 0x2001 && (a[1] == 0x0DB8 || (a[1] < 0x0200 && a[1] != 0))) return false;
  return !(a[0] == 0x3FFF && a[1] < 0x1000);
}

// Everything that no registry sets aside: also what is not given out yet.
constexpr bool is_global_ipv6(const ipv6_groups& a) {
  if (a[0] == 0 || a[0] == 0x0064 || a[0] == 0x0100) return false;  // loopback, mapped, discard
  if ((a[0] & 0xFE00) == 0xFC00 || (a[0] & 0xFF80) == 0xFE80) return false;  // unique, link local
  if ((a[0] & 0xFFC0) == 0xFEC0 || (a[0] & 0xFF00) == 0xFF00) return false;  // site, multicast
  return (a[0] & 0xE000) != 0x2000 || is_global_unicast_ipv6(a);
}

// Digits of the country code with which a number in international form begins; 0 for none.
constexpr std::size_t calling_code_length(std::string_view digits) {
  if (digits.size() < 3) return 0;
  if (digits[0] == '1' || digits[0] == '7') return 1;
  constexpr std::uint8_t two[] = {20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46,
                                  47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58, 60, 61, 62, 63,
                                  64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98};
  const std::uint32_t pair = detail::leading_number(digits, 2);
  for (const std::uint8_t code : two) {
    if (code == pair) return 2;
  }
  constexpr std::uint8_t three[] = {21, 22, 23, 24, 25, 26, 29, 35, 37, 38, 42, 50,
                                    59, 67, 68, 69, 80, 85, 87, 88, 96, 97, 99};
  for (const std::uint8_t code : three) {
    if (code == pair) return 3;
  }
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
