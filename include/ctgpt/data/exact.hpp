// Exact duplicates: the 128-bit name of a whole text, the 64-bit names of its lines, and a text
// without some of its lines.
//
// text_digest(text)                       equal for equal texts, and for no others in practice
// for_each_line(text, 20, use)            use(number, hash) for every line of at least 20 bytes
// without_lines(text, {1, 4})             the text less these lines, counted from 0
//
// A text's name is the first half of its SHA-256. A line is compared without the blanks at its
// ends; its name is XXH64 (among 10^9 different lines, the chance that any two share one is 3 %).
// Errors: none.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/checksum.hpp"
#include "ctgpt/base/hash.hpp"
#include "ctgpt/data/ascii.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

using digest_128 = std::array<std::uint64_t, 2>;

inline digest_128 text_digest(std::string_view text) {
  sha256 hash;
  hash.update(text);
  const sha256::digest bytes = hash.finish();
  digest_128 halves{};
  for (std::size_t i = 0; i < 16; ++i) halves[i / 8] = halves[i / 8] << 8 | bytes[i];
  return halves;
}

// use(number, hash) for every line that has at least `shortest` bytes between its blank ends.
template <class Use>
void for_each_line(std::string_view text, std::size_t shortest, Use&& use) {
  for (std::uint64_t number = 0; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.size() < shortest) continue;
    use(number, xxh64_of(line));
  }
}

// Requires: the numbers ascend.
inline std::string without_lines(std::string_view text, std::span<const std::uint64_t> removed) {
  std::string kept;
  std::size_t next = 0;
  for (std::uint64_t number = 0; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    if (next < removed.size() && removed[next] == number) {
      ++next;
    } else {
      kept += text.substr(0, end);
    }
    text.remove_prefix(end);
  }
  return kept;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
