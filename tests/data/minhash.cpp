// Normalised words, MinHash and clusters.
#include "ctgpt/data/minhash.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace ctgpt;
using namespace ctgpt::data;

namespace {

std::vector<std::uint64_t> words_of(const std::string& text) {
  word_hashes words;
  words.read(text);
  std::vector<std::uint64_t> list;
  for (std::size_t i = 0; i < words.size(); ++i) list.push_back(words.gram(i, 1));
  return list;
}

bucket_hashes keys_of(const minhash& near, const std::string& text) {
  word_hashes words;
  words.read(text);
  bucket_hashes keys{};
  CHECK(near(words, keys));
  return keys;
}

bool share(const bucket_hashes& a, const bucket_hashes& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) return true;
  }
  return false;
}

TEST_CASE("words: case, punctuation, blanks, diacritics and digits make no difference") {
  const auto plain = words_of("the cafe sold 0 loaves dont ask");
  CHECK(plain.size() == 7);
  CHECK(words_of("  The CAFÉ,\n\"sold\" 1234 loaves -- dont... ask?!") == plain);
  CHECK(words_of("the cafe\xCC\x81 sold \xD9\xA3\xD9\xA4 loaves dont ask") == plain);
  CHECK(words_of("the cafes sold 0 loaves dont ask") != plain);
  CHECK(words_of("ΟΔΟΣ Ärger") == words_of("οδος arger"));
  CHECK(words_of("a\xFF"
                 "b") == words_of("a b"));  // bytes that are not UTF-8 separate
  CHECK(words_of("").empty());
  CHECK(words_of(" .,;!? \xE2\x80\x94 ").empty());
}

TEST_CASE("words: a script without spaces gives a word a character") {
  CHECK(words_of("中文字").size() == 3);
  CHECK(words_of("abc中文def").size() == 4);
  CHECK(words_of("한국어 말").size() == 2);
}

TEST_CASE("words: an n-gram's hash depends on its words alone, in their order") {
  word_hashes a, b;
  a.read("zero one two three four");
  b.read("eight nine one two three ten");
  CHECK(a.gram(1, 3) == b.gram(2, 3));
  CHECK(a.gram(1, 2) != b.gram(2, 3));
  b.read("two one three");
  CHECK(a.gram(1, 3) != b.gram(0, 3));
  CHECK(a.gram(0, 5) == a.gram(0, 5, word_hashes::power(5)));
}

TEST_CASE("minhash: the product modulo 2^61 - 1 is exact") {
  constexpr std::uint64_t p = mersenne_61;
  static_assert(multiply_add_mersenne_61(p - 1, p - 1, p - 1) == 0);  // 1 + (p - 1)
  static_assert(multiply_add_mersenne_61(1, p - 1, 1) == 0);
  static_assert(modulo_mersenne_61(p) == 0 && modulo_mersenne_61(~std::uint64_t{0}) == 7);
  random_stream random(7);
  const auto number = [&] {
    const std::uint64_t high = random.next();
    return (high << 32 | random.next()) % p;
  };
  __extension__ using wide = unsigned __int128;
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t a = number(), x = number(), b = number();
    const auto expected = static_cast<std::uint64_t>((static_cast<wide>(a) * x + b) % p);
    REQUIRE(multiply_add_mersenne_61(a, x, b) == expected);
  }
}

// No word stands twice, so that the similarity of two documents is known: they share all shingles
// of the words they begin with, and no others. The hash functions differ from trial to trial.
TEST_CASE("minhash: pairs are found as often as 1 - (1 - J^8)^14 says") {
  std::uint64_t fresh = 0;
  const auto letters = [&fresh] {
    std::string word;
    for (std::uint64_t n = ++fresh; n > 0; n /= 26) word += static_cast<char>('a' + n % 26);
    return word;
  };
  const auto run = [&](std::size_t words) {
    std::string text;
    for (std::size_t i = 0; i < words; ++i) text += letters() + ' ';
    return text;
  };
  CHECK(minhash_detection(0.8) == doctest::Approx(0.924).epsilon(0.001));
  for (const double similarity : {0.95, 0.8, 0.72, 0.6, 0.5, 0.3}) {
    constexpr std::size_t trials = 400, shingles = 300;
    std::size_t found = 0;
    double expected = 0.0;
    for (std::size_t t = 0; t < trials; ++t) {
      // |A| = |B| = n with s in common: J = s / (2 n - s).
      const auto common =
          static_cast<std::size_t>(std::lround(2.0 * shingles * similarity / (1.0 + similarity)));
      const std::string shared = run(common + 4);
      const std::size_t own = shingles - common;
      const minhash near(1000 + t);
      found += share(keys_of(near, shared + run(own)), keys_of(near, shared + run(own))) ? 1 : 0;
      expected += minhash_detection(static_cast<double>(common) /
                                    static_cast<double>(2 * shingles - common)) /
                  trials;
    }
    const double rate = static_cast<double>(found) / trials;
    CAPTURE(similarity);
    CAPTURE(expected);
    // Three standard deviations of 400 trials, and as much again as one trial.
    CHECK(std::abs(rate - expected) <
          3.0 * std::sqrt(expected * (1.0 - expected) / trials) + 1.0 / trials);
  }
}

TEST_CASE("minhash: keys are the same on every machine, short texts are compared whole") {
  const minhash near;
  const bucket_hashes keys = keys_of(near, "the quick brown fox jumps over the lazy dog");
  CHECK(keys == keys_of(near, "The quick brown fox -- jumps over the LAZY dog."));
  CHECK(share(keys_of(near, "Good morning!"), keys_of(near, "good  morning")));
  CHECK_FALSE(share(keys_of(near, "good morning"), keys_of(near, "good evening")));
  CHECK_FALSE(share(keys, keys_of(near, "eight nine ten eleven twelve thirteen")));
  word_hashes none;
  none.read("...");
  bucket_hashes unused{};
  CHECK_FALSE(near(none, unused));
  CHECK(std::set<std::uint64_t>(keys.begin(), keys.end()).size() == keys.size());
}

TEST_CASE("clusters: what pairs connect is known by its first document, in any order of joining") {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs{{9, 4}, {4, 7}, {2, 3}, {7, 1}};
  for (int turn = 0; turn < 4; ++turn) {
    std::rotate(pairs.begin(), pairs.begin() + 1, pairs.end());
    first_of_cluster clusters(10);
    for (const auto& [a, b] : pairs) clusters.join(a, b);
    for (const std::uint32_t member : {1u, 4u, 7u, 9u}) CHECK(clusters.first(member) == 1);
    CHECK(clusters.first(3) == 2);
    for (const std::uint32_t alone : {0u, 5u, 6u, 8u}) CHECK(clusters.first(alone) == alone);
  }
}

}  // namespace
