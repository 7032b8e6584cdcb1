// Pipelines, and runs that clean files: the same for any number of threads, in shards, and after a
// kill.
#include "ctgpt/data/clean.hpp"

#include <cstdio>
#include <map>

#include "base/corpora.hpp"
#include "base/temporary.hpp"
#include "ctgpt/base/clock.hpp"
#include "ctgpt/data/filters.hpp"
#include "ctgpt/data/normalise.hpp"
#include "data/documents.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

struct shorter_than {
  std::size_t bytes = 0;
  verdict operator()(document& page) const {
    return page.text.size() < bytes ? keep : drop("too_long");
  }
};
struct marked {
  std::uint64_t count = 0;
  verdict operator()(document& page) {
    page.text += "!";
    ++count;
    return keep;
  }
  void tell(tally& into) const { into.add("marked", count); }
};
struct failing {
  verdict operator()(document& page) const {
    if (page.text.starts_with("bad")) fail("cannot take ", page.text);
    return keep;
  }
};
static_assert(stage<shorter_than> && stage<marked> && stage<maybe<gopher>>);
static_assert(stage<pipeline<normalise, gopher, c4, fineweb>> && stage<pipeline<>>);

using test_stages = pipeline<shorter_than, marked>;

// Lines of JSON in two files and a compressed one, with a bad record each.
std::vector<std::string> write_inputs(const temporary_directory& here, int documents = 300) {
  std::vector<std::string> files;
  random_stream random(11);
  for (const char* name : {"a.jsonl", "b.jsonl.zst", "c.jsonl"}) {
    std::string lines;
    for (int i = 0; i < documents; ++i) {
      const std::string text = std::string(name) + " " + std::to_string(i) + " " +
                               std::string(static_cast<std::size_t>(random.below(400)), 'x');
      lines += "{\"text\": \"" + text + "\"}\n";
      if (i == documents / 2) lines += "{\"text\": 3}\n{\"text\": \"\"}\n";
    }
    files.push_back(here.file(name));
    write_file_atomic(files.back(), std::string(name).ends_with("zst") ? zstd(lines) : lines);
  }
  return files;
}

clean_options small(int threads = 1, work_shard shard = {}) {
  clean_options how;
  how.threads = threads;
  how.shard = shard;
  how.batch_bytes = 3000;
  how.part_bytes = 20'000;
  return how;
}

// Runs until the end, or a while.
clean_report cleaned(const std::string& out, const std::vector<std::string>& files,
                     clean_options how, int steps = 1'000'000) {
  cleaner<test_stages> run(out, files, test_stages({300}, {}), io::json::object(), how);
  while (steps-- > 0 && run.step()) continue;
  return run.report();
}

texts read_parts(const std::string& out) {
  texts all;
  for (const std::string& part : expand_paths({out})) {
    for (const document& page : drain(document_reader(part)).documents) {
      all.push_back(page.source.substr(page.source.rfind('/')) + page.text);
    }
  }
  return all;
}
std::map<std::string, std::string> bytes_of(const std::string& out) {
  std::map<std::string, std::string> files;
  for (const directory_entry& entry : list_entries(out)) {
    if (entry.name != "lock") files[entry.name] = read_file(out + "/" + entry.name);
  }
  return files;
}

}  // namespace

TEST_CASE("a pipeline's stages run in order, up to the one that drops") {
  test_stages all({10}, {});
  document small_one{.text = "small"}, large{.text = "much too large"};
  CHECK(all(small_one).keeps());
  CHECK(small_one.text == "small!");
  CHECK(all(large).reason == "too_long");
  CHECK(large.text == "much too large");
  const maybe<shorter_than> none;
  pipeline<maybe<shorter_than>, test_stages, maybe<marked>> nested(none, all, marked{});
  CHECK(nested(small_one).keeps());
  CHECK(small_one.text == "small!!!");
  tally told;
  nested.tell(told);
  CHECK(told["marked"] == 3);
}

TEST_CASE("of several documents that a stage fails for, the first one is told") {
  parallel_stage<failing> many({}, 3);
  std::vector<document> pages(200);
  for (const std::size_t i : {60u, 61u, 150u}) pages[i].text = "bad " + std::to_string(i);
  for (int round = 0; round < 20; ++round) {
    CHECK_THROWS_WITH(many.run(pages), "cannot take bad 60");
  }
}

