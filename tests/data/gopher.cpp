// Gopher's rules: each threshold from both sides, and repetition as the plainest way to count finds
// it.
#include <map>
#include <set>

#include "ctgpt/base/random.hpp"
#include "data/filters.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

using words = std::vector<std::string>;

words words_of(std::string_view text) {
  words found;
  std::size_t at = 0;
  for_each_filter_word(text, [&](const filter_word& word) {
    while (at < text.size() && text[at] == ' ') ++at;
    std::size_t end = at;
    std::uint32_t characters = 0;
    while (characters < word.characters) {
      end += utf8_decode(text.substr(end)).length;
      ++characters;
    }
    found.emplace_back(text.substr(at, end - at));
    CHECK(word.hash == ctgpt::data::detail::hash_bytes(found.back()));
    at = end;
    return true;
  });
  return found;
}

// So many words, of which two are stop words, with a mean length of 5.
std::string prose(std::size_t count) {
  std::string text = "the with";
  for (std::size_t i = 2; i < count; ++i) text += " stone";
  return text;
}
std::string quality(const std::string& text) { return said(gopher_quality(), text); }

}  // namespace

TEST_CASE("words: apostrophes and digits' points join, each run of a symbol is a word") {
  CHECK(words_of("Don't pay $3.50, ... ok?!") ==
        words{"Don't", "pay", "$", "3.50", ",", "...", "ok", "?", "!"});
  CHECK(words_of("3,000.5. e.g. a--b snake_case __ 'tis rock 'n' roll'") ==
        words{"3,000.5", ".", "e", ".", "g", ".", "a", "--", "b", "snake_case", "__", "'", "tis",
              "rock", "'", "n", "'", "roll", "'"});
  CHECK(
      words_of("\xC3\xA9t\xC3\xA9 l\xE2\x80\x99homme \xE2\x80\xA6\xE2\x80\xA6 \xE6\x97\xA5") ==
      words{"\xC3\xA9t\xC3\xA9", "l\xE2\x80\x99homme", "\xE2\x80\xA6\xE2\x80\xA6", "\xE6\x97\xA5"});
  CHECK(words_of("").empty());
  CHECK(words_of("\xFF\xFE") == words{"\xFF", "\xFE"});
  CHECK(count_filter_words("a\xC2\xA0"
                           "b\n\tc") == 3);
  CHECK(count_characters("\xC3\xA9t\xC3\xA9") == 3);
}

