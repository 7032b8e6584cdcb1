// The index of evaluation texts; names of texts and lines.
#include "ctgpt/data/contamination.hpp"

#include <doctest/doctest.h>

#include "base/error_text.hpp"
#include "base/temporary.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

using place = contamination_index::place;

std::optional<place> find(const contamination_index& index, const std::string& text) {
  word_hashes words;
  words.read(text);
  return index.find(words);
}

const std::string question =
    "A train leaves the old station at 9 in the morning and arrives 40 miles away at noon.";

TEST_CASE("contamination: twelve words in a row are found, eleven are not") {
  contamination_index index;
  index.add_text(question, {});
  CHECK(find(index, "Long before. " + question + " Long after."));
  CHECK(find(index, "x a TRAIN leaves; the old station at 12 in the morning and y"));
  CHECK_FALSE(find(index, "x a train leaves the old station at 9 in the morning y and arrives"));
  CHECK_FALSE(find(index, ""));
}

TEST_CASE("contamination: short texts are found whole, the shortest are left out") {
  contamination_index index;
  index.add_text("What is the capital of France?", {});
  index.add_text("Yes, of course.", {});
  CHECK(index.texts() == 1);
  CHECK(index.too_short() == 1);
  CHECK(find(index, "He asked: what is the capital of France, and she knew."));
  CHECK_FALSE(find(index, "What is the capital of Spain? Yes, of course."));
}

TEST_CASE("contamination: files of every kind, with the line that is named") {
  const temporary_directory folder;
  const auto line_of = [&](const std::string& name, const std::string& contents,
                           const std::string& text) {
    write_file_atomic(folder.file(name), contents);
    contamination_index index;
    index.add_file(folder.file(name));
    CHECK(index.sources() == names{folder.file(name)});
    CHECK_FALSE(find(index, "nothing of all that stands in this sentence, whoever may read it"));
    const auto found = find(index, text);
    return found ? static_cast<int>(found->line) : -1;
  };
  CHECK(line_of("a.jsonl",
                "{\"id\":7,\"ctx\":\"Some other words that stand in front\"}\n\n"
                "{\"q\":{\"all\":[\"one\",\"" +
                    question + "\"]}}\n",
                question) == 3);
  CHECK(line_of("b.txt", "The first line has these six words\nThe second has not the same words\n",
                "Well: the second has not the same words!") == 2);
  CHECK(line_of("c.txt",
                "A paragraph that is wrapped\ninto several lines here\n\nAnother one that "
                "is long\nenough to be found at last\n",
                "Another one that is long enough to be found at last") == 4);
  CHECK(line_of("d.csv", "text,label\n\"" + question + "\",1\n", question) >= 0);
  CHECK(line_of("f.csv", "id,answer,question\n1,yes,\"" + question + "\"\n", question) >= 0);
}

TEST_CASE("contamination: a file without evaluation texts is refused in a sentence") {
  const temporary_directory folder;
  contamination_index index;
  write_file_atomic(folder.file("a.jsonl"), "{\"label\":\"yes\"}\n");
  CHECK(error_text([&] { index.add_file(folder.file("a.jsonl")); }) ==
        folder.file("a.jsonl") + " holds no evaluation text of at least 5 words");
  write_file_atomic(folder.file("b.jsonl"), "{\"a\":\"one two three four five\"}\n{\"a\":\n");
  CHECK(contains_text(error_text([&] { index.add_file(folder.file("b.jsonl")); }),
                      folder.file("b.jsonl") + ": line 2"));
  CHECK(contains_text(error_text([&] { index.add_file(folder.file("none")); }), "cannot read "));
}

TEST_CASE("exact: a text's name is half its SHA-256, a line's does not see blank ends") {
  CHECK(text_digest("abc") == digest_128{0xba7816bf8f01cfea, 0x414140de5dae2223});
  std::vector<std::pair<std::uint64_t, std::uint64_t>> lines;
  for_each_line("first line\n\n  first line \r\nab\nlast", 3,
                [&](std::uint64_t n, std::uint64_t h) { lines.emplace_back(n, h); });
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].first == 0);
  CHECK(lines[1].first == 2);
  CHECK(lines[2].first == 4);
  CHECK(lines[0].second == lines[1].second);
  CHECK(lines[0].second != lines[2].second);
}

TEST_CASE("exact: a text without some of its lines") {
  using numbers = std::vector<std::uint64_t>;
  const std::string text = "a\nb\n\nc";
  CHECK(without_lines(text, numbers{}) == text);
  CHECK(without_lines(text, numbers{0}) == "b\n\nc");
  CHECK(without_lines(text, numbers{1, 3}) == "a\n\n");
  CHECK(without_lines(text, numbers{0, 1, 2, 3}).empty());
  CHECK(without_lines("", numbers{0}).empty());
}

}  // namespace
