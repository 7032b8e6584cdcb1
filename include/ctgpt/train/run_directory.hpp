// run_directory: where a training run keeps what it leaves behind.
//
//   RUN/run.json       command, settings, versions, SHA-256 of the data
//   RUN/metrics.jsonl  one JSON object a step, from step 1
//   RUN/samples.jsonl  one JSON object an evaluation: its step and what the model wrote
//   RUN/events.out.tfevents.N.ctgpt   both of them for TensorBoard (train/run_events.hpp)
//   RUN/step-N/        checkpoints, `keep` of them at most: the best and the newest
//   RUN/last, RUN/best relative links to checkpoints, swapped in one step
//   RUN/lock           held by the process while it runs
//
// A directory that holds a run is refused unless the run is resumed; a second process is refused.
// Resuming drops lines past the restored step, and half a line that a kill left.
// Errors: one sentence each, before anything is changed.
#pragma once

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/base/directory.hpp"
#include "ctgpt/base/element.hpp"
#include "ctgpt/base/lock.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/train/step_log.hpp"

namespace ctgpt::inline CTGPT_ABI {

class run_directory {
 public:
  // Creates the directory where needed and locks it.
  explicit run_directory(const std::string& path, bool resume)
      : path_(without_trailing_slashes(path)), lock_(made(path_)) {
    const bool holds_run = is_file(file("run.json"));
    if (holds_run && !resume) {
      fail(path_, " already holds a run; go on with it by --resume, or choose another --out");
    }
    if (!holds_run && resume) {
      fail(path_, " holds no run to resume (it has no run.json); start one without --resume");
    }
    if (!holds_run) {
      for (const directory_entry& entry : list_entries(path_)) {
        if (entry.name == "lock" || is_temporary_name(entry.name)) continue;
        fail(path_, " is not empty and holds no run (it has ", entry.name,
             "); choose another --out");
      }
    }
    remove_leftovers(path_);
  }

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string step_path(isize step) const { return file("step-" + std::to_string(step)); }

  void write_run(const io::json& run) const {
    write_file_atomic(file("run.json"), io::write_json(run, {.pretty = true}) + "\n");
  }
  io::json read_run() const { return io::read_json(file("run.json")); }

  // The step of the newest complete checkpoint.
  std::optional<isize> newest() const {
    const std::vector<isize> all = steps();
    return all.empty() ? std::nullopt : std::optional(all.back());
  }

  // After a checkpoint is in place: moves the links and removes what is no longer kept.
  void publish(isize step, isize best_step, isize keep) const {
    point_symlink(path_, "last", "step-" + std::to_string(step));
    if (best_step > 0 && is_directory(step_path(best_step))) {
      point_symlink(path_, "best", "step-" + std::to_string(best_step));
    }
    const std::vector<isize> all = steps();
    isize spare = static_cast<isize>(all.size()) - keep;
    for (const isize old : all) {
      if (spare <= 0) break;
      if (old == best_step || old == step) continue;  // these two stay whatever `keep` is
      remove_tree(step_path(old));
      --spare;
    }
  }

  // Open for appending after the lines of `step`; later ones are dropped.
  void open_metrics(isize step) { metrics_.open(file("metrics.jsonl"), step); }
  void append_metrics(const std::string& line) { metrics_.append(line); }
  void open_samples(isize step) { samples_.open(file("samples.jsonl"), step); }
  void append_sample(const std::string& line) { samples_.append(line); }

  run_directory(const run_directory&) = delete;
  run_directory& operator=(const run_directory&) = delete;

 private:
  static const std::string& made(const std::string& path) {
    create_directories(path);
    return path;
  }
  // Steps of the complete checkpoints, ascending.
  std::vector<isize> steps() const {
    std::vector<isize> all;
    for (const std::string& name : list_directories(path_)) {
      if (!name.starts_with("step-")) continue;
      isize step = 0;
      const char* end = name.data() + name.size();
      const auto [rest, code] = std::from_chars(name.data() + 5, end, step);
      if (code == std::errc() && rest == end) all.push_back(step);
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  std::string path_;
  directory_lock lock_;
  step_log metrics_, samples_;
};

}  // namespace ctgpt::inline CTGPT_ABI
