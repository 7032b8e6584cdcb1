// Wiki pages without their markup.
#include "ctgpt/data/readers/wiki_text.hpp"

#include <doctest/doctest.h>

#include "ctgpt/base/random.hpp"

using namespace ctgpt;
using namespace ctgpt::data;

TEST_CASE("wiki text: links give what they show") {
  CHECK(wiki_text("[[Paris]], [[France|the country]]s, [[a#b]]") == "Paris, the countrys, a#b");
  CHECK(wiki_text("[[:Category:Cities]] [[:File:x.png|x]]") == "Category:Cities x");
  CHECK(wiki_text("a [https://a.b/c label with words] b [http://a.b] c [mailto:x@y z]") ==
        "a label with words b c z");
  CHECK(wiki_text("https://a.b/c [not a link] [[[https://a.b x]]]") ==
        "https://a.b/c [not a link] x");
  CHECK(wiki_text("[[x|'''y''' z]] [[x| ]]") == "y z x");
  CHECK(wiki_text("[[de:Berlin]][[zh-yue:X]] [[wikt:word|word]]") == "word");
}

TEST_CASE("wiki text: pictures and categories go, with their captions") {
  CHECK(wiki_text("a [[File:x.jpg|thumb|A [[nested|one]] and [[Image:y.png]]\nmore]] b") == "a b");
  CHECK(wiki_text("[[Category:Cities]]\n[[image:a.png]]\ntext") == "text");
  CHECK(wiki_text("[[Datei:a.png|x]] b") == "x b");
  CHECK(wiki_text("[[Datei:a.png|x]] b", {.dropped = {"datei"}}) == "b");
}

TEST_CASE("wiki text: templates go at any depth, and the parentheses that held nothing else") {
  CHECK(wiki_text("a {{b|c={{d|{{e}}}}|f}} g") == "a g");
  CHECK(wiki_text("{{Infobox\n| a = [[b|c]]\n|}}\n{{{par|{{x}}}}}text") == "text");
  CHECK(wiki_text("Paris ({{IPA|x}}; {{lang|fr}}) is") == "Paris is");
  CHECK(wiki_text("f() and (a {{b}})") == "f() and (a)");
  CHECK(wiki_text("about {{convert|2|km}}, or {{x}}.") == "about, or.");
  CHECK(wiki_text("{{{{a}}}}b {{{{{c}}}}}d") == "b d");
  CHECK(wiki_text("{ not } {{a}b}} c") == "{ not } c");
}

TEST_CASE("wiki text: tables go") {
  CHECK(wiki_text("a\n{| class=x\n|-\n! h\n| [[b]] || {{c}}\n|}\nd") == "a\nd");
  CHECK(wiki_text("{|\n| x\n{|\n| inner\n|}\n| y\n|}\nafter") == "after");
  CHECK(wiki_text(":{|\n| x\n|}\n{{t|\n{|\n| y\n|}}}\nafter") == "after");
  CHECK(wiki_text("a\n<table><tr><td>x</table>\nb") == "a\n\nb");
  CHECK(wiki_text("a\n{|\n| never closed\nb") == "a\nb");
}

TEST_CASE("wiki text: references, comments and formulas go, with what is inside of them") {
  CHECK(wiki_text("a<ref>b {{c}} [[d]]</ref> e<ref name=\"x\" /> f<ref name=y>{{z}}</REF>.") ==
        "a e f.");
  CHECK(wiki_text("a <!-- {{ [[ --> b\n<!-- line -->\nc") == "a b\nc");
  CHECK(wiki_text("the number <math>\\pi</math>") == "the number");
  CHECK(wiki_text("a <ref>never closed") == "a never closed");
  CHECK(wiki_text("a <!-- never closed") == "a");
}

TEST_CASE("wiki text: tags leave their contents; nowiki and pre keep signs") {
  CHECK(wiki_text("a <b>b</b> H<sub>2</sub>O<br>c <br /> d") == "a b H2O\nc\nd");
  CHECK(wiki_text("1 < 2 and 3 > 2, <3") == "1 < 2 and 3 > 2, <3");
  CHECK(wiki_text("<nowiki>[[x]] {{y}} ''z''</nowiki>") == "[[x]] {{y}} ''z''");
  CHECK(wiki_text("<pre>a  [[b]]</pre>") == "a  [[b]]");
  CHECK(wiki_text("<nowiki>never [[closed") == "never [[closed");
}

TEST_CASE("wiki text: bold, italic, entities, magic words") {
  CHECK(wiki_text("'''b''' ''i'' '''''bi''''' it's ''''x''''") == "b i bi it's 'x'");
  CHECK(wiki_text("a&nbsp;b &amp; &lt;b&gt; &ndash; &#8364; &#x20AC; &nosuch; AT&T") ==
        "a\xC2\xA0"
        "b & <b> \xE2\x80\x93 \xE2\x82\xAC \xE2\x82\xAC &nosuch; AT&T");
  CHECK(wiki_text("__NOTOC__text __a__ __init__") == "text __a__ __init__");
}

TEST_CASE("wiki text: headings stand alone, and go when nothing is below them") {
  CHECK(wiki_text("intro\n== One ==\ntext\n=== Sub === \nmore\n== Two ==\n{{x}}\n=== S ===\n") ==
        "intro\n\nOne\n\ntext\n\nSub\n\nmore");
  CHECK(wiki_text("== Empty ==\n== Full ==\ntext") == "Full\n\ntext");
  CHECK(wiki_text("=== ''Deep'' ===\n==== Deeper ====\nx") == "Deep\n\nDeeper\n\nx");
  CHECK(wiki_text("a = b\n= c") == "a = b\n= c");
}

TEST_CASE("wiki text: lists lose their signs, empty lines are one at most") {
  CHECK(wiki_text("* a\n** b\n# c\n;term\n: d\n----\n\n\n\ne\n f") == "a\nb\nc\nterm\nd\n\ne\nf");
}

TEST_CASE("wiki text: what never closes loses its brackets only") {
  CHECK(wiki_text("a {{b [[c '''d") == "a b c d");
  CHECK(wiki_text("a }} b ]] c |} d") == "a b c |} d");
  CHECK(wiki_text("{{a [[b}} c]]") == "c");
}

TEST_CASE("wiki text: the cost is linear, whatever is left open") {
  const auto repeated = [](const std::string& piece) {
    std::string text;
    for (int i = 0; i < 200000; ++i) text += piece;
    return text;
  };
  // Quadratic cost would be hours.
  for (const char* piece :
       {"{{",        "}}",       "[[",   "]]",    "[http://a ", "<ref>", "<!--",    "<",
        "'''",       "(",        "&",    "{|\n",  "\n|}",       "{{{",   "[[File:", "__A",
        "== a ==\n", "<nowiki>", "[[a|", "{{}} ", "( ",         "<ref",  "\x1F ",   "| "}) {
    INFO(piece);
    CHECK(wiki_text(repeated(piece)).size() <= 200000 * 20);
  }
  CHECK(wiki_text(repeated("{{") + repeated("}}")) == "");
  CHECK(wiki_text(repeated("[[a|") + "x" + repeated("]]")).ends_with("x"));
  CHECK(wiki_text(repeated("[[a") + repeated("]]")).size() == 200000);
  CHECK(wiki_text("[[a|[[b|[[c|x]]]]]]") == "x");
}
