// config_file: --config FILE gives a verb its flags from a file; those on the command line win.
//
//   steps = 500                  a TOML file of flags, under their names, dashes or underscores; a
//   stop = ["\n\n", "THE END"]   flag that may be given again takes a list, one without a value
//   resume = true                true or false
//   [train]                      a table holds those of that verb alone, which win over those above
//   lr = 1e-3                    it; tables of other verbs ([data.world] is one) are left alone
//
// or the run.json of a run, whose settings are meant: one that is null is not given. Its
// steps are what its epochs came to, so the epochs are left out. --steps and --epochs are one
// choice: either on the command line wins over both in the file.
// Errors: usage_error with file and key, and the line of a TOML file: a file that cannot be read or
// parsed, a table of no verb, a key that is no option of the verb, a value of another kind.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "ctgpt/app/flags.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// What a file says, TOML or JSON.
struct config_value {
  enum class kind : unsigned char { text, number, truth, list, table, other };
  kind is = kind::other;
  std::string text;                 // as on the command line; of another kind: "a date"
  std::string key;                  // in a table
  std::size_t line = 0;             // 0: not known
  std::vector<config_value> inner;  // of a list or a table
};

// The table that a TOML file is; defined in app/toml_file.hpp, for one unit of a program.
config_value parse_toml(const std::string& text, const std::string& path);

inline config_value parse_json_config(const io::json& value, const std::string& key) {
  using kind = config_value::kind;
  config_value read{kind::number, {}, key, 0, {}};
  if (const auto* words = value.get_if<std::string>()) {
    read.is = kind::text;
    read.text = *words;
  } else if (value.get_if<io::json_array>() != nullptr) {
    read.is = kind::list;
    const io::json_field list(value, key);
    for (std::size_t i = 0; i < list.size(); ++i) {
      read.inner.push_back(parse_json_config(*list[i].value(), key));
    }
  } else if (const auto* object = value.get_if<io::json_object>()) {
    read.is = kind::table;
    for (const io::json_member& member : object->members()) {
      if (member.value.is_null()) continue;
      read.inner.push_back(parse_json_config(member.value, member.key));
    }
  } else {
    read.text = io::write_json(value);
    if (value.is_null()) read.is = kind::other;
    if (value.get_if<bool>() != nullptr) read.is = kind::truth;
  }
  return read;
}

// What is in FILE; of a run.json, its settings.
inline config_value read_config(const std::string& path) {
  try {
    const std::string text = read_file(path, std::uint64_t{1} << 24);
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == text.npos || text[first] != '{') return parse_toml(text, path);
    const io::json parsed = io::parse_json(text, path);
    const io::json_field settings = io::json_field(parsed, path)["settings"];
    if (!settings.present()) return parse_json_config(parsed, "");
    static_cast<void>(settings.members());  // an object, or an error
    config_value read = parse_json_config(*settings.value(), "");
    std::erase_if(read.inner, [](const config_value& each) { return each.key == "epochs"; });
    return read;
  } catch (const error& problem) {
    throw usage_error(problem.what());
  }
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

// A flag that a file gives.
struct config_flag {
  std::string name;                 // "--min-lr"
  std::string place;                // "settings.toml:3"
  std::vector<std::string> values;  // of a flag without a value: "true" or none
  const CLI::Option* option = nullptr;
  bool own = false;  // from the verb's own table

  std::vector<std::string> words() const {
    if (option->get_items_expected_max() == 0) return {values.size(), name};
    std::vector<std::string> list;
    for (const std::string& value : values) list.push_back(name + "=" + value);
    return list;
  }
  // Where a sentence speaks of it, by its name, its value or what run.json calls it; npos: nowhere.
  std::size_t place_in(const std::string& sentence) const {
    const auto goes_on = [](char c) { return c == '-' || (c >= 'a' && c <= 'z'); };
    std::size_t at = sentence.find(name);
    while (at != sentence.npos && at + name.size() < sentence.size() &&
           goes_on(sentence[at + name.size()])) {
      at = sentence.find(name, at + 1);
    }
    std::string setting = name.substr(2) + " = ";
    std::replace(setting.begin(), setting.end() - 3, '-', '_');
    at = std::min(at, sentence.find(" " + setting));
    for (const std::string& value : values) {
      for (const char* quote : {"\"", "'"}) at = std::min(at, sentence.find(quote + value + quote));
    }
    return at;
  }
};

// Reads a file's flags for one verb of the program.
class config_reader {
 public:
  config_reader(const std::string& path, const CLI::App& verb) : path_(path), verb_(&verb) {
    for (top_ = &verb; top_->get_parent() != nullptr; top_ = top_->get_parent()) {
      chain_.insert(chain_.begin(), top_);
    }
  }
  std::vector<config_flag> read() {
    read_table(read_config(path_), 0, "");
    return std::move(found_);
  }

 private:
  using kind = config_value::kind;

  static std::vector<const CLI::App*> verbs_in(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
  }
  static const CLI::App* verb_in(const CLI::App& app, const std::string& name) {
    for (const CLI::App* each : verbs_in(app)) {
      if (each->get_name() == name) return each;
    }
    return nullptr;
  }
  // Every table that a file may hold: "train", "data.world".
  static void name_tables(const CLI::App& app, const std::string& before,
                          std::vector<std::string>& names) {
    for (const CLI::App* each : verbs_in(app)) {
      if (verbs_in(*each).empty()) names.push_back(before + each->get_name());
      name_tables(*each, before + each->get_name() + ".", names);
    }
  }

