// Deduplication: planted duplicates in real text, shards, memory, and whatever may be wrong.
#include "ctgpt/data/dedup.hpp"

#include <set>

#include "base/corpora.hpp"
#include "base/error_text.hpp"
#include "data/dedup_case.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

dedup_settings only(bool exact, bool near, bool lines) {
  dedup_settings settings;
  settings.exact = exact;
  settings.near = near;
  settings.lines = lines;
  return settings;
}

// Paragraphs of a corpus joined to documents of at least `bytes`.
texts real_documents(const std::string& path, std::size_t bytes, std::size_t most) {
  const std::string all = read_file(path);
  texts list;
  for (std::size_t at = 0; at < all.size() && list.size() < most;) {
    std::size_t end = std::min(all.size(), at + bytes);
    end = std::min(all.find("\n", end), all.size());
    std::string text = all.substr(at, end - at);
    for (char& c : text) c = c == '\r' ? ' ' : c;
    if (!trimmed(text).empty() && utf8_error_offset(text) == text.npos) {
      list.push_back(std::move(text));
    }
    at = end + 1;
  }
  return list;
}

// Every `step`-th word is another one.
std::string altered(const std::string& text, std::size_t step) {
  std::string other;
  std::size_t words = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    other += ++words % step == 0 ? "another" : text.substr(at, end - at);
    if (end < text.size()) other += ' ';
    at = end + 1;
  }
  return other;
}

// Documents that are equal to one before; lines, of 20 bytes and more, that are.
struct naive {
  std::set<std::string> texts_seen, lines_seen;
  texts kept;
  void add(const std::string& text, bool lines) {
    if (!texts_seen.insert(text).second) return;
    std::string left;
    bool removed = false;
    for (std::size_t at = 0; lines && at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
      const std::string line = text.substr(at, end - at);
      const std::string bare(trimmed(line));
      const bool again = bare.size() >= 20 && !lines_seen.insert(bare).second;
      if (!again) left += line;
      removed = removed || again;
      at = end;
    }
    if (!lines || !removed) {
      kept.push_back(text);
    } else if (!trimmed(left).empty()) {
      kept.push_back(left);
    }
  }
};

TEST_CASE("dedup: small texts, each reason once") {
  const temporary_directory folder;
  const std::string eval = folder.file("eval.jsonl");
  write_file_atomic(eval, "{\"q\":\"How many apples does the tall farmer carry?\"}\n");
  const std::string fox = "The quick brown fox jumps over the lazy dog and runs away from here.";
  const texts list{fox,
                   "Well! How many apples does the tall farmer carry? Seven.",
                   fox,
                   "THE quick brown fox; jumps over the lazy dog, and runs away from here",
                   "A menu that stands on all pages\nown text\n",
                   "other text\nA menu that stands on all pages",
                   "  A menu that stands on all pages\n\n"};
  dedup_settings settings = only(true, true, true);
  settings.decontaminate = {eval};
  const auto paths = write_documents(folder, list, 2);
  const dedup_result result = dedup(paths, settings);
  CHECK(result.kept == texts{fox, list[4], "other text\n"});
  CHECK(result.dropped(dedup_reason::contaminated) == 1);
  CHECK(result.dropped(dedup_reason::exact) == 1);
  CHECK(result.dropped(dedup_reason::near) == 1);
  CHECK(result.dropped(dedup_reason::empty) == 1);
  CHECK(result.report.lines_removed == 2);
  CHECK(result.report.by_source == std::vector<std::uint64_t>{1});
  REQUIRE(result.report.examples.size() == 1);
  CHECK(result.report.examples[0].document == paths[0]);
  CHECK(result.report.examples[0].document_line == 2);
  CHECK(result.report.examples[0].evaluation == eval);
  CHECK(result.report.examples[0].evaluation_line == 1);
  const io::json json = io::parse_json(result.json, "report.json");
  const io::json_field report(json, "report.json");
  CHECK(report["read"]["documents"].integer() == 7);
  CHECK(report["kept"]["documents"].integer() == 3);
  CHECK(report["dropped"]["near_duplicate"]["documents"].integer() == 1);
  CHECK(report["contaminated_by"][0]["documents"].integer() == 1);
}

// Real text with everything planted; `clean` is what stands in it without.
struct planted {
  texts all;
  std::size_t clean = 0, exact = 0, near = 0, contaminated = 0, menus = 0;
};

