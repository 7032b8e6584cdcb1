// WET files: one document a conversion record, and a way back when a record lies about its length.
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::read_bytes;
using ctgpt_test::result;
using ctgpt_test::texts;

namespace {

std::string record(const std::string& type, const std::string& url, const std::string& text,
                   std::size_t length) {
  return "WARC/1.0\r\nWARC-Type: " + type + "\r\nWARC-Target-URI: " + url +
         "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" +
         text + "\r\n\r\n";
}
std::string page(const std::string& url, const std::string& text) {
  return record("conversion", url, text, text.size());
}
const std::string information = record("warcinfo", "x", "Software-Info: x\r\nrobots: y\r\n", 29);

}  // namespace

TEST_CASE("wet: each conversion record is a document with its address") {
  const std::string text = "Title\nA line.\n\nWARC/1.0 is a format\n";
  const std::string bytes =
      information + page("http://a.b/c", text) + page("<urn:d>", "\xE2\x82\xAC") + page("e", "");
  const auto all = read_bytes(bytes, "a.warc.wet");
  CHECK(all.all() == texts{text, "\xE2\x82\xAC"});
  CHECK(all.documents[0].url == "http://a.b/c");
  CHECK(all.documents[1].url == "urn:d");
  CHECK(all.documents[0].line == 2);
  CHECK(all.documents[1].line == 3);
  CHECK(all.counts.left_out == 2);
  CHECK(all.counts.bad == 0);
  // As Common Crawl stores them: a gzip member for each record.
  const std::string packed = ctgpt_test::gzip(information) +
                             ctgpt_test::gzip(page("http://a.b/c", text)) +
                             ctgpt_test::gzip(page("f", "two"));
  CHECK(read_bytes(packed, "a.warc.wet.gz").all() == texts{text, "two"});
  CHECK(read_bytes(packed, "stream").all() == texts{text, "two"});  // by its first bytes
}

TEST_CASE("wet: names of header fields in any case, line ends without a return") {
  const std::string bytes =
      "WARC/1.1\nwarc-type: conversion\nContent-length:3\n\nabc\n\nWARC/1.1\nWARC-TYPE:conversion\n"
      "CONTENT-LENGTH: 3\n\ndef";
  CHECK(read_bytes(bytes, "a.wet").all() == texts{"abc", "def"});
}

TEST_CASE("wet: a length that is too long gives back the record that it swallowed") {
  const std::string bytes = page("a", "one") + record("conversion", "b", "lies", 60) +
                            page("c", "three") + page("d", "four");
  const auto all = read_bytes(bytes, "a.wet");
  CHECK(all.all() == texts{"one", "three", "four"});
  CHECK(all.said() ==
        "a.wet: record 2: its Content-Length of 60 bytes does not lead to the next record\n");
  // So long that it reaches past the end of the file.
  const auto past = read_bytes(
      page("a", "one") + record("conversion", "b", "lies", 100000) + page("c", "three"), "a.wet");
  CHECK(past.all() == texts{"one", "three"});
  CHECK(past.said().starts_with("a.wet: record 2: the file ends inside it, after "));
}

TEST_CASE("wet: a length that is too short, or none, costs that record only") {
  const auto all = read_bytes(
      page("a", "one") + record("conversion", "b", "a text that is longer", 5) + page("c", "three"),
      "a.wet");
  CHECK(all.all() == texts{"one", "three"});
  CHECK(all.said() ==
        "a.wet: record 2: its Content-Length of 5 bytes does not lead to the next record\n");
  const std::string head = "WARC/1.0\r\nWARC-Type: conversion\r\n";
  const auto none = read_bytes(head + "\r\nno length\r\n\r\n" + page("c", "three"), "a.wet");
  CHECK(none.all() == texts{"three"});
  CHECK(none.said() == "a.wet: record 1: its header has no Content-Length\n");
  for (const std::string length : {"-5", "five", "99999999999999999999999", ""}) {
    const auto odd = read_bytes(
        head + "Content-Length: " + length + "\r\n\r\nx\r\n\r\n" + page("c", "three"), "a.wet");
    CHECK(odd.all() == texts{"three"});
    CHECK(odd.said() == "a.wet: record 1: its Content-Length is no number of bytes\n");
  }
}

TEST_CASE("wet: a record over the limit, or what is no record, is passed over") {
  const auto all =
      read_bytes(page("a", "one") + page("b", std::string(500, 'x')) + page("c", "two"), "a.wet",
                 {.max_document = 100});
  CHECK(all.all() == texts{"one", "two"});
  CHECK(all.said() == "a.wet: record 2 is longer than the 100 bytes allowed; it is left out\n");
  const auto other = read_bytes("Some text.\nMore.\n\n" + page("c", "two"), "a.wet");
  CHECK(other.all() == texts{"two"});
  CHECK(other.said() ==
        "a.wet: after record 0: a line that begins no record; the next one is sought\n");
}

TEST_CASE("wet: a cut file gives its whole records") {
  const std::string bytes = page("a", "one") + page("b", "two") + page("c", "three");
  const std::string plain = page("a", "one") + page("b", "two");
  for (std::size_t cut = 1; cut < plain.size(); ++cut) {
    const auto part = ctgpt_test::drain(document_reader(
        std::make_unique<memory_source>(std::string_view(plain).substr(0, cut)), "a.wet"));
    CHECK(part.documents.size() <= 2);
    for (const document& each : part.documents) CHECK((each.text == "one" || each.text == "two"));
    CHECK(part.counts.bad <= 1);
  }
  const std::string packed = ctgpt_test::gzip(bytes);
  const auto part = read_bytes(packed.substr(0, packed.size() - 20), "a.wet.gz");
  CHECK(part.counts.bad == 1);
  CHECK(part.said().find("end too early") != std::string::npos);
}

TEST_CASE("wet: lengths that lie cost no more than the file, be it one or all of them") {
  std::string one = record("conversion", "b", "lies", 900'000'000), all = one;
  for (int i = 0; i < 200'000; ++i) one += page("c", "a text");
  for (int i = 0; i < 50'000; ++i) all += record("conversion", "c", "a text", 900'000'000);
  for (int i = 0; i < 50'000; ++i) all += "WARC/1.0\nContent-Length: 900000000\n\na text\n\n";
  const auto read = [](const std::string& bytes) {
    return ctgpt_test::drain(document_reader(std::make_unique<memory_source>(bytes), "a.wet"));
  };
  const auto first = read(one);  // terabytes are moved otherwise
  CHECK(first.documents.size() == 200'000);
  CHECK(first.counts.bad == 1);
  const auto every = read(all);
  CHECK(every.documents.empty());
  CHECK(every.counts.bad == 100'001);
}

TEST_CASE("wet: a length that lies in a file that is cut costs that record only") {
  const std::string bytes = page("a", "one") + record("conversion", "b", "lies", 900'000'000) +
                            page("c", "three") + page("d", std::string(100'000, 'x'));
  const std::string packed = ctgpt_test::gzip(bytes);
  const auto part = read_bytes(packed.substr(0, packed.size() - 20), "a.wet.gz");
  CHECK(part.all() == texts{"one", "three"});
  CHECK(part.counts.bad == 2);
}
