// Web pages: what a reader of the page would see, in lines, whatever the page is written in.
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::read_bytes;
using ctgpt_test::texts;

namespace {

std::string shown(const std::string& page) {
  return html_text(page_as_utf8(page)).value_or("(too deep)");
}

}  // namespace

TEST_CASE("html: words and lines as a browser shows them") {
  CHECK(shown("<p>One <b>bold</b>,\n  two.<p>Three") == "One bold, two.\n\nThree");
  CHECK(shown("a<br>b<br><br><br>c") == "a\nb\n\nc");
  CHECK(shown("<h1>Head</h1><div>a<div>b</div>c</div>") == "Head\n\na\nb\nc");
  CHECK(shown("<ul><li>one<li>two</ul>after") == "one\ntwo\nafter");
  CHECK(shown("<table><tr><td>1<td>2<tr><th>3</th><td>4</td></table>") == "1\t2\n3\t4");
  CHECK(shown("<pre>\n  code\n    more\n</pre>x") == "  code\n    more\n\nx");
  CHECK(shown("<span>a</span><span>b</span> <i>c</i>") == "ab c");
  CHECK(shown("") == "");
  CHECK(shown("just text, 1 < 2 & 3") == "just text, 1 < 2 & 3");
}

TEST_CASE("html: entities are decoded") {
  CHECK(shown("&lt;b&gt; &amp;amp; caf&eacute; &#233; &#x20AC; &hellip; &nosuch; AT&T") ==
        "<b> &amp; caf\xC3\xA9 \xC3\xA9 \xE2\x82\xAC \xE2\x80\xA6 &nosuch; AT&T");
  CHECK(shown("a&nbsp;b") ==
        "a\xC2\xA0"
        "b");
}

TEST_CASE("html: what is no text of the page is dropped") {
  CHECK(shown("<title>T</title><style>p {}</style><script>if (a < b) '<p>no</p>'</script>yes") ==
        "yes");
  CHECK(
      shown("<nav><ul><li>Home</ul></nav><noscript>no</noscript><select><option>no</select>yes") ==
      "yes");
  CHECK(shown("<p hidden>no</p><div style='color: red; Display : None'>no<p>no</div>yes") == "yes");
  CHECK(shown("<svg><text>no</text></svg><template><p>no</template><button>no</button>yes") ==
        "yes");
  CHECK(shown("a<!-- no -->b<?php no ?>c<img alt=no><input value=no hidden>d") == "abcd");
}

TEST_CASE("html: broken pages give what can be read") {
  CHECK(shown("<p>a</div></b><b>b<p>c</i>d") == "ab\n\ncd");
  CHECK(shown("<p>cut <a href='x") == "cut");
  CHECK(shown("</p></td></table>a") == "a");
  CHECK(shown(std::string("a\0b", 3)) ==
        "a\xEF\xBF\xBD"
        "b");
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<div>";
  CHECK(shown(deep + "x") == "(too deep)");
  std::string wide;
  for (int i = 0; i < 20000; ++i) wide += "<p>word</b></i></span>";
  CHECK(shown(wide).size() == 20000 * 6 - 2);
}

TEST_CASE("html: the character set is what the page says, what its bytes say, or windows-1252") {
  const std::string accent = "caf\xC3\xA9 \xE2\x82\xAC";
  CHECK(shown("caf\xC3\xA9 \xE2\x82\xAC") == accent);
  CHECK(shown("caf\xE9 \x80") == accent);
  CHECK(shown("<meta charset=iso-8859-1>caf\xE9 \x80") == accent);
  CHECK(shown("<META http-equiv='Content-Type' content='text/html; charset=ISO-8859-15'>caf\xE9 "
              "\xA4") == accent);
  CHECK(shown("<meta charset=\"utf-8\">caf\xC3\xA9 \xE2\x82\xAC") == accent);
  CHECK(shown("<meta charset=no-such-set>caf\xC3\xA9 \xE2\x82\xAC") == accent);
  CHECK(shown("\xEF\xBB\xBF<meta charset=latin1>caf\xC3\xA9 \xE2\x82\xAC") == accent);
  CHECK(shown("<meta charset=utf-8>caf\xE9 x") == "caf\xEF\xBF\xBD x");
  CHECK(shown("<meta charset=koi8-r>\xF0\xD2\xC9\xD7\xC5\xD4") ==
        "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82");
  CHECK(shown("<meta charset=shift_jis>\x93\xFA\x96\x7B") == "\xE6\x97\xA5\xE6\x9C\xAC");
  CHECK(shown(std::string("\xFF\xFE<\0p\0>\0c\0\xE9\0", 12)) == "c\xC3\xA9");
}

TEST_CASE("html: a page is a document; one that is too long or too deep is told") {
  const auto all = read_bytes("<!DOCTYPE html><html><body><p>a<p>b</body></html>", "d/a.html");
  CHECK(all.all() == texts{"a\n\nb"});
  CHECK(all.documents[0].source == "d/a.html");
  CHECK(all.documents[0].line == 0);
  CHECK(read_bytes("<html><script>x</script>", "a.htm").counts.left_out == 1);
  CHECK(read_bytes("<p>" + std::string(200, 'x'), "a.html", {.max_document = 100}).said() ==
        "a.html: the page is longer than the 100 bytes allowed; it is left out\n");
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += "<div>";
  CHECK(
      read_bytes(deep, "a.html").said() ==
      "a.html: the page nests deeper than 2000 elements, has one of more than 2000 attributes, or "
      "is longer than 2 GiB; it is left out\n");
  const std::string packed = ctgpt_test::gzip("<p>one<p>two" + std::string(100000, ' '));
  const auto part = read_bytes(packed.substr(0, packed.size() - 10), "a.html.gz");
  CHECK(part.all() == texts{"one\n\ntwo"});
  CHECK(part.counts.bad == 1);
}

TEST_CASE("html: an element of very many attributes does not cost the square of their number") {
  const auto element = [](int attributes, const std::string& between) {
    std::string text = "<a";
    for (int i = 0; i < attributes; ++i) text += between + "n" + std::to_string(i);
    return text;
  };
  CHECK(html_text(element(2000, " ") + ">x") == "x");
  // About an hour for libxml2.
  for (const char* between : {" ", "\n", "=1 ", "='a b' ", " ' "}) {
    INFO(between);
    CHECK(!html_text(element(300'000, between) + ">x").has_value());
  }
  for (const char* between : {" =' /", " = \"", "><br "}) {
    INFO(between);
    CHECK(html_text(element(300'000, between) + ">x").has_value());
  }
  // What looks like attributes and is none.
  const std::string words = element(5000, " ");
  CHECK(html_text("<p title='" + words + "'>x") == "x");
  CHECK(html_text("<!-- " + words + " -->x") == "x");
  CHECK(html_text("<Script>if (a<b && c) '" + words + "'</sCRIPT>x") == "x");
  CHECK(html_text("<style>" + words + "</style>x<p") == "x");
  CHECK(html_text("a < " + words.substr(2)).has_value());
  CHECK(!html_text("<script>1</script>" + words).has_value());
}