  // depth: how many names of the verb the table's own name has; name: "data." or "".
  void read_table(const config_value& table, std::size_t depth, const std::string& name) {
    const CLI::App& app = depth == 0 ? *top_ : *chain_[depth - 1];
    for (const config_value& each : table.inner) {
      const CLI::App* verb = verb_in(app, each.key);
      if (verb != nullptr && each.is == kind::table) {
        if (depth < chain_.size() && verb == chain_[depth]) {
          read_table(each, depth + 1, name + each.key + ".");
        } else {
          check_tables(each, *verb, name + each.key + ".");
        }
      } else if (depth == 0 || depth == chain_.size()) {
        read_flag(each, depth != 0);
      } else {
        fail_no_verb(each, name + each.key);
      }
    }
  }
  // Tables of other verbs are left alone, but they must be of verbs.
  void check_tables(const config_value& table, const CLI::App& app, const std::string& name) {
    if (verbs_in(app).empty()) return;
    for (const config_value& each : table.inner) {
      const CLI::App* verb = verb_in(app, each.key);
      if (verb == nullptr || each.is != kind::table) fail_no_verb(each, name + each.key);
      check_tables(each, *verb, name + each.key + ".");
    }
  }

  void read_flag(const config_value& value, bool own) {
    std::string name = "--" + value.key;
    std::replace(name.begin(), name.end(), '_', '-');
    if (name == "--config" || name == "--help") {
      wrong(value, value.key, " cannot stand in a file; give it on the command line");
    }
    const CLI::Option* option = verb_->get_option_no_throw(name);
    if (option == nullptr && !own) {
      if (value.is == kind::table) fail_no_verb(value, value.key);
      if (verb_in(*top_, value.key) != nullptr) {
        wrong(value, value.key, " is a verb, whose flags stand in one table, [", value.key, "]");
      }
    }
    if (option == nullptr) {
      std::string path;
      for (const CLI::App* each : chain_) path += " " + each->get_name();
      wrong(value, "there is no option ", value.key, " of ctgpt", path,
            advice_on_flag(*verb_, name, ""));
    }
    config_flag flag{name, place_of(value), values_of(value, *option), option, own};
    const auto earlier = std::find_if(found_.begin(), found_.end(), [&](const config_flag& each) {
      return each.option == option;
    });
    if (earlier == found_.end()) {
      found_.push_back(std::move(flag));
    } else if (earlier->own == own) {
      wrong(value, value.key, " is given a second time; leave one out");
    } else if (own) {
      *earlier = std::move(flag);
    }
  }

  std::vector<std::string> values_of(const config_value& value, const CLI::Option& option) const {
    if (option.get_items_expected_max() == 0) {
      if (value.is != kind::truth) {
        wrong(value, value.key, " must be true or false, not ", shown(value));
      }
      if (value.text == "true") return {"true"};
      return {};
    }
    if (value.is != kind::list) return {text_of(value, value)};
    if (option.get_items_expected_max() == 1) {
      wrong(value, value.key, " takes one value, not a list");
    }
    std::vector<std::string> list;
    for (const config_value& each : value.inner) list.push_back(text_of(each, value));
    return list;
  }
  std::string text_of(const config_value& value, const config_value& of) const {
    if (value.is != kind::text && value.is != kind::number) {
      wrong(of, of.key, " must be a text or a number, not ", shown(value));
    }
    if (value.text.empty()) wrong(of, of.key, " needs a value, not an empty text");
    return value.text;
  }
  static std::string shown(const config_value& value) {
    if (value.is == kind::list) return "a list";
    if (value.is == kind::table) return "a table";
    return value.is == kind::text ? "\"" + value.text + "\"" : value.text;
  }

  [[noreturn]] void fail_no_verb(const config_value& value, const std::string& name) const {
    std::vector<std::string> names;
    name_tables(*top_, "", names);
    std::string near = nearest_word(name, names), all;
    for (const std::string& each : names) {
      all += (all.empty() ? "[" : ", [") + each + "]";
      const bool ends = each.ends_with("." + name) || each.starts_with(name + ".") ||
                        name.starts_with(each.substr(0, each.find('.') + 1));
      if (near.empty() && ends && each.find('.') != each.npos) near = each;
    }
    const std::size_t dot = name.rfind('.');
    const bool key = value.is != kind::table && dot != name.npos;  // of a table that is no verb's
    wrong(value, "there is no verb [", key ? name.substr(0, dot) : name, "]; ",
          near.empty() ? "choose one of " + all : "did you mean [" + near + "]?");
  }
  std::string place_of(const config_value& value) const {
    return value.line == 0 ? path_ : path_ + ":" + std::to_string(value.line);
  }
  template <class... Parts>
  [[noreturn]] void wrong(const config_value& value, const Parts&... parts) const {
    throw usage_error(join(place_of(value), ": ", parts...));
  }

  std::string path_;
  const CLI::App* verb_;
  const CLI::App* top_;
  std::vector<const CLI::App*> chain_;  // the verb and those above it, without the program
  std::vector<config_flag> found_;
};

// Whether a variable of the environment stands for the option.
inline bool is_in_environment(const CLI::Option& option) {
  return !option.get_envname().empty() && std::getenv(option.get_envname().c_str()) != nullptr;
}

// The flags that FILE adds to the words of the command line for this verb.
inline std::vector<config_flag> flags_of_config(const std::string& path, const CLI::App& verb,
                                                const std::vector<std::string>& words) {
  std::vector<config_flag> flags = config_reader(path, verb).read();
  std::erase_if(flags,
                [&](const config_flag& each) {
                  return is_decided(verb, *each.option, words) || is_in_environment(*each.option);
                });
  return flags;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
