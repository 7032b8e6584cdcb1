// toml_file: the TOML reader of --config FILE, on toml++; one unit of a program includes it.
//
// Texts, whole numbers in every base, numbers, true and false become what they would be on the
// command line; 1_000 is 1000, 1e-3 is 0.001. Dates and times keep their place, to be refused.
// Errors: usage_error with file, line and column, what is wrong and what to write.
// Reference: TOML 1.0.0, https://toml.io/en/v1.0.0.
#pragma once

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "ctgpt/app/config_file.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// The number of the line of `node`, or of its key where that says more.
inline config_value from_toml(const toml::node& node, std::string key, std::size_t line) {
  using kind = config_value::kind;
  config_value read{kind::other, {}, std::move(key), line, {}};
  switch (node.type()) {
    case toml::node_type::string:
      read.is = kind::text;
      read.text = node.as_string()->get();
      break;
    case toml::node_type::integer:
      read.is = kind::number;
      read.text = std::to_string(node.as_integer()->get());
      break;
    case toml::node_type::floating_point:
      read.is = kind::number;
      read.text = exact_number(node.as_floating_point()->get());
      break;
    case toml::node_type::boolean:
      read.is = kind::truth;
      read.text = node.as_boolean()->get() ? "true" : "false";
      break;
    case toml::node_type::array:
      read.is = kind::list;
      for (const toml::node& each : *node.as_array()) {
        read.inner.push_back(from_toml(each, "", each.source().begin.line));
      }
      break;
    case toml::node_type::table:
      read.is = kind::table;
      for (const auto& [name, value] : *node.as_table()) {
        read.inner.push_back(from_toml(value, std::string(name.str()), name.source().begin.line));
      }
      // In the order of the file, so that the first error is told.
      std::stable_sort(
          read.inner.begin(), read.inner.end(),
          [](const config_value& a, const config_value& b) { return a.line < b.line; });
      break;
    case toml::node_type::date:
      read.text = "a date";
      break;
    case toml::node_type::time:
      read.text = "a time";
      break;
    case toml::node_type::date_time:
      read.text = "a date with a time";
      break;
    case toml::node_type::none:
      break;
  }
  return read;
}

// What to do about an error of the parser.
inline std::string_view advice_on_toml(std::string_view problem) {
  const auto says = [&](std::string_view part) { return problem.find(part) != problem.npos; };
  if (says("value type") || says("boolean")) return "put a text in quotes, key = \"text\"";
  if (says("string") && (says("end-of-file") || says("control characters"))) {
    return "end the text with the quotes that it begins with";
  }
  if (says("expected '='")) return "write key = value, one a line";
  if (says("table header: expected ']'")) return "write [train] for the table of that verb";
  if (says("redefine")) return "leave one out";
  if (says("comment or whitespace")) return "write one key = value, or one [table], a line";
  if (says("escape sequence")) return "write \\\\ for a backslash, or use single quotes";
  if (says("utf-8")) return "save the file as UTF-8";
  return "https://toml.io says how it is written";
}

config_value parse_toml(const std::string& text, const std::string& path) {
  try {
    const toml::table table = toml::parse(std::string_view(text), path);
    return from_toml(table, "", 0);
  } catch (const toml::parse_error& error) {
    std::string problem(error.description());
    if (!problem.empty()) {
      problem[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(problem[0])));
    }
    const auto& at = error.source().begin;
    throw usage_error(
        join(path, ":", at.line, ":", at.column, ": ", problem, "; ", advice_on_toml(problem)));
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::app
