// Normalisation: each step on what it is for, on what it must leave alone, and on random text.
#include "ctgpt/data/normalise.hpp"

#include <doctest/doctest.h>

#include "ctgpt/base/random.hpp"

using namespace ctgpt;
using namespace ctgpt::data;

namespace {

std::string by(std::string_view steps, std::string text) {
  document page{.text = std::move(text)};
  normalise step(parse_normalisations(steps));
  step(page);
  return page.text;
}
std::string utf8(std::u32string_view codes) {
  std::string text;
  for (const char32_t code : codes) utf8_append(text, code);
  return text;
}
// All of it at once, as utf8proc does it.
std::string whole(const std::string& text, bool compatible) {
  utf8proc_uint8_t* made = nullptr;
  const int how = UTF8PROC_STABLE | UTF8PROC_COMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
  const auto size = ::utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &made,
                                   static_cast<utf8proc_option_t>(how));
  REQUIRE(size >= 0);
  std::string out(reinterpret_cast<const char*>(made), static_cast<std::size_t>(size));
  std::free(made);
  return out;
}

}  // namespace

TEST_CASE("entities become what they stand for, once") {
  CHECK(by("entities", "a &lt;b&gt; &amp;amp; &eacute; &#65;&#x42; &hellip;") ==
        "a <b> &amp; \xC3\xA9 AB \xE2\x80\xA6");
  CHECK(by("entities", "AT&T & co; &none; &#1; &#xD800; &") == "AT&T & co; &none; &#1; &#xD800; &");
}

TEST_CASE("control and invisible characters go, what separates lines stays") {
  CHECK(by("control", std::string("a\0b\x1B[1m\x7F\tc\r\nd\fe\vf", 17)) == "ab[1m\tc\r\nd\ne\nf");
  CHECK(by("control", utf8(U"\uFEFFa\u200Bb\u00ADc\u202Ed\u2060e\u0085f\u0080g")) == "abcde\nfg");
  CHECK(by("control", utf8(U"a\u200Db")) == "ab");
  const std::string persian = utf8(U"\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645");
  const std::string family = utf8(U"\U0001F468\u200D\U0001F469");
  CHECK(by("control", persian) == persian);
  CHECK(by("control", family) == family);
  CHECK(by("control", utf8(U"\u0645\u200C\u200C\u0645")) == utf8(U"\u0645\u200C\u0645"));
  // A joiner belongs to the letter before it, not over a line's end, and over what goes away.
  CHECK(by("control", utf8(U"\u0645\u0085\u200C")) == utf8(U"\u0645\n"));
  CHECK(by("control", utf8(U"\u0645\u007F\u200C\u0645")) == utf8(U"\u0645\u200C\u0645"));
}

TEST_CASE("nfc and nfkc compose as Unicode says") {
  CHECK(by("nfc", utf8(U"e\u0301 a\u030A \u212B")) == utf8(U"\u00E9 \u00E5 \u00C5"));
  CHECK(by("nfc", utf8(U"\u1112\u1161\u11AB")) == utf8(U"\uD55C"));
  CHECK(by("nfc", utf8(U"\u00E9\u0323")) == utf8(U"\u1EB9\u0301"));
  CHECK(by("nfc", utf8(U"\uFB01 \u00B2 \u2026")) == utf8(U"\uFB01 \u00B2 \u2026"));
  CHECK(by("nfkc", utf8(U"\uFB01 \u00B2 \u2026 \uFF21")) == "fi 2 ... A");
  CHECK(by("nfc", "e\xFF\xCC\x81\xC3") == "e\xFF\xCC\x81\xC3");  // what is no UTF-8 stays
}

