// What kind of character stands at a byte: the classes that pre-tokenizer patterns ask for.
//
// const unicode_classes& unicode = unicode_classes::get();
// const classified c = unicode.at(text.data() + i, text.data() + text.size());    c.kind, c.length
//
// A byte that begins no well-formed character is `other` with length 1.
// Cost: a table of 70 KB, made at the first call in a millisecond; a look-up reads it twice.
// Errors: none.
// Reference: Unicode Character Database (text/unicode_tables.hpp names the version).
#pragma once

#include <array>
#include <map>
#include <vector>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/text/unicode_tables.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// Sets of classes are sums. `newline` comes beside `space`, for CR and LF alone.
enum char_kind : std::uint8_t {
  kind_other = 0,
  kind_upper = 1,   // Lu, Lt
  kind_lower = 2,   // Ll
  kind_letter = 4,  // Lm, Lo: letters without case
  kind_mark = 8,
  kind_number = 16,
  kind_space = 32,  // White_Space
  kind_newline = 64,
  kind_any_letter = kind_upper | kind_lower | kind_letter
};

struct classified {
  std::uint8_t kind;
  std::uint8_t length;
};

namespace detail {
constexpr std::uint8_t kind_of_run(std::uint32_t entry) {
  constexpr std::uint8_t kinds[] = {kind_other, kind_upper,  kind_lower, kind_letter,
                                    kind_mark,  kind_number, kind_space, kind_other};
  return kinds[entry & 7u];
}

// A constant, so that the scanners' loop over ASCII touches no guard of a static.
inline constexpr std::array<std::uint8_t, 128> ascii_kinds = [] {
  std::array<std::uint8_t, 128> kinds{};
  std::size_t run = 0;
  for (std::uint32_t code = 0; code < 128; ++code) {
    while ((unicode_runs[run + 1] >> 3) <= code) ++run;
    kinds[code] = kind_of_run(unicode_runs[run]);
    if (code == '\r' || code == '\n') kinds[code] |= kind_newline;
  }
  return kinds;
}();
}  // namespace detail

class unicode_classes {
 public:
  static const unicode_classes& get() {
    static const unicode_classes made;
    return made;
  }

  std::uint8_t kind(char32_t code) const {
    return blocks_[static_cast<std::size_t>(block_[code >> 7]) * 128 + (code & 127)];
  }

  // Requires: p < end.
  classified at(const char* p, const char* end) const {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) return {detail::ascii_kinds[byte], 1};
    return beyond_ascii(p, end);
  }

  classified beyond_ascii(const char* p, const char* end) const {
    const utf8_character c = utf8_decode({p, static_cast<std::size_t>(end - p)});
    if (c.state != utf8_state::valid) return {kind_other, 1};
    return {kind(c.code), static_cast<std::uint8_t>(c.length)};
  }

 private:
  unicode_classes() {
    constexpr std::size_t runs = std::size(unicode_runs);
    std::map<std::array<std::uint8_t, 128>, std::uint16_t> known;
    std::array<std::uint8_t, 128> block{};
    std::size_t run = 0;
    for (std::uint32_t code = 0; code < 0x110000; ++code) {
      while (run + 1 < runs && (unicode_runs[run + 1] >> 3) <= code) ++run;
      block[code & 127] = detail::kind_of_run(unicode_runs[run]);
      if (code == '\r' || code == '\n') block[code & 127] |= kind_newline;
      if ((code & 127) != 127) continue;
      const auto [place, fresh] =
          known.emplace(block, static_cast<std::uint16_t>(known.size()));
      if (fresh) blocks_.insert(blocks_.end(), block.begin(), block.end());
      block_[code >> 7] = place->second;
    }
  }

  std::array<std::uint16_t, 0x110000 / 128> block_{};
  std::vector<std::uint8_t> blocks_;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
