// train_settings: everything that decides what `ctgpt train` computes, in flags and in run.json.
//
// A preset carries its own values; flags override them. run.json keeps the resolved ones, so that
// --resume needs only --out. Flags given with --resume may change what does not change the bits
// that have been computed (intervals, keep, more steps); any other change is refused with old and
// new. Errors: usage_error.
#pragma once

#include <cmath>
#include <optional>
#include <string>

#include "ctgpt/app/verbs.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/model/presets.hpp"
#include "ctgpt/train/schedule.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct train_settings {
  std::string data, tokenizer = "bytes", preset, precision = "f32";
  recipe how;
  isize save_every = 0, keep = 2;
  float val_fraction = 0.1f;
  std::uint64_t seed = 1337;
  double epochs = 0.0;  // > 0: decides how.steps once the data is read
};

namespace detail {

inline std::string shown(const io::json& value) { return io::write_json(value); }

inline std::string shortest_text(float value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}
inline double decimal(float value) { return std::strtod(shortest_text(value).c_str(), nullptr); }

}  // namespace detail

inline io::json settings_to_json(const train_settings& s) {
  const recipe& h = s.how;
  io::json out = io::json::object();
  out.set("data", s.data).set("tokenizer", s.tokenizer).set("preset", s.preset);
  out.set("steps", h.steps).set("epochs", s.epochs).set("batch", h.batch);
  out.set("accumulate", h.accumulate).set("context", h.time);
  out.set("lr", detail::decimal(h.rate)).set("min_lr", detail::decimal(h.min_rate));
  out.set("warmup", h.warmup).set("schedule", schedule_name(h.schedule));
  out.set("dropout", detail::decimal(h.dropout));
  out.set("weight_decay", detail::decimal(h.weight_decay));
  out.set("beta1", detail::decimal(h.beta1)).set("beta2", detail::decimal(h.beta2));
  out.set("clip", detail::decimal(h.clip)).set("precision", s.precision).set("seed", s.seed);
  out.set("eval_every", h.eval_every).set("eval_batches", h.eval_batches);
  out.set("save_every", s.save_every).set("keep", s.keep);
  out.set("val_fraction", detail::decimal(s.val_fraction));
  return out;
}

inline train_settings settings_from_json(const io::json_field& f) {
  constexpr std::int64_t most = 1'000'000'000'000;
  train_settings s;
  s.data = f["data"].string();
  s.tokenizer = f["tokenizer"].string();
  s.preset = f["preset"].string();
  s.epochs = f["epochs"].number_or(0.0);
  s.how.steps = f["steps"].integer(1, most);
  s.how.batch = f["batch"].integer(1, most);
  s.how.accumulate = f["accumulate"].integer(1, most);
  s.how.time = f["context"].integer(1, most);
  s.how.rate = static_cast<float>(f["lr"].number());
  s.how.min_rate = static_cast<float>(f["min_lr"].number());
  s.how.warmup = f["warmup"].integer(0, most);
  s.how.schedule = parse_schedule(f["schedule"].string());
  s.how.dropout = static_cast<float>(f["dropout"].number());
  s.how.weight_decay = static_cast<float>(f["weight_decay"].number());
  s.how.beta1 = static_cast<float>(f["beta1"].number());
  s.how.beta2 = static_cast<float>(f["beta2"].number());
  s.how.clip = static_cast<float>(f["clip"].number());
  s.precision = f["precision"].string();
  s.seed = f["seed"].unsigned_integer();
  s.how.eval_every = f["eval_every"].integer(1, most);
  s.how.eval_batches = f["eval_batches"].integer(1, most);
  s.save_every = f["save_every"].integer(1, most);
  s.keep = f["keep"].integer(1, most);
  s.val_fraction = static_cast<float>(f["val_fraction"].number());
  return s;
}

