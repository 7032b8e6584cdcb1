// flags: the program's command-line options, with one clear sentence for whatever is wrong.
//
//   flags given(command);
//   given.integer("--steps N", "training steps", options.steps, 1, 1'000'000'000);
//
// Every option is optional<T>: empty means not given. Numbers are parsed whole, within bounds; a
// text may not be empty. The word after the last name is what the help calls the value.
// An unknown option names the nearest one, also by the names of other programs
// (app/foreign_names.hpp).
// Errors: usage_error (exit code 2).
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/app/foreign_names.hpp"
#include "ctgpt/app/print.hpp"
#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

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

// As it would be written: 0.9999999, not 1.
inline std::string exact_number(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

inline double parse_number(std::string_view flag, std::string_view text, double low, double high) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || rest != end || text.empty() || !(value >= low && value <= high)) {
    throw usage_error(
        join(flag, " must be a number from ", exact_number(low), " to ", exact_number(high),
             ", not \"", text, "\""));
  }
  return value;
}

class flags {
 public:
  explicit flags(CLI::App& command) : command_(&command) {}

  void text(const std::string& names, const std::string& help, std::optional<std::string>& value) {
    add(names, help, [this, &value, flag = long_name(names)](const std::string& given) {
      check_text(flag, given);
      value = given;
    });
  }
  void texts(const std::string& names, const std::string& help, std::vector<std::string>& values) {
    add_list(all_names(names), long_name(names), help, values)
        ->type_name(placeholder(names))
        ->allow_extra_args(false);
  }
  // Any number of values after one name, as of files that a shell's pattern names.
  void paths(const std::string& names, const std::string& help, std::vector<std::string>& values) {
    add_list(all_names(names), long_name(names), help, values)
        ->type_name(placeholder(names))
        ->expected(1, 1 << 24);
  }
  // What stands without an option's name, any number of them.
  void words(const std::string& name, const std::string& help, std::vector<std::string>& values) {
    add_list(name, name, help, values)->type_name("");
  }
  template <class Integer>
  void integer(const std::string& names, const std::string& help, std::optional<Integer>& value,
               long long low, long long high) {
    add(names, help, [&value, flag = long_name(names), low, high](const std::string& given) {
      value = static_cast<Integer>(parse_integer(flag, given, low, high));
    });
  }
  template <class Real>
  void number(const std::string& names, const std::string& help, std::optional<Real>& value,
              double low, double high) {
    add(names, help, [&value, flag = long_name(names), low, high](const std::string& given) {
      value = static_cast<Real>(parse_number(flag, given, low, high));
    });
  }
  void yes(const std::string& names, const std::string& help, bool& value) {
    command_->add_flag(names, value, help)->disable_flag_override();
  }

  // Every option so far may also be a variable of the environment: --kv-cache, with the prefix
  // CTGPT_, is CTGPT_KV_CACHE.
  void environment(const std::string& prefix) {
    for (CLI::Option* option : command_->get_options()) {
      if (option->get_lnames().empty() || option->check_lname("help")) continue;
      std::string name = prefix;
      for (const char c : option->get_lnames().front()) {
        name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      }
      option->envname(name);
    }
  }

 private:
  // "-m,--model DIR": "-m,--model", "DIR", "--model".
  static std::string all_names(const std::string& names) {
    return names.substr(0, names.find(' '));
  }
  static std::string placeholder(const std::string& names) {
    return names.substr(names.find(' ') + 1);
  }
  static std::string long_name(const std::string& names) {
    const std::string all = all_names(names);
    return all.substr(all.find("--"));
  }

  // shown: what errors call it.
  CLI::Option* add_list(const std::string& names, const std::string& shown, const std::string& help,
                        std::vector<std::string>& values) {
    return command_->add_option_function<std::vector<std::string>>(
        names,
        [this, &values, shown](const std::vector<std::string>& given) {
          for (const std::string& each : given) check_text(shown, each);
          values = given;
        },
        help);
  }
  void add(const std::string& names, const std::string& help,
           std::function<void(const std::string&)> put) {
    command_->add_option_function<std::string>(all_names(names), put, help)
        ->type_name(placeholder(names))
        ->allow_extra_args(false);
  }
  // An option's name where a value belongs is a forgotten value.
  void check_text(const std::string& flag, const std::string& given) const {
    if (given.empty()) throw usage_error(flag + " needs a value, not an empty text");
    const bool option = given.starts_with("--") && given.size() > 2 &&
                        command_->get_option_no_throw(given) != nullptr;
    if (option) throw usage_error(join(flag, " needs a value, but ", given, " follows it"));
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

// The nearest of the known words; "" when none is near, with more letters right than wrong.
inline std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t closest = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& each : known) {
    const std::size_t distance = edit_distance(word, each);
    if (distance < closest && 2 * distance < std::max(word.size(), each.size())) {
      closest = distance;
      best = each;
    }
  }
  return best;
}

// The known option of `command` that an unknown one, with or without =VALUE, most likely means; ""
// when nothing is near.
inline std::string nearest_flag(const CLI::App& command, std::string unknown) {
  while (unknown.starts_with('-')) unknown.erase(0, 1);
  for (char& letter : unknown) {
    if (letter == '_') letter = '-';
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  const std::string with_value = unknown;
  unknown = unknown.substr(0, unknown.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back(name);
  }
  for (const auto& [theirs, ours] : foreign_names) {
    const std::string bare(ours.substr(2));
    const bool meant = theirs == unknown || theirs == with_value;
    if (meant && std::find(known.begin(), known.end(), bare) != known.end()) {
      return std::string(ours);
    }
  }
  const std::string near = nearest_word(unknown, known);
  return near.empty() ? near : "--" + near;
}

// What to do about an unknown option, after a semicolon; "" when nothing is known. dashes: those
// that an option is written with.
inline std::string advice_on_flag(const CLI::App& command, std::string unknown,
                                  const std::string& dashes = "--") {
  const std::string near = nearest_flag(command, unknown);
  if (!near.empty()) return "; did you mean " + dashes + near.substr(2) + "?";
  unknown = unknown.substr(0, unknown.find('='));
  for (char& letter : unknown) letter = letter == '_' ? '-' : letter;
  for (const std::string_view name : names_of_the_context) {
    if (unknown == name) return "; the context is the model's own";
  }
  return {};
}

}  // namespace ctgpt::inline CTGPT_ABI::app
