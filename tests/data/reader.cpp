// Every file is read as what it is: by its name, by its first bytes, below a directory, in parts.
#include "ctgpt/data/reader.hpp"

#include <unistd.h>

#include <array>
#include <thread>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::read_bytes;
using ctgpt_test::sentence_of;
using ctgpt_test::texts;

namespace {

file_format taken_for(const std::string& bytes, const std::string& name) {
  return document_reader(std::make_unique<memory_source>(bytes), name).format();
}

}  // namespace

TEST_CASE("reader: names of formats") {
  for (const char* name : {"auto", "text", "jsonl", "csv", "html", "wet", "wikipedia"}) {
    CHECK(name_of(file_format_of(name)) == name);
  }
  CHECK(sentence_of([] { file_format_of("parquet"); }) ==
        "there is no format 'parquet': give auto, text, jsonl, csv, html, wet or wikipedia");
}

TEST_CASE("reader: the format is that of the name, with or without compression") {
  CHECK(taken_for("{\"a\":1}", "a.txt") == file_format::text);
  CHECK(taken_for("x", "A.TXT") == file_format::text);
  CHECK(taken_for("x", "a.csv") == file_format::csv);
  CHECK(taken_for("x", "a.jsonl") == file_format::jsonl);
  CHECK(taken_for(ctgpt_test::zstd("x"), "a.jsonl.zst") == file_format::jsonl);
  CHECK(taken_for(ctgpt_test::gzip("x"), "a.warc.wet.gz") == file_format::wet);
  CHECK(taken_for("x", "a.html") == file_format::html);
}

TEST_CASE(
    "reader: the first bytes tell where the name does not, and a format that is given rules") {
  CHECK(taken_for("{\"text\":\"x\"}\n", "-") == file_format::jsonl);
  CHECK(taken_for("  <!DOCTYPE HTML><p>x", "index") == file_format::html);
  CHECK(taken_for("<?xml version=\"1.0\"?>\n<html>", "index") == file_format::html);
  CHECK(taken_for("<mediawiki xmlns=\"x\">", "a.xml") == file_format::wikipedia);
  CHECK(taken_for("WARC/1.0\r\n", "a.warc") == file_format::wet);
  CHECK(taken_for("Once upon a time", "story") == file_format::text);
  CHECK(read_bytes("{\"text\":\"x\"}", "a.txt", {.format = file_format::jsonl}).all() ==
        texts{"x"});
  CHECK(read_bytes("a,b", "a.csv", {.format = file_format::text}).all() == texts{"a,b"});
}

TEST_CASE("reader: what is no text of these formats is told and left out") {
  const auto said = [](const std::string& bytes, const std::string& name) {
    const auto all = read_bytes(bytes, name);
    CHECK(all.documents.empty());
    CHECK(all.counts.bad == 1);
    return all.said();
  };
  CHECK(said("PAR1xxxx", "a.parquet") == "a.parquet: it is a Parquet file; it is left out\n");
  CHECK(said("PK\x03\x04xx", "a.zip") == "a.zip: it is a zip archive; it is left out\n");
  CHECK(said("\xFD\x37zXZ", "a.txt.xz") == "a.txt.xz: it is an xz file; it is left out\n");
  CHECK(said(std::string("\x89PNG\0\0", 6), "a.png") ==
        "a.png: it is no text: it holds zero bytes; it is left out\n");
  CHECK(said(std::string("\xFF\xFE"
                         "a\0",
                         4),
             "a.txt") == "a.txt: it is UTF-16, not UTF-8; it is left out\n");
  for (const std::string text : {"[{\"text\":\"x\"}]", "{\n  \"text\": 1\n}"}) {
    CHECK(said(text, "a.json") ==
          "a.json: it is one JSON value; JSON is read as one object a line\n");
  }
  // Whoever names the format takes the bytes as they are.
  CHECK(read_bytes(std::string("a\0b", 3), "a", {.format = file_format::text}).documents.size() ==
        1);
}

TEST_CASE("reader: strict throws the sentence that would be counted, from wherever it comes") {
  const auto strict = [](std::string bytes, const std::string& name) {
    return sentence_of([&] {
      document_reader reader(std::make_unique<memory_source>(bytes), name, {.strict = true});
      while (reader.next()) continue;
    });
  };
  CHECK(strict("id\n1\n", "a.csv") ==
        "a.csv: line 1: there is no column 'text'; the header has id");
  CHECK(strict("text\n\"x", "a.csv") ==
        "a.csv: line 2: a quoted field of this record is never closed");
  CHECK(strict("x", "a.gz") == "a.gz: it is named as gzip data, but does not begin so");
  CHECK(strict("<mediawiki>", "a.xml").starts_with("a.xml: line 1: the XML is malformed: "));
  CHECK(strict("WARC/1.0\r\n\r\n", "a.wet") == "a.wet: record 1: its header has no Content-Length");
  const std::string packed = ctgpt_test::gzip("some text");
  CHECK(strict(packed.substr(0, packed.size() - 1), "a.gz")
            .starts_with("a.gz: the gzip data end too early, after 9 good bytes"));
  CHECK(strict("{\"text\":\"x\"}", "a.jsonl") == "(no error)");
}

TEST_CASE("reader: a file that is not there, or a directory, is the system's sentence") {
  CHECK(sentence_of([] { document_reader{"no/such/file"}; }) ==
        "cannot read no/such/file: No such file or directory");
  CHECK(sentence_of([] { document_reader{"/"}; }) == "cannot read /: Is a directory");
}

