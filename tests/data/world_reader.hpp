// Reads the embedded world's text without knowing how it was written: its own patterns, its own
// numbers. What it finds is compared with what the library says.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace world_reader {

inline std::vector<std::string> split(std::string_view text, std::string_view mark) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(mark), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + mark.size(), text.size()));
  }
  return parts;
}

// The paragraphs of a text, without the newlines around them.
inline std::vector<std::string> pieces(std::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return split(text, "\n\n");
}

inline bool starts_with(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

// The sentences of a line, without their full stops.
inline std::vector<std::string> sentences(std::string_view line) {
  while (!line.empty() && (line.back() == '.' || line.back() == ' ')) line.remove_suffix(1);
  return split(line, ". ");
}

struct statement {
  std::string topic, subject, value;
  std::pair<std::string, std::string> about() const { return {topic, subject}; }
};

// `pattern` with * for the subject and # for the value, each one word of letters.
inline std::optional<statement> match(std::string_view topic, std::string_view pattern,
                                      std::string_view text) {
  statement found{std::string(topic), "", ""};
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    if (pattern[p] == '*' || pattern[p] == '#') {
      std::size_t end = 0;
      const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
      while (end < text.size() && letter(text[end])) ++end;
      if (end == 0) return {};
      (pattern[p] == '*' ? found.subject : found.value) = text.substr(0, end);
      text.remove_prefix(end);
    } else {
      if (text.empty() || text.front() != pattern[p]) return {};
      text.remove_prefix(1);
    }
  }
  if (!text.empty()) return {};
  return found;
}

