// Reads the repository's text files and what they #include.
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace architecture {

struct source {
  std::string path;  // from the top of the repository, e.g. include/ctgpt/base/file.hpp
  std::string text;
};
using sources = std::vector<source>;
using findings = std::vector<std::string>;  // one sentence for each broken rule

struct include_line {
  std::string name;  // ctgpt/base/file.hpp
  bool quoted;       // "name", not <name>
};

inline bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}
inline bool ends_with(std::string_view text, std::string_view tail) {
  return text.size() >= tail.size() && text.substr(text.size() - tail.size()) == tail;
}
inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}
template <class List>
bool any_of(const List& list, std::string_view wanted) {
  return std::find(std::begin(list), std::end(list), wanted) != std::end(list);
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);) lines.push_back(line);
  return lines;
}

// The words after `#`: "# include <x>" gives "include <x>"; other lines give "".
inline std::string directive_of(const std::string& line) {
  const std::size_t hash = line.find_first_not_of(" \t");
  if (hash == std::string::npos || line[hash] != '#') return "";
  const std::size_t word = line.find_first_not_of(" \t", hash + 1);
  return word == std::string::npos ? "" : line.substr(word);
}

inline std::vector<include_line> includes_of(const source& file) {
  std::vector<include_line> found;
  for (const std::string& line : lines_of(file.text)) {
    const std::string directive = directive_of(line);
    if (!starts_with(directive, "include")) continue;
    const std::size_t open = directive.find_first_of("<\"");
    if (open == std::string::npos) continue;  // #include MACRO
    const bool quoted = directive[open] == '"';
    const std::size_t close = directive.find(quoted ? '"' : '>', open + 1);
    if (close != std::string::npos) {
      found.push_back({directive.substr(open + 1, close - open - 1), quoted});
    }
  }
  return found;
}

// include/ctgpt/io/json.hpp is in room io, include/ctgpt/ops.hpp is the room ops; "" elsewhere.
inline std::string room_of(std::string_view path) {
  constexpr std::string_view top = "include/ctgpt/";
  if (!starts_with(path, top)) return "";
  path.remove_prefix(top.size());
  return std::string(path.substr(0, path.find_first_of("/.")));
}

inline bool is_inl(std::string_view path) { return ends_with(path, "-inl.hpp"); }
inline bool is_dispatch(std::string_view path) { return ends_with(path, "backend/cpu/impl.hpp"); }

// Every text file that is ours: what is built, run and fuzzed from elsewhere stays out.
inline sources read_repository(const std::string& top) {
  namespace fs = std::filesystem;
  sources files;
  const auto read = [&](const fs::path& path) {
    std::ifstream input(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(input), {}};
    if (text.find('\0') != std::string::npos) return;
    files.push_back({fs::relative(path, top).generic_string(), std::move(text)});
  };
  for (const fs::directory_entry& entry : fs::directory_iterator(top)) {
    if (entry.is_regular_file() && entry.path().filename() != ".git") read(entry.path());
  }
  for (const char* folder : {"include", "examples", "benchmarks", "tests", "cmake", ".ci"}) {
    if (!fs::exists(fs::path(top) / folder)) continue;
    for (auto entry = fs::recursive_directory_iterator(fs::path(top) / folder);
         entry != fs::recursive_directory_iterator(); ++entry) {
      const std::string name = entry->path().filename().string();
      if (entry->is_directory() && (name == "corpus" || name == "__pycache__")) {
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file()) {
        read(entry->path());
      }
    }
  }
  std::sort(files.begin(), files.end(),
            [](const source& a, const source& b) { return a.path < b.path; });
  return files;
}

}  // namespace architecture
