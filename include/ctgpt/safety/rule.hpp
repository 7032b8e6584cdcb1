// A rule about content: what it looks for, where, and what then happens; read from a JSON file.
//
//   {"rules": [
//     {"name": "phone", "pattern": "\\+?\\d[\\d ]{6,14}", "action": "mask", "where": "output",
//      "max_bytes": 20, "message": "[phone number]", "must_match": ["+49 30 1234567"]},
//     {"name": "insults", "phrases": ["you fool", "idiot"], "whole_words": true,
//      "action": "block", "message": "Let us stay polite."}]}
//
//   name         of the rule; each has its own
//   pattern(s)   in RE2's syntax, one or a list;  phrase(s)  plain text, where a space stands for
//                any white space
//   action       block: the text ends before the match; mask: `message` stands in its place; flag:
//                it is only written down
//   where        input, output or both (the default)
//   ignore_case  of phrases the default; of patterns not
//   whole_words  off unless given; a boundary is RE2's \b: ASCII letters, digits and _ make words
//   max_bytes    a match lies within so many bytes, 256 unless given
//   must_match, must_pass   texts that the rule has to find something in, and nothing in
// Errors: one sentence with the file and the rule's name: a field that is unknown, missing or of
// the wrong kind, a pattern that is none or that matches an empty text, a phrase that cannot fit.
// Reference: https://github.com/google/re2/wiki/Syntax
#pragma once

#include <re2/re2.h>

#include <memory>

#include "ctgpt/io/json.hpp"
#include "ctgpt/safety/pattern_prefix.hpp"

namespace ctgpt::inline CTGPT_ABI::safety {

enum class rule_action : unsigned char { block, mask, flag };
enum class rule_side : unsigned char { input, output };

struct rule {
  static constexpr std::int64_t most_bytes = 4096;  // that max_bytes can be

  std::string name;
  rule_action action = rule_action::flag;
  bool of_input = true, of_output = true;
  std::size_t max_bytes = 256;
  std::string message;
  // What it looks for; what is a match's beginning up to the end of the text; one or the other.
  std::shared_ptr<const RE2> exact, beginning, candidate;

  bool is_about(rule_side side) const { return side == rule_side::input ? of_input : of_output; }

  // The longest match that begins at `at` and lies within max_bytes; "" for none.
  std::string_view match_at(std::string_view text, std::size_t at) const {
    re2::StringPiece found;
    const std::size_t end = std::min(text.size(), at + max_bytes);
    const bool matches = exact->Match(text, at, end, RE2::ANCHOR_START, &found, 1);
    return matches ? std::string_view(found.data(), found.size()) : std::string_view();
  }
  bool is_in(std::string_view text) const {
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (!match_at(text, at).empty()) return true;
    }
    return false;
  }
};

namespace detail {

class rule_reader {
 public:
  // `where` names file and rule in sentences.
  rule_reader(const io::json& text, const std::string& where)
      : where_(where), field_(text, where) {}

  rule read() {
    constexpr std::string_view known[] = {
        "name",    "pattern",     "patterns",    "phrase",    "phrases",    "action",   "where",
        "message", "ignore_case", "whole_words", "max_bytes", "must_match", "must_pass"};
    for (const io::json_member& member : field_.members()) {
      expects(std::find(std::begin(known), std::end(known), member.key) != std::end(known), where_,
              ": there is no field ", io::quote_json(member.key), "; see safety/rule.hpp for them");
    }
    rule made;
    made.name = field_["name"].string();
    made.action = static_cast<rule_action>(choice("action", {"block", "mask", "flag"}));
    const std::size_t side =
        field_["where"].present() ? choice("where", {"input", "output", "both"}) : 2;
    made.of_input = side != 1;
    made.of_output = side != 0;
    made.max_bytes =
        static_cast<std::size_t>(field_["max_bytes"].integer_or(256, 1, rule::most_bytes));
    made.message = field_["message"].string_or(
        made.action == rule_action::mask ? "***" : "This is against a rule of this server.");
    compile(made);
    for (const std::string& text : texts("must_match")) {
      expects(made.is_in(text), where_, ": must_match has ", io::quote_json(text),
              ", in which the rule finds nothing");
    }
    for (const std::string& text : texts("must_pass")) {
      expects(!made.is_in(text), where_, ": must_pass has ", io::quote_json(text),
              ", in which the rule finds something");
    }
    return made;
  }

 private:
  std::size_t choice(std::string_view key, const std::vector<std::string_view>& words) const {
    const std::string& given = field_[key].string();
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (given == words[i]) return i;
      all += join(i == 0 ? "" : i + 1 < words.size() ? ", " : " or ", words[i]);
    }
    field_[key].wrong(all);
  }
  // A text or a list of them.
  std::vector<std::string> texts(std::string_view key) const {
    const io::json_field given = field_[key];
    if (!given.present()) return {};
    if (given.value()->get_if<std::string>() != nullptr) return {given.string()};
    std::vector<std::string> all;
    for (std::size_t i = 0; i < given.size(); ++i) all.push_back(given[i].string());
    return all;
  }
  std::vector<std::string> texts(const char* one, const char* many) const {
    std::vector<std::string> all = texts(one);
    for (std::string& text : texts(many)) all.push_back(std::move(text));
    return all;
  }

