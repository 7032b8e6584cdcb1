// Language identification: on sentences of this test in every language, on English at length, on
// what is mixed, foreign or no text at all, and how fast it is.
#include "ctgpt/data/language.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <map>
#include <set>
#include <string>

#include "base/corpora.hpp"
#include "ctgpt/base/clock.hpp"
#include "ctgpt/base/random.hpp"
#include "data/language_sentences.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::language_sentences;

TEST_CASE("language: the sentences of each language are recognised") {
  int right = 0, doubtful = 0;
  std::map<std::string_view, std::string> joined;
  for (const auto& [code, text] : language_sentences) {
    const language_guess guess = guess_language(text);
    CHECK(guess.score > 0.0f);
    CHECK(guess.score <= 1.0f);
    right += guess.code == code ? 1 : 0;
    doubtful += guess.code == code && guess.score < 0.65f ? 1 : 0;
    if (guess.code != code) {
      std::printf("%s taken for %s (%.2f): %s\n", code.data(), guess.code.data(),
                  static_cast<double>(guess.score), text.data());
    }
    joined[code] += std::string(text) + "\n";
  }
  constexpr int total = static_cast<int>(std::size(language_sentences));
  std::printf("language: %d of %d sentences, %d of them below 0.65\n", right, total, doubtful);
  CHECK(joined.size() >= 32);
  CHECK(right >= 0.97 * total);
  CHECK(doubtful <= 0.1 * total);
  // A paragraph leaves no doubt.
  for (const auto& [code, text] : joined) {
    const language_guess guess = guess_language(text);
    CHECK_MESSAGE(guess.code == code, code);
    CHECK_MESSAGE(guess.score > 0.9f, code);
  }
}

TEST_CASE("language: capitals, lines and combining marks do not matter much") {
  CHECK(
      guess_language("NIEMAND WUSSTE, WER DEN APFELBAUM HINTER DER SCHULE GEPFLANZT HATTE").code ==
      "de");
  CHECK(guess_language("НИКТО НЕ ЗНАЕТ, КТО ПОСАДИЛ ЯБЛОНЮ ЗА ШКОЛОЙ").code == "ru");
  const std::string text = "Das ist ein Satz, der nicht lang, aber deutsch ist.";
  CHECK(guess_language(text).score ==
        guess_language("  Das ist ein Satz,\n\tder nicht lang, ABER 1234 deutsch ist!").score);
}

TEST_CASE("language: no letters, two scripts, languages that are not known") {
  for (const char* none :
       {"", "  \n", "1234 5678.90 --- !!!", "\xFF\xFE\x80", "\xF0\x9F\x98\x80"}) {
    const language_guess guess = guess_language(none);
    CHECK(guess.code == "und");
    CHECK(guess.score == 0.0f);
  }
  const std::string english =
      "The committee will meet again on Thursday to discuss the plans for the new library. ";
  const std::string russian = "Комитет снова соберётся в четверг, чтобы обсудить планы библиотеки.";
  CHECK(guess_language(english).score > 0.95f);
  const language_guess mixed = guess_language(english + russian);
  CHECK(mixed.score < 0.65f);
  CHECK(guess_language("Does neb yn gwybod pwy blannodd y goeden afalau y tu \xC3\xB4l i'r ysgol. "
                       "Caewyd yr hen bont y gaeaf diwethaf am fod yr afon wedi difrodi dau biler.")
            .code == "und");
  CHECK(
      guess_language("Hakuna mtu anayejua ni nani aliyepanda mti wa tufaha nyuma ya shule. Daraja "
                     "la zamani lilifungwa mwaka jana kwa sababu mto uliharibu nguzo mbili.")
          .code == "und");
  // A Chinese text with one Japanese name in it.
  CHECK(
      guess_language("\xE8\xBF\x99\xE6\x98\xAF\xE4\xB8\x80\xE4\xB8\xAA\xE5\xBE\x88\xE9\x95\xBF\xE7"
                     "\x9A\x84\xE5\x8F\xA5\xE5\xAD\x90\xE5\x85\xB3\xE4\xBA\x8E\xE6\x97\xA5\xE6\x9C"
                     "\xAC\xE7\x9A\x84\xE6\xB1\xBD\xE8\xBD\xA6\xE5\x85\xAC\xE5\x8F\xB8\xE3\x81\xAE")
          .code == "zh");
}

TEST_CASE("language: any bytes are read, and long texts are sampled") {
  random_stream numbers(3);
  std::set<std::string_view> codes;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    const auto length = numbers.below(round % 100 == 0 ? 20000 : 200);
    while (bytes.size() < length) bytes += static_cast<char>(numbers.below(256));
    const language_guess guess = guess_language(bytes);
    CHECK(guess.score >= 0.0f);
    CHECK(guess.score <= 1.0f);
    codes.insert(guess.code);
  }
  // Full buffers: only letters, only one-letter words, marks without letters.
  for (const char* unit : {"a", "a ", "\xCC\x81", "\xD1\x8F ", "\xE1\xBA\xA1", "e\xCC\x81"}) {
    std::string text;
    for (int i = 0; i < 9000; ++i) text += unit;
    CHECK(guess_language(text).score <= 1.0f);
    CHECK(guess_language(text.substr(0, 4096)).score <= 1.0f);
  }
}

TEST_CASE("language: novels and encyclopedia are English, and speed") {
  for (const char* name :
       {"text/dickens.txt", "text/wikitext-2-test.txt", "text/wikitext-2-valid.txt"}) {
    const std::string path = ctgpt_test::corpus(name);
    if (path.empty()) return;
    const std::string text = read_file(path);
    int right = 0, sure = 0, total = 0;
    double begun = clock_seconds();
    for (std::size_t at = 0; at + 500 <= text.size(); at += 500) {
      const language_guess guess = guess_language(std::string_view(text).substr(at, 500));
      ++total;
      right += guess.code == "en" ? 1 : 0;
      sure += guess.code == "en" && guess.score >= 0.65f ? 1 : 0;
    }
    const double megabytes = static_cast<double>(text.size()) / 1e6;
    const double pieces = megabytes / (clock_seconds() - begun);
    begun = clock_seconds();
    for (std::size_t at = 0; at + 50000 <= text.size(); at += 50000) {
      CHECK(guess_language(std::string_view(text).substr(at, 50000)).code == "en");
    }
    const double documents = megabytes / (clock_seconds() - begun);
    std::printf(
        "%-26s English: %.4f of %d pieces of 500 bytes, %.4f at 0.65; %.0f MB/s, and %.0f "
        "MB/s in documents of 50 kB\n",
        name, static_cast<double>(right) / total, total, static_cast<double>(sure) / total, pieces,
        documents);
    CHECK(right >= 0.99 * total);
    CHECK(sure >= 0.98 * total);
    CHECK(documents > 50.0);
  }
}
