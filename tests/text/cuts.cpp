// Pieces by the quick way and by the scanners; and cuts, which leave the pieces as they are.
#include "ctgpt/text/cuts.hpp"

#include <doctest/doctest.h>

using namespace ctgpt;

namespace {

using texts = std::vector<std::string>;

template <class Pattern>
texts pieces_of(std::string_view text) {
  texts pieces;
  text::for_each_piece<Pattern>(
      text, [&](const char* p, std::size_t size) { pieces.emplace_back(p, size); });
  return pieces;
}

template <class Pattern>
texts scanned(std::string_view text) {
  texts pieces;
  const char* p = text.data();
  while (p != text.data() + text.size()) {
    const char* const next =
        Pattern::next(text::unicode_classes::get(), p, text.data() + text.size());
    pieces.emplace_back(p, next);
    p = next;
  }
  return pieces;
}

template <class Use>
void for_patterns(Use use) {
  use(text::gpt2{});
  use(text::cl100k{});
  use(text::o200k{});
  use(text::nanochat{});
}

// Of letters, digits, blanks and signs of one to three bytes, and what is none; by a fixed rule.
class random_strings {
 public:
  std::string next(std::size_t most) {
    static const texts parts = {"a",
                                "A",
                                "1",
                                " ",
                                "\n",
                                "\r",
                                "\t",
                                "/",
                                ".",
                                "'",
                                "s",
                                "_",
                                "ll",
                                "\xC3\xA9",
                                "\xE3\x80\x80",
                                "\xE4\xB8\xAD",
                                "\xE3\x80\x82",
                                "\x80",
                                "\xE3",
                                "\xC2\xA0",
                                "\xC2\x85",
                                "\xCC\x81",
                                "\xD9\xA1",
                                "\xC3\x89",
                                "\xCA\xB0"};
    // A few of them at a time, so that runs are long.
    const std::size_t kinds = 2 + number() % 8;
    texts some;
    for (std::size_t i = 0; i < kinds; ++i) some.push_back(parts[number() % parts.size()]);
    std::string text;
    for (std::size_t i = 1 + number() % most; i > 0; --i) text += some[number() % kinds];
    return text;
  }

 private:
  std::uint64_t number() { return (state_ = state_ * 6364136223846793005u + 1) >> 33; }
  std::uint64_t state_ = 1;
};

}  // namespace

TEST_CASE("patterns: the quick way gives the pieces of the scanners") {
  for_patterns([]<class Pattern>(Pattern) {
    // A blank that is no ASCII may join two lines' ends to one piece.
    const std::string joined = "\n\t\t\xC2\xA0\n" + std::string(80, 'x');
    CHECK(pieces_of<Pattern>(joined) == scanned<Pattern>(joined));
    random_strings random;
    for (int i = 0; i < 30'000; ++i) {
      const std::string text = random.next(140);
      REQUIRE(pieces_of<Pattern>(text) == scanned<Pattern>(text));
    }
  });
}

TEST_CASE("cuts: the parts have the pieces of the whole, however much of it was there yet") {
  for_patterns([]<class Pattern>(Pattern) {
    random_strings random;
    std::size_t cuts = 0;
    for (int i = 0; i < 10'000; ++i) {
      const std::string whole = random.next(12);
      const texts expected = scanned<Pattern>(whole);
      for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        for (std::size_t seen = cut + 1; seen <= whole.size(); ++seen) {
          if (!text::cuts_at<Pattern>(std::string_view(whole).substr(0, seen), cut)) continue;
          ++cuts;
          texts parts = scanned<Pattern>(std::string_view(whole).substr(0, cut));
          for (std::string& each : scanned<Pattern>(std::string_view(whole).substr(cut))) {
            parts.push_back(std::move(each));
          }
          REQUIRE(parts == expected);
        }
      }
    }
    CHECK(cuts > 10'000);
  });
}