const std::string menu_line = "Home | About us | Contact | All rights reserved by the publisher";

planted plant(const texts& pages, const texts& questions) {
  planted made;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (i % 5 == 1) {
      made.all.push_back(pages[i] + "\n" + menu_line);
      ++made.menus;
    } else {
      made.all.push_back(pages[i]);
    }
    ++made.clean;
    if (i >= 10 && i % 10 == 0) ++made.exact, made.all.push_back(pages[i - 10]);
    if (i >= 10 && i % 10 == 3) ++made.near, made.all.push_back(altered(pages[i - 10], 150));
    if (i % 10 == 7) {
      ++made.contaminated;
      made.all.push_back("Before it, " + std::to_string(i) + ": " + pages[i].substr(0, 90) + ".\n" +
                         questions[i % questions.size()] + "\nAnd after.");
    }
  }
  return made;
}

TEST_CASE("dedup: everything planted in real text is found, the rest stays" *
          doctest::timeout(600)) {
  const std::string dickens = corpus("text/dickens.txt"), lambada = corpus("eval/lambada.jsonl");
  if (dickens.empty() || lambada.empty()) return;
  const temporary_directory folder;
  texts questions;
  document_reader reader(lambada);
  while (const auto page = reader.next()) questions.push_back(page->text);
  questions.resize(40);
  const std::string eval = folder.file("eval.jsonl");
  write_lines(eval, questions);

  // Further on, the licence of the file's second book repeats that of its first.
  const texts pages = real_documents(dickens, 3000, 300);
  REQUIRE(pages.size() == 300);
  const auto untouched = dedup(write_documents(folder, pages, 1), only(true, true, false));
  CHECK(untouched.kept == pages);  // no page of Dickens is near another

  const planted made = plant(pages, questions);
  const auto paths = write_documents(folder, made.all, 5);
  dedup_settings settings = only(true, true, true);
  settings.shortest_line = menu_line.size() - 4;
  settings.decontaminate = {eval};
  const dedup_result result = dedup(paths, settings);
  CHECK(result.dropped(dedup_reason::contaminated) == made.contaminated);
  CHECK(result.report.by_source == std::vector<std::uint64_t>{made.contaminated});
  CHECK(result.dropped(dedup_reason::exact) == made.exact);
  CHECK(result.dropped(dedup_reason::near) == made.near);
  CHECK(result.dropped(dedup_reason::kept) + result.dropped(dedup_reason::empty) == made.clean);
  // The menu stays once; a few lines of Dickens that are as long stand in him twice.
  std::size_t menus = 0;
  for (const std::string& text : result.kept) menus += text.find(menu_line) != text.npos ? 1 : 0;
  CHECK(menus == 1);
  CHECK(result.report.lines_removed >= made.menus - 1);
  CHECK(result.report.lines_removed < made.menus + 20);

  // One run is three shards is eight threads is little memory.
  dedup_settings little = settings;
  little.memory = smallest_dedup_memory + 5 * made.all.size();
  for (const auto& [with, shards, threads] :
       {std::tuple{settings, 3u, 1}, {settings, 7u, 2}, {little, 1u, 8}, {little, 3u, 1}}) {
    const dedup_result other = dedup(paths, with, shards, threads);
    CHECK(other.json == result.json);
    CHECK(other.bytes == result.bytes);
  }
}

TEST_CASE("dedup: exact texts and lines as a naive pass finds them, in any memory") {
  random_stream random(11);
  texts list;  // many short texts of few lines, so that there is more than one run of each kind
  for (std::size_t i = 0; i < 40000; ++i) {
    std::string text;
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
      const std::uint64_t which = random.below(60000);
      text += (which % 7 == 0 ? "short " : "  a line of some length, number ") +
              std::to_string(which) + (which % 3 == 0 ? " \n" : "\n");
    }
    list.push_back(text);
  }
  const temporary_directory folder;
  const auto paths = write_documents(folder, list, 4);
  for (const bool lines : {false, true}) {
    naive expected;
    for (const std::string& text : list) expected.add(text, lines);
    for (const std::uint64_t memory : {std::uint64_t{9} << 20, std::uint64_t{1} << 28}) {
      dedup_settings settings = only(true, false, lines);
      settings.memory = memory;
      CHECK(dedup(paths, settings, 1).kept == expected.kept);
      CHECK(dedup(paths, settings, 3).kept == expected.kept);
    }
  }
  dedup_settings near = only(false, true, false);
  const dedup_result all = dedup(paths, near);
  near.memory = std::uint64_t{9} << 20;
  CHECK(dedup(paths, near, 3).bytes == all.bytes);
}

