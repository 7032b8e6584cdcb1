// Word lists and the classifier of n-grams: what matches, what is learnt, what a damaged file does,
// and how well both do on tweets, on HateCheck and on texts that are innocent.
#include "ctgpt/data/harmful.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <limits>
#include <map>

#include "base/corpora.hpp"
#include "base/temporary.hpp"
#include "ctgpt/base/clock.hpp"
#include "ctgpt/data/ngram_classifier.hpp"

using namespace ctgpt;
using namespace ctgpt::data;

namespace {

std::vector<std::string> found(const word_list& list, std::string_view text) {
  std::vector<std::string> entries;
  for (const word_match& match : list.find(text)) {
    CHECK(match.end - match.begin == list.entry(match.entry).size());
    entries.push_back(list.entry(match.entry));
  }
  CHECK(list.contains(text) == !entries.empty());
  return entries;
}

using strings = std::vector<std::string>;

// A field may hold commas, quotes and line feeds between quotes (RFC 4180).
std::vector<strings> read_csv(const std::string& path) {
  std::vector<strings> rows(1);
  std::string field;
  bool quoted = false;
  const std::string text = read_file(path);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      field += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == '\n')) {
      rows.back().push_back(std::move(field));
      field.clear();
      if (c == '\n') rows.emplace_back();
    } else if (quoted || c != '\r') {
      field += c;
    }
  }
  if (rows.back().empty() && field.empty()) {
    rows.pop_back();
  } else {
    rows.back().push_back(std::move(field));  // the last line may lack its end
  }
  return rows;
}

struct scores {
  double accuracy = 0, balanced = 0, f1 = 0, auc = 0;
};
scores score(const ngram_classifier& model, const std::vector<labelled_text>& texts) {
  std::vector<std::pair<float, bool>> ranked;
  double counts[2][2] = {};  // label, answer
  for (const labelled_text& text : texts) {
    const float p = model.probability(text.text);
    ranked.emplace_back(p, text.label);
    ++counts[text.label ? 1 : 0][p >= 0.5f ? 1 : 0];
  }
  std::sort(ranked.begin(), ranked.end());
  double ranks = 0;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    if (ranked[i].second) ranks += static_cast<double>(i + 1);
  }
  const double bad = counts[1][0] + counts[1][1], good = counts[0][0] + counts[0][1];
  return {(counts[0][0] + counts[1][1]) / (bad + good),
          0.5 * (counts[1][1] / bad + counts[0][0] / good),
          2 * counts[1][1] / (2 * counts[1][1] + counts[0][1] + counts[1][0]),
          (ranks - bad * (bad + 1) / 2) / (bad * good)};
}
void print(const char* what, const scores& s) {
  std::printf("%-42s accuracy %.3f balanced %.3f F1 %.3f AUC %.3f\n", what, s.accuracy, s.balanced,
              s.f1, s.auc);
}

std::vector<std::string_view> pieces(std::string_view text, std::size_t size) {
  std::vector<std::string_view> all;
  for (std::size_t at = 0; at + size <= text.size(); at += size) {
    all.push_back(text.substr(at, size));
  }
  return all;
}

std::vector<labelled_text> colours(int count) {
  random_stream numbers(5);
  constexpr const char* warm[] = {"red", "orange", "yellow", "scarlet"};
  constexpr const char* cold[] = {"blue", "green", "violet", "azure"};
  std::vector<labelled_text> texts;
  for (int i = 0; i < count; ++i) {
    const bool label = i % 3 == 0;
    const std::string colour = (label ? warm : cold)[numbers.below(4)];
    texts.push_back(
        {"the " + colour + " house number " + std::to_string(numbers.below(90)), label});
  }
  return texts;
}

}  // namespace

TEST_CASE("word lists: an entry stands between non-word characters, in either case") {
  const word_list list({"bad", "bad apple", "ROT", "s&m", "\xF0\x9F\x96\x95", "na\xC3\xAFve"});
  CHECK(list.size() == 6);
  CHECK(found(list, "A Bad, bad_, badly, rebad BAD!") == strings{"bad", "bad"});
  CHECK(found(list, "bad apples, bad apple") == strings{"bad", "bad apple"});
  CHECK(found(list, "rotten rot r\xC3\xB6t rot\xC3\xA9 \xC3\xA9rot") == strings{"rot"});
  CHECK(found(list, "S&M, s&men") == strings{"s&m"});
  CHECK(found(list, "\xF0\x9F\x96\x95! x\xF0\x9F\x96\x95 \xF0\x9F\x96\x95y") ==
        strings{"\xF0\x9F\x96\x95"});
  CHECK(found(list, "na\xC3\xAFve") == strings{"na\xC3\xAFve"});
  CHECK(found(list, "").empty());
  CHECK(found(list,
              "\xFF"
              "bad\xFF"
              "bad\xC3")
            .size() == 2);
  CHECK(found(word_list({}), "bad").empty());
  const word_list inside({"\xE6\x82\xAA", "bad"}, {.anywhere = true});
  CHECK(found(inside, "\xE6\x9C\x80\xE6\x82\xAA\xE3\x81\xAE embadded") ==
        strings{"\xE6\x82\xAA", "bad"});
}