TEST_CASE("cleaning: the counts add up, and threads change no byte") {
  const temporary_directory here;
  const auto files = write_inputs(here);
  const clean_report report = cleaned(here.file("one"), files, small());
  CHECK(report.finished);
  CHECK(report.input.documents == 900);
  CHECK(report.input.bad == 3);
  CHECK(report.input.left_out == 3);
  CHECK(report.kept + report.dropped.total() == 900);
  CHECK(report.dropped["too_long"] > 100);
  CHECK(report.changed["marked"] == report.kept);
  CHECK(report.parts.size() > 3);
  CHECK(read_parts(here.file("one")).size() == report.kept);
  for (const int threads : {2, 5}) {
    const std::string out = here.file("threads-" + std::to_string(threads));
    cleaned(out, files, small(threads));
    CHECK((bytes_of(out) == bytes_of(here.file("one"))));
  }
  const io::json saved = report.to_json();
  CHECK(clean_report::from_json(saved, "report").to_json() == saved);
}

TEST_CASE("cleaning: shards together are the one run, whatever files their borders cut") {
  const temporary_directory here;
  auto files = write_inputs(here);
  write_file_atomic(here.file("empty.jsonl"), "");
  files.insert(files.begin() + 1, here.file("empty.jsonl"));
  const clean_report whole = cleaned(here.file("one"), files, small());
  for (const std::uint32_t count : {2u, 3u, 7u, 40u}) {
    const std::string out = here.file("shards-" + std::to_string(count));
    clean_report sum;
    std::uint64_t most = 0;
    for (std::uint32_t index = 0; index < count; ++index) {
      const clean_report part = cleaned(out, files, small(1, {index, count}));
      sum.input.add(part.input);
      sum.kept += part.kept;
      sum.dropped.add(part.dropped);
      sum.changed.add(part.changed);
      most = std::max(most, part.input.documents);
    }
    CHECK(read_parts(out) == read_parts(here.file("one")));
    CHECK(sum.input.documents == whole.input.documents);
    CHECK(sum.input.bytes == whole.input.bytes);
    CHECK(sum.input.bad == whole.input.bad);
    CHECK(sum.input.left_out == whole.input.left_out);
    CHECK(sum.input.messages == whole.input.messages);
    CHECK(sum.kept == whole.kept);
    CHECK(sum.dropped == whole.dropped);
    CHECK(sum.changed == whole.changed);
    if (count < 4) CHECK(most < 900 * 2 / count);
  }
}

TEST_CASE("cleaning: a run that was stopped goes on, and ends as if it had not been") {
  const temporary_directory here;
  const auto files = write_inputs(here);
  cleaned(here.file("one"), files, small());
  const auto whole = bytes_of(here.file("one"));
  for (const int steps : {0, 1, 7, 8, 9, 20, 33, 40}) {
    const std::string out = here.file("stopped-" + std::to_string(steps));
    cleaned(out, files, small(), steps);
    const std::size_t parts = bytes_of(out).size();
    cleaned(out, files, small(2), steps);
    CHECK(bytes_of(out).size() >= parts);
    const clean_report end = cleaned(out, files, small());
    CHECK(end.finished);
    CHECK((bytes_of(out) == whole));
  }
  // A finished part is not done again: what it holds stays, whatever it is.
  const std::string out = here.file("kept");
  const clean_report first = cleaned(out, files, small(), 20);
  REQUIRE(first.parts.size() > 0);
  write_file_atomic(out + "/" + first.parts[0], "mine");
  // A part behind the last one that was reported is.
  write_file_atomic(out + "/" + part_name({}, static_cast<std::uint32_t>(first.parts.size())), "x");
  write_file_atomic(out + "/" + part_name({}, 0) + ".tmp-1-0", "half");
  cleaned(out, files, small());
  auto again = bytes_of(out);
  CHECK(again[first.parts[0]] == "mine");
  again[first.parts[0]] = whole.at(first.parts[0]);
  CHECK((again == whole));
  const auto before = bytes_of(here.file("one"));
  CHECK(cleaned(here.file("one"), files, small()).finished);
  CHECK((bytes_of(here.file("one")) == before));
}

