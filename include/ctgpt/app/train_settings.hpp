// train_settings: everything that decides what `ctgpt train` computes, from flags and in run.json.
//
// A preset carries its own values; flags override them. run.json keeps the resolved ones under the
// names of the flags (with underscores), so that --resume needs only --out; they are read back
// through the same declaration and bounds as flags (train_flags::describe_settings).
// Flags given with --resume may change what does not change the numbers (threads, instruction set,
// intervals, keep) and ask for more steps; any other change is refused with old and new shown.
// Errors: usage_error; a damaged run.json: error with its path.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "ctgpt/app/init_from.hpp"
#include "ctgpt/app/machine.hpp"
#include "ctgpt/app/model_path.hpp"
#include "ctgpt/app/models.hpp"
#include "ctgpt/app/optimizer.hpp"
#include "ctgpt/app/tokenizer_path.hpp"
#include "ctgpt/data/token_set.hpp"
#include "ctgpt/data/window_orders.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/model/directory.hpp"
#include "ctgpt/train/schedule.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct train_settings {
  std::string data, tokenizer = "bytes", preset, precision = "f32";
  std::string init_from;  // a model directory; "": fresh weights
  config model;           // the preset's, or that of init_from
  machine_options machine;
  recipe how;
  isize save_every = 0, keep = 2;
  isize patience = 0;  // evaluations without a better one, after which a run ends; 0: never
  double val_fraction = 0.1;
  std::uint64_t seed = 1337;
  double epochs = 0.0;  // > 0: decides how.steps once the data is read
  data::window_order order;
};

// As sentences call the model.
inline std::string model_name(const train_settings& s) {
  if (s.init_from.empty()) return "preset " + s.preset;
  return "the model of " + s.init_from;
}

// What training and fine-tuning have in common.
inline void add_recipe(io::json& out, const train_settings& s) {
  const recipe& h = s.how;
  out.set("steps", h.steps);
  if (s.epochs > 0.0) out.set("epochs", s.epochs);
  out.set("batch", h.batch).set("accumulate", h.accumulate).set("context", h.time);
  out.set("lr", detail::shortest(h.rate)).set("min_lr", detail::shortest(h.min_rate));
  out.set("warmup", h.warmup).set("schedule", schedule_name(h.schedule));
  // Only where they are not the usual, as runs of earlier versions know none of them; see
  // add_the_usual.
  if (h.schedule == schedule_kind::warmup_stable_decay && h.decay_from != recipe().decay_from) {
    out.set("decay_from", h.decay_from);
  }
  if (h.optimizer == optimizer_kind::muon) {
    out.set("optimizer", optimizer_name(h.optimizer));
    out.set("muon_rate", detail::shortest(h.muon_rate));
    out.set("muon_momentum", detail::shortest(h.muon_momentum));
  }
  out.set("dropout", detail::shortest(h.dropout))
      .set("weight_decay", detail::shortest(h.weight_decay));
  out.set("beta1", detail::shortest(h.beta1))
      .set("beta2", detail::shortest(h.beta2))
      .set("clip", detail::shortest(h.clip));
  out.set("precision", s.precision).set("seed", s.seed);
  out.set("eval_every", h.eval_every).set("eval_batches", h.eval_batches);
  if (s.patience > 0) out.set("patience", s.patience);
  out.set("save_every", s.save_every).set("keep", s.keep).set("val_fraction", s.val_fraction);
  out.set("backend", s.machine.backend.value_or("cpu"));
  if (s.machine.isa) out.set("isa", *s.machine.isa);
  if (s.machine.threads) out.set("threads", *s.machine.threads);
}
inline io::json settings_to_json(const train_settings& s) {
  io::json out = io::json::object();
  out.set("data", s.data).set("tokenizer", s.tokenizer);
  if (!s.preset.empty()) out.set("preset", s.preset);
  if (!s.init_from.empty()) out.set("init_from", s.init_from);
  if (!s.order.random()) out.set("order", s.order.name);
  add_recipe(out, s);
  return out;
}

// Reads the options that a JSON object holds. Unknown members are left alone.
class json_options {
 public:
  explicit json_options(const io::json_field& object) : object_(object) {}

