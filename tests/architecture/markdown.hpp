// Reads the repository's Markdown pages: their C++ and their links.
#pragma once

#include "architecture/source.hpp"

namespace architecture {

inline bool is_page(const source& file) { return ends_with(file.path, ".md"); }

inline std::string without_spaces(std::string_view text) {
  std::string dense;
  for (const char letter : text) {
    if (std::isspace(static_cast<unsigned char>(letter)) == 0) dense += letter;
  }
  return dense;
}

// What stands between ```cpp and ```. Fragments that stand nowhere else are ```c++.
inline std::vector<std::string> snippets_of(const std::string& page) {
  const std::string begin = "```cpp\n", end = "```";
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = page.find(begin, at)) != std::string::npos;) {
    const std::size_t first = at + begin.size(), last = page.find(end, first);
    found.push_back(page.substr(first, last - first));
    at = last;
  }
  return found;
}

// Spaces aside.
inline bool stands_in(std::string_view snippet, std::string_view program) {
  return contains(without_spaces(program), without_spaces(snippet));
}

// The C++ of a page that no C++ file holds.
inline findings check_snippets(const sources& files) {
  std::vector<std::string> programs;
  for (const source& file : files) {
    if (ends_with(file.path, ".cpp") || ends_with(file.path, ".hpp")) {
      programs.push_back(without_spaces(file.text));
    }
  }
  findings found;
  for (const source& file : files) {
    if (!is_page(file)) continue;
    for (const std::string& snippet : snippets_of(file.text)) {
      const std::string dense = without_spaces(snippet);
      const bool stands = std::any_of(programs.begin(), programs.end(), [&](const auto& program) {
        return contains(program, dense);
      });
      if (!stands) {
        found.push_back(file.path + ": no C++ file holds the snippet that begins with " +
                        snippet.substr(0, snippet.find('\n')));
      }
    }
  }
  return found;
}

// The targets of [text](target) outside of code.
inline std::vector<std::string> links_of(const std::string& page) {
  std::vector<std::string> found;
  bool fenced = false;
  for (std::string line : lines_of(page)) {
    if (starts_with(line, "```")) fenced = !fenced;
    if (fenced) continue;
    for (std::size_t open; (open = line.find('`')) != std::string::npos;) {
      const std::size_t close = line.find('`', open + 1);
      line.erase(open, close == std::string::npos ? close : close - open + 1);
    }
    for (std::size_t at = 0; (at = line.find("](", at)) != std::string::npos;) {
      at += 2;
      const std::size_t end = line.find(')', at);
      if (end == std::string::npos) break;
      found.push_back(line.substr(at, end - at));
    }
  }
  return found;
}

// The name by which a link leads to a heading: "While compiling" is while-compiling.
inline std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char letter : heading) {
    const auto byte = static_cast<unsigned char>(letter);
    if (std::isalnum(byte) != 0 || letter == '-' || letter == '_') {
      anchor += static_cast<char>(std::tolower(byte));
    } else if (letter == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

inline bool has_heading(const std::string& page, std::string_view anchor) {
  const std::vector<std::string> lines = lines_of(page);
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    const std::size_t text = line.find_first_not_of('#');
    return text != 0 && text != std::string::npos && line[text] == ' ' &&
           anchor_of(line.substr(text + 1)) == anchor;
  });
}

// Relative links to what is not there, below the repository's top. `exists` answers for a path.
template <class Exists>
findings check_links(const sources& files, const Exists& exists) {
  findings found;
  for (const source& file : files) {
    if (!is_page(file)) continue;
    for (const std::string& link : links_of(file.text)) {
      if (contains(link, "://") || starts_with(link, "mailto:")) continue;
      const std::size_t hash = link.find('#');
      const std::string target = link.substr(0, hash);
      const std::string path = target.empty()
                                   ? file.path
                                   : (std::filesystem::path(file.path).parent_path() / target)
                                         .lexically_normal()
                                         .generic_string();
      if (starts_with(path, "..") || starts_with(path, "/") || !exists(path)) {
        found.push_back(file.path + " links to " + link + ", which is not there");
        continue;
      }
      if (hash == std::string::npos) continue;
      const auto page = std::find_if(files.begin(), files.end(),
                                     [&](const source& other) { return other.path == path; });
      if (page == files.end() || !has_heading(page->text, link.substr(hash + 1))) {
        found.push_back(file.path + " links to " + link + ", but there is no such heading");
      }
    }
  }
  return found;
}

}  // namespace architecture
