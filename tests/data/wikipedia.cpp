// Wikipedia's dumps: the articles, as a stream, from XML that may be cut, malformed or hostile.
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::read_bytes;
using ctgpt_test::texts;

namespace {

const std::string head = R"(<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <base>https://de.wikipedia.org/wiki/Hauptseite</base>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="1">Diskussion</namespace>
      <namespace key="6" case="first-letter">Datei</namespace>
      <namespace key="14">Kategorie</namespace>
    </namespaces>
  </siteinfo>
)";

std::string page(const std::string& title, const std::string& text, const std::string& ns = "0",
                 const std::string& more = "") {
  return "  <page>\n    <title>" + title + "</title>\n    <ns>" + ns + "</ns>\n    <id>1</id>\n" +
         more + "    <revision>\n      <id>2</id>\n      <comment>a comment</comment>\n" +
         "      <text bytes=\"1\" xml:space=\"preserve\">" + text +
         "</text>\n    </revision>\n  </page>\n";
}

}  // namespace

TEST_CASE("wikipedia: an article is its title and its text, with its address and number") {
  const std::string dump =
      head + page("Caf\xC3\xA9 &amp; Bar?", "'''A''' caf\xC3\xA9&lt;ref&gt;x&lt;/ref&gt;.") +
      page("Weiterleitung", "#REDIRECT [[x]]", "0", "    <redirect title=\"x\" />\n") +
      page("Diskussion:A", "talk", "1") + page("Leer", "{{nur Vorlage}}") +
      page("Zwei W\xC3\xB6rter", "[[Datei:a.jpg|mini]]\n\nText\n[[Kategorie:B]]") +
      "</mediawiki>\n";
  const auto all = read_bytes(ctgpt_test::bzip2(dump), "dewiki-pages-articles.xml.bz2");
  CHECK(all.all() == texts{"Caf\xC3\xA9 & Bar?\n\nA caf\xC3\xA9.", "Zwei W\xC3\xB6rter\n\nText"});
  CHECK(all.documents[0].url == "https://de.wikipedia.org/wiki/Caf%C3%A9_&_Bar%3F");
  CHECK(all.documents[0].line == 1);
  CHECK(all.documents[0].source == "dewiki-pages-articles.xml.bz2");
  CHECK(all.counts.left_out == 3);
  CHECK(all.counts.bad == 0);
  CHECK(read_bytes(dump, "stream").all() == all.all());  // by its first bytes
}

TEST_CASE("wikipedia: multistream dumps are many bzip2 streams of one XML text") {
  const std::string dump = ctgpt_test::bzip2(head) + ctgpt_test::bzip2(page("A", "a")) +
                           ctgpt_test::bzip2(page("B", "b")) + ctgpt_test::bzip2("</mediawiki>");
  CHECK(read_bytes(dump, "a-multistream.xml.bz2").all() == texts{"A\n\na", "B\n\nb"});
}

TEST_CASE("wikipedia: of several revisions the last one counts") {
  std::string two = page("A", "old");
  two.insert(two.find("  </page>"), "<revision><text>new</text></revision>");
  CHECK(read_bytes(head + two + "</mediawiki>", "a.xml").all() == texts{"A\n\nnew"});
}

TEST_CASE("wikipedia: malformed XML gives the pages before it and a sentence with its line") {
  const auto all = read_bytes(head + page("A", "a") + page("B", "<b>") + page("C", "c"), "a.xml");
  CHECK(all.all() == texts{"A\n\na"});
  CHECK(all.counts.bad == 1);
  CHECK(all.said().starts_with("a.xml: line 29: the XML is malformed: "));
  CHECK(all.said().ends_with("; the file ends here\n"));
  const auto cut = read_bytes(head + page("A", "a") + "  <page>\n    <title>B", "a.xml");
  CHECK(cut.all() == texts{"A\n\na"});
  CHECK(cut.counts.bad == 1);
  CHECK(read_bytes("", "a.xml", {.format = file_format::wikipedia}).counts.bad == 1);
}

TEST_CASE("wikipedia: of a cut file the damage is told, not what the XML lacks for it") {
  std::string dump = head;
  random_stream random(6);
  for (int i = 0; i < 20000; ++i) dump += page(std::to_string(i), std::to_string(random.next()));
  const std::string packed = ctgpt_test::bzip2(dump);
  const auto all = ctgpt_test::drain(document_reader(
      std::make_unique<memory_source>(std::string_view(packed).substr(0, packed.size() / 2)),
      "a.xml.bz2"));
  CHECK(all.documents.size() > 5000);
  CHECK(all.documents.size() < 15000);
  CHECK(all.counts.bad == 1);
  CHECK(all.said().starts_with("a.xml.bz2: the bzip2 data end too early"));
}

TEST_CASE("wikipedia: entities cannot be declared, so none explodes and no file is read") {
  const std::string bomb =
      "<!DOCTYPE mediawiki [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
      "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">]>\n";
  const auto all = read_bytes(bomb + head + page("A", "&d;") + "</mediawiki>", "a.xml",
                              {.format = file_format::wikipedia});
  CHECK(all.documents.empty());
  CHECK(all.said() ==
        "a.xml: line 1: a document type has no place in a dump; the file ends here\n");
  const std::string outside = "<!DOCTYPE mediawiki [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n" +
                              head + page("A", "&x;") + "</mediawiki>";
  CHECK(read_bytes(outside, "a.xml", {.format = file_format::wikipedia}).documents.empty());
  // Without a declaration, an entity is malformed.
  CHECK(read_bytes(head + page("A", "&x;") + "</mediawiki>", "a.xml").documents.empty());
}

TEST_CASE("wikipedia: a page over the limit is left out") {
  const auto all =
      read_bytes(head + page("A", std::string(2000, 'a')) + page("B", "b") + "</mediawiki>",
                 "a.xml", {.max_document = 1000});
  CHECK(all.all() == texts{"B\n\nb"});
  CHECK(all.said() == "a.xml: page 1 is longer than the 1000 bytes allowed; it is left out\n");
}

TEST_CASE("wikipedia: a tag of very many attributes does not cost the square of their number") {
  std::string tag = "<page";
  for (int i = 0; i < 500'000; ++i) tag += " a" + std::to_string(i) + "='>'";
  const std::string dump = head + page("A", "text") + tag + "></page></mediawiki>";
  const auto all = ctgpt_test::drain(document_reader(std::make_unique<memory_source>(dump), "a.xml",
                                                     {.format = file_format::wikipedia}));
  CHECK(all.all() == texts{"A\n\ntext"});
  REQUIRE(all.counts.messages.size() == 1);
  CHECK(all.counts.messages[0].ends_with(": a tag is longer than 16384 bytes; the file ends here"));
  // Quotes and '<' that are not of a tag.
  const std::string text = page("B", "it's &lt;a &lt; " + std::string(40'000, 'x') + "\"");
  const std::string plain = "<!-- it's < -->" + head + text + "</mediawiki>";
  CHECK(read_bytes(plain, "a.xml").documents.size() == 1);
}