TEST_CASE("dedup: the text of a dropped document stays somewhere") {
  // The second is near the first and dropped; its own line is then no duplicate in the third.
  const std::string body =
      "one two three four five six seven eight nine ten eleven twelve "
      "thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty";
  std::string much;
  for (int i = 0; i < 20; ++i) much += body + " " + std::string(std::size_t(i) + 1, 'x') + "\n";
  const texts list{much, much + "A line that only two have", "A line that only two have\nand more"};
  const temporary_directory folder;
  dedup_settings settings = only(false, true, true);
  const dedup_result result = dedup(write_documents(folder, list, 1), settings);
  CHECK(result.kept == texts{much, list[2]});
}

TEST_CASE("dedup: a run goes on where it ended, and refuses what is not its own") {
  const temporary_directory folder;
  const auto paths = write_documents(folder, {"a text", "another text", "a text"}, 3);
  const auto files = facts_of(paths);
  const std::string out = folder.file("out"), signatures = out + "/signatures";
  const dedup_settings settings = only(true, true, false);
  const auto merge_error = [&] {
    const std::string text = error_text([&] { merge_signatures(out, files, settings); });
    CHECK(text.find('\n') == text.npos);
    return text;
  };
  CHECK(make_signatures(signatures, files, settings, {0, 3}));
  CHECK_FALSE(make_signatures(signatures, files, settings, {0, 3}));  // it is there
  CHECK(merge_error() == signatures + " lacks shard 1 of 3; make it with --shard 1/3");
  CHECK(make_signatures(signatures, files, settings, {1, 3}));
  CHECK(make_signatures(signatures, files, settings, {2, 3}));
  CHECK(contains_text(error_text([&] {
                        make_signatures(signatures, files, only(true, false, false), {0, 3});
                      }),
                      "was made with other flags or other data"));
  CHECK(contains_text(error_text([&] {
                        make_signatures(signatures, files, settings, {3, 3});
                      }),
                      "there is no shard 3 of 3"));

  dedup_settings small = settings;
  small.memory = smallest_dedup_memory;
  CHECK(contains_text(error_text([&] { merge_signatures(out, files, small); }),
                      "deduplicating 3 documents needs at least 8388623 bytes of memory"));
  small.memory -= 1;
  CHECK(error_text([&] { make_signatures(signatures, files, small, {}); }) ==
        "deduplication needs at least 8388608 bytes of memory, not 8388607");

  const std::string run = signatures + "/00000-of-00003/exact-00000.run";
  const std::string whole = read_file(run);
  write_file_atomic(run, whole.substr(0, 40));
  CHECK(contains_text(merge_error(), run + " is damaged: "));
  write_file_atomic(run, whole);
  const std::string manifest = signatures + "/00001-of-00003/shard.json";
  const std::string facts = read_file(manifest);
  write_file_atomic(manifest, "{\"version\":1,");
  CHECK(contains_text(merge_error(), manifest));
  write_file_atomic(manifest, facts);

  // What a merge that was killed leaves behind is in nobody's way.
  create_directories(signatures + "/merge.tmp-1/parts");
  write_file_atomic(signatures + "/merge.tmp-1/exact-00000.run", "half");
  write_file_atomic(out + "/part-00000.jsonl.zst", "moved before the end");
  const dedup_report report = merge_signatures(out, files, settings);
  CHECK(report[dedup_reason::kept].documents == 2);
  document_reader reader(out + "/part-00000.jsonl.zst");
  CHECK(reader.next()->text == "a text");
  CHECK_FALSE(is_directory(signatures));
  CHECK(contains_text(error_text([&] { check_dedup_output(out); }), "holds the result of a run"));
  CHECK(contains_text(error_text([&] { facts_of({folder.file("none")}); }), "cannot read "));
  CHECK(contains_text(error_text([&] { facts_of({"/dev/null"}); }), "is not a regular file"));
}

}  // namespace
