// training: the loop of `ctgpt train`, the same for every compiled model.
//
// The loop steps, evaluates, lets the model write a sample, writes metrics.jsonl, samples.jsonl and
// the event file, shows progress, and saves at every best evaluation, at intervals, at the end and
// on a signal.
// Ensures: a checkpoint never holds a weight that is not a finite number.
// Errors: ctgpt::error; earlier checkpoints stay as they are.
#pragma once

#include <cmath>
#include <cstdio>
#include <optional>
#include <string>

#include "ctgpt/app/print.hpp"
#include "ctgpt/app/stop_signal.hpp"
#include "ctgpt/app/token_corpus.hpp"
#include "ctgpt/app/train_settings.hpp"
#include "ctgpt/backend/peak.hpp"
#include "ctgpt/infer/generate.hpp"
#include "ctgpt/model/describe.hpp"
#include "ctgpt/train/checkpoint.hpp"
#include "ctgpt/train/progress.hpp"
#include "ctgpt/train/run_directory.hpp"
#include "ctgpt/train/run_events.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// A run before its model is there.
struct training {
  train_settings settings;
  backend where;
  corpus data;
  invocation called;
  io::json earlier;  // run.json of a run that is resumed, else null
  isize vocab = 0;   // rows of the model: at least the tokenizer's
  model_facts facts{};

  bool resumes() const { return !earlier.is_null(); }
  int run(any_network& net, run_directory& directory);
  // Throws where the machine has not the memory that the run needs.
  void check_memory() const;
  io::json description() const;
  generation sampling() const;
  void say_what_comes(const std::string& path) const;
};

inline void training::check_memory() const {
  const double have = machine_memory();
  expects(facts.training_bytes <= have, "this run needs about ", bytes_text(facts.training_bytes),
          " of memory, but the machine has ", bytes_text(have),
          "; use a smaller --batch, --context or --preset");
}

inline io::json training::description() const {
  io::json out = io::json::object();
  out.set("command", called.command);
  if (resumes()) {
    const io::json *first = earlier.find("command"), *again = earlier.find("resumed");
    if (first != nullptr) out.set("command", *first);
    io::json resumed =
        again != nullptr && again->get_if<io::json_array>() != nullptr ? *again : io::json::array();
    out.set("resumed", resumed.push(called.command));
  }
  out.set("ctgpt", CTGPT_VERSION).set("compiler", __VERSION__);
  out.set("backend", where.name()).set("threads", threads_of(settings.machine));
  out.set("data_sha256", data.sha256).set("data_bytes", data.bytes);
  out.set("tokens", data.parts.train.size() + data.parts.validation.size());
  out.set("vocab", vocab).set("parameters", facts.parameters);
  out.set("settings", settings_to_json(settings));
  if (!settings.init_from.empty()) {
    out.set("model", *config_to_json(settings.model, family::own, facts.vocab).find("ctgpt"));
  }
  return out;
}

// A network and its trainer, as the loop knows them.
class trainee {
 public:
  trainee(any_network& net, const training& plan)
      : plan_(plan),
        net_(net),
        run_(net, start_optimizer(how(), net), plan.data.parts.train,
             {how().accumulate,
              how().dropout,
              plan.settings.seed,
              {how().schedule, how().rate, how().min_rate, how().warmup, how().steps,
               how().decay_from}}) {}
  step_report step() { return run_.step(); }
  double evaluate() { return run_.validate(plan_.data.parts.validation, how().eval_batches); }
  // What the model writes after the prompt; touches nothing that training depends on.
  std::string sample(std::span<const std::int32_t> prompt, const generation& wish) const {
    decoder run(net_);  // its memory goes back before the next step
    std::string text;
    generate(run, plan_.data.tokens, prompt, wish, [&](std::string_view piece) { text += piece; });
    return text;
  }
  const network_weights& weights() const { return net_; }
  run_progress load(const std::string& checkpoint) {
    return load_checkpoint(run_, net_, checkpoint);
  }
  void save(const std::string& checkpoint, const run_progress& at, const io::json& extra) const {
    save_checkpoint(run_, net_, plan_.data.tokens, checkpoint, at, extra);
  }

