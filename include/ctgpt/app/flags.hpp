// flags: the program's command-line options, with one clear sentence for whatever is wrong.
//
//   flags given(command);
//   given.integer("--steps", "steps of training", options.steps, 1, 1'000'000'000);
//
// Every option is optional<T>: empty means not given. Numbers are parsed whole, within bounds.
// An unknown option names the nearest one, also by the names that nanoGPT, transformers and llama.cpp
// use for the same thing.
// Errors: usage_error (exit code 2).
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// 1234567 as 1,234,567.
inline std::string grouped(long long value) {
  std::string digits = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

inline long long parse_integer(std::string_view flag, std::string_view text, long long low,
                               long long high) {
  long long value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || rest != end || text.empty() || value < low || value > high) {
    throw usage_error(join(flag, " must be a whole number from ", grouped(low), " to ",
                           grouped(high), ", not \"", text, "\""));
  }
  return value;
}

inline double parse_number(std::string_view flag, std::string_view text, double low, double high) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || rest != end || text.empty() || !(value >= low && value <= high)) {
    throw usage_error(
        join(flag, " must be a number from ", low, " to ", high, ", not \"", text, "\""));
  }
  return value;
}

class flags {
 public:
  explicit flags(CLI::App& command) : command_(&command) {}

  CLI::Option* text(const std::string& names, const std::string& help,
                    std::optional<std::string>& value) {
    return named(command_->add_option_function<std::string>(
        names, [&value](const std::string& given) { value = given; }, help));
  }
  CLI::Option* texts(const std::string& names, const std::string& help,
                     std::vector<std::string>& values) {
    return named(command_->add_option_function<std::vector<std::string>>(
                     names,
                     [&values](const std::vector<std::string>& given) { values = given; }, help))
        ->take_all()
        ->expected(1, 64);
  }
  template <class Integer>
  CLI::Option* integer(const std::string& names, const std::string& help,
                       std::optional<Integer>& value, long long low, long long high) {
    const std::string flag = longest(names);
    return named(command_->add_option_function<std::string>(
        names,
        [&value, flag, low, high](const std::string& given) {
          value = static_cast<Integer>(parse_integer(flag, given, low, high));
        },
        help));
  }
  template <class Real>
  CLI::Option* number(const std::string& names, const std::string& help, std::optional<Real>& value,
                      double low, double high) {
    const std::string flag = longest(names);
    return named(command_->add_option_function<std::string>(
        names,
        [&value, flag, low, high](const std::string& given) {
          value = static_cast<Real>(parse_number(flag, given, low, high));
        },
        help));
  }
  CLI::Option* yes(const std::string& names, const std::string& help, bool& value) {
    return command_->add_flag(names, value, help);
  }

 private:
  static CLI::Option* named(CLI::Option* option) {
    return option->type_name("")->allow_extra_args(false);
  }
  static std::string longest(const std::string& names) {
    const std::size_t comma = names.rfind(',');
    return comma == std::string::npos ? names : names.substr(comma + 1);
  }
  CLI::App* command_;
};

// Levenshtein distance.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

// What the same thing is called here: {their name without dashes, ours}.
inline constexpr std::pair<std::string_view, std::string_view> foreign_names[] = {
    {"max-iters", "--steps"},           {"max-steps", "--steps"},
    {"num-train-epochs", "--epochs"},   {"batch-size", "--batch"},
    {"per-device-train-batch-size", "--batch"},
    {"gradient-accumulation-steps", "--accumulate"},
    {"block-size", "--context"},        {"ctx-size", "--context"},
    {"max-length", "--context"},        {"learning-rate", "--lr"},
    {"min-learning-rate", "--min-lr"},  {"warmup-iters", "--warmup"},
    {"warmup-steps", "--warmup"},       {"lr-scheduler-type", "--schedule"},
    {"grad-clip", "--clip"},            {"max-grad-norm", "--clip"},
    {"adam-beta1", "--beta1"},          {"adam-beta2", "--beta2"},
    {"eval-interval", "--eval-every"},  {"eval-steps", "--eval-every"},
    {"eval-iters", "--eval-batches"},   {"save-steps", "--save-every"},
    {"save-total-limit", "--keep"},     {"out-dir", "--out"},
    {"output-dir", "--out"},            {"dataset", "--data"},
    {"train-file", "--data"},           {"dtype", "--precision"},
    {"device", "--backend"},            {"init-from", "--resume"},
    {"resume-from-checkpoint", "--resume"},
    {"max-new-tokens", "--tokens"},     {"n-predict", "--tokens"},
    {"predict", "--tokens"},            {"num-samples", "--samples"},
    {"num-return-sequences", "--samples"},
    {"start", "--prompt"},              {"file", "--prompt-file"},
    {"temp", "--temperature"},          {"repeat-penalty", "--repetition-penalty"},
    {"reverse-prompt", "--stop"},       {"model-name-or-path", "--model"},
    {"size", "--bytes"},
};

// The known option of `command` that an unknown one most likely means; "" when nothing is near.
inline std::string nearest_flag(const CLI::App& command, std::string unknown) {
  unknown = unknown.substr(0, unknown.find('='));
  while (unknown.starts_with('-')) unknown.erase(0, 1);
  std::replace(unknown.begin(), unknown.end(), '_', '-');
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back(name);
  }
  for (const auto& [theirs, ours] : foreign_names) {
    const std::string bare(ours.substr(2));
    if (theirs == unknown && std::find(known.begin(), known.end(), bare) != known.end()) {
      return std::string(ours);
    }
  }
  std::string best;
  std::size_t closest = std::max<std::size_t>(2, unknown.size() / 3) + 1;
  for (const std::string& name : known) {
    const std::size_t distance = edit_distance(unknown, name);
    if (distance < closest) {
      closest = distance;
      best = "--" + name;
    }
  }
  return best;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