TEST_CASE("word lists: files, and the list that is built in") {
  const ctgpt_test::temporary_directory folder;
  write_file_atomic(folder.file("list"), "  two words \r\n\nOne\nOne");
  const word_list list = word_list::read(folder.file("list"));
  CHECK(list.size() == 2);
  CHECK(found(list, "one, Two Words") == strings{"one", "two words"});
  write_file_atomic(folder.file("empty"), " \n\n");
  CHECK_THROWS_WITH(word_list::read(folder.file("empty")),
                    doctest::Contains("it holds no entry; write one a line"));
  const word_list own = word_list::built_in();
  CHECK(own.size() == std::size(harmful_words));
  for (const std::string_view entry : harmful_words) CHECK(own.contains(entry));
  for (const char* innocent :
       {"Scunthorpe", "the analysis of the cockpit", "a ship's bastard file",
        "breast cancer and rape crisis centres", "a gay couple", "Moby Dick"}) {
    CHECK_MESSAGE(!own.contains(innocent), innocent);
  }
}

TEST_CASE("n-gram classifier: learns, gives the same bits again, and survives a file") {
  const std::vector<labelled_text> texts = colours(600);
  const std::vector<labelled_text> training(texts.begin(), texts.begin() + 400);
  const std::vector<labelled_text> rest(texts.begin() + 400, texts.end());
  const ngram_classifier model = ngram_classifier::train(training, {.bits = 12});
  CHECK(score(model, rest).accuracy > 0.99);
  CHECK(model.probability("an orangey thing") > model.probability("a greenish thing"));
  CHECK(ngram_classifier::train(training, {.bits = 12}).bytes() == model.bytes());
  CHECK(ngram_classifier::train(training, {.bits = 12, .seed = 2}).bytes() != model.bytes());
  const ctgpt_test::temporary_directory folder;
  model.save(folder.file("m"));
  const ngram_classifier again = ngram_classifier::load(folder.file("m"));
  for (const labelled_text& text : rest) {
    CHECK(again.probability(text.text) == model.probability(text.text));
  }
  for (const char* odd : {"", " ", "\xFF\xFE", "@", "http://", "@\xC3", "https://x\n"}) {
    const float p = model.probability(odd);
    CHECK((p > 0.0f && p < 1.0f));
  }
  CHECK(model.probability(std::string(100000, 'x')) > 0.0f);
  // Names and links say only that they are there.
  CHECK(model.probability("@ann see http://a.b/red") ==
        model.probability("@bob see http://c.d/blue"));
}

TEST_CASE("n-gram classifier: a file that is not whole is refused") {
  const ngram_classifier model = ngram_classifier::train(colours(60), {.bits = 8, .epochs = 1});
  const std::string good = model.bytes();
  CHECK(ngram_classifier::parse(good, "f").bytes() == good);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_THROWS_WITH_AS(ngram_classifier::parse(good.substr(0, size), "f"),
                         doctest::Contains("f: "), error);
  }
  CHECK_THROWS_AS(ngram_classifier::parse(good + " ", "f"), error);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    CHECK_THROWS_AS(ngram_classifier::parse(bad, "f"), error);
  }
  // A weight that is no number, under a checksum that fits.
  std::string infinite = good;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(infinite.data() + 40, &nan, sizeof nan);
  xxh64 sum;
  sum.update(std::as_bytes(std::span(infinite.data(), infinite.size() - 8)));
  const std::uint64_t fits = sum.finish();
  std::memcpy(infinite.data() + infinite.size() - 8, &fits, sizeof fits);
  CHECK_THROWS_WITH(ngram_classifier::parse(infinite, "f"),
                    "f: a weight is not a finite number; train the classifier again");
  CHECK_THROWS_WITH(ngram_classifier::train({{"a", true}}),
                    doctest::Contains("1 examples labelled true and 0 labelled false"));
  CHECK_THROWS_AS(ngram_classifier::train(colours(9), {.bits = 40}), error);
}

