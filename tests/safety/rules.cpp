// Rules: a file is read or refused with the rule's name; what a rule finds; and for any rules, any
// text and any cutting, a stream gives what the definition gives for the whole text.
#include "ctgpt/safety/rules.hpp"

#include <doctest/doctest.h>

#include "safety/cases.hpp"

using namespace safety_test;

namespace {

safety::rules read(std::string_view rules) {
  return safety::rules::parse("{\"rules\": [" + std::string(rules) + "]}", "rules.json");
}
// One rule with a pattern; what else it has.
safety::rules one(const std::string& pattern, const std::string& more = "\"action\": \"mask\"") {
  return read("{\"name\": \"r\", \"pattern\": " + io::quote_json(pattern) + ", " + more + "}");
}
std::string refusal(std::string_view rules) {
  try {
    (void)read(rules);
  } catch (const error& wrong) {
    return wrong.what();
  }
  return "read without a word";
}
std::string masked(const safety::rules& rules, std::string_view text) {
  return rules.check_output(text).text;
}

// The pieces as they come out, "|" between them.
std::string released(const safety::rules& rules, const std::vector<std::string>& pieces) {
  screen passing = rules.screen();
  std::string out;
  for (const std::string& piece : pieces) out += passing.feed(piece) + "|";
  return out + passing.finish();
}

}  // namespace

TEST_CASE("patterns and phrases are found, blocked, masked and flagged on their side") {
  const safety::rules house = read(
      R"({"name": "phone", "pattern": "\\d{3}-\\d{4}", "action": "mask", "message": "[phone]"},)"
      R"({"name": "rude", "phrases": ["you fool", "idiot"], "action": "block", "message": "No."},)"
      R"({"name": "news", "phrase": "election", "action": "flag", "where": "output"},)"
      R"({"name": "inner", "phrase": "codename", "action": "mask", "where": "input"})");
  CHECK(masked(house, "call 555-1234 now") == "call [phone] now");
  CHECK(masked(house, "the codename") == "the codename");
  CHECK(house.check_input("the codename").text == "the ***");

  const auto rude = house.check_input("Now YOU \n Fool, go");
  REQUIRE(rude.blocked != nullptr);
  CHECK(rude.blocked->name == "rude");
  CHECK(rude.blocked->message == "No.");
  CHECK(rude.text == "Now ");

  const auto news = house.check_output("an election");
  CHECK(news.text == "an election");
  CHECK(news.blocked == nullptr);
  REQUIRE(news.findings.size() == 1);
  CHECK(news.findings[0].which->name == "news");
  CHECK(news.findings[0].begin == 3);
  CHECK(house.check_input("an election").findings.empty());
}

TEST_CASE("case is folded in phrases, and words are whole where a rule says so") {
  const std::string mask = "\"action\": \"mask\"";
  const safety::rules plain = read(R"({"name": "r", "phrase": "über cat", "action": "mask"})");
  CHECK(masked(plain, "ÜBER CATS") == "***S");
  const safety::rules exact =
      read(R"({"name": "r", "phrase": "Cat", "action": "mask", "ignore_case": false})");
  CHECK(masked(exact, "cat Cat") == "cat ***");
  const safety::rules whole =
      read(R"({"name": "r", "phrases": ["cat", "ümlaut", "c++"], "action": "mask",)"
           R"( "whole_words": true})");
  CHECK(masked(whole, "cat cats concat cat. cat") == "*** cats concat ***. ***");
  CHECK(masked(whole, "ümlaut xümlaut Ümlaut") == "*** xümlaut ***");
  CHECK(masked(whole, "c++ c++11") == "*** ***11");
  CHECK(masked(one("a|ab", mask + ", \"whole_words\": true"), "a ab abc") == "*** *** abc");
  CHECK(masked(one("a", mask), "aA") == "***A");
  CHECK(masked(one("a", mask + ", \"ignore_case\": true"), "aA") == "******");
}

