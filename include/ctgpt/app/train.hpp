// train: the verb that trains a preset on a text file.
//
// Says what it will do and need, shows progress, evaluates, writes metrics.jsonl, saves at every
// best evaluation, at intervals, at the end and on SIGINT or SIGTERM (exit code 128 + signal).
// Errors: ctgpt::error (1), usage_error (2); earlier checkpoints stay as they are.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "ctgpt/app/corpus.hpp"
#include "ctgpt/app/machine.hpp"
#include "ctgpt/app/stop_signal.hpp"
#include "ctgpt/app/train_settings.hpp"
#include "ctgpt/backend/peak.hpp"
#include "ctgpt/train/checkpoint.hpp"
#include "ctgpt/train/progress.hpp"
#include "ctgpt/train/run_directory.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline std::string bytes_text(double bytes) {
  char text[32];
  const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= 1000.0 && unit < 4) bytes /= 1000.0, ++unit;
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

// Weights, masters, gradients, moments and the workspace of one micro-batch.
template <class Model>
double training_bytes(isize batch, isize time, isize vocab, precision numbers) {
  const isize weights = element_bytes(numbers.storage, Model::parameter_count);
  const isize computed = element_bytes(numbers.compute, Model::parameter_count);
  return static_cast<double>(weights + computed * (numbers.needs_master() ? 4 : 3) +
                             workspace_bytes<Model>(batch, time, true, vocab, numbers));
}

template <class Model>
class training_run {
 public:
  training_run(const train_settings& settings, const train_flags& given,
               const machine_options& machine, run_directory& directory, bool resume)
      : settings_(settings),
        directory_(directory),
        where_(choose_backend(machine)),
        threads_(machine.threads.value_or(thread_pool::available())),
        text_(read_corpus(settings.data)),
        digest_(sha256_hex(text_)),
        tokens_(text::tokenizer::named(settings.tokenizer, text_, settings.data)),
        net_(where_, parse_precision(settings.precision), checked_vocab()),
        data_(split(tokens_.encode(text_), static_cast<double>(settings.val_fraction),
                    settings.how.time, {settings.how.batch, settings.how.time, settings.seed},
                    settings.data)) {
    recipe& how = settings_.how;
    if (settings_.epochs > 0.0 && !given.steps) {
      const double step = static_cast<double>(how.batch * how.time * how.accumulate);
      const double wanted = settings_.epochs * static_cast<double>(data_.train.size()) / step;
      how.steps = std::max<isize>(1, static_cast<isize>(std::ceil(wanted)));
    }
    if (resume) check_same_data();
  }

  int run(bool resume, const std::string& command) {
    const recipe& how = settings_.how;
    net_.initialize({settings_.seed});
    trainer<Model> run(
        net_, adamw{how.rate, how.beta1, how.beta2, 1e-8f, how.weight_decay, how.clip}, data_.train,
        {how.accumulate,
         how.dropout,
         settings_.seed,
         {how.schedule, how.rate, how.min_rate, how.warmup, how.steps}});
    run_progress at;
    if (const auto newest = directory_.newest(); resume && newest) {
      at = load_checkpoint(run, net_, directory_.step_path(*newest));
      std::fprintf(stderr, "Resuming at step %lld of %lld.\n", static_cast<long long>(at.step),
                   static_cast<long long>(how.steps));
    } else if (resume) {
      std::fprintf(stderr, "No checkpoint yet: starting afresh.\n");
    }
    directory_.write_run(description(command));
    directory_.open_metrics(at.step);
    say_what_comes();
    if (at.step >= how.steps) {
      std::fprintf(stderr, "The run is already complete at step %lld.\n",
                   static_cast<long long>(at.step));
      return 0;
    }
    return loop(run, at);
  }

 private:
  int loop(trainer<Model>& run, run_progress& at) {
    const recipe& how = settings_.how;
    const stop_signal signals;
    progress bar({.peak = measured_peak(where_)});
    bar.begin(at.step, how.steps, Model::flops_per_token(how.time));
    while (at.step < how.steps && signals.received() == 0) {
      const step_report report = run.step();
      at.step = report.step;
      const bool last = at.step == how.steps;
      bool save = last || at.step % settings_.save_every == 0;
      std::optional<double> validation;
      if (last || at.step % how.eval_every == 0) {
        validation = run.evaluate(data_.validation, how.eval_batches,
                                  static_cast<std::uint64_t>(at.step * how.eval_batches));
        bar.validation(*validation);
        if (at.best_step == 0 || *validation < at.best_loss) {
          at.best_step = at.step;
          at.best_loss = *validation;
          save = true;
        }
      }
      directory_.append_metrics(metrics_line(report, validation));
      bar(report);
      if (save) save_here(run, at);
    }
    bar.close_line();
    if (const int signal = signals.received(); signal != 0 && at.step < how.steps) {
      if (directory_.newest() != at.step && at.step > 0) save_here(run, at);
      std::fprintf(stderr,
                   "Stopped by signal %d at step %lld; go on with: ctgpt train --resume --out %s\n",
                   signal, static_cast<long long>(at.step), directory_.path().c_str());
      return 128 + signal;
    }
    std::fprintf(stderr,
                 "Best validation loss %.4f at step %lld. Next:\n"
                 "  ctgpt sample --model %s\n  ctgpt chat --model %s\n",
                 at.best_loss, static_cast<long long>(at.best_step), directory_.path().c_str(),
                 directory_.path().c_str());
    return 0;
  }

