// training: the loop of `ctgpt train` and `ctgpt finetune`, the same for every compiled model.
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
#include "ctgpt/model/lora.hpp"
#include "ctgpt/train/checkpoint.hpp"
#include "ctgpt/train/progress.hpp"
#include "ctgpt/train/run_directory.hpp"
#include "ctgpt/train/run_events.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// What a verb adds to a run.
struct training_extras {
  std::string verb = "train", title = "Training";
  std::string told;      // the lines that say what is learnt from
  io::json settings;     // of run.json, if not those of a text
  io::json noted;        // more members of run.json
  io::json saved;        // what checkpoints say of the model (save_model's `extra`)
  isize reach = 0;       // tokens that one sees, for the work that it is; 0: a window's
  isize new_tokens = 0;  // the last of the tokenizer's, which begin as the mean of the others
  std::optional<lora_options> lora;  // adapters are trained instead of the model
  std::vector<std::int32_t> prompt;  // what samples begin with, if not as for a text
  std::vector<std::string> stop;     // what ends a sample
};

// A run before its model is there.
struct training {
  train_settings settings;
  backend where;
  corpus data;
  invocation called;
  io::json earlier;  // run.json of a run that is resumed, else null
  isize vocab = 0;   // rows of the model: at least the tokenizer's
  training_extras also{};
  model_facts facts{};

  bool resumes() const { return !earlier.is_null(); }
  int run(any_network& net, run_directory& directory);
  // Throws where the machine has not the memory that the run needs.
  void check_memory() const;
  io::json description() const;
  generation sampling() const;
  void say_what_comes(const std::string& path) const;
};

// Builds the model of a plan and runs it; defined in app/train.hpp, whose unit has every model.
// directory: open where a run is resumed, else made here. fresh: no checkpoint is there yet.
int run_training(training& plan, std::optional<run_directory>& directory, const std::string& out,
                 bool fresh);

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
  out.set("settings", also.settings.is_null() ? settings_to_json(settings) : also.settings);
  if (!also.noted.is_null()) {
    for (const io::json_member& each : also.noted.get_if<io::json_object>()->members()) {
      out.set(each.key, each.value);
    }
  }
  if (!settings.init_from.empty()) {
    out.set("model", *config_to_json(settings.model, family::own, facts.vocab).find("ctgpt"));
  }
  return out;
}

inline void check_same_data(const training& plan, const std::string& path) {
  const std::string before = io::json_field(plan.earlier, path)["data_sha256"].string();
  expects(before == plan.data.sha256, "the data file ", plan.settings.data,
          " has changed since this run was started (SHA-256 ", before, " then, ", plan.data.sha256,
          " now); resuming would mix two texts");
}

// A network and its trainer, as the loop knows them.
class trainee {
 public:
  trainee(any_network& net, const training& plan)
      : plan_(plan),
        net_(net),
        run_(net, start_optimizer(how(), net.trained()), plan.data.parts.train,
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
  const weight_arena& weights() const { return net_.trained(); }
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
  how.stop = also.stop;
  return how;
}

// What samples start from: a newline, or, where the data has none, its first token.
inline std::vector<std::int32_t> sample_prompt(const training& plan) {
  if (!plan.also.prompt.empty()) return plan.also.prompt;
  if (plan.data.tokens.knows_newline()) return plan.data.tokens.encode("\n");
  return {plan.data.parts.train.token(0)};
}

// The lines that say what a text gives to learn from.
inline std::string text_lines(const training& plan) {
  return join("  data      ", plan.settings.data, ", windows ", plan.settings.order.name,
              "\n  tokens    ", grouped(plan.data.parts.train.size()), " to learn from, ",
              grouped(plan.data.parts.validation.size()), " to validate; vocabulary of ",
              grouped(plan.data.tokens.vocab_size()), " (", plan.settings.tokenizer, ")\n");
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
               "%s %s, %s parameters, on %s (%d thread%s)\n"
               "%s"
               "  work      %s steps of %s tokens, evaluated every %s and at the end\n"
               "  samples   %s tokens at each evaluation\n"
               "  memory    about %s, weights and activations in %s\n"
               "  writes    %s\n",
               also.title.c_str(),
               (settings.init_from.empty() ? settings.preset : model_name(settings)).c_str(),
               grouped(facts.parameters).c_str(), where.name(), threads, threads == 1 ? "" : "s",
               (also.told.empty() ? text_lines(*this) : also.told).c_str(),
               grouped(how.steps).c_str(), grouped(how.batch * how.time * how.accumulate).c_str(),
               grouped(how.eval_every).c_str(), grouped(sampling().tokens).c_str(),
               bytes_text(facts.training_bytes).c_str(), settings.precision.c_str(), path.c_str());
  const double peak = also.told.empty() ? 0.0 : measured_peak(where);
  if (peak <= 0.0) return;
  const double tokens = static_cast<double>(how.steps * how.batch * how.time * how.accumulate);
  std::fprintf(stderr, "  time      %s at least, at this machine's peak\n",
               progress::duration(tokens * facts.flops_per_token / peak).c_str());
}

