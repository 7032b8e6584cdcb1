// train: the verb that trains a preset on a text file.
//
// Says what it will do and need, then runs the loop of app/training.hpp with the compiled model.
// Everything that can be wrong with flags, data and settings is found before a directory is made.
// Errors: ctgpt::error (1), usage_error (2); earlier checkpoints stay as they are.
#pragma once

#include <csignal>
#include <optional>
#include <string>

#include "ctgpt/app/training.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

template <class Model>
class compiled_training final : public trainable {
 public:
  explicit compiled_training(const training& plan)
      : plan_(plan),
        net_(plan.where, parse_precision(plan.settings.precision), plan.data.tokens.vocab_size()),
        run_(net_,
             adamw{how().rate, how().beta1, how().beta2, 1e-8f, how().weight_decay, how().clip},
             plan.data.parts.train,
             {how().accumulate,
              how().dropout,
              plan.settings.seed,
              {how().schedule, how().rate, how().min_rate, how().warmup, how().steps}}) {
    net_.initialize({plan.settings.seed});
  }
  step_report step() override { return run_.step(); }
  double evaluate() override {
    return run_.validate(plan_.data.parts.validation, how().eval_batches);
  }
  std::string sample(std::span<const std::int32_t> prompt, const generation& wish) const override {
    decoder<Model> run(net_);  // its memory goes back before the next step
    std::string text;
    generate(run, plan_.data.tokens, prompt, wish, [&](std::string_view piece) { text += piece; });
    return text;
  }
  const network_weights& weights() const override { return net_; }
  run_progress load(const std::string& checkpoint) override {
    return load_checkpoint(run_, net_, checkpoint);
  }
  void save(const std::string& checkpoint, const run_progress& at,
            const io::json& extra) const override {
    save_checkpoint(run_, net_, plan_.data.tokens, checkpoint, at, extra);
  }

 private:
  const recipe& how() const { return plan_.settings.how; }
  const training& plan_;
  network<Model> net_;
  trainer<Model> run_;
};

// The flags, the data and the machine, checked against each other.
inline training plan_training(const train_settings& settings, const invocation& called,
                              io::json earlier) {
  const recipe& how = settings.how;
  const backend where = choose_backend(settings.machine);
  training plan{settings, where,
                open_corpus(settings.data, settings.tokenizer, settings.val_fraction, how.time,
                            {how.batch, how.time, settings.seed}),
                called, std::move(earlier)};
  if (settings.epochs > 0.0) {
    const auto step = static_cast<double>(how.batch * how.time * how.accumulate);
    const double steps =
        std::ceil(settings.epochs * static_cast<double>(plan.data.parts.train.size()) / step);
    if (steps > static_cast<double>(most_steps)) {
      throw usage_error(join("--epochs ", settings.epochs, " of this data are ", steps,
                             " steps; at most ", most_steps, " can be run"));
    }
    plan.settings.how.steps = static_cast<isize>(steps);
  }
  const preset& chosen = *presets::find(settings.preset);
  const isize vocab = plan.data.tokens.vocab_size();
  expects(vocab <= chosen.model.vocab, "the data has ", vocab, " different characters, but preset ",
          chosen.name, " has room for ", chosen.model.vocab,
          "; use --tokenizer bytes or a preset with a larger vocabulary");
  return plan;
}

inline void check_same_data(const training& plan, const std::string& path) {
  const std::string before = io::json_field(plan.earlier, path)["data_sha256"].string();
  expects(before == plan.data.sha256, "the data file ", plan.settings.data,
          " has changed since this run was started (SHA-256 ", before, " then, ", plan.data.sha256,
          " now); resuming would mix two texts");
}

int train_command(const train_flags& given, const machine_options& machine,
                  const invocation& called) {
  std::signal(SIGPIPE, SIG_IGN);  // a run must not die with whoever reads its progress
  if (!given.out) throw usage_error("say where the run goes by --out DIR");
  std::optional<run_directory> directory;
  std::optional<training> plan;
  if (given.resume) {
    expects(is_directory(*given.out), "there is no directory ", *given.out, " to resume a run in");
    directory.emplace(*given.out, true);
    const std::string path = directory->file("run.json");
    const io::json run = directory->read_run();
    const train_settings before = saved_settings(run, path);
    plan = plan_training(resumed_settings(before, given, machine), called, run);
    expects_no_fewer_steps(before.how.steps, plan->settings.how.steps);
    check_same_data(*plan, path);
  } else {
    plan = plan_training(new_settings(given, machine), called, {});
  }
  int code = 1;
  visit_preset(plan->settings.preset, [&](auto chosen) {
    struct model : gpt<decltype(chosen)::value.model> {};
    const recipe& how = plan->settings.how;
    plan->facts = facts_of<model>(how.batch, how.time, plan->data.tokens.vocab_size(),
                                  parse_precision(plan->settings.precision));
    plan->check_memory();
    if (!directory) directory.emplace(*given.out, false);
    plan->say_what_comes(directory->path());  // building a large model takes seconds
    compiled_training<model> compiled(*plan);
    code = plan->run(compiled, *directory);
  });
  return code;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
