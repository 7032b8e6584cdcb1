// finetune: the verb that teaches a model to answer, on conversations.
//
// The model's tokenizer gets the special tokens of a chat template, the conversations are written
// by it and packed (app/talk_corpus.hpp), and the loop of app/training.hpp learns the assistant's
// tokens alone. The saved model says its template, so chat, serve and transformers use it.
// What flags leave open: an hour of pre-training's rate is too much for a model that can already
// speak, so the highest rates are a third of the preset's, falling to 0 in a straight line after a
// tenth of the steps, at most 100, of warm-up (adapters begin at nothing: with --lora AdamW at the
// preset's own rate); 3 epochs; 10 evaluations, each of all held-out
// conversations; a batch that leaves an epoch some steps.
// run.json keeps all that was decided, so that --resume needs only --out.
// Errors: ctgpt::error (1), usage_error (2); earlier checkpoints stay as they are.
#pragma once

#include <csignal>
#include <optional>
#include <string>

#include "ctgpt/align/special_tokens.hpp"
#include "ctgpt/app/finetune_flags.hpp"
#include "ctgpt/app/saved_chat.hpp"
#include "ctgpt/app/talk_corpus.hpp"
#include "ctgpt/app/training.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct finetune_settings {
  train_settings train;  // how.steps, warmup, eval_every, eval_batches, batch: 0 until decided
  talk_files files;
  std::string format = "auto", chat_template;  // "": not yet known
  std::optional<lora_options> lora;            // none: the whole model is trained
};

inline io::json settings_to_json(const finetune_settings& s) {
  const auto list = [](const std::vector<std::string>& paths) {
    io::json out = io::json::array();
    for (const std::string& each : paths) out.push(each);
    return out;
  };
  io::json out = io::json::object();
  out.set("model", s.train.init_from).set("data", list(s.files.train));
  if (!s.files.validation.empty()) out.set("val_data", list(s.files.validation));
  out.set("format", s.format).set("template", s.chat_template);
  if (s.lora) {
    out.set("lora", s.lora->rank).set("lora_alpha", detail::shortest(s.lora->alpha));
    out.set("lora_targets", s.lora->targets);
  }
  add_recipe(out, s.train);
  return out;
}

// Puts the given flags over s.
inline void apply_flags(finetune_settings& s, const finetune_flags& given,
                        const machine_options& machine) {
  train_flags common = given;
  common.init_from = given.model;
  apply_flags(s.train, common, machine);
  const auto paths = [](std::vector<std::string>& to, const std::vector<std::string>& from) {
    if (!from.empty()) to.clear();
    for (const std::string& each : from) {
      if (utf8_error_offset(each) != std::string::npos) {
        throw usage_error("a path of --data is not UTF-8, so run.json cannot hold it; rename it");
      }
      to.push_back(absolute_path(each));
    }
  };
  paths(s.files.train, given.files);
  paths(s.files.validation, given.val_files);
  if (given.format) s.format = *given.format;
  s.files.format = align::parse_conversation_format(s.format);
  if (given.chat_template) {
    s.chat_template = align::chat_template_named(*given.chat_template).name();
  }
  s.files.val_fraction = s.train.val_fraction;
  if (!given.lora && !s.lora && (given.lora_alpha || given.lora_targets)) {
    throw usage_error(
        join(given.lora_alpha ? "--lora-alpha" : "--lora-targets", " is for --lora RANK"));
  }
  if (given.lora && !s.lora)
    s.lora = lora_options{*given.lora, 2.0f * static_cast<float>(*given.lora)};
  if (given.lora) s.lora->rank = *given.lora;
  if (given.lora_alpha) s.lora->alpha = *given.lora_alpha;
  if (given.lora_targets) s.lora->targets = *given.lora_targets;
}