  void text(const std::string& names, const char*, std::optional<std::string>& value) const {
    if (const io::json_field field = object_[key_of(names)]; field.present()) {
      value = field.string();
      if (value->empty()) field.wrong("a text that is not empty");
    }
  }
  template <class Integer>
  void integer(const std::string& names, const char*, std::optional<Integer>& value, long long low,
               long long high) const {
    if (const io::json_field field = object_[key_of(names)]; field.present()) {
      value = static_cast<Integer>(field.integer(low, high));
    }
  }
  template <class Real>
  void number(const std::string& names, const char*, std::optional<Real>& value, double low,
              double high) const {
    if (const io::json_field field = object_[key_of(names)]; field.present()) {
      const double found = field.number();
      if (!(found >= low && found <= high)) {
        field.wrong(join("a number from ", low, " to ", high));
      }
      value = static_cast<Real>(found);
    }
  }

  void paths(const std::string& names, const char*, std::vector<std::string>& values) const {
    const io::json_field field = object_[key_of(names)];
    for (std::size_t i = 0; field.present() && i < field.size(); ++i) {
      values.push_back(field[i].string());
    }
  }

 private:
  // "-t,--min-lr X": "min_lr".
  static std::string key_of(const std::string& names) {
    const std::size_t begin = names.find("--") + 2;
    std::string key = names.substr(begin, names.find(' ', begin) - begin);
    std::replace(key.begin(), key.end(), '-', '_');
    return key;
  }
  const io::json_field& object_;
};

// Puts the given flags over s.
inline void apply_flags(train_settings& s, const train_flags& given,
                        const machine_options& machine) {
  const auto put = [](auto& place, const auto& flag) {
    if (flag) place = *flag;
  };
  recipe& how = s.how;
  if (given.data && utf8_error_offset(*given.data) != std::string::npos) {
    throw usage_error("the path of --data is not UTF-8, so run.json cannot hold it; rename it");
  }
  if (given.data) s.data = absolute_path(*given.data);
  put(s.tokenizer, given.tokenizer);
  if (is_tokenizer_path(s.tokenizer)) s.tokenizer = absolute_path(s.tokenizer);
  if (given.order) s.order = data::parse_order(*given.order);
  put(s.preset, given.preset);
  if (given.init_from) s.init_from = absolute_path(*given.init_from);
  put(s.precision, given.precision);
  put(how.batch, given.batch);
  put(how.accumulate, given.accumulate);
  put(how.time, given.context);
  put(how.rate, given.lr);
  put(how.warmup, given.warmup);
  if (given.schedule) how.schedule = parse_schedule(*given.schedule);
  put(how.decay_from, given.decay_from);
  if (given.decay_from && how.schedule != schedule_kind::warmup_stable_decay) {
    throw usage_error("--decay-from is for --schedule warmup-stable-decay");
  }
  if (given.optimizer) how.optimizer = parse_optimizer(*given.optimizer);
  put(how.muon_rate, given.muon_rate);
  put(how.muon_momentum, given.muon_momentum);
  if ((given.muon_rate || given.muon_momentum) && how.optimizer != optimizer_kind::muon) {
    throw usage_error(
        join(given.muon_rate ? "--muon-rate" : "--muon-momentum", " is for --optimizer muon"));
  }
  put(how.dropout, given.dropout);
  put(how.weight_decay, given.weight_decay);
  put(how.beta1, given.beta1);
  put(how.beta2, given.beta2);
  put(how.clip, given.clip);
  put(s.seed, given.seed);
  put(how.eval_every, given.eval_every);
  put(how.eval_batches, given.eval_batches);
  put(s.patience, given.patience);
  put(s.save_every, given.save_every);
  put(s.keep, given.keep);
  put(s.val_fraction, given.val_fraction);
  put(s.machine.backend, machine.backend);
  put(s.machine.isa, machine.isa);
  put(s.machine.threads, machine.threads);
  if (given.steps && given.epochs) throw usage_error("give --steps or --epochs, not both");
  put(how.steps, given.steps);
  put(s.epochs, given.epochs);
  if (given.steps) s.epochs = 0.0;
  // A rate below the preset's least rate takes that down with it.
  if (given.lr && !given.min_lr && how.min_rate > how.rate) how.min_rate = how.rate;
  put(how.min_rate, given.min_lr);
  if (how.min_rate > how.rate) {
    throw usage_error(join("--min-lr ", how.min_rate, " is above --lr ", how.rate));
  }
  parse_precision(s.precision);
}

