// CSV as RFC 4180 has it: quotes, commas and line ends in fields, and a sentence for what is wrong.
#include "base/corpora.hpp"
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::read_bytes;
using ctgpt_test::texts;

TEST_CASE("csv: the column that the header names, quoted or not") {
  const auto all = read_bytes(
      "id,text,more\r\n1,plain,x\r\n2,\"with, comma\",\"x\"\r\n3,\"two\r\nlines\",\r\n"
      "4,\"say \"\"hi\"\"\",x\r\n5,\"\",x\r\n6,a\"b,\"\"",
      "a.csv");
  CHECK(all.all() == texts{"plain", "with, comma", "two\r\nlines", "say \"hi\"", "a\"b"});
  CHECK(all.documents[0].line == 2);
  CHECK(all.documents[3].line == 6);
  CHECK(all.documents[4].line == 8);
  CHECK(all.counts.left_out == 1);
  CHECK(all.counts.bad == 0);
}

TEST_CASE("csv: line ends, marks and empty lines") {
  const auto all = read_bytes("\xEF\xBB\xBF\n\ntext\n\none\n\r\ntwo\r\n\"\"\nthree\r", "a.csv");
  CHECK(all.all() == texts{"one", "two", "three\r"});
  CHECK(all.counts.left_out == 1);  // "" is a record, an empty line is none
  CHECK(read_bytes("a,b\n1,x\n2,y", "a.csv", {.field = "b"}).all() == texts{"x", "y"});
  CHECK(read_bytes("b,a\nx,1\n,2\n\"y\",3\n", "a.csv", {.field = "b"}).all() == texts{"x", "y"});
  CHECK(read_bytes("", "a.csv").counts.bad == 0);
  CHECK(read_bytes("text", "a.csv").documents.empty());
}

TEST_CASE("csv: bad records are told with their line, and reading goes on") {
  const auto all = read_bytes(
      "id,text\n1,a\n2\n3,b,c\n4,\"x\" y\n5,\"x\"\ry\n6,b\n7,\"never\nclosed, 8\n", "a.csv");
  CHECK(all.all() == texts{"a", "b"});
  CHECK(all.said() ==
        "a.csv: line 3: it has 1 column where the header has 2\n"
        "a.csv: line 4: it has 3 columns where the header has 2\n"
        "a.csv: line 5: text follows the closing quote of a field\n"
        "a.csv: line 6: text follows the closing quote of a field\n"
        "a.csv: line 8: a quoted field of this record is never closed\n");
  CHECK(all.counts.bad == 5);
}

TEST_CASE("csv: a header without the column gives nothing but a sentence with its columns") {
  const auto all = read_bytes("id,body\n1,x\n2,y\n", "a.csv");
  CHECK(all.documents.empty());
  CHECK(all.said() == "a.csv: line 1: there is no column 'text'; the header has id, body\n");
  CHECK(read_bytes("id,\"text", "a.csv").said() ==
        "a.csv: line 1: a quoted field of this record is never closed\n");
}

TEST_CASE("csv: a record longer than the limit is passed over") {
  const std::string filler(500, 'x');
  const auto all = read_bytes("id,text\n1,a\n2,\"" + filler + "\n\"\n3,b\n" + filler + ",c\n4,d\n",
                              "a.csv", {.max_document = 100});
  CHECK(all.all() == texts{"a", "b", "d"});
  CHECK(all.said() ==
        "a.csv: line 3: the record is longer than the 100 bytes allowed; it is left out\n"
        "a.csv: line 6: the record is longer than the 100 bytes allowed; it is left out\n");
}

TEST_CASE("csv: a cut file gives its whole records") {
  std::string text = "id,text\n";
  random_stream random(5);
  for (int i = 0; i < 3000; ++i) text += std::to_string(random.below(1000000)) + ",\"a\nb\"\n";
  const auto part = read_bytes(ctgpt_test::gzip(text).substr(0, 8000), "a.csv.gz");
  CHECK(part.documents.size() > 500);
  CHECK(part.counts.bad == 1);
  for (const document& page : part.documents) CHECK(page.text == "a\nb");
}

TEST_CASE("csv: tables of the real kind are read whole") {
  const std::string path = ctgpt_test::corpus("safety/hatecheck.csv");
  if (path.empty()) return;
  const auto all = ctgpt_test::drain(document_reader(path, {.field = "test_case"}));
  CHECK(all.documents.size() == 3728);
  CHECK(all.counts.bad == 0);
  const auto tweets = ctgpt_test::drain(
      document_reader(ctgpt_test::corpus("safety/offensive-tweets.csv"), {.field = "tweet"}));
  CHECK(tweets.documents.size() == 24783);
  CHECK(tweets.counts.bad == 0);
}

TEST_CASE("csv: a header is bounded, of whatever it is made") {
  const auto read = [](const std::string& bytes) {
    return ctgpt_test::drain(document_reader(std::make_unique<memory_source>(bytes), "a.csv"));
  };
  const std::string commas(5'000'000, ',');
  CHECK(read(commas + "\ntext\nx\n").said() == "a.csv: line 1: the header is too long\n");
  CHECK(read("text\n" + commas + "\nx\n").all() == texts{"x"});
}
