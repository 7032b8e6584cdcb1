// The guide's programs (include/ctgpt/data/README.md) do what it says.
#include "base/temporary.hpp"
#include "ctgpt/data/part_writer.hpp"
#include "ctgpt/data/reader.hpp"

namespace {

namespace data = ctgpt::data;

// Every document that is not tiny, from files of any kind, as parts.
data::read_counts collect(const std::vector<std::string>& paths, const std::string& out) {
  data::part_writer parts(out);
  data::read_counts counts;
  for (const std::string& path : data::expand_paths(paths)) {
    data::document_reader reader(path, {.field = "text"});
    while (const auto page = reader.next()) {
      if (page->text.size() >= 20) parts.add(*page);
    }
    counts.add(reader.counts());
  }
  parts.finish();
  return counts;
}

}  // namespace

TEST_CASE("guide: a program that collects documents from files of any kind") {
  const ctgpt_test::temporary_directory directory;
  ctgpt::create_directories(directory.file("in"));
  ctgpt::write_file_atomic(directory.file("in/a.txt"), "A text of some length.");
  ctgpt::write_file_atomic(
      directory.file("in/b.jsonl"),
      "{\"text\":\"tiny\"}\n{\"text\":\n{\"text\":\"another text of length\"}\n");
  ctgpt::write_file_atomic(directory.file("in/c.html"), "<p>A page about <b>something</b>.");
  const data::read_counts counts = collect({directory.file("in")}, directory.file("out"));
  CHECK(counts.documents == 4);
  CHECK(counts.bad == 1);
  CHECK(counts.messages.front() ==
        directory.file("in/b.jsonl") +
            ": line 2, column 9: expected a value, found the end of the text");
  data::document_reader part(directory.file("out/part-00000.jsonl.zst"));
  CHECK(part.next()->source == directory.file("in/a.txt"));
  CHECK(part.next()->text == "another text of length");
  CHECK(part.next()->text == "A page about something.");
  CHECK(!part.next());
}
