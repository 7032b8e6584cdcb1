// JSON lines: the field of every object, and a sentence for every line that has none.
#include <sys/resource.h>

#include "base/child.hpp"
#include "base/corpora.hpp"
#include "base/temporary.hpp"
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::read_bytes;
using ctgpt_test::texts;

TEST_CASE("jsonl: the field of each line, with the number of the line") {
  const auto all = read_bytes(
      "{\"id\":1,\"text\":\"one\\n\\u00e9\"}\n\n  {\"text\" : \"two\"}\r\n{\"text\":\"three\"}",
      "a.jsonl");
  CHECK(all.all() == texts{"one\n\xC3\xA9", "two", "three"});
  CHECK(all.documents[0].line == 1);
  CHECK(all.documents[1].line == 3);
  CHECK(all.documents[2].line == 4);
  CHECK(all.documents[2].source == "a.jsonl");
  CHECK(all.counts.bytes == 6 + 3 + 5);
  CHECK(all.counts.bad == 0);
  CHECK(read_bytes("\xEF\xBB\xBF{\"body\":\"x\"}\n", "a.jsonl", {.field = "body"}).all() ==
        texts{"x"});
}

TEST_CASE("jsonl: a document keeps the source and the address that its line names") {
  const auto all = read_bytes(
      "{\"text\":\"a\",\"source\":\"books/b.txt\",\"url\":\"https://a.b/c\"}\n"
      "{\"text\":\"b\",\"source\":7,\"url\":null}\n{\"text\":\"c\",\"source\":\"\"}\n",
      "a.jsonl");
  REQUIRE(all.documents.size() == 3);
  CHECK(all.documents[0].source == "books/b.txt");
  CHECK(all.documents[0].url == "https://a.b/c");
  CHECK(all.documents[1].source == "a.jsonl");
  CHECK(all.documents[1].url == "");
  CHECK(all.documents[2].source == "a.jsonl");
}

TEST_CASE("jsonl: a bad line is told with its place, and reading goes on") {
  const auto all = read_bytes(
      "{\"text\":\"a\"}\n{\"text\"\n{\"text\":17}\n{\"body\":\"x\"}\n[\"text\"]\n"
      "{\"text\":\"\xFF\"}\n{\"text\":\"b\"} more\n{\"text\":\"c\"}\n",
      "d/a.jsonl");
  CHECK(all.all() == texts{"a", "c"});
  CHECK(all.counts.bad == 6);
  CHECK(all.said() ==
        "d/a.jsonl: line 2, column 8: expected ':', found the end of the text\n"
        "d/a.jsonl: line 3: text must be a string, found 17\n"
        "d/a.jsonl: line 4: there is no field 'text'; the object has body\n"
        "d/a.jsonl: line 5: the whole text must be an object, found an array\n"
        "d/a.jsonl: line 6, column 10: the text is not UTF-8 (byte 9 of it)\n"
        "d/a.jsonl: line 7, column 14: expected the end of the text, found 'm'\n");
}

TEST_CASE("jsonl: strict throws the first of these sentences") {
  const std::string bytes = "{\"text\":\"a\"}\n{\n{\n";
  document_reader reader(std::make_unique<memory_source>(bytes), "a.jsonl", {.strict = true});
  CHECK(reader.next()->text == "a");
  CHECK(ctgpt_test::sentence_of([&] { reader.next(); }) ==
        "a.jsonl: line 2, column 2: expected a string or '}', found the end of the text");
}

TEST_CASE("jsonl: only the first messages are kept, all are counted") {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += "{x\n";
  const auto all = read_bytes(bytes, "a.jsonl");
  CHECK(all.counts.bad == 100);
  CHECK(all.counts.messages.size() == read_counts::most_messages);
}

TEST_CASE("jsonl: a line longer than the limit is passed over, and empty texts are left out") {
  const std::string filler(300, 'x');
  const auto all = read_bytes("{\"text\":\"a\"}\n{\"text\":\"" + filler +
                                  "\"}\n{\"text\":\"\"}\n{\"text\":\"b\"}\n{\"text\":\"" + filler,
                              "a.jsonl", {.max_document = 100});
  CHECK(all.all() == texts{"a", "b"});
  CHECK(all.counts.left_out == 1);
  CHECK(all.said() ==
        "a.jsonl: line 2 is longer than the 100 bytes allowed; it is left out\n"
        "a.jsonl: line 5 is longer than the 100 bytes allowed; it is left out\n");
}

TEST_CASE("jsonl: a cut file gives its whole lines; the damage is told once") {
  std::string text;
  random_stream random(4);
  for (int i = 0; i < 5000; ++i) {
    text += "{\"text\":\"" + std::to_string(random.below(1000000)) + "\"}\n";
  }
  for (const auto& [packed, name] : {std::pair(ctgpt_test::gzip(text), "a.jsonl.gz"),
                                     std::pair(ctgpt_test::zstd(text), "a.jsonl.zst"),
                                     std::pair(ctgpt_test::bzip2(text), "a.jsonl.bz2")}) {
    CHECK(read_bytes(packed, name).documents.size() == 5000);
    const auto part = read_bytes(packed.substr(0, packed.size() - 9), name);
    CHECK(part.counts.bad == 1);
    CHECK(part.said().find(" data end too early, after ") != std::string::npos);
    CHECK(part.documents.size() <= 5000);
  }
  const std::string packed = ctgpt_test::gzip(text);
  const auto half = read_bytes(packed.substr(0, packed.size() / 2), "a.jsonl.gz");
  CHECK(half.documents.size() > 1000);
  CHECK(half.documents.size() < 5000);
  CHECK(half.counts.bad == 1);
}

TEST_CASE("jsonl: a line of a gigabyte is passed over in little memory") {
  const ctgpt_test::temporary_directory directory;
  const std::string path = directory.file("a.jsonl");
  {
    output_file file = output_file::create(path);
    file.write("{\"text\":\"before\"}\n{\"text\":\"");
    file.close();
    REQUIRE(::truncate(path.c_str(), off_t{1} << 30) == 0);  // zeros that take no disk
    output_file rest = output_file::append(path);
    rest.write("\"}\n{\"text\":\"after\"}\n");
  }
  const auto child = ctgpt_test::in_child([&] {
    const auto all = ctgpt_test::drain(document_reader(path, {.max_document = 1 << 20}));
    struct rusage used {};
    ::getrusage(RUSAGE_SELF, &used);
    return join(all.documents.size(), " ", all.said(), used.ru_maxrss < 200000 ? "little" : "much");
  });
  CHECK(child.said == join("2 ", path,
                           ": line 2 is longer than the 1048576 bytes allowed; it is left out\n"
                           "little"));
}

TEST_CASE("jsonl: a set of passages of the real kind is read whole") {
  const std::string path = ctgpt_test::corpus("eval/lambada.jsonl");
  if (path.empty()) return;
  const auto all = ctgpt_test::drain(document_reader(path));
  CHECK(all.documents.size() == 5153);
  CHECK(all.counts.bad == 0);
}

TEST_CASE("jsonl: what stands beside the text does not cost fifty times its bytes") {
  std::string line = R"({"text": "a", "x": [)";
  for (int i = 0; i < 2'000'000; ++i) line += "0,";
  line += "0]}\n";
  const auto all = ctgpt_test::drain(document_reader(
      std::make_unique<memory_source>(line + "{\"text\": \"b\"}\n"), "a.jsonl"));
  CHECK(all.all() == texts{"b"});
  CHECK(all.said().starts_with("a.jsonl: line 1, column 2000"));
  CHECK(all.said().ends_with(": the text holds more than 1000000 values\n"));
}