// The first tensor with a value that is not a finite number; "" when there is none.
inline std::string first_bad_weight(const weight_arena& net) {
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
    while (at_.step < how.steps && !patience_ends() && signals.received() == 0) {
      const step_report report = model_.step();
      at_.step = report.step;
      bool last = at_.step == how.steps;
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
      last = last || patience_ends();
      if (last || best || at_.step % plan_.settings.save_every == 0) save();
    }
    bar.close_line();
    const std::string path = shell_quoted(directory_.path());
    const bool early = at_.step < how.steps && patience_ends();
    if (const int signal = signals.received(); signal != 0 && at_.step < how.steps && !early) {
      if (at_.step > 0 && directory_.newest() != at_.step) save();
      std::fprintf(stderr,
                   "Stopped by %s after step %lld. Go on with:\n  %s %s --resume --out %s\n",
                   signal == SIGINT ? "Ctrl-C" : "SIGTERM", static_cast<long long>(at_.step),
                   plan_.called.program.c_str(), plan_.also.verb.c_str(), path.c_str());
      return 128 + signal;
    }
    if (early) {
      std::fprintf(stderr, "Ended after step %lld: the last %lld evaluations were no better.\n",
                   static_cast<long long>(at_.step),
                   static_cast<long long>(plan_.settings.patience));
    }
    std::fprintf(stderr,
                 "The best validation loss was %.4f, at step %lld. Next:\n"
                 "  %s sample --model %s\n  %s chat --model %s\n",
                 at_.best_loss, static_cast<long long>(at_.best_step), plan_.called.program.c_str(),
                 path.c_str(), plan_.called.program.c_str(), path.c_str());
    return 0;
  }

 private:
  // A function of the progress alone, so that a resumed run ends where it would have.
  bool patience_ends() const {
    const isize most = plan_.settings.patience * plan_.settings.how.eval_every;
    return most > 0 && at_.best_step > 0 && at_.step - at_.best_step >= most;
  }

  double evaluate() {
    const double loss = model_.evaluate();
    if (std::isfinite(loss)) return loss;
    const std::string bad = first_bad_weight(model_.weights());
    fail("step ", at_.step, ": the validation loss is not a finite number; first bad tensor: ",
         bad.empty() ? "none: finite weights gave it" : "the weight " + bad,
         "; start another run with a lower learning rate");
  }

  void sample() {
    const std::vector<std::int32_t> prompt = sample_prompt(plan_);
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
    io::json extra = plan_.also.saved;
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

// What an adapter adds to, beside its checkpoints: a model directory of its own.
inline void save_base(any_network& net, const training& plan, const std::string& path) {
  if (is_directory(path)) remove_tree(path);  // of a start that was killed
  adapter* const part = net.attached();
  net.attach(nullptr);  // else the merged weights would be written
  atomic_directory directory(path);
  save_model(net, plan.data.tokens, directory.path(), plan.also.saved);
  directory.commit();
  net.attach(part);
}

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
  if (net.attached() != nullptr && !newest) save_base(net, *this, directory.file("base"));
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
