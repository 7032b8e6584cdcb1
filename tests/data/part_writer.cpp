// Parts come back as the documents that went in, are whole or not there, and mix with no others.
#include "ctgpt/data/part_writer.hpp"

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using ctgpt_test::names;
using ctgpt_test::sentence_of;
using ctgpt_test::texts;

namespace {

std::vector<document> some_documents(int count) {
  random_stream random(7);
  std::vector<document> list;
  for (int i = 0; i < count; ++i) {
    document page{.source = "in/" + std::to_string(i % 3) + ".txt"};
    const std::uint64_t words = 1 + random.below(200);
    for (std::uint64_t word = 0; word < words; ++word) {
      page.text +=
          std::to_string(random.below(1000)) + (word % 9 == 8 ? "\n" : " \"caf\xC3\xA9\" ");
    }
    if (i % 4 == 0) page.url = "https://a.b/" + std::to_string(i);
    list.push_back(std::move(page));
  }
  return list;
}

std::vector<document> read_parts(const std::string& directory) {
  std::vector<document> list;
  for (const std::string& path : expand_paths({directory})) {
    const auto part = ctgpt_test::drain(document_reader(path, {.strict = true}));
    list.insert(list.end(), part.documents.begin(), part.documents.end());
  }
  return list;
}

void check_same(const std::vector<document>& a, const std::vector<document>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].text == b[i].text);
    CHECK(a[i].source == b[i].source);
    CHECK(a[i].url == b[i].url);
  }
}

}  // namespace

TEST_CASE("parts: what is written is read back, and the same documents give the same bytes") {
  const std::vector<document> documents = some_documents(300);
  const ctgpt_test::temporary_directory directory;
  for (const char* name : {"one", "two"}) {
    part_writer out(directory.file(name), {.part_bytes = 50000});
    for (const document& page : documents) out.add(page);
    out.finish();
    out.finish();  // nothing more
    CHECK(out.documents() == 300);
    CHECK(out.parts().size() > 3);
    CHECK(out.parts().front() == "part-00000.jsonl.zst");
    CHECK(out.repaired() == 0);
  }
  check_same(read_parts(directory.file("one")), documents);
  for (const directory_entry& entry : list_entries(directory.file("one"))) {
    CHECK(read_file(directory.file("one/" + entry.name)) ==
          read_file(directory.file("two/" + entry.name)));
  }
}

TEST_CASE("parts: a part ends with the document that reaches its size") {
  const ctgpt_test::temporary_directory directory;
  part_writer out(directory.path(), {.part_bytes = 10});
  for (const char* text : {"123456789", "0", "a text of more than ten", "x"}) {
    out.add({.text = text, .source = "s"});
  }
  CHECK(directory.names().size() == 3);  // two parts and a temporary file
  out.finish();
  CHECK(out.parts() ==
        names{"part-00000.jsonl.zst", "part-00001.jsonl.zst", "part-00002.jsonl.zst"});
  CHECK(directory.names() == out.parts());
  CHECK(ctgpt_test::drain(document_reader(directory.file("part-00000.jsonl.zst"))).all() ==
        texts{"123456789", "0"});
  CHECK(out.bytes() == 9 + 1 + 23 + 1);
}

TEST_CASE("parts: without finish the part that was begun is not there") {
  const ctgpt_test::temporary_directory directory;
  {
    part_writer out(directory.path(), {.part_bytes = 3});
    out.add({.text = "abc"});
    out.add({.text = "d"});
  }
  CHECK(directory.names() == names{"part-00000.jsonl.zst"});
}

TEST_CASE("parts: sorted by name, those of the shards of a run are those of one run") {
  const std::vector<document> documents = some_documents(100);
  const ctgpt_test::temporary_directory directory;
  for (const std::uint32_t index : {2u, 0u, 1u}) {
    part_writer out(directory.path(), {.shard = {index, 3}, .part_bytes = 20000});
    for (std::size_t i = 100 * index / 3; i < 100 * (index + 1) / 3; ++i) out.add(documents[i]);
    out.finish();
  }
  CHECK(directory.names().front() == "part-00000-of-00003-00000.jsonl.zst");
  check_same(read_parts(directory.path()), documents);
}

TEST_CASE("parts: a run goes on after the parts that it has") {
  const ctgpt_test::temporary_directory directory;
  const std::vector<document> documents = some_documents(50);
  {
    part_writer out(directory.path(), {.part_bytes = 20000});
    std::size_t i = 0;
    while (out.parts().empty()) out.add(documents[i++]);
    part_writer more(directory.path(), {.part_bytes = 20000, .first_part = 1});
    while (i < documents.size()) more.add(documents[i++]);
    more.finish();
    CHECK(more.parts().front() == "part-00001.jsonl.zst");
  }
  check_same(read_parts(directory.path()), documents);
}

TEST_CASE("parts: a directory with other parts is refused") {
  const ctgpt_test::temporary_directory directory;
  const std::string path = directory.path();
  part_writer(path, {.shard = {0, 2}}).finish();  // writes nothing
  write_file_atomic(directory.file("part-00000-of-00002-00003.jsonl.zst"), "");
  CHECK(sentence_of([&] { part_writer{path}; }) ==
        path +
            " holds part-00000-of-00002-00003.jsonl.zst, a part of a run with another number of "
            "shards; choose another directory");
  CHECK(sentence_of([&] {
          part_writer(path, {.shard = {0, 2}, .first_part = 3});
        }) == path +
                  " holds part-00000-of-00002-00003.jsonl.zst already; remove it or choose another "
                  "directory");
  CHECK(sentence_of([&] {
          part_writer(path, {.shard = {0, 2}, .first_part = 4});
        }) == "(no error)");
  CHECK(sentence_of([&] { part_writer(path, {.shard = {1, 2}}); }) == "(no error)");
  CHECK(sentence_of([&] {
          part_writer(path, {.shard = {2, 2}});
        }) == "there is no shard 2 of 2: shards are counted from 0");
}

TEST_CASE("parts: text that is not UTF-8 is mended and counted") {
  const ctgpt_test::temporary_directory directory;
  part_writer out(directory.path());
  out.add({.text = "caf\xE9", .source = "\xFF.txt"});
  out.add({.text = "fine", .source = "b"});
  out.finish();
  CHECK(out.repaired() == 1);
  const std::vector<document> back = read_parts(directory.path());
  CHECK(back[0].text == "caf\xEF\xBF\xBD");
  CHECK(back[0].source == "\xEF\xBF\xBD.txt");
  CHECK(back[1].text == "fine");
}

TEST_CASE("parts: names are made and understood") {
  CHECK(part_name({}, 12) == "part-00012.jsonl.zst");
  CHECK(part_name({3, 17}, 12) == "part-00003-of-00017-00012.jsonl.zst");
  for (const work_shard shard : {work_shard{}, work_shard{0, 2}, work_shard{99998, 99999}}) {
    const std::optional<part_id> id = part_of_name(part_name(shard, 99999));
    REQUIRE(id);
    CHECK(id->shard == shard);
    CHECK(id->number == 99999);
  }
  for (const char* name : {"part-1.jsonl.zst", "part-00001.jsonl", "part-00001.jsonl.zst.tmp-3",
                           "part-0000a.jsonl.zst", "part-00002-of-00002-00000.jsonl.zst",
                           "part-00000-of-00001-00000.jsonl.zst", "part-", ""}) {
    CHECK(!part_of_name(name));
  }
}