TEST_CASE("a match is leftmost, the longest, and within max_bytes") {
  const std::string mask = "\"action\": \"mask\", \"message\": \"<>\"";
  CHECK(masked(one("a|ab|abcd", mask), "xabcabcd") == "x<>c<>");
  CHECK(masked(one("a+", mask + ", \"max_bytes\": 3"), "aaaaaaa") == "<><><>");
  CHECK(masked(one("x.*y", mask + ", \"max_bytes\": 4"), "xaaay xay x-y") == "xaaay <> <>");
  // A shorter match of the same place counts where the longest does not fit.
  CHECK(masked(one("ab(?:c{5})?", mask + ", \"max_bytes\": 4"), "abccccc") == "<>ccccc");
  CHECK(masked(one("é", mask + ", \"max_bytes\": 1"), "é") == "é");
  CHECK(masked(one("é", mask + ", \"max_bytes\": 2"), "é") == "<>");
}

TEST_CASE("anchors and boundaries look at the text around, not at pieces") {
  for (const auto& [pattern, text, wanted] : std::vector<std::array<std::string, 3>>{
           {"^a", "aba", "***ba"},
           {"a$", "aba", "ab***"},
           {"(?m)^a", "a\na a", "***\n*** a"},
           {"(?m)a$", "a\naa", "***\na***"},
           {"\\bcat\\b", "cat concat cats cat", "*** concat cats ***"},
           {"a\\B", "a ab", "a ***b"},
           {"a\\z", "aa", "a***"},
       }) {
    INFO(pattern);
    const safety::rules rules = one(pattern);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      CHECK(in_pieces(rules, text, {cut}).text == wanted);
    }
    std::vector<std::size_t> all;
    for (std::size_t cut = 1; cut < text.size(); ++cut) all.push_back(cut);
    CHECK(in_pieces(rules, text, all).text == wanted);
  }
}

TEST_CASE("masked places that overlap become one; those that touch stay two") {
  const safety::rules house =
      read(R"({"name": "a", "pattern": "abc", "action": "mask", "message": "<1>"},)"
           R"({"name": "b", "pattern": "cde", "action": "mask", "message": "<2>"},)"
           R"({"name": "c", "pattern": "fg", "action": "mask", "message": "<3>"},)"
           R"({"name": "d", "pattern": "fgh", "action": "mask", "message": "<4>"},)"
           R"({"name": "e", "pattern": "e!", "action": "block"})");
  CHECK(masked(house, "xabcdey") == "x<1>y");
  CHECK(masked(house, "abcfghi") == "<1><3>i");
  CHECK(masked(house, "cdefg") == "<2><3>");
  CHECK(masked(house, "abcde!fg") == "<1>");
  CHECK(house.check_output("abcde!fg").blocked->name == "e");
}

TEST_CASE("text is released once no match can begin in it, and no later") {
  const std::string mask = "\"action\": \"mask\"";
  CHECK(released(one("secret word", mask), {"a ", "s", "ec", "ond", " secret", " words"}) ==
        "a |||second| |***|s");
  CHECK(released(one("\\d+", mask + ", \"max_bytes\": 4"), {"1", "23", "4", "5", "x"}) ==
        "|||***|***x|");  // five digits are four and one
  CHECK(released(one("\\bcat\\b", mask), {"con", "cat", " cat", " "}) == "con|cat| |*** |");
  CHECK(released(one("^a", mask), {"b", "a"}) == "b|a|");
  CHECK(released(one("é", mask), {"\xC3", "\xA9x\xC3", "\xA8"}) == "|***x|è|");
  // A rule that only writes down holds nothing.
  CHECK(released(one("secret", "\"action\": \"flag\""), {"sec", "ret"}) == "sec|ret|");
  CHECK(released(safety::rules(), {"a", "\xC3"}) == "a|\xC3|");
  // The first of two rules that could block is awaited.
  CHECK(released(read(R"({"name": "a", "pattern": "abcd", "action": "block"},)"
                      R"({"name": "b", "pattern": "bc", "action": "block"})"),
                 {"xab", "c", "x", "y"}) == "x||a||");
}