  void save_here(const trainer<Model>& run, const run_progress& at) {
    io::json extra = io::json::object();
    extra.set("preset", settings_.preset);
    save_checkpoint(run, net_, tokens_, directory_.step_path(at.step), at, extra);
    directory_.publish(at.step, at.best_step, settings_.keep);
  }

  static std::string metrics_line(const step_report& report, std::optional<double> validation) {
    std::string line;
    io::json_writer out(line);
    out.begin_object().key("step").value(report.step).key("loss").value(report.loss);
    if (validation) out.key("val_loss").value(*validation);
    out.key("lr").value(report.rate).key("grad_norm").value(report.gradient_norm);
    out.key("tokens_per_second").value(report.tokens_per_second);
    out.key("seconds").value(report.seconds).end_object();
    return line;
  }

  io::json description(const std::string& command) const {
    io::json out = io::json::object();
    out.set("command", command).set("ctgpt", CTGPT_VERSION);
    out.set("compiler", __VERSION__).set("backend", where_.name()).set("threads", threads_);
    out.set("data_sha256", digest_).set("data_bytes", static_cast<isize>(text_.size()));
    out.set("tokens", data_.train.size() + data_.validation.size());
    out.set("vocab", tokens_.vocab_size()).set("parameters", used_parameters());
    out.set("settings", settings_to_json(settings_));
    return out;
  }

  void check_same_data() const {
    const io::json run = directory_.read_run();
    const std::string path = directory_.file("run.json");
    const std::string before = io::json_field(run, path)["data_sha256"].string();
    expects(before == digest_, "the data file ", settings_.data,
            " has changed since this run was started (SHA-256 ", before, " then, ", digest_,
            " now); resuming would mix two texts");
  }

  void say_what_comes() const {
    const recipe& how = settings_.how;
    std::fprintf(
        stderr,
        "ctgpt train: %s, %s parameters, on %s (%s)\n"
        "  data      %s: %s tokens to train, %s to validate, %lld in the vocabulary\n"
        "  steps     %s of %s tokens; %s weights and activations; about %s of memory\n"
        "  writes    %s\n",
        settings_.preset.c_str(), grouped(used_parameters()).c_str(), where_.name(),
        threads_ == 1 ? "1 thread" : join(threads_, " threads").c_str(), settings_.data.c_str(),
        grouped(data_.train.size()).c_str(), grouped(data_.validation.size()).c_str(),
        static_cast<long long>(tokens_.vocab_size()), grouped(how.steps).c_str(),
        grouped(how.batch * how.time * how.accumulate).c_str(), settings_.precision.c_str(),
        bytes_text(training_bytes<Model>(how.batch, how.time, net_.vocab(), net_.numbers()))
            .c_str(),
        directory_.path().c_str());
  }

  // Without the vocabulary's unused rows.
  isize used_parameters() const {
    const isize unused = Model::settings.vocab - net_.vocab();
    return Model::parameter_count - unused * Model::settings.width * (Model::settings.tied ? 1 : 2);
  }
  isize checked_vocab() const {
    const isize size = tokens_.vocab_size();
    expects(size <= Model::settings.vocab, "the data needs ", size, " ", settings_.tokenizer,
            " tokens, but preset ", settings_.preset, " has room for ", Model::settings.vocab,
            "; use --tokenizer bytes or a preset with a larger vocabulary");
    return size;
  }

  train_settings settings_;
  run_directory& directory_;
  ctgpt::backend where_;
  int threads_;
  std::string text_, digest_;
  text::tokenizer tokens_;
  network<Model> net_;
  split_corpus data_;
};

int train_command(const train_flags& given, const machine_options& machine,
                  const std::string& command) {
  if (!given.out) throw usage_error("say where the run goes by --out DIR");
  train_settings settings;
  if (!given.resume) settings = new_settings(given);  // before anything is created
  run_directory directory(*given.out, given.resume);
  if (given.resume) {
    const io::json run = directory.read_run();
    const io::json_field file(run, directory.file("run.json"));
    settings = resumed_settings(settings_from_json(file["settings"]), given);
  }
  int code = 1;
  const bool known = visit_preset(settings.preset, [&](auto chosen) {
    struct model : gpt<decltype(chosen)::value.model> {};
    training_run<model> run(settings, given, machine, directory, given.resume);
    code = run.run(given.resume, command);
  });
  expects(known, directory.file("run.json"), ": settings.preset is \"", settings.preset,
          "\", which this program does not have; it has ", preset_list());
  return code;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