TEST_CASE("reader: progress counts the bytes on the disk") {
  const ctgpt_test::temporary_directory directory;
  const std::string packed = ctgpt_test::zstd("{\"text\":\"x\"}\n{\"text\":\"y\"}\n");
  write_file_atomic(directory.file("a.jsonl.zst"), packed);
  document_reader reader(directory.file("a.jsonl.zst"));
  while (reader.next()) continue;
  CHECK(reader.consumed() == packed.size());
  CHECK(reader.counts().documents == 2);
}

TEST_CASE("reader: counts of several files add up") {
  read_counts all = read_bytes("{\"text\":\"x\"}\n{\n{\"text\":\"\"}\n", "a.jsonl").counts;
  all.add(read_bytes("text\nabc\n1,2\n", "b.csv").counts);
  CHECK(all.documents == 2);
  CHECK(all.bytes == 4);
  CHECK(all.left_out == 1);
  CHECK(all.bad == 2);
  CHECK(all.messages.size() == 2);
}

TEST_CASE("reader: readers on several threads do not disturb each other") {
  const std::string page = "<p>caf&eacute;<p>two",
                    dump =
                        "<mediawiki><page><title>A</title><ns>0</ns><revision><text>b &amp;amp; "
                        "c</text></revision>"
                        "</page></mediawiki>";
  std::vector<std::thread> threads;
  std::array<int, 4> good{};
  for (int& count : good) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        document_reader html(std::make_unique<memory_source>(page), "a.html");
        document_reader wiki(std::make_unique<memory_source>(dump), "a.xml");
        count += html.next()->text == "caf\xC3\xA9\n\ntwo" && wiki.next()->text == "A\n\nb & c";
      }
    });
  }
  for (std::thread& each : threads) each.join();
  for (const int count : good) CHECK(count == 200);
}

TEST_CASE("paths: a directory stands for the files below it, in the order of their names") {
  const ctgpt_test::temporary_directory directory;
  for (const char* name : {"b", "a/deep", "empty", ".hidden"}) {
    create_directories(directory.file(name));
  }
  for (const char* name : {"b/2.txt", "b/10.txt", "a/z.txt", "a/deep/y.txt", "B.txt",
                           ".hidden/x.txt", "b/.x.txt", "b/z.txt.tmp-123"}) {
    write_file_atomic(directory.file(name), name);
  }
  REQUIRE(::symlink("../a/z.txt", directory.file("b/link.txt").c_str()) == 0);
  REQUIRE(::symlink("..", directory.file("b/up").c_str()) == 0);
  REQUIRE(::symlink("nowhere", directory.file("b/lost").c_str()) == 0);
  const auto below = [&](const texts& names) {
    texts paths;
    for (const std::string& name : names) paths.push_back(directory.file(name));
    return paths;
  };
  const texts all =
      below({"B.txt", "a/deep/y.txt", "a/z.txt", "b/10.txt", "b/2.txt", "b/link.txt"});
  CHECK(expand_paths({directory.path()}) == all);
  CHECK(expand_paths({directory.path() + "/"}) == all);
  CHECK(
      expand_paths({directory.file("b/2.txt"), directory.file("a"), directory.file("b/.x.txt")}) ==
      below({"b/2.txt", "a/deep/y.txt", "a/z.txt", "b/.x.txt"}));
  CHECK(expand_paths({}).empty());
  CHECK(sentence_of([&] { expand_paths({directory.file("empty")}); }) ==
        "there is no file to read below " + directory.file("empty"));
  CHECK(sentence_of([&] { expand_paths({directory.file("none")}); }) ==
        "cannot read " + directory.file("none") + ": No such file or directory");
}

TEST_CASE("paths: where there are parts, a directory stands for these") {
  const ctgpt_test::temporary_directory directory;
  for (const char* name : {"part-00001.jsonl.zst", "report.json", "part-00000.jsonl.zst",
                           "part-00002.jsonl.zst.tmp-77", "notes.txt"}) {
    write_file_atomic(directory.file(name), "x");
  }
  CHECK(expand_paths({directory.path()}) ==
        texts{directory.file("part-00000.jsonl.zst"), directory.file("part-00001.jsonl.zst")});
}

TEST_CASE("paths: a directory with a run's report and no part holds no document") {
  const ctgpt_test::temporary_directory directory;
  create_directories(directory.file("empty"));
  create_directories(directory.file("shard"));
  create_directories(directory.file("mine"));
  const std::string report = "{\"kept\": {\"documents\": 0}, \"parts\": []}";
  write_file_atomic(directory.file("empty/report.json"), report);
  for (const char* name : {"empty/lock", "empty/.note", "mine/report.json"}) {
    write_file_atomic(directory.file(name), "{\"text\": \"mine\"}");
  }
  write_file_atomic(directory.file("shard/report-00001-of-00003.json"), report);
  write_file_atomic(directory.file("mine/report-1.json"), report);
  const texts mine{directory.file("mine/report-1.json"), directory.file("mine/report.json")};
  CHECK(expand_paths({directory.path()}) == mine);
  CHECK(expand_paths({directory.file("empty"), directory.file("mine")}) == mine);
  for (const char* name : {"empty", "shard"}) {
    CHECK(sentence_of([&] { expand_paths({directory.file(name)}); }) ==
          "there is no document in " + directory.file(name) +
              ": it holds the report of a run, and no part");
  }
  write_file_atomic(directory.file("empty/notes.txt"), "x");
  CHECK(expand_paths({directory.file("empty")}).size() == 3);
  CHECK(is_report_name("report-00001-of-00003.json"));
  for (const char* other : {"report-00003-of-00003.json", "report-.json", "report.json.txt",
                            "report-00000-of-00001.json", "report-00001-of-00003.txt"}) {
    CHECK_FALSE(is_report_name(other));
  }
}