inline std::optional<statement> read_statement(std::string_view sentence) {
  static const std::vector<std::pair<std::string, std::string>> patterns = [] {
    std::vector<std::pair<std::string, std::string>> list = {
        {"home", "* lives in #"},
        {"home", "*'s home is in #"},
        {"home", "* has a house in #"},
        {"home", "In # you can meet *"},
        {"job", "* is a #"},
        {"job", "* works as a #"},
        {"job", "*'s job is to be a #"},
        {"job", "As a #, * works hard"},
        {"pet", "* has a #"},
        {"pet", "* keeps a #"},
        {"pet", "*'s pet is a #"},
        {"pet", "The pet of * is a #"},
        {"food", "* likes #"},
        {"food", "* loves to eat #"},
        {"food", "*'s best food is #"},
        {"food", "The food of * is #"},
        {"trade", "* is known for #"},
        {"trade", "They make # in *"},
        {"trade", "You can buy # in *"},
        {"trade", "The people of * make #"},
        {"site", "* lies by the #"},
        {"site", "* stands by the #"},
        {"site", "By the # lies *"},
        {"site", "The houses of * are by the #"}};
    for (const std::string relation : {"friend", "cousin", "boss"}) {
      list.emplace_back(relation, "*'s " + relation + " is #");
      list.emplace_back(relation, "The " + relation + " of * is #");
      list.emplace_back(relation, "# is the " + relation + " of *");
      list.emplace_back(relation, "* has # as a " + relation);
    }
    return list;
  }();
  for (const auto& [topic, pattern] : patterns) {
    if (auto found = match(topic, pattern, sentence)) return found;
  }
  return {};
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What a question asks for, told from its words; a relation's topic only where nothing else is
// asked.
inline std::string topic_of(std::string_view question) {
  static const std::vector<std::pair<std::string, std::string>> signs = {
      {"job", "job"},       {"work", "job"},      {"living", "job"},  {"pet", "pet"},
      {"animal", "pet"},    {"food", "food"},     {"eat", "food"},    {"known for", "trade"},
      {"make in", "trade"}, {"goods", "trade"},   {"made", "trade"},  {"buy", "trade"},
      {" make", "trade"},   {"lie by", "site"},   {"by?", "site"},    {"close to", "site"},
      {"is by", "site"},    {"see from", "site"}, {"see in", "site"}, {"live", "home"},
      {"home", "home"},     {"house", "home"},    {"town", "home"},   {"friend", "friend"},
      {"cousin", "cousin"}, {"boss", "boss"}};
  for (const auto& [sign, topic] : signs) {
    if (contains(question, sign)) return topic;
  }
  return "";
}

// The number that words spell ("thirty-eight"), or -1.
inline int number_of(std::string_view words) {
  static const std::vector<std::string> ones = {
      "zero",     "one",     "two",     "three",     "four",     "five",    "six",
      "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
      "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  static const std::vector<std::string> tens = {"twenty", "thirty",  "forty",  "fifty",
                                                "sixty",  "seventy", "eighty", "ninety"};
  if (!words.empty() && words.front() >= '0' && words.front() <= '9') {
    int value = 0;
    for (const char digit : words) {
      if (digit < '0' || digit > '9') return -1;
      value = 10 * value + (digit - '0');
    }
    return value;
  }
  std::string lower(words);
  if (!lower.empty() && lower[0] >= 'A' && lower[0] <= 'Z') lower[0] += 'a' - 'A';
  int total = 0;
  for (const std::string& part : split(lower, "-")) {
    const auto one = std::find(ones.begin(), ones.end(), part);
    const auto ten = std::find(tens.begin(), tens.end(), part);
    if (one != ones.end()) {
      total += static_cast<int>(one - ones.begin());
    } else if (ten != tens.end()) {
      total += 10 * static_cast<int>(ten - tens.begin() + 2);
    } else {
      return -1;
    }
  }
  return lower.empty() ? -1 : total;
}

// The two numbers of a sum that is asked ("What is 38+25?", "How much is six plus two?") or stated
// ("38 and 25 make 63"), the smaller one first.
inline std::optional<std::pair<int, int>> read_sum(std::string_view text) {
  for (const std::string_view start : {"What is ", "How much is "}) {
    if (starts_with(text, start)) text.remove_prefix(start.size());
  }
  text = text.substr(0, std::min(text.find('?'), text.find(" make ")));
  for (const std::string_view mark : {"+", " plus ", " and "}) {
    const auto at = text.find(mark);
    if (at == std::string_view::npos) continue;
    const int left = number_of(text.substr(0, at)),
              right = number_of(text.substr(at + mark.size()));
    if (left >= 0 && right >= 0) return std::pair{std::min(left, right), std::max(left, right)};
  }
  return {};
}

// What a story says: where each thing is.
using places = std::map<std::string, std::string>;

inline places read_story(std::string_view line) {
  places found;
  for (const std::string& sentence : sentences(line)) {
    if (auto told = match("", "The * is in the #", sentence)) found[told->subject] = told->value;
  }
  return found;
}

// A whole training text, sorted into what it says.
struct reading {
  std::map<std::pair<std::string, std::string>, std::string> facts;  // stated in prose alone
  std::vector<std::string> contradictions;
  std::set<std::string> questions;  // the sentence asked, of Q: and User: lines
  std::vector<std::pair<std::string, std::string>> answered;  // question, answer line
  std::set<std::pair<int, int>> sums;                         // asked or stated
  std::set<places> stories;
};

inline reading read(std::string_view text) {
  reading all;
  for (const std::string& piece : pieces(text)) {
    std::string question;
    for (const std::string& line : split(piece, "\n")) {
      const bool asks = starts_with(line, "Q: ") || starts_with(line, "User: ");
      const bool answers = starts_with(line, "A: ") || starts_with(line, "Bot: ");
      if (asks) {
        question = line.substr(line.find(' ') + 1);
        all.questions.insert(question);
        if (const auto sum = read_sum(question)) all.sums.insert(*sum);
      } else if (answers) {
        all.answered.emplace_back(question, line.substr(line.find(' ') + 1));
      } else {
        if (const places told = read_story(line); !told.empty()) all.stories.insert(told);
        for (const std::string& sentence : sentences(line)) {
          if (const auto sum = read_sum(sentence)) all.sums.insert(*sum);
          const auto found = read_statement(sentence);
          if (!found) continue;
          const auto [entry, fresh] = all.facts.emplace(found->about(), found->value);
          if (!fresh && entry->second != found->value) all.contradictions.push_back(sentence);
        }
      }
    }
  }
  return all;
}

}  // namespace world_reader