TEST_CASE("gopher quality: 50 to 100,000 words") {
  CHECK(quality(prose(49)) == "gopher_short");
  CHECK(quality(prose(50)) == "");
  CHECK(quality(prose(49) + " ! !! ?") == "gopher_short");  // symbols do not count here
  CHECK(quality(prose(100'000)) == "");
  CHECK(quality(prose(100'001)) == "gopher_long");
  CHECK(quality("") == "gopher_short");
}

TEST_CASE("gopher quality: words of 3 to 10 characters in the mean") {
  const std::string three = "the and" + repeated(48, " cat");
  CHECK(quality(three) == "");
  CHECK(quality("the and to" + repeated(48, " cat")) == "gopher_short_words");
  // 3 + 4 + 13 for three words, and 47 of 10.
  const std::string ten = "the with" + repeated(47, " abcdefghij") + " ";
  CHECK(quality(ten + std::string(23, 'x')) == "");
  CHECK(quality(ten + std::string(24, 'x')) == "gopher_long_words");
  // Characters, not bytes: 50 words of 10 letters with accents.
  CHECK(quality("the with " + std::string(23, 'x') +
                repeated(47,
                         " \xC3\xA9"
                         "bcdefghij")) == "");
}

TEST_CASE("gopher quality: hashes and ellipses for each word") {
  CHECK(quality(prose(90) + repeated(10, " #")) == "");
  CHECK(quality(prose(90) + repeated(11, " #")) == "gopher_hashes");
  for (const char* dots : {" ...", " \xE2\x80\xA6"}) {
    CHECK(quality(prose(90) + repeated(10, dots) + " end") == "");
    CHECK(quality(prose(90) + repeated(11, dots) + " end") == "gopher_ellipses");
  }
}

TEST_CASE("gopher quality: lines that begin with a bullet or end in an ellipsis") {
  const std::string line = "the stone with many a word that we read here today";
  for (const char* bullet : {"- ", "  -", "\xE2\x80\xA2 "}) {
    CHECK(quality(repeated(9, bullet + line + "\n") + line) == "");
    CHECK(quality(repeated(10, bullet + line + "\n")) == "gopher_bullets");
  }
  for (const char* dots : {"...", " \xE2\x80\xA6  "}) {
    CHECK(quality(repeated(3, line + dots + "\n") + repeated(7, line + "\n")) == "");
    CHECK(quality(repeated(4, line + dots + "\n") + repeated(6, line + "\n")) ==
          "gopher_ellipsis_lines");
  }
}

TEST_CASE("gopher quality: words with letters, and stop words") {
  CHECK(quality(prose(80) + repeated(20, " 12345")) == "");
  CHECK(quality(prose(79) + repeated(21, " 12345")) == "gopher_few_letters");
  CHECK(quality(prose(80) + repeated(10, " 12345") + repeated(10, " ;")) == "");  // symbols count
  CHECK(quality(prose(80) + repeated(10, " 12345") + repeated(11, " ;")) == "gopher_few_letters");
  const std::string rest = repeated(60, " stone");
  for (const char* stop : {"the", "be", "to", "of", "and", "that", "have", "with"}) {
    const std::string one = stop;
    CHECK(quality(one + " " + one + rest) == "gopher_stop_words");
    CHECK(quality(one + (one == "the" ? " and" : " the") + rest) == "");
  }
  CHECK(quality("The AND" + rest) == "gopher_stop_words");  // as they are written
}

namespace {

// All limits but one out of reach.
gopher_repetition_limits off() { return {9, 9, 9, 9, {9, 9, 9}, {9, 9, 9, 9, 9, 9}}; }
constexpr gopher_repetition_limits set{};

}  // namespace

TEST_CASE("gopher repetition: paragraphs and lines that came before") {
  for (const bool lines : {false, true}) {
    gopher_repetition_limits share = off(), characters = off();
    (lines ? share.lines : share.paragraphs) = lines ? set.lines : set.paragraphs;
    (lines ? characters.line_characters : characters.paragraph_characters) =
        lines ? set.line_characters : set.paragraph_characters;
    const std::string gap = lines ? "\n" : "\n\n", name = lines ? "line" : "paragraph";
    // Ten pieces, three or four of which came before.
    const auto ten = [&](std::size_t again) {
      std::string text = "same";
      for (std::size_t i = again + 1; i < 10; ++i) text += gap + fresh_word();
      return text + repeated(again, gap + "same");
    };
    CHECK(said(gopher_repetition(share), ten(3)) == "");
    CHECK(said(gopher_repetition(share), ten(4)) == "gopher_dup_" + name + "s");
    const std::string twenty(20, 'a');
    CHECK(said(gopher_repetition(characters), padded(twenty + gap + twenty + gap, 100)) == "");
    CHECK(said(gopher_repetition(characters), padded(twenty + gap + twenty + gap, 99)) ==
          "gopher_dup_" + name + "_chars");
  }
  gopher_repetition_limits paragraphs = off();
  paragraphs.paragraphs = set.paragraphs;
  CHECK(said(gopher_repetition(paragraphs), "a\na\na\na") == "");  // one paragraph
  CHECK(said(gopher_repetition(paragraphs), "a\n\na\n\n\n\na\n\na\n\n") == "gopher_dup_paragraphs");
}

TEST_CASE("gopher repetition: the commonest 2, 3 and 4 words") {
  const std::string parts[] = {"aa bb", "aa bb cc", "aa bb cc dd"};
  for (std::size_t i = 0; i < 3; ++i) {
    gopher_repetition_limits limits = off();
    limits.top[i] = set.top[i];
    // As often as the limit has hundredths, in 100 times the part's length.
    const auto times = static_cast<std::size_t>(100 * set.top[i] + 0.5);
    std::string text;
    for (std::size_t k = 0; k < times; ++k) text += parts[i] + " " + fresh_word() + " ";
    const std::size_t size = 100 * parts[i].size();
    CHECK(said(gopher_repetition(limits), padded(text, size)) == "");
    CHECK(said(gopher_repetition(limits), padded(text, size - 1)) ==
          "gopher_top_" + std::to_string(i + 2));
  }
}

TEST_CASE("gopher repetition: 5 to 10 words that came before") {
  for (std::size_t n = 5; n <= 10; ++n) {
    gopher_repetition_limits limits = off();
    limits.repeated[n - 5] = set.repeated[n - 5];
    const auto times = static_cast<std::size_t>(100 * set.repeated[n - 5] + 0.5);
    std::string part, text;
    for (std::size_t k = 0; k < n; ++k) part += std::string(2, static_cast<char>('a' + k)) + " ";
    for (std::size_t k = 0; k <= times; ++k) text += part + fresh_word() + " ";
    const std::size_t size = 100 * 2 * n;  // the characters of n words without their blanks
    CHECK(said(gopher_repetition(limits), padded(text, size)) == "");
    CHECK(said(gopher_repetition(limits), padded(text, size - 1)) ==
          "gopher_dup_" + std::to_string(n));
  }
}

namespace {

// Repetition by lists and maps of strings.
double plain_top(const words& all, std::size_t n) {
  std::map<words, std::size_t> counts;
  std::size_t most = 0, length = 0;
  for (std::size_t i = 0; i + n <= all.size(); ++i) ++counts[words(&all[i], &all[i] + n)];
  for (std::size_t i = 0; i + n <= all.size(); ++i) {
    const words gram(&all[i], &all[i] + n);
    if (counts[gram] <= most) continue;
    most = counts[gram];
    length = n - 1;
    for (const std::string& word : gram) length += word.size();
  }
  return static_cast<double>(most * length);
}
double plain_repeated(const words& all, std::size_t n) {
  std::set<words> seen;
  std::size_t characters = 0;
  for (std::size_t i = 0; i + n <= all.size();) {
    const words gram(&all[i], &all[i] + n);
    if (seen.insert(gram).second) {
      ++i;
      continue;
    }
    for (const std::string& word : gram) characters += word.size();
    i += n;
  }
  return static_cast<double>(characters);
}

}  // namespace

TEST_CASE("gopher repetition: counted as the plainest way does, on random texts") {
  random_stream random(7);
  int drops = 0;
  for (int round = 0; round < 400; ++round) {
    const std::uint64_t kinds = 1 + random.below(round % 2 == 0 ? 4 : 40);
    const std::uint64_t count = random.below(120);
    words all;
    std::string text;
    for (std::uint64_t i = 0; i < count; ++i) {
      all.push_back(
          std::string(1 + random.below(2), static_cast<char>('a' + random.below(kinds) % 26)));
      text += all.back() + (i + 1 < count ? " " : "");
    }
    if (text.empty()) continue;
    for (std::size_t n = 2; n <= 10; ++n) {
      gopher_repetition_limits at = off();
      if (all.size() < n) continue;
      const double found = n < 5 ? plain_top(all, n) : plain_repeated(all, n);
      double& limit = n < 5 ? at.top[n - 2] : at.repeated[n - 5];
      const std::string name = (n < 5 ? "gopher_top_" : "gopher_dup_") + std::to_string(n);
      limit = found / static_cast<double>(text.size());
      CHECK(said(gopher_repetition(at), text) == "");
      if (found == 0) continue;
      limit = (found - 0.5) / static_cast<double>(text.size());
      CHECK(said(gopher_repetition(at), text) == name);
      ++drops;
    }
  }
  CHECK(drops > 1000);
}

TEST_CASE("gopher: quality comes first, then repetition") {
  CHECK(said(gopher(), prose(20)) == "gopher_short");
  CHECK(said(gopher(), prose(60)) == "gopher_top_2");
  std::string text = "the with";
  for (int i = 0; i < 60; ++i) text += " " + fresh_word();
  CHECK(said(gopher(), text) == "");
  CHECK(said(gopher({.fewest_words = 63}), text) == "gopher_short");
}
