// Deduplication and decontamination of any amount of text in bounded memory.
//
// const auto files = facts_of(expand_paths({"clean/"}));
// make_signatures("out/signatures", files, settings, {}, threads);
// const dedup_report report = merge_signatures("out", files, settings);
//
// In this order, each step looking at what the ones before have kept: a document that shares text
// with an evaluation set is dropped; of documents with equal texts, and of near-duplicates that
// share a MinHash bucket or are connected by such pairs, the first stays; of equal lines the first
// stays, and a document that has lost all its text with its lines is dropped.
// The order is that of the files and of the documents in them. The result goes to parts in `out`
// (data/part_writer.hpp) and report.json; afterwards the signatures are removed. A killed run goes
// on from the shards of signatures that are whole.
// Ensures: the same parts for 1 and N shards, 1 and N threads, and any bound of memory. Counts add
// up: documents == kept + the sum of dropped.
// Memory: settings.memory, at least smallest_dedup_memory and 5 bytes a document, and the largest
// document. Disk: 24 bytes a document (exact), 336 (near), 24 a line (lines).
// Errors: memory too small for the documents; files without one; those of signatures.hpp and
// part_writer.hpp; a file that has changed since its signatures were made.
#pragma once

#include <filesystem>

#include "ctgpt/data/part_writer.hpp"
#include "ctgpt/data/signatures.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

enum class dedup_reason : std::uint8_t { kept, contaminated, exact, near, empty };
inline constexpr std::string_view dedup_reason_names[] = {"kept", "contaminated", "exact_duplicate",
                                                          "near_duplicate", "no_line_left"};

struct dedup_report {
  struct count {
    std::uint64_t documents = 0, bytes = 0;
  };
  struct contamination {  // a document that was dropped, and the text that it shares
    std::string document, evaluation;
    std::uint64_t document_line = 0, evaluation_line = 0;
  };
  static constexpr std::size_t most_examples = 20;

  std::array<count, std::size(dedup_reason_names)> of{};
  std::uint64_t lines_removed = 0, line_bytes_removed = 0;
  std::vector<std::uint64_t> by_source;  // contaminated documents, for each evaluation file
  std::vector<contamination> examples;
  read_counts read;
  std::vector<std::string> parts;
  std::uint64_t repaired = 0;

  const count& operator[](dedup_reason why) const { return of[static_cast<std::size_t>(why)]; }
  count& operator[](dedup_reason why) { return of[static_cast<std::size_t>(why)]; }
  count all() const {
    count sum;
    for (const count& each : of) {
      sum.documents += each.documents;
      sum.bytes += each.bytes;
    }
    return sum;
  }
};

namespace detail {
class dedup_merge {
 public:
  dedup_merge(const std::string& out, const std::vector<file_facts>& files,
              const dedup_settings& settings, const dedup_progress& tell)
      : out_(without_trailing_slashes(out)),
        work_(out_ + "/signatures/merge.tmp-" + std::to_string(::getpid())),
        files_(files),
        settings_(settings),
        tell_(tell),
        signatures_(load_signatures(out_ + "/signatures", files, settings)) {
    for (const std::uint64_t count : signatures_.documents) {
      starts_.push_back(starts_.empty() ? 0 : starts_.back() + before_);
      before_ = count;
    }
    const std::uint64_t documents = signatures_.read.documents;
    const std::uint64_t tables = 5 * documents;
    expects(documents < (std::uint64_t{1} << 32),
            "there are more than 4 billion documents; give fewer at a time");
    expects(settings.memory >= smallest_dedup_memory + tables, "deduplicating ", documents,
            " documents needs at least ", smallest_dedup_memory + tables, " bytes of memory, not ",
            settings.memory, "; the signatures are kept, so the same call with more goes on");
    memory_ = settings.memory - tables;
    verdicts_.resize(static_cast<std::size_t>(documents));
    report_.by_source.resize(settings.decontaminate.size());
  }

  dedup_report run() {
    if (signatures_.read.documents == 0) {  // these signatures are of no use
      std::error_code ignored;
      std::filesystem::remove_all(out_ + "/signatures", ignored);
      ::rmdir(out_.c_str());  // if it is empty
    }
    expect_documents(signatures_.read);
    remove_leftovers(out_ + "/signatures");
    create_directories(work_);
    say("merging");
    find_contaminated();
    if (settings_.exact) find_exact();
    if (settings_.near) find_near();
    if (settings_.lines) find_lines();
    filter();
    return std::move(report_);
  }

 private:
  void say(std::string_view step) const {
    if (tell_) tell_(step, 0, 0);
  }