 private:
  const recipe& how() const { return plan_.settings.how; }
  const training& plan_;
  any_network& net_;
  trainer run_;
};

// How the sample of an evaluation is drawn: the same for the whole run, whatever its flags. Large
// models write less, for a token reads every weight once: about a second at most on one core.
inline generation training::sampling() const {
  constexpr isize weights_a_second = 3'000'000'000;
  generation how;
  how.tokens = std::clamp<isize>(weights_a_second / std::max<isize>(facts.parameters, 1), 16, 200);
  how.temperature = 0.8f;
  how.top_k = 200;
  how.seed = 1337;
  return how;
}

// What samples start from: a newline, or, where the data has none, its first token.
inline std::vector<std::int32_t> sample_prompt(const corpus& data) {
  if (data.tokens.knows_newline()) return data.tokens.encode("\n");
  return {data.parts.train.token(0)};
}

inline std::string sample_line(isize step, std::string_view text) {
  std::string line;
  io::json_writer(line).begin_object().member("step", step).member("text", text).end_object();
  return line;
}

inline void training::say_what_comes(const std::string& path) const {
  const recipe& how = settings.how;
  const int threads = threads_of(settings.machine);
  std::fprintf(stderr,
               "Training %s, %s parameters, on %s (%d thread%s)\n"
               "  data      %s, windows %s\n"
               "  tokens    %s to learn from, %s to validate; vocabulary of %s (%s)\n"
               "  work      %s steps of %s tokens, evaluated every %s and at the end\n"
               "  samples   %s tokens at each evaluation\n"
               "  memory    about %s, weights and activations in %s\n"
               "  writes    %s\n",
               (settings.init_from.empty() ? settings.preset : model_name(settings)).c_str(),
               grouped(facts.parameters).c_str(), where.name(), threads, threads == 1 ? "" : "s",
               settings.data.c_str(), std::string(settings.order.name).c_str(),
               grouped(data.parts.train.size()).c_str(),
               grouped(data.parts.validation.size()).c_str(),
               grouped(data.tokens.vocab_size()).c_str(), settings.tokenizer.c_str(),
               grouped(how.steps).c_str(), grouped(how.batch * how.time * how.accumulate).c_str(),
               grouped(how.eval_every).c_str(), grouped(sampling().tokens).c_str(),
               bytes_text(facts.training_bytes).c_str(), settings.precision.c_str(), path.c_str());
}

// The first tensor with a value that is not a finite number; "" when there is none.
inline std::string first_bad_weight(const network_weights& net) {
  for (int i = 0; i < net.layout().count(); ++i) {
    for (const float value : net.read(i)) {
      if (!std::isfinite(value)) return net.layout().name(i);
    }
  }
  return {};
}

inline std::string metrics_line(const step_report& report, std::optional<double> validation) {
  std::string line;
  io::json_writer out(line);
  out.begin_object().member("step", report.step).member("loss", report.loss);
  if (validation) out.member("val_loss", *validation);
  out.member("lr", report.rate).member("grad_norm", report.gradient_norm);
  out.member("tokens_per_second", report.tokens_per_second).member("seconds", report.seconds);
  out.end_object();
  return line;
}

// The loop over one run.
class training_loop {
 public:
  training_loop(const training& plan, trainee& model, run_directory& directory, run_events& events,
                run_progress at)
      : plan_(plan), model_(model), directory_(directory), events_(events), at_(at) {}