// model: that of a saved run, which need not open its first model again.
inline finetune_settings new_settings(const finetune_flags& given, const machine_options& machine,
                                      const std::optional<config>& model = {}) {
  if (!given.model) throw usage_error("say which model to fine-tune by --model DIR");
  if (given.files.empty()) throw usage_error("say what to learn from by --data FILE");
  finetune_settings s;
  recipe& how = s.train.how;
  s.train.model = model ? *model : initial_model(initial_directory(*given.model), given);
  if (const preset* chosen = preset_of(s.train.model)) how = chosen->training;
  how.time = s.train.model.context;
  if (given.lora) {
    how.optimizer = optimizer_kind::adamw;
  } else {
    how.rate *= 0.3f;
    how.muon_rate *= 0.3f;
  }
  how.min_rate = 0.0f;
  how.schedule = schedule_kind::linear;
  how.steps = how.warmup = how.eval_every = how.eval_batches = 0;
  s.train.epochs = 3.0;
  apply_flags(s, given, machine);
  if (how.time > s.train.model.context) {
    throw usage_error(
        join("--context ", how.time, " is longer than the model's, ", s.train.model.context));
  }
  return s;
}

inline finetune_settings saved_finetune_settings(const io::json& run, const std::string& path) {
  const io::json_field file(run, path);
  const io::json_field saved = file["settings"];
  expects(saved["template"].present(), path, ": this run is not one of ctgpt finetune; go on with ",
          "it by ctgpt train --resume");
  finetune_flags given;
  machine_options machine;
  const json_options options(saved);
  given.describe_settings(options);
  machine.describe(options);
  const double epochs = given.epochs.value_or(0.0);
  given.epochs.reset();  // steps are there too: what the epochs came to
  add_the_usual(given);
  finetune_settings s;
  try {
    s = new_settings(given, machine, detail::own_config(file["model"], path));
  } catch (const usage_error& problem) {
    fail(path, ": its settings are damaged: ", problem.what());
  }
  s.train.epochs = epochs;
  expect_complete(settings_to_json(s), saved);
  return s;
}

// What was left open, now that the number of windows is known. batch: whether one was asked for.
inline void decide(train_settings& s, const finetune_flags& given, isize windows,
                   isize held_out_windows) {
  recipe& how = s.how;
  constexpr isize fewest_steps = 8;  // in an epoch
  while (!given.batch && how.batch > 1 && windows < fewest_steps * how.batch) how.batch /= 2;
  if (s.epochs > 0.0) {
    const double steps = std::ceil(s.epochs * static_cast<double>(windows) /
                                   static_cast<double>(how.batch * how.accumulate));
    if (steps > static_cast<double>(most_steps)) {
      throw usage_error(join("--epochs ", s.epochs, " of this data are ", steps, " steps; at most ",
                             most_steps, " can be run"));
    }
    how.steps = static_cast<isize>(steps);
  }
  if (!given.warmup) how.warmup = std::min<isize>(100, how.steps / 10);
  if (how.eval_every == 0) how.eval_every = std::max<isize>(1, how.steps / 10);
  if (how.eval_batches == 0) how.eval_batches = (held_out_windows + how.batch - 1) / how.batch;
  if (s.save_every == 0) s.save_every = how.eval_every;
}

// A question of the conversations that validate, as samples answer it.
inline std::vector<std::int32_t> sample_question(const talk_corpus& talks,
                                                 const text::tokenizer& tokens,
                                                 const align::chat_template& chat, isize time) {
  for (const align::conversation& talk : talks.validation) {
    align::conversation asked;
    for (const align::message& each : talk) {
      if (each.role == "assistant") break;
      asked.push_back(each);
    }
    try {
      std::vector<std::int32_t> ids = chat.encode(tokens, asked, true).ids;
      if (std::ssize(ids) <= time / 2) return ids;
    } catch (const error&) {  // one that the template cannot write
    }
  }
  return {};
}

