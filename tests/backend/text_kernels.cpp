// The machine's kernel for texts against the portable one, and that it is in place.
#include "ctgpt/base/text_kernels.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>

#include "ctgpt/ctgpt.hpp"
#include "text/strings.hpp"

using namespace ctgpt;

namespace {

bool equal(const ascii_masks& a, const ascii_masks& b) {
  return a.upper == b.upper && a.lower == b.lower && a.digit == b.digit && a.space == b.space &&
         a.newline == b.newline && a.blank == b.blank && a.apostrophe == b.apostrophe &&
         a.slash == b.slash && a.high == b.high;
}

}  // namespace

TEST_CASE("text kernels: the portable masks are those of each byte by itself") {
  for (unsigned start = 0; start < 256; start += 64) {
    std::array<char, 64> text{};
    for (unsigned i = 0; i < 64; ++i) text[i] = static_cast<char>(start + i);
    ascii_masks found;
    text_kernels::classify_portable(text.data(), found);
    for (unsigned i = 0; i < 64; ++i) {
      const unsigned c = start + i;
      CAPTURE(c);
      const auto bit = [&](std::uint64_t mask) { return ((mask >> i) & 1) != 0; };
      CHECK(bit(found.upper) == (c >= 'A' && c <= 'Z'));
      CHECK(bit(found.lower) == (c >= 'a' && c <= 'z'));
      CHECK(bit(found.digit) == (c >= '0' && c <= '9'));
      CHECK(bit(found.space) == (c == ' ' || (c >= 9 && c <= 13)));
      CHECK(bit(found.newline) == (c == '\n' || c == '\r'));
      CHECK(bit(found.blank) == (c == ' '));
      CHECK(bit(found.apostrophe) == (c == '\''));
      CHECK(bit(found.slash) == (c == '/'));
      CHECK(bit(found.high) == (c >= 128));
    }
  }
}

TEST_CASE("text kernels: the machine's own gives the same, and is in place") {
  const backend opened = cpu{};  // with the dispatch unit comes its kernel
  const text_kernels::classify_function best = text_kernels::classify();
#if defined(__x86_64__)
  const bool in_place = best != &text_kernels::classify_portable;
  if (__builtin_cpu_supports("sse4.1")) CHECK(in_place);
#endif
  ctgpt_test::numbers random(7);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = i % 2 == 0 ? ctgpt_test::random_bytes(random, 64) : [&] {
      std::string ascii = ctgpt_test::random_bytes(random, 64);
      for (char& each : ascii) each = static_cast<char>(each & 127);
      return ascii;
    }();
    ascii_masks one, two;
    best(text.data(), one);
    text_kernels::classify_portable(text.data(), two);
    REQUIRE(equal(one, two));
  }
}
