// The stop filter against its definition, for every cutting of the text.
#include "ctgpt/infer/stop.hpp"

#include <doctest/doctest.h>

#include "ctgpt/base/random.hpp"

using namespace ctgpt;

namespace {

using strings = std::vector<std::string>;

struct outcome {
  std::string text;
  bool stopped = false;
  friend bool operator==(const outcome&, const outcome&) = default;
};

outcome run(const strings& stops, const strings& pieces) {
  stop_filter screen(stops);
  outcome result;
  for (const std::string& piece : pieces) result.text += screen.push(piece);
  result.text += screen.flush();
  result.stopped = screen.stopped();
  return result;
}

// The definition: the text before the stop string that is complete first, the longest of those that
// end there.
outcome defined(const strings& stops, const std::string& text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t longest = 0;
    for (const std::string& stop : stops) {
      if (text.substr(0, end).ends_with(stop)) longest = std::max(longest, stop.size());
    }
    if (longest > 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

// What may be shown of a text that holds no stop string: all but its longest end that begins one.
std::size_t showable(const strings& stops, const std::string& text) {
  for (std::size_t held = text.size(); held > 0; --held) {
    for (const std::string& stop : stops) {
      if (stop.starts_with(text.substr(text.size() - held))) return text.size() - held;
    }
  }
  return text.size();
}

}  // namespace

TEST_CASE("stop: a stop string that spans several pieces is cut out, none of it shown") {
  CHECK(run({"User:"}, {"Hello.\nU", "s", "er", ": more"}) == outcome{"Hello.\n", true});
  CHECK(run({"User:"}, {"Hello.\nU", "s", "er", " more"}) == outcome{"Hello.\nUser more", false});
  CHECK(run({"\n\n"}, {"a\n", "b\n", "\n", "c"}) == outcome{"a\nb", true});
  CHECK(run({"."}, {"one. two"}) == outcome{"one", true});
  CHECK(run({"one"}, {"one. two"}) == outcome{"", true});
}

TEST_CASE("stop: the end of the text shows what was held back") {
  stop_filter screen({"END"});
  CHECK(screen.push("the EN") == "the ");
  CHECK(screen.flush() == "EN");
  CHECK(screen.flush() == "");
  CHECK(!screen.stopped());
}

TEST_CASE("stop: after a stop string nothing comes any more") {
  stop_filter screen({"END"});
  CHECK(screen.push("the END of it") == "the ");
  CHECK(screen.stopped());
  CHECK(screen.push("END more") == "");
  CHECK(screen.flush() == "");
}

TEST_CASE("stop: of several the first to be complete wins, however the text is cut") {
  const strings stops{"abcd", "bc"};
  CHECK(run(stops, {"xabcd"}) == outcome{"xa", true});
  CHECK(run(stops, {"xab", "cd"}) == outcome{"xa", true});
  CHECK(run({"bc", "abc"}, {"xabc"}) == outcome{"x", true});
}

TEST_CASE("stop: without stop strings everything passes at once") {
  stop_filter screen({});
  CHECK(screen.push("any text") == "any text");
  CHECK(screen.push("") == "");
  CHECK(screen.push("more") == "more");
  CHECK(screen.flush() == "");
}

TEST_CASE("stop: random texts, stop strings and cuts agree with the definition") {
  // Two letters and short patterns: overlaps, periods and ties are everywhere.
  random_stream random(11);
  const auto word = [&](std::uint64_t length) {
    std::string made;
    while (made.size() < length) made += random.below(2) == 0 ? 'a' : 'b';
    return made;
  };
  int stopped = 0;
  for (int round = 0; round < 3000; ++round) {
    strings stops(random.below(3) + 1);
    for (std::string& stop : stops) stop = word(random.below(6) + 3);
    const std::string text = word(random.below(40));
    CAPTURE(text);
    CAPTURE(doctest::toString(stops.front()));
    const outcome wanted = defined(stops, text);
    stopped += wanted.stopped ? 1 : 0;
    stop_filter screen(stops);
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = random.below(4) + 1;
      shown += screen.push(std::string_view(text).substr(at, length));
      at = std::min(at + length, text.size());
      if (!screen.stopped()) {
        CHECK(shown.size() == showable(stops, text.substr(0, at)));
      }
      CHECK(wanted.text.starts_with(shown));
    }
    shown += screen.flush();
    CHECK(outcome{shown, screen.stopped()} == wanted);
  }
  CHECK(stopped > 500);
  CHECK(stopped < 2500);
}

TEST_CASE("stop: characters that go in whole come out whole") {
  const std::string e = "\u00e9", other = "\u00e8", face = "\U0001F389";
  stop_filter screen({e + "!", face});
  CHECK(screen.push(other) == other);  // it shares its first byte with the stop string
  CHECK(screen.push(e) == "");
  CHECK(screen.push(other) == e + other);
  CHECK(screen.push(e) == "");
  CHECK(screen.push("!") == "");
  CHECK(screen.stopped());
}

TEST_CASE("stop: an empty stop string and one that is not UTF-8 are wrong usage") {
  CHECK_THROWS_WITH_AS(stop_filter({"a", ""}), "a stop string must not be empty", usage_error);
  CHECK_THROWS_WITH_AS(stop_filter({"\xa9"}), "a stop string must be UTF-8", usage_error);
}