// directory: the model that the run begins with, or its checkpoint.
inline training plan_finetuning(finetune_settings s, const finetune_flags& given,
                                const std::string& directory, const invocation& called,
                                io::json earlier) {
  train_settings& t = s.train;
  const recipe& how = t.how;
  const backend where = choose_backend(t.machine);
  const text::tokenizer before = text::tokenizer::load(directory);
  expect_room(before, read_vocab(directory), directory);
  const align::chat_template chat = s.chat_template.empty()
                                        ? align::default_chat_template(directory, before)
                                        : align::chat_template_named(s.chat_template);
  s.chat_template = chat.name();
  const text::tokenizer tokens = align::with_special_tokens(before, chat.special_names());

  const talk_corpus talks = open_talks(s.files);
  const talk_set train = encode_talks(talks.train, tokens, chat, how.time, "learn from");
  const talk_set validation = encode_talks(talks.validation, tokens, chat, how.time, "validate");
  decide(t, given, train.windows, validation.windows);
  t.data = s.files.train.front();
  t.tokenizer = tokens.name();

  constexpr std::uint64_t same_for_all = 1;  // evaluations of every run are of the same windows
  const batches learn(train.tokens, {how.batch, how.time, t.seed, align::conversations});
  const batches check(validation.tokens, {how.batch, how.time, same_for_all, align::conversations});
  const isize vocab = std::max(read_vocab(directory), tokens.vocab_size());
  t.model.vocab = std::max(t.model.vocab, vocab);
  training plan{
      t,    where, {talks.sha256, talks.bytes, tokens, {learn, check}}, called, std::move(earlier),
      vocab};
  training_extras& also = plan.also;
  also.verb = "finetune";
  also.title = "Fine-tuning";
  also.reach = train.reach;
  also.lora = s.lora;
  also.new_tokens = tokens.vocab_size() - before.vocab_size();
  also.told = join("  data      ", told(talks.read), "\n  template  ", chat.name(),
                   also.new_tokens > 0 ? join(", ", also.new_tokens, " new tokens") : "",
                   "; vocabulary of ", grouped(tokens.vocab_size()), "\n  learn     ",
                   told(train.counts, train.windows, how.time), "\n  validate  ",
                   told(validation.counts, validation.windows, how.time), "\n");
  also.settings = settings_to_json(s);
  io::json noted_talks = noted(talks.read);
  noted_talks.set("train", noted(train.counts, train.windows));
  noted_talks.set("validation", noted(validation.counts, validation.windows));
  also.noted.set("conversations", std::move(noted_talks));
  also.saved = saved_chat(chat, tokens);
  also.prompt = sample_question(talks, tokens, chat, how.time);
  for (const std::string_view name : chat.end_names()) also.stop.emplace_back(name);
  return plan;
}

int finetune_command(const finetune_flags& given, const machine_options& machine,
                     const invocation& called) {
  std::signal(SIGPIPE, SIG_IGN);  // a run must not die with whoever reads its progress
  if (!given.out) throw usage_error("say where the run goes by --out DIR");
  std::optional<run_directory> directory;
  std::optional<training> plan;
  bool fresh = true;
  if (given.resume) {
    expects(is_directory(*given.out), "there is no directory ", *given.out, " to resume a run in");
    directory.emplace(*given.out, true);
    const std::string path = directory->file("run.json");
    const io::json run = directory->read_run();
    const finetune_settings before = saved_finetune_settings(run, path);
    finetune_settings now = before;
    apply_flags(now, given, machine);
    expect_unchanged(
        settings_to_json(before), settings_to_json(now),
        {"model", "data", "val_data", "format", "template", "lora", "lora_alpha", "lora_targets"});
    const std::optional<isize> newest = directory->newest();
    fresh = !newest;
    finetune_flags decided;  // a resumed run decides nothing again
    decided.batch = decided.warmup = 1;
    plan = plan_finetuning(
        now, decided, newest ? directory->step_path(*newest) : resolve_model(now.train.init_from),
        called, run);
    expects_no_fewer_steps(before.train.how.steps, plan->settings.how.steps);
    check_same_data(*plan, path);
  } else {
    const finetune_settings now = new_settings(given, machine);
    plan = plan_finetuning(now, given, resolve_model(now.train.init_from), called, {});
  }
  return run_training(*plan, directory, *given.out, fresh);
}

}  // namespace ctgpt::inline CTGPT_ABI::app