TEST_CASE("cleaning: a directory of another run is refused") {
  const temporary_directory here;
  const auto files = write_inputs(here);
  const std::string out = here.file("out");
  REQUIRE(cleaned(out, files, small(), 20).parts.size() > 0);
  const std::string sentence =
      out + " holds a run with other settings or files; choose another directory";
  CHECK_THROWS_WITH(cleaned(out, {files[0]}, small()), sentence.c_str());
  clean_options larger = small();
  larger.part_bytes *= 2;
  CHECK_THROWS_WITH(cleaned(out, files, larger), sentence.c_str());
  ctgpt::create_directories(here.file("parts"));
  write_file_atomic(here.file("parts/part-00000.jsonl.zst"), "x");
  CHECK_THROWS_AS(cleaned(here.file("parts"), files, small()), error);
  CHECK_THROWS_AS(cleaned(here.file("one/more"), {here.file("none")}, small()), error);
  write_file_atomic(out + "/report.json", "{}");
  CHECK_THROWS_AS(cleaned(out, files, small()), error);
}

TEST_CASE("cleaning: files without a document are refused, and the directory serves another run") {
  const temporary_directory here;
  const auto files = write_inputs(here, 30);
  write_file_atomic(here.file("none.jsonl"), "");
  write_file_atomic(here.file("bad.jsonl"), "{\"text\": \"\"}\n{\"body\": \"x\"}\n{\n");
  const std::string out = here.file("out");
  CHECK_THROWS_WITH(cleaned(out, {here.file("none.jsonl")}, small()),
                    "there is no document in the files that were given");
  const std::string sentence = "there is no document that can be read: " + here.file("bad.jsonl") +
                               ": line 2: there is no field 'text'; the object has body (and 1 "
                               "more is wrong)";
  CHECK_THROWS_WITH(cleaned(out, {here.file("none.jsonl"), here.file("bad.jsonl")}, small()),
                    sentence.c_str());
  CHECK(cleaned(here.file("shards"), {here.file("bad.jsonl")}, small(1, {0, 2})).finished);
  const std::string none = ": it holds the report of a run, and no part";
  for (const std::string& run : {out, here.file("shards")}) {
    CHECK_THROWS_WITH(read_parts(run), ("there is no document in " + run + none).c_str());
  }
  CHECK(cleaned(out, files, small()).finished);
  CHECK((bytes_of(out) == bytes_of((cleaned(here.file("one"), files, small()), here.file("one")))));
}

TEST_CASE("cleaning: the filters' speed on a book, together and each, is printed") {
  const std::string path = corpus("text/dickens.txt");
  if (path.empty()) return;
  // Documents of some 4,000 bytes whose paragraphs are a line each.
  std::vector<document> pages(1);
  document book{.text = read_file(path)};
  normalise(parse_normalisations("whitespace"))(book);
  std::string_view rest = book.text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("\n\n"), rest.size());
    std::string paragraph(rest.substr(0, end));
    std::replace(paragraph.begin(), paragraph.end(), '\n', ' ');
    rest.remove_prefix(std::min(end + 2, rest.size()));
    pages.back().text += paragraph + "\n";
    if (pages.back().text.size() > 4000) pages.emplace_back();
  }
  REQUIRE(pages.size() > 1000);
  const auto time = [&](const char* name, auto each) {
    auto copies = pages;
    std::size_t bytes = 0, kept = 0;
    const double begun = clock_seconds();
    for (document& page : copies) {
      bytes += page.text.size();
      kept += each(page).keeps() ? 1 : 0;
    }
    const double speed = static_cast<double>(bytes) * 1e-6 / (clock_seconds() - begun);
    std::printf("%-24s %6.0f MB/s, %5.1f %% kept\n", name, speed,
                100.0 * static_cast<double>(kept) / static_cast<double>(pages.size()));
    CHECK(kept > pages.size() / 2);
    CHECK(speed > 5.0);
  };
  time("gopher", gopher());
  time("c4", c4({.terminal_mark = false}));
  time("fineweb", fineweb());
  time("gopher, c4, fineweb", pipeline(gopher(), c4({.terminal_mark = false}), fineweb()));
  time("normalise", normalise(parse_normalisations("entities,control,nfc,whitespace")));
}
