// run_events: the event file of a run directory, RUN/events.out.tfevents.SECONDS.ctgpt.
//
//   run_events events(path);              rewritten from metrics.jsonl and samples.jsonl
//   events.step(report, validation);      loss, val_loss, lr, grad_norm, tokens_per_second
//   events.sample(500, "Once upon");      the text `sample`
//
// Opening replaces the file in one step by what the two JSON files hold, under the name that it
// already has, so a resumed run's events are those of its lines, whatever a kill left. Events that
// are rewritten stand at the start of the file, in its name, plus the seconds of the steps before.
// Requires: the JSON files are those of the restored step (run_directory::open_metrics and
// open_samples come first).
// Errors: a damaged line, with its file and number; those of reading and writing files.
// Reference: io/event_file.hpp.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/base/clock.hpp"
#include "ctgpt/base/directory.hpp"
#include "ctgpt/io/event_file.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/train/trainer.hpp"

namespace ctgpt::inline CTGPT_ABI {

// Calls found(line, name) for each whole line of a file, where `name` says which it is, for errors.
// The rest after the last line break is left out: a kill, or a run that goes on, may leave it.
template <class Found>
void read_json_lines(const std::string& path, Found found) {
  if (!is_file(path)) return;
  const std::string text = read_file(path);
  std::size_t begin = 0, number = 1;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; ++number) {
    const std::string name = join(path, ", line ", number);
    const io::json line = [&] {
      try {
        return io::parse_json(std::string_view(text).substr(begin, end - begin), name);
      } catch (const error&) {
        fail(name, " is damaged: it is no JSON; remove that line");
      }
    }();
    found(io::json_field(line, name));
    begin = end + 1;
  }
}

class run_events {
 public:
  explicit run_events(const std::string& directory) {
    std::vector<past> steps;
    double seconds = 0.0;
    read_json_lines(directory + "/metrics.jsonl", [&](const io::json_field& line) {
      seconds += line["seconds"].number_or(0.0);
      steps.push_back({line["step"].integer(1), seconds, {}});
      for (const char* tag : tags) {
        const io::json_field field = line[tag];
        if (field.present()) steps.back().scalars.push_back({tag, field.number()});
      }
    });
    const double begun = choose_name(directory, wall_seconds() - seconds);
    std::string all;
    io::append_event_version(all, begun);
    for (const past& each : steps) {
      io::append_event_scalars(all, begun + each.seconds, each.step, each.scalars);
    }
    std::size_t next = 0;
    read_json_lines(directory + "/samples.jsonl", [&](const io::json_field& line) {
      const isize step = line["step"].integer(1);
      while (next + 1 < steps.size() && steps[next].step < step) ++next;
      append_text(all, begun + (steps.empty() ? 0.0 : steps[next].seconds), step,
                  line["text"].string());
    });
    write_file_atomic(path_, all);
    file_.emplace(output_file::append(path_));
  }

  void step(const step_report& report, std::optional<double> validation) {
    std::vector<io::event_scalar> scalars{{"loss", report.loss}};
    if (validation) scalars.push_back({"val_loss", *validation});
    scalars.push_back({"lr", static_cast<double>(report.rate)});
    scalars.push_back({"grad_norm", report.gradient_norm});
    scalars.push_back({"tokens_per_second", report.tokens_per_second});
    std::string record;
    io::append_event_scalars(record, wall_seconds(), report.step, scalars);
    file_->write(record);
  }
  void sample(isize step, std::string_view text) {
    std::string record;
    append_text(record, wall_seconds(), step, text);
    file_->write(record);
  }

  const std::string& path() const { return path_; }

 private:
  struct past {
    isize step = 0;
    double seconds = 0.0;  // from the start of the run to the end of this step
    std::vector<io::event_scalar> scalars;
  };
  static constexpr const char* tags[] = {"loss", "val_loss", "lr", "grad_norm",
                                         "tokens_per_second"};
  static constexpr std::string_view opening = "events.out.tfevents.", closing = ".ctgpt";

  static void append_text(std::string& out, double time, isize step, std::string_view text) {
    io::append_event_text(out, time, step, "sample", io::verbatim_markdown(text));
  }

  // The name that the directory's event file has, or one for a run that began at `begun`; returns
  // the seconds in it.
  double choose_name(const std::string& directory, double begun) {
    auto seconds = static_cast<std::int64_t>(begun);
    for (const directory_entry& entry : list_entries(directory)) {
      if (!entry.name.starts_with(opening) || !entry.name.ends_with(closing)) continue;
      const std::string_view rest = std::string_view(entry.name).substr(opening.size());
      std::int64_t found = 0;
      const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), found);
      if (code != std::errc() || end != rest.data() + rest.size() - closing.size()) continue;
      seconds = found;
      break;
    }
    path_ = directory + "/" + std::string(opening) + std::to_string(seconds) + std::string(closing);
    return static_cast<double>(seconds);
  }

  std::string path_;
  std::optional<output_file> file_;
};

}  // namespace ctgpt::inline CTGPT_ABI