  std::size_t number_of(std::uint64_t place) const {
    const std::uint64_t file = place >> place_bits;
    const std::uint64_t document = place & ((std::uint64_t{1} << place_bits) - 1);
    expects(file < files_.size() && document < signatures_.documents[file], out_,
            "/signatures names a document that is not there; remove it and begin again");
    return static_cast<std::size_t>(starts_[file] + document);
  }

  void drop(std::size_t document, dedup_reason why) {
    if (verdicts_[document] == dedup_reason::kept) verdicts_[document] = why;
  }

  template <class Use>
  void merge(run_kind kind, Use&& use) {
    merge_runs(signatures_.of(kind), work_ + "/" + std::string(run_kinds[std::size_t(kind)]),
               memory_ / 2, use);
  }

  void find_contaminated() {
    merge(run_kind::contaminated, [&](const entry& next) {
      drop(number_of(next.first), dedup_reason::contaminated);
      expects(next.second < report_.by_source.size(), out_,
              "/signatures names an evaluation file that was not given");
      ++report_.by_source[next.second];
      if (report_.examples.size() == dedup_report::most_examples) return;
      examples_at_.push_back(number_of(next.first));
      report_.examples.push_back({{}, settings_.decontaminate[next.second], 0, next.third});
    });
  }

  // use(first, other) for every entry after the first of those with equal two words in front.
  template <class Use>
  void for_equal(run_kind kind, Use&& use) {
    entry first;
    std::size_t stays = 0;
    bool any = false;
    merge(kind, [&](const entry& next) {
      if (any && next.first == first.first && next.second == first.second) {
        use(stays, number_of(next.third));
        return;
      }
      any = true;
      first = next;
      stays = number_of(next.third);
    });
  }

  void find_exact() {
    for_equal(run_kind::exact,
              [&](std::size_t, std::size_t other) { drop(other, dedup_reason::exact); });
  }

  void find_near() {
    first_of_cluster clusters(verdicts_.size());
    for_equal(run_kind::near, [&](std::size_t first, std::size_t other) {
      clusters.join(static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(other));
    });
    for (std::size_t i = 0; i < verdicts_.size(); ++i) {
      const auto document = static_cast<std::uint32_t>(i);
      if (clusters.first(document) != document) drop(i, dedup_reason::near);
    }
  }

  // Lines of documents that are dropped already count for nothing: the text must stay somewhere.
  void find_lines() {
    entry_sorter removed(work_ + "/removed", memory_ / 4);
    std::uint64_t hash = 0;
    bool any = false;
    merge(run_kind::lines, [&](const entry& next) {
      if (verdicts_[number_of(next.second)] != dedup_reason::kept) return;
      if (any && next.first == hash) removed.add({next.second, next.third, 0});
      any = true;
      hash = next.first;
    });
    std::vector<std::string> runs = removed.finish();
    if (runs.empty()) return;
    const std::string all = work_ + "/removed-in-order.run";
    run_writer sorted(all);
    merge_runs(runs, work_ + "/removal", memory_ / 2,
               [&](const entry& next) { sorted.add(std::span(&next, 1)); });
    sorted.finish();
    removed_.emplace(all, static_cast<std::size_t>(memory_ / 8 / sizeof(entry)));
  }

  void filter() {
    part_writer writer(work_ + "/parts");
    std::uint64_t done = 0, all = 0;
    for (const file_facts& file : files_) all += file.bytes;
    for (std::size_t f = 0; f < files_.size(); ++f) {
      document_reader reader(files_[f].path, settings_.read);
      std::uint64_t document = 0;
      while (auto page = reader.next()) {
        expects(document < signatures_.documents[f], files_[f].path,
                " has changed since its signatures were made; remove ", out_,
                "/signatures and begin again");
        sort_out(*page, place_of(f, document), starts_[f] + document, writer);
        ++document;
        if (tell_) tell_("writing", done + reader.consumed(), all);
      }
      expects(document == signatures_.documents[f], files_[f].path,
              " has changed since its signatures were made; remove ", out_,
              "/signatures and begin again");
      done += files_[f].bytes;
    }
    writer.finish();
    move_parts(writer.parts());
    report_.parts = writer.parts();
    report_.repaired = writer.repaired();
    report_.read = signatures_.read;
  }

