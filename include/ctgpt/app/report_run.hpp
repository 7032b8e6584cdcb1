// report_run: what `ctgpt report` reads of a run directory.
//
// run.json, metrics.jsonl and samples.jsonl, also while the run still writes them: a last line
// without its end is left out, and what is not there yet is empty.
// Errors: a path that is no run; a line that is damaged or out of order, with its file and number.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "ctgpt/base/directory.hpp"
#include "ctgpt/train/run_events.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// Values at ascending steps.
struct curve {
  std::vector<double> steps, values;

  std::size_t size() const { return steps.size(); }
  bool empty() const { return steps.empty(); }
  void add(double step, double value) {
    steps.push_back(step);
    values.push_back(value);
  }
};

struct report_sample {
  isize step = 0;
  std::string text;
};

struct report_run {
  std::string path, name;
  io::json facts;  // run.json
  curve loss, validation, rate, gradient, speed;
  double seconds = 0.0;
  std::vector<report_sample> samples;

  isize steps() const { return loss.empty() ? 0 : static_cast<isize>(loss.steps.back()); }
  // The least validation loss, the first of equals; nullptr before the first evaluation.
  const double* best(double* step) const {
    const double* found = nullptr;
    for (std::size_t i = 0; i < validation.size(); ++i) {
      if (found != nullptr && *found <= validation.values[i]) continue;
      found = &validation.values[i];
      *step = validation.steps[i];
    }
    return found;
  }
};

inline report_run read_report_run(const std::string& path) {
  expects(is_directory(path), "there is no directory ", path,
          "; give the directory of a run, which ctgpt train --out made");
  expects(is_file(path + "/run.json"), path,
          " holds no run (it has no run.json); give the directory of a run, which ctgpt train "
          "--out made");
  report_run run;
  run.path = path;
  run.facts = io::read_json(path + "/run.json");
  read_json_lines(path + "/metrics.jsonl", [&](const io::json_field& line) {
    const isize step = line["step"].integer(1);
    if (step <= run.steps()) line["step"].wrong(join("after step ", run.steps()));
    const auto at = static_cast<double>(step);
    const auto add = [&](curve& to, const char* key) {
      if (const io::json_field field = line[key]; field.present()) to.add(at, field.number());
    };
    run.loss.add(at, line["loss"].number());
    add(run.validation, "val_loss");
    add(run.rate, "lr");
    add(run.gradient, "grad_norm");
    add(run.speed, "tokens_per_second");
    run.seconds += line["seconds"].number_or(0.0);
  });
  read_json_lines(path + "/samples.jsonl", [&](const io::json_field& line) {
    run.samples.push_back({line["step"].integer(1), line["text"].string()});
  });
  return run;
}

// The last part of its path, or the whole path where another run ends alike.
inline void name_runs(std::vector<report_run>& runs) {
  const auto last_part = [](const report_run& run) {
    const std::string whole = std::filesystem::absolute(run.path).lexically_normal().string();
    const std::string path = without_trailing_slashes(whole);
    return path.substr(path.rfind('/') + 1);
  };
  std::map<std::string, int> alike;
  for (const report_run& run : runs) ++alike[last_part(run)];
  for (report_run& run : runs) {
    const std::string last = last_part(run);
    run.name = alike[last] > 1 || last.empty() ? run.path : last;
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::app