// Puts the given flags over s.
inline void apply_flags(train_settings& s, const train_flags& given) {
  const auto put = [](auto& place, const auto& flag) {
    if (flag) place = *flag;
  };
  put(s.data, given.data);
  put(s.tokenizer, given.tokenizer);
  put(s.preset, given.preset);
  put(s.precision, given.precision);
  put(s.how.steps, given.steps);
  put(s.epochs, given.epochs);
  put(s.how.batch, given.batch);
  put(s.how.accumulate, given.accumulate);
  put(s.how.time, given.context);
  put(s.how.rate, given.lr);
  put(s.how.warmup, given.warmup);
  if (given.schedule) s.how.schedule = parse_schedule(*given.schedule);
  put(s.how.dropout, given.dropout);
  put(s.how.weight_decay, given.weight_decay);
  put(s.how.beta1, given.beta1);
  put(s.how.beta2, given.beta2);
  put(s.how.clip, given.clip);
  put(s.seed, given.seed);
  put(s.how.eval_every, given.eval_every);
  put(s.how.eval_batches, given.eval_batches);
  put(s.save_every, given.save_every);
  put(s.keep, given.keep);
  put(s.val_fraction, given.val_fraction);
  // A rate below the preset's least rate takes that down with it.
  if (given.lr && !given.min_lr && s.how.min_rate > s.how.rate) s.how.min_rate = s.how.rate;
  put(s.how.min_rate, given.min_lr);
  if (s.how.min_rate > s.how.rate) {
    throw usage_error(join("--min-lr ", s.how.min_rate, " is above --lr ", s.how.rate));
  }
  if (given.steps && given.epochs) throw usage_error("give --steps or --epochs, not both");
  if (given.steps) s.epochs = 0.0;
}

inline std::string preset_list() {
  std::string names;
  for (const preset& each : presets::all) {
    if (each.runs) names += (names.empty() ? "" : ", ") + std::string(each.name);
  }
  return names;
}

// The settings of a new run.
inline train_settings new_settings(const train_flags& given) {
  if (!given.data) throw usage_error("say what to learn from by --data FILE");
  if (!given.preset) throw usage_error("choose a size by --preset: " + preset_list());
  const preset* chosen = presets::find(*given.preset);
  if (chosen == nullptr || !chosen->runs) {
    throw usage_error(
        join(chosen == nullptr ? "there is no preset \"" : "too large to train here: \"",
             *given.preset, "\"; choose one of ", preset_list()));
  }
  train_settings s;
  s.how = chosen->training;
  if (s.how.time == 0) s.how.time = chosen->model.context;
  s.save_every = 0;
  apply_flags(s, given);
  if (s.how.time > chosen->model.context) {
    throw usage_error(join("--context ", s.how.time, " is longer than the context of ",
                           chosen->model.context, " of preset ", chosen->name));
  }
  if (s.save_every == 0) s.save_every = s.how.eval_every;
  return s;
}

// The settings of a resumed run: the old ones, with the changes that are allowed.
inline train_settings resumed_settings(const train_settings& old, const train_flags& given) {
  train_settings s = old;
  train_flags wanted = given;
  if (wanted.epochs) throw usage_error("with --resume give --steps, not --epochs");
  apply_flags(s, wanted);
  if (given.steps) s.epochs = old.epochs;
  const io::json before = settings_to_json(old), after = settings_to_json(s);
  for (const io::json_member& entry : before.get_if<io::json_object>()->members()) {
    const std::string& key = entry.key;
    if (key == "steps" || key == "eval_every" || key == "eval_batches" || key == "save_every" ||
        key == "keep") {
      continue;
    }
    const io::json& now = *after.find(key);
    if (!(now == entry.value)) {
      throw usage_error(join("this run was started with ", key, " = ", detail::shown(entry.value),
                             ", which --resume cannot change to ", detail::shown(now),
                             "; start another run for that"));
    }
  }
  if (s.how.steps < old.how.steps) {
    throw usage_error(join("this run was started with steps = ", old.how.steps,
                           ", which --resume can raise but not lower to ", s.how.steps));
  }
  return s;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
