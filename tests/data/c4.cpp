// C4's and FineWeb's rules: each threshold from both sides.
#include "ctgpt/base/clock.hpp"
#include "ctgpt/data/pipeline.hpp"
#include "data/filters.hpp"

using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

const std::string sentence = "This is a line.\n";

// The text that is left of a line among five good ones, and the rule that took it out.
std::pair<bool, std::string> line_left(const std::string& line, c4_limits limits = {}) {
  c4 filter(limits);
  document page{.text = repeated(5, sentence) + line};
  CHECK(filter(page).keeps());
  tally told;
  filter.tell(told);
  const std::string good = repeated(5, sentence);
  if (page.text == good.substr(0, good.size() - 1)) {
    REQUIRE(told.all().size() == 1);
    return {false, told.all().begin()->first};
  }
  return {true, page.text.substr(good.size())};
}
void check_kept(const std::string& line, const std::string& left, c4_limits limits = {}) {
  CHECK(line_left(line, limits) == std::pair(true, left));
}
void check_taken(const std::string& line, const std::string& rule, c4_limits limits = {}) {
  CHECK(line_left(line, limits) == std::pair(false, rule));
}

}  // namespace

TEST_CASE("c4: words of up to 1,000 characters, lines of 3 words or more") {
  const std::string word(1000, 'x'), accents = repeated(1000, "\xC3\xA9");
  check_kept("A long " + word, "A long " + word, {.terminal_mark = false});
  check_taken("A long " + word + "x", "c4_long_word", {.terminal_mark = false});
  check_kept("A long " + accents, "A long " + accents, {.terminal_mark = false});
  check_taken("Two words.", "c4_few_words");
  check_kept("Now three words.", "Now three words.");
}

TEST_CASE("c4: lines end in one of five marks, and not in an ellipsis") {
  for (const char* mark : {".", "?", "!", "\"", "'"}) {
    const std::string line = std::string("Here it ends") + mark;
    check_kept("  " + line + " \r\n", line);
  }
  for (const char* mark : {"", ",", ";", ":", ")", "\xE2\x80\xA6", "\xE2\x80\x9D", "...", "...."}) {
    const std::string line = std::string("Here it ends") + mark;
    check_taken(line, "c4_no_mark");
    check_kept(line, line, {.terminal_mark = false});
  }
  check_kept("Here it ends..", "Here it ends..");
}

TEST_CASE("c4: lines about scripts and policies, in any case") {
  check_taken("Please turn JavaScript on.", "c4_javascript");
  check_kept("Please turn Java Script on.", "Please turn Java Script on.");
  for (const char* phrase : {"terms of use", "Privacy Policy", "cookie policy", "uses cookies",
                             "use of cookies", "USE COOKIES"}) {
    check_taken(std::string("We say ") + phrase + " here.", "c4_policy");
  }
  check_kept("We eat cookies here.", "We eat cookies here.");
}

TEST_CASE("c4: documents with dummy text or braces are dropped") {
  const std::string good = repeated(6, sentence);
  CHECK(said(c4(), good + "So Lorem Ipsum goes.") == "c4_lorem_ipsum");
  CHECK(said(c4(), good + "if (a) { b; } is code.") == "c4_brace");
  CHECK(said(c4(), good + "lorem ipsum") == "");  // in a line that goes anyway
  CHECK(said(c4(), good + "int main() {") == "");
  CHECK(said(c4({.terminal_mark = false}), good + "int main() {") == "c4_brace");
  CHECK(said(c4(), good + "The javascript { is out.") == "");
}

TEST_CASE("c4: five sentences or more") {
  CHECK(said(c4(), repeated(4, sentence)) == "c4_few_sentences");
  CHECK(said(c4(), repeated(5, sentence)) == "");
  CHECK(said(c4(), "It is one. It is two! Is it three? \"It is four.\" It is five.") == "");
  CHECK(said(c4(), "It is one. It is two! Is it three? \"It is four.\"") == "c4_few_sentences");
  CHECK(said(c4(), "") == "c4_few_sentences");
  CHECK(count_sentences("") == 0);
  CHECK(count_sentences("no end") == 1);
  CHECK(count_sentences("One?! (Two.) Three") == 3);
  CHECK(count_sentences("It costs 3.50 at www.a.b now.") == 1);
  CHECK(count_sentences("Mice, cats etc. are here. 5 of them.") == 2);
}

