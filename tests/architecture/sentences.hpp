// Reads the sentences on include/ERRORS.md, and finds their fixed words in the code that says them.
#pragma once

#include "architecture/markdown.hpp"
#include "architecture/style.hpp"

namespace architecture {

// The code between backticks in the first column of the tables headed "the sentence".
inline std::vector<std::string> sentences_of(const std::string& page) {
  std::vector<std::string> found;
  bool inside = false;
  for (const std::string& line : lines_of(page)) {
    if (starts_with(line, "| the sentence |")) {
      inside = true;
      continue;
    }
    inside = inside && starts_with(line, "|");
    const std::string cell = inside ? line.substr(0, line.find(" | ")) : "";
    for (std::size_t at = 0; (at = cell.find('`', at)) != std::string::npos;) {
      const std::size_t end = cell.find('`', at + 1);
      if (end == std::string::npos) break;
      found.push_back(cell.substr(at + 1, end - at - 1));
      at = end + 1;
    }
  }
  return found;
}

// The fixed words of a sentence. What differs stands on the page as ..., (..), a number or a name
// in capitals; " must be " and ", found" are put around a field's words by io/json_field.hpp.
inline std::vector<std::string> fixed_words(std::string sentence) {
  for (const std::string varying : {"...", "(..)", " must be ", ", found"}) {
    for (std::size_t at; (at = sentence.find(varying)) != std::string::npos;) {
      sentence.replace(at, varying.size(), "\n");
    }
  }
  for (std::size_t at = 0; at < sentence.size(); ++at) {
    std::size_t end = at;
    while (end < sentence.size() && is_word(sentence[end])) ++end;
    const std::string word = sentence.substr(at, end - at);
    const bool varies = !word.empty() && std::all_of(word.begin(), word.end(), [](char letter) {
      return std::islower(static_cast<unsigned char>(letter)) == 0;
    });
    if (varies) sentence.replace(at, word.size(), "\n");
    at += varies ? 1 : word.size();
  }
  std::vector<std::string> pieces;
  for (std::string piece : lines_of(sentence)) {
    piece.erase(0, piece.find_first_not_of(' '));
    piece.erase(piece.find_last_not_of(' ') + 1);
    if (std::any_of(piece.begin(), piece.end(), is_word)) pieces.push_back(piece);
  }
  return pieces;
}

// Code as it speaks: without lines of comment, with neighbouring literals joined.
inline std::string spoken(const std::string& code) {
  constexpr char quote = '\1';  // one that is said
  std::string bare, text;
  for (const std::string& line : lines_of(code)) {
    const std::size_t first = line.find_first_not_of(' ');
    if (first != std::string::npos && line.compare(first, 2, "//") != 0) bare += line + '\n';
  }
  for (std::size_t at; (at = bare.find("\\\"")) != std::string::npos;) bare.replace(at, 2, {quote});
  for (std::size_t at = 0; at < bare.size(); ++at) {
    const std::size_t next = bare.find_first_not_of(" \n\\", at + 1);
    if (bare[at] == '"' && next != std::string::npos && bare[next] == '"') {
      at = next;  // the end of a literal and the beginning of its neighbour
    } else {
      text += bare[at];
    }
  }
  std::replace(text.begin(), text.end(), quote, '"');
  return text;
}

// The page's sentences that no file of the code says.
inline findings check_sentences(const std::string& page, const sources& files) {
  std::vector<std::string> code;
  for (const source& file : files) {
    const bool speaks = starts_with(file.path, "include/") || starts_with(file.path, "examples/");
    if (speaks && is_code(file.path)) code.push_back(spoken(file.text));
  }
  findings found;
  for (const std::string& sentence : sentences_of(page)) {
    const std::vector<std::string> pieces = fixed_words(sentence);
    const bool said = std::any_of(code.begin(), code.end(), [&](const std::string& text) {
      return std::all_of(pieces.begin(), pieces.end(),
                         [&](const std::string& piece) { return contains(text, piece); });
    });
    if (!said) found.push_back("no code says: " + sentence);
  }
  return found;
}

}  // namespace architecture