  int run() {
    const recipe& how = plan_.settings.how;
    const stop_signal signals;
    progress bar({.peak = measured_peak(plan_.where)});
    const struct line_closer {
      progress& bar;
      ~line_closer() { bar.close_line(); }  // before an error is said
    } closer{bar};
    bar.begin(at_.step, how.steps, plan_.facts.flops_per_token);
    while (at_.step < how.steps && signals.received() == 0) {
      const step_report report = model_.step();
      at_.step = report.step;
      const bool last = at_.step == how.steps;
      const bool looks = last || at_.step % how.eval_every == 0;
      const std::optional<double> validation = looks ? std::optional(evaluate()) : std::nullopt;
      const bool best = validation && (at_.best_step == 0 || *validation < at_.best_loss);
      if (best) {
        at_.best_step = at_.step;
        at_.best_loss = *validation;
      }
      if (validation) bar.validation(*validation);
      directory_.append_metrics(metrics_line(report, validation));
      events_.step(report, validation);
      if (validation) sample();
      bar(report);
      if (last || best || at_.step % plan_.settings.save_every == 0) save();
    }
    bar.close_line();
    const std::string path = shell_quoted(directory_.path());
    if (const int signal = signals.received(); signal != 0 && at_.step < how.steps) {
      if (at_.step > 0 && directory_.newest() != at_.step) save();
      std::fprintf(stderr,
                   "Stopped by %s after step %lld. Go on with:\n  %s train --resume --out %s\n",
                   signal == SIGINT ? "Ctrl-C" : "SIGTERM", static_cast<long long>(at_.step),
                   plan_.called.program.c_str(), path.c_str());
      return 128 + signal;
    }
    std::fprintf(stderr,
                 "The best validation loss was %.4f, at step %lld. Next:\n"
                 "  %s sample --model %s\n  %s chat --model %s\n",
                 at_.best_loss, static_cast<long long>(at_.best_step), plan_.called.program.c_str(),
                 path.c_str(), plan_.called.program.c_str(), path.c_str());
    return 0;
  }

 private:
  double evaluate() {
    const double loss = model_.evaluate();
    if (std::isfinite(loss)) return loss;
    const std::string bad = first_bad_weight(model_.weights());
    fail("step ", at_.step, ": the validation loss is not a finite number; first bad tensor: ",
         bad.empty() ? "none: finite weights gave it" : "the weight " + bad,
         "; start another run with a lower learning rate");
  }

  void sample() {
    const std::vector<std::int32_t> prompt = sample_prompt(plan_.data);
    std::string text = plan_.data.tokens.decode(prompt);
    if (text == "\n") text.clear();  // a page need not begin with an empty line
    text += model_.sample(prompt, plan_.sampling());
    directory_.append_sample(sample_line(at_.step, text));
    events_.sample(at_.step, text);
  }

  void save() {
    const std::string bad = first_bad_weight(model_.weights());
    expects(bad.empty(), "step ", at_.step, ": the update left a value that is not a finite number",
            " in the weight ", bad, "; start another run with a lower learning rate");
    io::json extra = io::json::object();
    if (!plan_.settings.preset.empty()) extra.set("preset", plan_.settings.preset);
    model_.save(directory_.step_path(at_.step), at_, extra);
    directory_.publish(at_.step, at_.best_step, plan_.settings.keep);
  }

  const training& plan_;
  trainee& model_;
  run_directory& directory_;
  run_events& events_;
  run_progress at_;
};

inline int training::run(any_network& net, run_directory& directory) {
  const isize steps = settings.how.steps;
  trainee model(net, *this);
  run_progress at;
  const std::optional<isize> newest = resumes() ? directory.newest() : std::nullopt;
  if (newest) {
    const std::string checkpoint = directory.step_path(*newest);
    try {
      at = model.load(checkpoint);
      expects(at.step == *newest && at.best_step <= at.step, checkpoint, " holds a state of step ",
              at.step, " (best at ", at.best_step, "), not of step ", *newest);
    } catch (const error& problem) {
      fail(problem.what(), "; remove ", checkpoint, " to go on from what was before it");
    }
    directory.publish(*newest, at.best_step, settings.keep);  // a kill may have come before it
  }
  directory.write_run(description());
  directory.open_metrics(at.step);
  directory.open_samples(at.step);
  run_events events(directory.path());
  if (newest && at.step >= steps) {
    std::fprintf(stderr, "The run is complete: %lld of %lld steps. --steps N asks for more.\n",
                 static_cast<long long>(at.step), static_cast<long long>(steps));
    return 0;
  }
  if (newest) {
    std::fprintf(stderr, "Resuming after step %lld.\n", static_cast<long long>(at.step));
  } else if (resumes()) {
    std::fprintf(stderr, "There is no checkpoint yet: starting afresh.\n");
  }
  return training_loop(*this, model, directory, events, at).run();
}

}  // namespace ctgpt::inline CTGPT_ABI::app
