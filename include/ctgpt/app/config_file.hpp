// config_file: --config FILE gives a verb its flags from a file; those on the command line win.
//
//   steps = 500                  a TOML file of flags, under their names, dashes or underscores;
//   lr = 1e-3                    a table [train] holds those of that verb alone
//
// or the run.json of a run, whose settings are meant. Its steps are what its epochs came to, so the
// epochs are left out. --steps and --epochs are one choice: either on the command line wins over
// both in the file.
// Errors: a file that cannot be read or parsed, a key that is no option of the verb: usage_error
// with file and key.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "ctgpt/app/flags.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct config_item {
  std::string table, key;
  std::vector<std::string> values;
};

inline std::vector<config_item> json_items(const std::string& text, const std::string& path) {
  const io::json parsed = io::parse_json(text, path);
  const io::json_field file(parsed, path);
  const bool run = file["settings"].present();
  const io::json_field settings = run ? file["settings"] : file;
  std::vector<config_item> items;
  for (const io::json_member& member : settings.members()) {
    const io::json_field field = settings[member.key];
    if (!field.present() || (run && member.key == "epochs")) continue;
    const auto* words = member.value.get_if<std::string>();
    const bool list = member.value.get_if<io::json_array>() != nullptr ||
                      member.value.get_if<io::json_object>() != nullptr;
    if (list) field.wrong("a number, a text, true or false");
    items.push_back({"", member.key, {words != nullptr ? *words : io::write_json(member.value)}});
  }
  return items;
}

inline std::vector<config_item> toml_items(const std::string& text, const std::string& path) {
  std::vector<config_item> items;
  try {
    std::istringstream stream(text);
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(stream)) {
      if (item.name == "++" || item.name == "--") continue;  // a table begins, ends
      std::string table;
      for (const std::string& parent : item.parents) table += (table.empty() ? "" : ".") + parent;
      items.push_back({table, item.name, item.inputs});
    }
  } catch (const CLI::Error& problem) {
    throw usage_error(join(path, " is no TOML file of flags: ", problem.what()));
  }
  return items;
}

// Whether an option is among the words of the command line, under any of its names.
inline bool is_given(const CLI::Option& option, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    for (const std::string& name : option.get_lnames()) {
      if (word == "--" + name || word.starts_with("--" + name + "=")) return true;
    }
    for (const std::string& name : option.get_snames()) {
      if (word.starts_with("-" + name) && !word.starts_with("--")) return true;
    }
    return false;
  });
}

// Whether the command line has an option, or for one of --steps and --epochs either of them.
inline bool is_decided(const CLI::App& verb, const CLI::Option& option,
                       const std::vector<std::string>& words) {
  if (is_given(option, words)) return true;
  if (!option.check_lname("steps") && !option.check_lname("epochs")) return false;
  for (const char* name : {"--steps", "--epochs"}) {
    const CLI::Option* either = verb.get_option_no_throw(name);
    if (either != nullptr && is_given(*either, words)) return true;
  }
  return false;
}

// The words that FILE adds to those of the command line for this verb.
inline std::vector<std::string> words_of_config(const std::string& path, const CLI::App& verb,
                                                const std::vector<std::string>& words) {
  const std::string text = read_file(path, std::uint64_t{1} << 24);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != text.npos && text[first] == '{';
  std::vector<std::string> more;
  for (const config_item& item : json ? json_items(text, path) : toml_items(text, path)) {
    if (!item.table.empty() && item.table != verb.get_name()) continue;  // of another verb
    std::string name = "--" + item.key;
    std::replace(name.begin(), name.end(), '_', '-');
    const CLI::Option* option = verb.get_option_no_throw(name);
    if (option == nullptr || name == "--config" || name == "--help") {
      const std::string near = nearest_flag(verb, name);
      throw usage_error(join(path, ": there is no option ", item.key, " of ctgpt ", verb.get_name(),
                             near.empty() ? "" : "; did you mean " + near.substr(2) + "?"));
    }
    if (is_decided(verb, *option, words)) continue;
    if (option->get_items_expected_max() == 0) {  // a flag without a value
      if (item.values == std::vector<std::string>{"true"}) more.push_back(name);
      continue;
    }
    for (const std::string& value : item.values) more.push_back(name + "=" + value);
  }
  return more;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