TEST_CASE("nothing that follows a blocked place is given, whatever is fed") {
  const safety::rules house = one("bad", "\"action\": \"block\"");
  screen passing = house.screen();
  CHECK(passing.feed("good ba") == "good ");
  CHECK(passing.blocked() == nullptr);
  CHECK(passing.feed("d and more") == "");
  REQUIRE(passing.blocked() != nullptr);
  CHECK(passing.feed("even more") == "");
  CHECK(passing.finish() == "");
  CHECK(passing.findings().size() == 1);
}

TEST_CASE("any rules, any text, any cutting: a stream gives what the whole text gives") {
  dice dice(20240601);
  std::size_t found = 0, blocked = 0, merged = 0;
  for (int round = 0; round < 1500; ++round) {
    const safety::rules house = random_rules(dice);
    for (int text_number = 0; text_number < 4; ++text_number) {
      const std::string text = random_text(dice, 40);
      const outcome wanted = by_definition(house.all(), text);
      found += wanted.findings.size();
      blocked += wanted.blocked.empty() ? 0 : 1;
      merged += wanted.findings.size() > 1 && wanted.findings[1].begin <
                                                  wanted.findings[0].begin + wanted.findings[0].size
                    ? 1
                    : 0;
      std::vector<std::size_t> every(text.size());
      for (std::size_t i = 0; i < every.size(); ++i) every[i] = i;
      std::vector<std::vector<std::size_t>> cuttings{{}, every};
      for (int i = 0; i < 4; ++i) {
        std::vector<std::size_t> some;
        for (std::size_t at = 0; at < text.size(); at += 1 + dice.below(6)) some.push_back(at);
        cuttings.push_back(std::move(some));
      }
      for (const auto& cuts : cuttings) {
        if (in_pieces(house, text, cuts) == wanted) continue;
        for (const rule& each : house.all()) MESSAGE("rule: " << each.exact->pattern());
        MESSAGE("text: " << io::quote_json(text));
        REQUIRE(in_pieces(house, text, cuts).text == wanted.text);
        REQUIRE(in_pieces(house, text, cuts).blocked == wanted.blocked);
        REQUIRE(in_pieces(house, text, cuts).findings == wanted.findings);
      }
    }
  }
  // The dice have to meet what the test is about.
  CHECK(found > 3000);
  CHECK(blocked > 300);
  CHECK(merged > 100);
}