TEST_CASE("nfc and nfkc are the same piece by piece and at once, on random text") {
  random_stream random(3);
  const std::u32string some =
      U"aeo z\n\u00E9\u00C5\u0301\u0323\u0300\u030A\u0345\u1100\u1161\u11A8\uAC00\u2026\u2019\u212B"
      U"\uFB01\u0915\u093C\u09C7\u09BE\u3070\u3099\u4E2D\u0390\u1F71\u00B2\u017F\u0344\u2126";
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const std::uint64_t count = random.below(20);
    for (std::uint64_t i = 0; i < count; ++i) {
      const char32_t code = random.below(10) == 0 ? static_cast<char32_t>(1 + random.below(0x3FFF))
                                                  : some[random.below(some.size())];
      utf8_append(text, code);
    }
    for (const bool compatible : {false, true}) {
      const std::string once = composed(text, compatible);
      CHECK(once == whole(text, compatible));
      CHECK(composed(once, compatible) == once);
    }
  }
}

TEST_CASE("nfc takes no more than linear time for any run of marks") {
  std::string text = "a";
  for (int i = 0; i < 200'000; ++i) utf8_append(text, i % 2 == 0 ? U'\u0301' : U'\u0323');
  CHECK(composed(text, false).size() == text.size());
  // What is no mark, but becomes two or one.
  const std::pair<char32_t, char32_t> kinds[] = {
      {0xF73, 0xF73}, {0xF75, 0xF81}, {0x301, 0xF73}, {0x301, 0xFF9E}, {0xFF9F, 0x327}};
  for (const auto& [one, other] : kinds) {
    text = "a";
    for (int i = 0; i < 100'000; ++i) utf8_append(text, i % 2 == 0 ? one : other);
    CHECK(composed(text, false).size() + 1 >= text.size());  // a with an accent is shorter
    CHECK(composed(text, true).size() + 1 >= text.size());
  }
}

TEST_CASE("lower case, character by character") {
  CHECK(by("lower", utf8(U"AbZ \u00C9\u0416\u03A3 \u4E2D \u1E9E")) ==
        utf8(U"abz \u00E9\u0436\u03C3 \u4E2D \u00DF"));
}

TEST_CASE("whitespace: one blank, one line end, one empty line") {
  CHECK(by("whitespace", "  a \t b\r\nc\rd\n\n\n\ne  \n f\n\n") == "a b\nc\nd\n\ne\nf");
  CHECK(by("whitespace", utf8(U"a\u00A0\u2003b\u3000c\u2028d\u2029e\u0085f")) == "a b c\nd\ne\nf");
  CHECK(by("whitespace", "a\n \t\n\u00A0\nb") == "a\n\nb");
  CHECK(by("whitespace", "\r\n\r\n \n") == "");
  CHECK(by("whitespace", "a\r\r\nb\n\rc") == "a\n\nb\n\nc");
}

TEST_CASE("a second time changes nothing, on random text") {
  random_stream random(5);
  const std::u32string some =
      U"ab \t\r\n\v\f\x01\u00A0\u2028\u200B\u200D\u0645\u0301\u00E9\uFB01&;";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    const std::uint64_t count = random.below(30);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (random.below(20) == 0) text += '\xFF';
      utf8_append(text, some[random.below(some.size())]);
    }
    for (const char* steps :
         {"control", "nfc", "nfkc", "lower", "whitespace", "control,nfkc,lower,whitespace"}) {
      const std::string once = by(steps, text);
      INFO(steps, ": ", text);
      CHECK(by(steps, once) == once);
    }
  }
}

TEST_CASE(
    "the documents that each step changed are counted, and what nothing is left of is dropped") {
  normalise step(parse_normalisations("whitespace,lower"));
  document same{.text = "a b"}, one{.text = "A b"}, both{.text = " A"}, none{.text = " \n"};
  CHECK(step(same).keeps());
  CHECK(step(one).keeps());
  CHECK(step(both).keeps());
  CHECK(step(none).reason == "normalise_empty");
  tally told;
  step.tell(told);
  CHECK(told["normalise_lower"] == 2);
  CHECK(told["normalise_whitespace"] == 2);
  CHECK(told.all().size() == 2);
}

TEST_CASE("normalisations are named in a list") {
  CHECK_THROWS_WITH(parse_normalisations("nfc,utf8"),
                    "there is no normalisation 'utf8': give entities, control, nfc, nfkc, lower or "
                    "whitespace, or several with commas between them");
  CHECK_THROWS_WITH(parse_normalisations("nfc,nfkc"),
                    "nfc and nfkc are two forms of the same text; give one of them");
}
