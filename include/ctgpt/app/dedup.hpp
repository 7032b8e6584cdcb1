// dedup: the verb `data dedup`, which drops duplicates and evaluation texts from documents.
//
//   ctgpt data dedup --data clean/ --out deduplicated             all of it in one call
//   ctgpt data dedup --data clean/ --out deduplicated --shard 0/3 the jobs of an array: signatures
//   ctgpt data dedup --data clean/ --out deduplicated             and the last call, which merges
//
// --out gets parts (data/part_writer.hpp) and report.json; until they are whole, the signatures
// stand in its directory signatures/. The same call after a kill goes on from the shards that are
// there; every call of a run has the same --data and the same flags but --shard and --memory. The
// result is the same for any of these.
// Errors: usage_error for flags; those of data/signatures.hpp and data/dedup.hpp. On a signal the
// shard that is being made is left out (128 + signal).
#pragma once

#include <cstdio>

#include "ctgpt/app/dedup_flags.hpp"
#include "ctgpt/app/flags.hpp"
#include "ctgpt/app/out_directory.hpp"
#include "ctgpt/app/print.hpp"
#include "ctgpt/app/status_line.hpp"
#include "ctgpt/app/stop_signal.hpp"
#include "ctgpt/base/clock.hpp"
#include "ctgpt/data/dedup.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct dedup_stopped {
  int signal;
};

// How far a step is.
class dedup_progress_line {
 public:
  explicit dedup_progress_line(const stop_signal& signals) : signals_(signals) {}

  void at(std::string_view step, std::uint64_t done, std::uint64_t all) {
    if (signals_.received() != 0) throw dedup_stopped{signals_.received()};
    const double now = clock_seconds();
    if (step != step_) {
      step_ = step;
      start_ = now;
      line_.wait_from(now);
    } else if (!line_.due(now)) {
      return;
    }
    std::string line = step_;
    if (done > 0 && now - start_ > 0.2) {
      const double bytes = static_cast<double>(done), left = static_cast<double>(all) - bytes;
      char facts[120];
      std::snprintf(facts, sizeof facts, ": %.0f%% of %s, %s/s, %.0f s left",
                    100.0 * bytes / static_cast<double>(all),
                    bytes_text(static_cast<double>(all)).c_str(),
                    bytes_text(bytes / (now - start_)).c_str(), (now - start_) * left / bytes);
      line += facts;
    }
    line_.show(line);
  }

 private:
  const stop_signal& signals_;
  status_line line_;
  std::string step_;
  double start_ = 0.0;
};

// "1/3": part 1 of 0, 1, 2.
inline data::work_shard dedup_shard(const std::string& given) {
  const std::size_t slash = given.find('/');
  if (slash == given.npos) {
    throw usage_error(join("--shard must be I/N, as 0/3, not \"", given, "\""));
  }
  const long long count = parse_integer("N of --shard I/N", given.substr(slash + 1), 1, 99'999);
  const long long index = parse_integer("I of --shard I/N", given.substr(0, slash), 0, count - 1);
  return {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(count)};
}

inline data::dedup_settings dedup_settings_of(const dedup_flags& given) {
  data::dedup_settings settings;
  const bool chosen = given.exact || given.minhash || given.lines || !given.decontaminate.empty();
  settings.exact = given.exact || !chosen;
  settings.near = given.minhash || !chosen;
  settings.lines = given.lines;
  if (given.min_line && !given.lines) throw usage_error("--min-line goes with --lines");
  if (given.min_line) settings.shortest_line = static_cast<std::size_t>(*given.min_line);
  if (given.format) settings.read.format = data::file_format_of(*given.format);
  settings.read.field = given.field.value_or(settings.read.field);
  if (given.memory) settings.memory = static_cast<std::uint64_t>(*given.memory);
  if (!given.decontaminate.empty()) {
    settings.decontaminate = data::expand_paths(given.decontaminate);
  }
  return settings;
}

inline std::string dedup_table(const data::dedup_report& report,
                               const data::dedup_settings& settings) {
  std::string table = "                         documents               bytes\n";
  const auto row = [&](const std::string& name, const std::string& documents, std::uint64_t bytes) {
    char line[160];
    std::snprintf(line, sizeof line, "%-18s %15s %19s\n", name.c_str(), documents.c_str(),
                  grouped(static_cast<long long>(bytes)).c_str());
    table += line;
  };
  const auto documents = [](std::uint64_t count) { return grouped(static_cast<long long>(count)); };
  using data::dedup_reason;
  const auto count = [&](const char* name, bool asked, dedup_reason why) {
    if (asked) row(name, documents(report[why].documents), report[why].bytes);
  };
  row("read", documents(report.read.documents), report.read.bytes);
  count("contaminated", !settings.decontaminate.empty(), dedup_reason::contaminated);
  count("exact duplicates", settings.exact, dedup_reason::exact);
  count("near-duplicates", settings.near, dedup_reason::near);
  count("no line left", settings.lines, dedup_reason::empty);
  if (settings.lines) {
    row("lines removed", documents(report.lines_removed) + " lines", report.line_bytes_removed);
  }
  count("kept", true, dedup_reason::kept);
  for (std::size_t i = 0; i < report.by_source.size(); ++i) {
    if (report.by_source[i] == 0) continue;
    table += join("  contaminated by ", settings.decontaminate[i], ": ",
                  documents(report.by_source[i]), "\n");
  }
  return table;
}

int dedup_command(const dedup_flags& given) {
  if (given.data.empty()) throw usage_error("say what to read by --data PATH");
  if (!given.out) throw usage_error("say where the result goes by --out DIR");
  expect_other_directory(given.data, *given.out);
  const data::dedup_settings settings = dedup_settings_of(given);
  const std::string out = without_trailing_slashes(*given.out), signatures = out + "/signatures";
  data::check_dedup_output(out);
  const std::vector<data::file_facts> files = data::facts_of(data::expand_paths(given.data));
  const stop_signal signals("\nStopped; the same call goes on from the last whole shard.\n");
  try {
    dedup_progress_line line(signals);
    const data::dedup_progress tell = [&](std::string_view step, std::uint64_t done,
                                          std::uint64_t all) { line.at(step, done, all); };
    const int threads = given.threads.value_or(0);
    if (given.shard) {
      const data::work_shard shard = dedup_shard(*given.shard);
      const bool made = data::make_signatures(signatures, files, settings, shard, threads, tell);
      std::fprintf(stderr, "%s shard %s in %s; the last call is the same without --shard\n",
                   made ? "Made" : "There is already", given.shard->c_str(), signatures.c_str());
      return 0;
    }
    if (data::shards_of_signatures(signatures) <= 1) {
      data::make_signatures(signatures, files, settings, {}, threads, tell);
    }
    const data::dedup_report report = data::merge_signatures(out, files, settings, tell);
    for (const std::string& message : report.read.messages) {
      std::fprintf(stderr, "%s\n", message.c_str());
    }
    put(given.json ? data::dedup_report_json(report, settings) : dedup_table(report, settings));
  } catch (const dedup_stopped& stopped) {
    return 128 + stopped.signal;
  }
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
