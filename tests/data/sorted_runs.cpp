// Sorting and merging on the disk, against std::sort; damaged runs.
#include "ctgpt/data/sorted_runs.hpp"

#include <doctest/doctest.h>

#include "base/error_text.hpp"
#include "base/temporary.hpp"
#include "ctgpt/base/random.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

std::vector<entry> random_entries(std::size_t count, std::uint64_t seed) {
  random_stream random(seed);
  std::vector<entry> entries(count);
  for (entry& each : entries) each = {random.next() % 1000, random.next(), random.next() % 3};
  return entries;
}

std::vector<entry> merged(const std::vector<std::string>& runs, const std::string& scratch,
                          std::uint64_t memory) {
  std::vector<entry> all;
  merge_runs(runs, scratch, memory, [&](const entry& next) { all.push_back(next); });
  return all;
}

TEST_CASE("sorted runs: any number of runs and any memory give the sorted sequence") {
  std::vector<entry> expected = random_entries(20000, 5);
  const std::vector<entry> given = expected;
  std::sort(expected.begin(), expected.end());
  for (const std::uint64_t held : {100u, 999u, 20000u, 100000u}) {
    const temporary_directory folder;
    entry_sorter sorter(folder.file("run"), held * sizeof(entry));
    for (const entry& each : given) sorter.add(each);
    const std::vector<std::string> runs = sorter.finish();
    CHECK(runs.size() == (20000 + held - 1) / held);
    for (const std::uint64_t memory : {40000u, 100000u, 1u << 26}) {  // 2 runs at a time, 6, all
      CHECK(merged(runs, folder.file("scratch"), memory) == expected);
      CHECK(folder.names().size() == runs.size());  // passes leave nothing behind
    }
  }
  const temporary_directory folder;
  CHECK(entry_sorter(folder.file("run"), 1 << 20).finish().empty());
  CHECK(merged({}, folder.file("scratch"), 1 << 20).empty());
}

TEST_CASE("sorted runs: whatever is wrong with a file is said with its name") {
  const temporary_directory folder;
  entry_sorter sorter(folder.file("run"), 1 << 20);
  for (const entry& each : random_entries(500, 6)) sorter.add(each);
  const std::string path = sorter.finish().front();
  const std::string whole = read_file(path);
  const auto said = [&](const std::string& bytes) {
    write_file_atomic(path, bytes);
    const std::string text = error_text([&] { merged({path}, folder.file("s"), 1 << 20); });
    CHECK(contains_text(text, path + " is damaged: "));
    CHECK(text.find('\n') == text.npos);
    return text;
  };
  CHECK(contains_text(said(""), "does not begin"));
  CHECK(contains_text(said("a text of more than thirty-two bytes, but no run"), "does not begin"));
  CHECK(contains_text(said(whole.substr(0, whole.size() - 24)), "its header speaks of 500"));
  CHECK(contains_text(said(whole.substr(0, whole.size() - 1)), "its header speaks of 500"));
  for (const std::size_t at : {std::size_t{24}, std::size_t{40}, whole.size() - 1}) {
    std::string bad = whole;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    CHECK(contains_text(said(bad), "its checksum is wrong"));
  }
  CHECK(contains_text(error_text([&] { merged({folder.file("none")}, folder.file("s"), 1 << 20); }),
                      "cannot read " + folder.file("none")));
}

}  // namespace
