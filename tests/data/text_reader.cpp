// Plain text: one document a file, in pieces only where it is longer than the limit.
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::read_bytes;
using ctgpt_test::texts;

TEST_CASE("text: a file is a document with its name and no line") {
  const auto all = read_bytes("One line.\nTwo, caf\xC3\xA9.\n", "books/a.txt");
  REQUIRE(all.documents.size() == 1);
  CHECK(all.documents[0].text == "One line.\nTwo, caf\xC3\xA9.\n");
  CHECK(all.documents[0].source == "books/a.txt");
  CHECK(all.documents[0].line == 0);
  CHECK(all.counts.bytes == 22);
  CHECK(all.counts.bad == 0);
}

TEST_CASE("text: a byte order mark goes, other bytes stay as they are") {
  CHECK(read_bytes("\xEF\xBB\xBFtext", "a.txt").all() == texts{"text"});
  CHECK(read_bytes("Latin \xE9 and \xFF", "a.txt").all() == texts{"Latin \xE9 and \xFF"});
}

TEST_CASE("text: an empty file is left out, not bad") {
  for (const std::string text : {"", "\xEF\xBB\xBF"}) {
    const auto all = read_bytes(text, "a.txt");
    CHECK(all.documents.empty());
    CHECK(all.counts.left_out == 1);
    CHECK(all.counts.bad == 0);
  }
}

TEST_CASE("text: a long file comes in pieces that end with lines; put together they are the file") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "line " + std::to_string(i) + "\n";
  for (const std::uint64_t limit : {10u, 50u, 64u, 10000u}) {
    const auto all = read_bytes(text, "a.txt", {.max_document = limit});
    std::string together;
    std::int64_t line = 1;
    for (const document& page : all.documents) {
      CHECK(page.text.size() <= limit);
      CHECK(page.text.back() == '\n');
      if (all.documents.size() > 1) CHECK(page.line == line);
      line += std::count(page.text.begin(), page.text.end(), '\n');
      together += page.text;
    }
    CHECK(together == text);
  }
  CHECK(read_bytes(text, "a.txt", {.max_document = text.size()}).documents.size() == 1);
}

TEST_CASE("text: a line that is longer than the limit is cut between characters") {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "\xE2\x82\xAC\xF0\x9F\x98\x80";
  const auto all = read_bytes(text, "a.txt", {.max_document = 10});
  std::string together;
  for (const document& page : all.documents) {
    CHECK(utf8_error_offset(page.text) == std::string::npos);
    CHECK(page.line == 1);
    together += page.text;
  }
  CHECK(together == text);
  CHECK(all.documents.size() > 20);
}

TEST_CASE("text: a cut file gives what came before, then the sentence, once") {
  std::string text;
  random_stream random(3);
  for (int i = 0; i < 5000; ++i) text += std::to_string(random.below(1000000)) + "\n";
  const std::string packed = ctgpt_test::gzip(text);
  const std::string cut = packed.substr(0, packed.size() / 2);
  const auto all = read_bytes(cut, "a.txt.gz");
  REQUIRE(all.documents.size() == 1);
  CHECK(text.starts_with(all.documents[0].text));
  CHECK(all.counts.bad == 1);
  CHECK(all.said() == join("a.txt.gz: the gzip data end too early, after ",
                           all.documents[0].text.size(),
                           " good bytes of text; fetch the file again\n"));
  const auto none = read_bytes("not compressed", "a.txt.gz");
  CHECK(none.documents.empty());
  CHECK(none.counts.left_out == 0);
  CHECK(none.said() == "a.txt.gz: it is named as gzip data, but does not begin so\n");
}