  static RE2::Options options() {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_longest_match(true);
    options.set_never_capture(true);
    options.set_max_mem(std::int64_t{32} << 20);
    return options;
  }
  std::shared_ptr<const RE2> compiled(const std::string& pattern, const std::string& shown) const {
    auto made = std::make_shared<const RE2>(pattern, options());
    expects(made->ok(), where_, ": the pattern ", io::quote_json(shown),
            " is none of RE2: ", made->error());
    return made;
  }

  static std::string_view trim(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    return begin == text.npos ? std::string_view()
                              : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
  }
  // White space of a phrase stands for any.
  std::string pattern_of(const std::string& phrase, std::size_t most) const {
    std::string pattern;
    std::size_t least = 0;
    bool gap = false;
    for (const char c : phrase) {
      if (std::string_view(" \t\r\n").find(c) != std::string_view::npos) {
        gap = least > 0;
        continue;
      }
      if (gap) pattern += "\\s+", ++least;
      gap = false;
      pattern += c == '\0'                              ? "\\x00"
                 : static_cast<unsigned char>(c) < 0x80 ? RE2::QuoteMeta({&c, 1})
                                                        : std::string(1, c);
      ++least;
    }
    expects(least > 0, where_, ": a phrase is empty");
    expects(least <= most, where_, ": the phrase ", io::quote_json(phrase), " has ", least,
            " bytes, more than max_bytes (", most, "), and would never be found");
    return pattern;
  }

  void compile(rule& made) const {
    const bool words = field_["whole_words"].boolean_or(false);
    std::string whole, beginning;
    const auto add = [&](const std::string& shown, std::string pattern, bool fold) {
      if (fold) pattern = "(?i:" + pattern + ")";
      (void)compiled(pattern, shown);
      const pattern_parts parts = taken_apart(pattern);
      expects(!parts.empty, where_, ": the pattern ", io::quote_json(shown),
              " matches an empty text; it must take at least one character");
      whole += (whole.empty() ? "" : "|") + parts.whole;
      beginning += (beginning.empty() ? "" : "|") + parts.beginning;
    };
    for (const std::string& pattern : texts("pattern", "patterns")) {
      (void)compiled(pattern, pattern);  // by itself: a stray ) must not close ours
      add(pattern, words ? "\\b(?:" + pattern + ")\\b" : pattern,
          field_["ignore_case"].boolean_or(false));
    }
    for (const std::string& phrase : texts("phrase", "phrases")) {
      const std::string_view trimmed = trim(phrase);
      std::string pattern = pattern_of(phrase, made.max_bytes);
      if (words) pattern = edge(trimmed.front()) + pattern + edge(trimmed.back());
      add(phrase, pattern, field_["ignore_case"].boolean_or(true));
    }
    expects(!whole.empty(), where_, ": there is nothing to look for; give a pattern or phrases");
    made.exact = compiled(whole, "all of them");
    made.beginning = compiled(beginning, "all of them");
    made.candidate = compiled("(?:" + whole + ")|(?:" + beginning + ")\\z", "all of them");
  }
  pattern_parts taken_apart(const std::string& pattern) const {
    try {
      return take_apart(pattern);
    } catch (const error& wrong) {
      fail(where_, ": ", wrong.what());
    }
  }
  // Nothing may go on beside a word: at an ASCII letter that is \b; at another letter \B says that
  // no ASCII letter stands there; signs may stand beside anything.
  static const char* edge(char letter) {
    const auto c = static_cast<unsigned char>(letter);
    if (c >= 0x80) return "\\B";
    return std::isalnum(c) != 0 || c == '_' ? "\\b" : "";
  }

  std::string where_;
  io::json_field field_;
};

}  // namespace detail

// Requires: `name` is what sentences call the file.
inline std::vector<rule> read_rules(const io::json& text, const std::string& name) {
  const bool bare = text.get_if<io::json_array>() != nullptr;
  const io::json_field file(text, name);
  const io::json_field list = bare ? file : file["rules"];
  std::vector<rule> all;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const io::json_field given = list[i]["name"];
    const std::string called = given.string();
    expects(!called.empty(), name, ": rule ", i + 1, " has an empty name");
    const std::string where = join(name, ": rule ", io::quote_json(called));
    for (const rule& before : all) {
      expects(before.name != called, where, " is there twice; give each its own name");
    }
    all.push_back(detail::rule_reader(*list[i].value(), where).read());
  }
  return all;
}

}  // namespace ctgpt::inline CTGPT_ABI::safety