  void sort_out(document& page, std::uint64_t place, std::uint64_t number, part_writer& writer) {
    dedup_reason why = verdicts_[static_cast<std::size_t>(number)];
    for (std::size_t i = 0; i < examples_at_.size(); ++i) {
      if (examples_at_[i] != number) continue;
      report_.examples[i].document = page.source;
      report_.examples[i].document_line = static_cast<std::uint64_t>(page.line);
    }
    lines_.clear();
    while (removed_ && !removed_->done() && removed_->front().first == place) {
      lines_.push_back(removed_->front().second);
      removed_->pop();
    }
    const std::uint64_t bytes = page.text.size();
    if (!lines_.empty()) {
      page.text = without_lines(page.text, lines_);
      report_.lines_removed += lines_.size();
      if (trimmed(page.text).empty()) {
        why = dedup_reason::empty;
      } else {
        report_.line_bytes_removed += bytes - page.text.size();
      }
    }
    ++report_[why].documents;
    report_[why].bytes += why == dedup_reason::kept ? page.text.size() : bytes;
    if (why == dedup_reason::kept) writer.add(page);
  }

  // Only now, so that a run that is killed leaves none or all but the last few; the next call makes
  // the same ones again.
  void move_parts(const std::vector<std::string>& parts) const {
    for (const std::string& name : parts) {
      const std::string target = out_ + "/" + name;
      if (::rename((work_ + "/parts/" + name).c_str(), target.c_str()) != 0) {
        fail_system("write", target, errno);
      }
    }
    sync_directory(out_);
  }

  std::string out_, work_;
  const std::vector<file_facts>& files_;
  const dedup_settings& settings_;
  const dedup_progress& tell_;
  signature_set signatures_;
  std::vector<std::uint64_t> starts_;  // number of each file's first document
  std::uint64_t before_ = 0, memory_ = 0;
  std::vector<dedup_reason> verdicts_;
  std::vector<std::size_t> examples_at_;
  std::vector<std::uint64_t> lines_;
  std::optional<run_reader> removed_;
  dedup_report report_;
};
}  // namespace detail

inline std::string dedup_report_json(const dedup_report& report, const dedup_settings& settings) {
  std::string text;
  io::json_writer out(text, {.pretty = true});
  const auto write = [&](const dedup_report::count& count) {
    out.begin_object().member("documents", count.documents).member("bytes", count.bytes);
    out.end_object();
  };
  const auto repaired = [](const std::string& name) {
    std::string whole;
    utf8_append_repaired(whole, name);
    return whole;
  };
  out.begin_object();
  out.key("read");
  write({report.read.documents, report.read.bytes});
  out.key("kept");
  write(report[dedup_reason::kept]);
  out.key("dropped").begin_object();
  for (std::size_t i = 1; i < std::size(dedup_reason_names); ++i) {
    out.key(dedup_reason_names[i]);
    write(report.of[i]);
  }
  out.end_object();
  out.key("lines").begin_object().member("removed", report.lines_removed);
  out.member("bytes", report.line_bytes_removed).end_object();
  out.key("contaminated_by").begin_array();
  for (std::size_t i = 0; i < report.by_source.size(); ++i) {
    out.begin_object().member("source", repaired(settings.decontaminate[i]));
    out.member("documents", report.by_source[i]).end_object();
  }
  out.end_array().key("contaminated").begin_array();
  for (const auto& each : report.examples) {
    out.begin_object().member("source", repaired(each.document));
    out.member("line", each.document_line).member("evaluation", repaired(each.evaluation));
    out.member("evaluation_line", each.evaluation_line).end_object();
  }
  out.end_array();
  out.member("left_out", report.read.left_out).member("bad", report.read.bad);
  out.key("messages").begin_array();
  for (const std::string& message : report.read.messages) out.value(repaired(message));
  out.end_array();
  out.member("repaired", report.repaired).key("parts").begin_array();
  for (const std::string& part : report.parts) out.value(part);
  out.end_array();
  out.member("exact", settings.exact).member("minhash", settings.near);
  out.member("shortest_line", settings.lines ? settings.shortest_line : 0);
  out.end_object();
  return text + "\n";
}

// A directory that holds what another run has made is refused, before anything is done.
inline void check_dedup_output(const std::string& out) {
  if (!is_directory(out)) return;
  expects(!is_file(out + "/report.json"), out,
          " holds the result of a run already; choose another directory");
  if (is_directory(out + "/signatures")) return;
  for (const directory_entry& each : list_entries(out)) {
    expects(!part_of_name(each.name), out, " holds ", each.name,
            ", a part of another run; choose another directory");
  }
}

// The last step: parts and report.json in `out`, of the signatures in out/signatures.
inline dedup_report merge_signatures(const std::string& out, const std::vector<file_facts>& files,
                                     const dedup_settings& settings,
                                     const dedup_progress& tell = {}) {
  check_dedup_memory(settings.memory);
  const dedup_report report = detail::dedup_merge(out, files, settings, tell).run();
  write_file_atomic(out + "/report.json", dedup_report_json(report, settings));
  std::error_code ignored;
  std::filesystem::remove_all(out + "/signatures", ignored);
  return report;
}

}  // namespace ctgpt::inline CTGPT_ABI::data