// The settings of a new run; model: that of a saved run, which --init-from need not open again.
inline train_settings new_settings(const train_flags& given, const machine_options& machine,
                                   const std::optional<config>& model = {}) {
  if (!given.data) throw usage_error("say what to learn from by --data FILE");
  if (!given.preset && !given.init_from) {
    std::fputs(preset_table().c_str(), stderr);
    throw usage_error("choose a size by --preset NAME, or start from a model by --init-from DIR");
  }
  train_settings s;
  const preset* chosen = nullptr;
  if (given.preset) {
    chosen = find_preset(*given.preset);
    if (chosen == nullptr) fail_unknown_preset(*given.preset);
    if (!chosen->runs) {
      throw usage_error(join("the preset ", chosen->name, " can be described, but is too large to ",
                             "train here; choose another"));
    }
    s.model = chosen->model;
  }
  if (given.init_from) {
    s.model = model ? *model : initial_model(initial_directory(*given.init_from), given);
    if (chosen != nullptr && !model) check_same_size(*chosen, s.model, *given.init_from);
    if (chosen == nullptr) chosen = preset_of(s.model);  // whose training settings fit
  }
  if (chosen != nullptr) s.how = chosen->training;
  s.how.time = s.model.context;
  apply_flags(s, given, machine);
  if (!given.tokenizer && data::token_set::is_at(s.data)) s.tokenizer = s.data + "/tokenizer.json";
  if (s.how.time > s.model.context) {
    throw usage_error(join("--context ", s.how.time, " is longer than the context of ",
                           s.model.context, " of preset ", s.preset));
  }
  if (s.save_every == 0) s.save_every = s.how.eval_every;
  return s;
}

// The preset's own value must not slip in for one that is lost.
inline void expect_complete(const io::json& settings, const io::json_field& saved) {
  for (const io::json_member& member : settings.get_if<io::json_object>()->members()) {
    const io::json_field field = saved[member.key];
    if (!field.present()) field.wrong("what the run was started with");
  }
}

// What a saved run leaves unsaid was the usual, whatever its preset says.
inline void add_the_usual(train_flags& saved) {
  if (!saved.optimizer) saved.optimizer = optimizer_name(optimizer_kind::adamw);
  const bool decays = saved.schedule == schedule_name(schedule_kind::warmup_stable_decay);
  if (decays && !saved.decay_from) saved.decay_from = recipe().decay_from;
}

// The settings that a run directory's run.json holds.
inline train_settings saved_settings(const io::json& run, const std::string& path) {
  const io::json_field file(run, path);
  const io::json_field saved = file["settings"];
  train_flags given;
  machine_options machine;
  const json_options options(saved);
  given.describe_settings(options);
  machine.describe(options);
  const double epochs = given.epochs.value_or(0.0);
  given.epochs.reset();  // steps are there too: what the epochs came to
  add_the_usual(given);
  std::optional<config> model;
  if (given.init_from) model = detail::own_config(file["model"], path);
  train_settings s;
  try {
    s = new_settings(given, machine, model);
  } catch (const usage_error& problem) {
    fail(path, ": its settings are damaged: ", problem.what());
  }
  s.epochs = epochs;
  expect_complete(settings_to_json(s), saved);
  return s;
}

// Throws where a resumed run's settings differ in what --resume cannot change.
inline void expect_unchanged(const io::json& before, const io::json& after,
                             std::initializer_list<const char*> more) {
  std::vector<const char*> keys(more);
  keys.insert(keys.end(), {"batch", "accumulate", "context", "lr", "min_lr", "warmup", "schedule",
                           "dropout", "weight_decay", "beta1", "beta2", "clip", "precision", "seed",
                           "val_fraction", "eval_batches", "backend", "optimizer", "muon_rate",
                           "muon_momentum", "decay_from"});
  for (const char* key : keys) {
    const io::json none, *old_value = before.find(key), *new_value = after.find(key);
    const io::json& then = old_value != nullptr ? *old_value : none;
    const io::json& now = new_value != nullptr ? *new_value : none;
    if (then == now) continue;
    throw usage_error(join("this run was started with ", key, " = ", io::write_json(then),
                           ", which --resume cannot change to ", io::write_json(now),
                           "; start another run for that"));
  }
}

// The settings of a resumed run: the old ones, with the changes that are allowed.
inline train_settings resumed_settings(const train_settings& old, const train_flags& given,
                                       const machine_options& machine) {
  train_settings s = old;
  apply_flags(s, given, machine);
  expect_unchanged(settings_to_json(old), settings_to_json(s),
                   {"data", "tokenizer", "preset", "init_from", "order"});
  return s;
}

// Steps may be raised, so that a run goes on, but not lowered.
inline void expects_no_fewer_steps(isize before, isize now) {
  if (now >= before) return;
  throw usage_error(join("this run was started with steps = ", before,
                         ", which --resume can raise but not lower to ", now));
}

}  // namespace ctgpt::inline CTGPT_ABI::app