TEST_CASE("long texts and patterns that could match for ever take time and memory in step") {
  const safety::rules house =
      read(R"({"name": "any", "pattern": "(?s)a.*b.*c", "action": "mask", "max_bytes": 256},)"
           R"({"name": "run", "pattern": "(?:a+)+x", "action": "block"})");
  const std::string text(100'000, 'a');
  CHECK(masked(house, text) == text);
  CHECK(masked(house, text + "x").size() >= text.size() - 256);
}

TEST_CASE("a beginning is what can still become a match") {
  const auto begins = [](const std::string& pattern, const std::string& text) {
    return RE2::FullMatch(text, RE2(take_apart(pattern).beginning));
  };
  for (const auto& [pattern, good, bad] : std::vector<std::array<std::string, 3>>{
           {"abc", "ab", "b"},
           {"ab|cd", "c", "ad"},
           {"(ab){2,3}", "aba", "ababababa"},
           {"(?:ab)*c", "ababa", "abb"},
           {"a\\.b", "a.", "ax"},
           {"[\\]x]y", "]", "y"},
           {"[^]]y", "x", "]"},
           {"[[:digit:]]x", "7", ":"},
           {"\\x{e9}\\x41\\101", "éA", "é\\"},
           {"\\p{Greek}\\pLx", "λλ", "aλ"},
           {"(?i)a(?-i)b", "A", "AB"},
           {"(?i:a)b", "A", "AB"},
           {"a{,2}b", "a{,", "aa"},
           {"\\Qa.b\\E+c", "a.bb", "axb"},
           {"(?P<name>ab)c", "ab", "(?"},
           {"a(?s).b", "a\n", "b"},
           {"a.b", "ax", "a\n"},
           {"a|(?i)b|c", "C", "A"},
       }) {
    INFO(pattern);
    CHECK(begins(pattern, good));
    CHECK(begins(pattern, ""));
    CHECK(!begins(pattern, bad));
    CHECK(RE2(take_apart(pattern).whole).ok());
  }
}

TEST_CASE("a bad file is refused with one sentence that names the rule") {
  const auto with = [](const std::string& fields) {
    return refusal("{\"name\": \"r\", " + fields + "}");
  };
  const std::string start = "rules.json: rule \"r\": ";
  CHECK(with(R"("action": "mask", "pattern": "(")") ==
        start + "the pattern \"(\" is none of RE2: missing ): (");
  CHECK(with(R"("action": "mask", "pattern": "a*")") ==
        start + "the pattern \"a*\" matches an empty text; it must take at least one character");
  for (const char* empty : {"\\\\b", "^$", "(?:)", "a|", "(a?)+", "a{0}", "(?i)"}) {
    INFO(empty);
    CHECK(with(R"("action": "mask", "pattern": ")" + std::string(empty) + "\"")
              .find("matches an empty text") != std::string::npos);
  }
  CHECK(with(R"("action": "mask", "pattern": "\\C")") ==
        start + "\\C matches a part of a character; use . instead");
  CHECK(with(R"("action": "mask", "pattern": "a)(b", "whole_words": true)").find("none of RE2") !=
        std::string::npos);
  CHECK(with(R"("action": "hide", "pattern": "a")") ==
        start + "action must be block, mask or flag, found the string \"hide\"");
  CHECK(with(R"("action": "mask", "where": "in", "pattern": "a")") ==
        start + "where must be input, output or both, found the string \"in\"");
  CHECK(with(R"("pattern": "a")") == start + "action is missing; it must be a string");
  CHECK(with(R"("action": "mask")") ==
        start + "there is nothing to look for; give a pattern or phrases");
  CHECK(with(R"("action": "mask", "patern": "a")") ==
        start + "there is no field \"patern\"; see safety/rule.hpp for them");
  CHECK(with(R"("action": "mask", "pattern": "a", "max_bytes": 0)") ==
        start + "max_bytes must be an integer from 1 to 4096, found 0");
  CHECK(with(R"("action": "mask", "phrase": "  ")") == start + "a phrase is empty");
  CHECK(with(R"("action": "mask", "phrase": "abcd", "max_bytes": 3)") ==
        start +
            "the phrase \"abcd\" has 4 bytes, more than max_bytes (3), and would never be found");
  CHECK(with(R"("action": "mask", "phrases": ["a", 7])") ==
        start + "phrases[1] must be a string, found 7");
  CHECK(with(R"("action": "flag", "pattern": "b", "must_match": "ac")") ==
        start + "must_match has \"ac\", in which the rule finds nothing");
  CHECK(with(R"("action": "flag", "pattern": "b", "must_pass": ["a", "ab"])") ==
        start + "must_pass has \"ab\", in which the rule finds something");
  CHECK(with(R"x("action": "mask", "pattern": "((((a{1000}){1000}){1000}){1000})")x")
            .find("none of RE2") != std::string::npos);
  CHECK(refusal(R"({"action": "mask"})") ==
        "rules.json: rules[0].name is missing; it must be a string");
  CHECK(refusal(R"({"name": ""})") == "rules.json: rule 1 has an empty name");
  CHECK(refusal(R"({"name": "r", "action": "flag", "phrase": "a"},)"
                R"({"name": "r", "action": "flag", "phrase": "b"})") ==
        "rules.json: rule \"r\" is there twice; give each its own name");
  CHECK_THROWS_AS(safety::rules::parse("{}", "rules.json"), error);
  CHECK_THROWS_AS(safety::rules::open("/no/such/rules.json"), error);
  CHECK(safety::rules::parse("[]", "rules.json").empty());
}

TEST_CASE("an answer under way keeps its rules when the file is read anew") {
  safety::rules house = one("old");
  const safety::rules held = house;
  screen passing = held.screen();
  house = one("new");
  CHECK(passing.feed("old new") + passing.finish() == "*** new");
}