TEST_CASE("c4: citations are taken out of lines") {
  c4 filter;
  document page{.text = repeated(4, sentence) +
                        "A[1] fact[23][edit] is so[citation needed].[] Not [a] or [2b] or [3"};
  page.text += "\nTwo [1] words.";
  CHECK(filter(page).keeps() == false);  // its line ends in no mark
  page.text = repeated(5, sentence) + "A[1] fact[23][edit] is so[citation needed].[] It [a] [3.\n" +
              "Two words.[12]\nNot so [1] few[2].";
  CHECK(filter(page).keeps());
  CHECK(page.text == repeated(5, sentence) + "A fact is so. It [a] [3.\nNot so  few.");
  tally told;
  filter.tell(told);
  CHECK(told["c4_citations"] == 6 + 8);
  CHECK(told["c4_few_words"] == 2);
}

TEST_CASE("filters take time in proportion to a text, whatever it is made of") {
  const double begun = ctgpt::clock_seconds();
  for (const char* part : {"[1]", "[", ". ", ".", "\n", "a ", "'", "a'", "...", "\xE2\x80\xA6", "x",
                           "\xFF", "_", "[1] a.\n", "-\n", "use cookies ", "a\n\n"}) {
    const std::string text = repeated(1'000'000 / std::string(part).size(), part);
    said(pipeline(gopher({.fewest_words = 0, .most_words = 10'000'000}), c4(), fineweb()), text);
    said(gopher_repetition(), text);
    said(c4({.terminal_mark = false, .longest_word = 10'000'000}), text);
    said(fineweb(), text);
  }
  CHECK(ctgpt::clock_seconds() - begun < 60.0);
}

namespace {

fineweb_limits off() {
  return {.terminal_marks = -1, .short_lines = 9, .repeated_characters = 9, .line_feeds = 9};
}

}  // namespace

TEST_CASE("fineweb: lines that end in a terminal mark") {
  fineweb_limits only = off();
  only.terminal_marks = fineweb_limits{}.terminal_marks;
  for (const char* mark : {".", "?", "!", "\"", "'", "\xE3\x80\x82", "\xE2\x80\xA6"}) {
    const std::string ends = std::string("a line") + mark + "\n";
    CHECK(said(fineweb(only), repeated(3, ends) + repeated(22, "a line\n \n")) == "");
    CHECK(said(fineweb(only), repeated(2, ends) + repeated(23, "a line\n")) == "fineweb_no_mark");
  }
  CHECK(said(fineweb(only), repeated(25, "a line,\n")) == "fineweb_no_mark");
  CHECK(said(fineweb(), " \n\t\n") == "fineweb_empty");
  CHECK(said(fineweb(), "") == "fineweb_empty");
}

TEST_CASE("fineweb: lines of at most 30 characters") {
  fineweb_limits only = off();
  only.short_lines = fineweb_limits{}.short_lines;
  const std::string shorter = repeated(30, "\xC3\xA9") + "\n", longer = std::string(31, 'a') + "\n";
  CHECK(said(fineweb(only), repeated(67, shorter) + repeated(33, longer)) == "");
  CHECK(said(fineweb(only), repeated(68, shorter) + repeated(32, longer)) == "fineweb_short_lines");
}

TEST_CASE("fineweb: characters in lines that came before") {
  fineweb_limits only = off();
  only.repeated_characters = fineweb_limits{}.repeated_characters;
  const std::string twice = "ten chars.\nten chars.\n";
  CHECK(said(fineweb(only), twice + std::string(980, 'x') + "\n\n\n") == "");
  CHECK(said(fineweb(only), twice + std::string(979, 'x') + "\n\n\n") == "fineweb_dup_chars");
}

TEST_CASE("fineweb: line feeds for each word") {
  fineweb_limits only = off();
  only.line_feeds = fineweb_limits{}.line_feeds;
  CHECK(said(fineweb(only), "a b c d e f g\nh\ni\nj") == "");
  CHECK(said(fineweb(only), "a b c d e f g\nh\ni\nj\n") == "fineweb_line_feeds");
  CHECK(said(fineweb(only), "a b c d e f g\nh\ni\nj.\n") == "fineweb_line_feeds");
  CHECK(said(fineweb(only), "a b c d e f g\nh\ni\nj. k; l.\n") == "");  // marks are words
}

TEST_CASE("rules are named in a list") {
  const filter_rules rules = parse_filter_rules("gopher, fineweb");
  CHECK(rules.gopher);
  CHECK_FALSE(rules.c4);
  CHECK(rules.fineweb);
  CHECK_THROWS_WITH(parse_filter_rules("gopher,C4"),
                    "there is no rule 'C4': give gopher, c4 or fineweb, or several with commas "
                    "between them");
  CHECK_THROWS_AS(parse_filter_rules(""), ctgpt::usage_error);
}