// Of the tweets a fifth is held out (seed 1); of HateCheck all cases of half the templates, so that
// no sentence of the test differs from one of training by a name alone. Ordinary prose (WikiText's
// validation split, in pieces of 300 bytes) is added as innocent.
TEST_CASE("harmful text: tweets, HateCheck and innocent prose") {
  const std::string tweets = ctgpt_test::corpus("safety/offensive-tweets.csv");
  const std::string cases = ctgpt_test::corpus("safety/hatecheck.csv");
  const std::string novels = ctgpt_test::corpus("text/dickens.txt");
  const std::string wiki = ctgpt_test::corpus("text/wikitext-2-test.txt");
  const std::string prose = ctgpt_test::corpus("text/wikitext-2-valid.txt");
  const std::string terms = ctgpt_test::corpus("safety/ldnoobw-en.txt");
  if (tweets.empty() || cases.empty() || novels.empty() || wiki.empty() || prose.empty() ||
      terms.empty()) {
    return;
  }
  random_stream numbers(1);
  std::vector<labelled_text> training, held, checks, training_checks, held_checks;
  const std::vector<strings> tweet_rows = read_csv(tweets);
  for (std::size_t i = 1; i < tweet_rows.size(); ++i) {
    (numbers.below(5) == 0 ? held : training)
        .push_back({tweet_rows[i].at(6), tweet_rows[i].at(5) != "2"});
  }
  CHECK(training.size() + held.size() == 24783);
  std::map<std::string, bool> sides;
  const std::vector<strings> case_rows = read_csv(cases);
  for (std::size_t i = 1; i < case_rows.size(); ++i) {
    const auto [side, fresh] = sides.emplace(case_rows[i].at(11), false);
    if (fresh) side->second = numbers.below(2) == 0;
    checks.push_back({case_rows[i].at(3), case_rows[i].at(4) == "hateful"});
    (side->second ? held_checks : training_checks).push_back(checks.back());
  }
  CHECK(checks.size() == 3728);
  const std::string prose_text = read_file(prose), novel_text = read_file(novels);
  const std::string wiki_text = read_file(wiki);
  for (const std::string_view piece : pieces(prose_text, 300)) {
    training.push_back({std::string(piece), false});
  }
  double begun = clock_seconds();
  const ngram_classifier model = ngram_classifier::train(training);
  std::printf("trained on %d texts in %.1f s\n", static_cast<int>(training.size()),
              clock_seconds() - begun);
  const scores on_tweets = score(model, held), on_checks = score(model, checks);
  print("tweets held out", on_tweets);
  print("HateCheck, never seen", on_checks);
  CHECK(on_tweets.accuracy >= 0.94);
  CHECK(on_tweets.f1 >= 0.96);
  CHECK(on_tweets.auc >= 0.975);
  // Tweets teach words; HateCheck asks for meaning. They do not teach that.
  CHECK(on_checks.auc >= 0.45);
  std::vector<labelled_text> more = training;
  more.insert(more.end(), training_checks.begin(), training_checks.end());
  const ngram_classifier taught = ngram_classifier::train(more);
  const scores taught_tweets = score(taught, held), taught_checks = score(taught, held_checks);
  print("tweets, with half of HateCheck in training", taught_tweets);
  print("HateCheck, the other half", taught_checks);
  CHECK(taught_tweets.auc >= 0.97);
  CHECK(taught_checks.auc >= 0.62);
  CHECK(taught_checks.balanced >= 0.58);

  const word_list listed = word_list::read(terms), own = word_list::built_in();
  const std::pair<const char*, const std::string*> innocent[] = {{"Dickens", &novel_text},
                                                                 {"WikiText", &wiki_text}};
  for (const auto& [name, text] : innocent) {
    const std::vector<std::string_view> all = pieces(*text, 500);
    int flagged = 0, sure = 0, in_list = 0, in_own = 0;
    begun = clock_seconds();
    for (const std::string_view piece : all) {
      const float p = model.probability(piece);
      flagged += p >= 0.5f ? 1 : 0;
      sure += p >= 0.9f ? 1 : 0;
    }
    const double classifier_seconds = clock_seconds() - begun;
    begun = clock_seconds();
    for (const std::string_view piece : all) in_list += listed.contains(piece) ? 1 : 0;
    const double list_seconds = clock_seconds() - begun;
    for (const std::string_view piece : all) in_own += own.contains(piece) ? 1 : 0;
    const auto total = static_cast<double>(all.size());
    const double megabytes = static_cast<double>(text->size()) / 1e6;
    std::printf(
        "%s, pieces of 500 bytes flagged: classifier %.2f %% (%.2f %% at 0.9), list of %d "
        "%.2f %%, built in %.3f %%; %.0f and %.0f MB/s\n",
        name, 100 * flagged / total, 100 * sure / total, static_cast<int>(listed.size()),
        100 * in_list / total, 100 * in_own / total, megabytes / classifier_seconds,
        megabytes / list_seconds);
    CHECK(flagged <= 0.03 * total);
    CHECK(sure <= 0.002 * total);
    CHECK(in_list <= 0.05 * total);
    CHECK(in_own <= 0.002 * total);
    CHECK(megabytes / list_seconds > 50.0);
  }
}
