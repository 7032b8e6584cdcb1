// Word lists: does a text hold one of the listed words or phrases?
//
// const word_list bad = word_list::read("ldnoobw-en.txt");      one entry a line
// if (bad.contains(text)) ...                                   C4 drops such a document
// for (const word_match& m : bad.find(text)) ...                m.begin, m.end, bad.entry(m.entry)
//
// An entry matches where no word character stands right before or behind it, as in the rule of C4;
// ASCII letters match in either case. For Japanese, Thai and Chinese, which write no blanks between
// words, `anywhere` matches inside of words too, as C4 does.
// A list knows no meaning: medicine, law, history and people who speak of themselves use these
// words as well. word_list::built_in() is therefore short: crude or hateful in every sense.
// data/ngram_classifier.hpp is trained on examples instead.
// Errors: reading a file: those of files, and a file without any entry is refused.
// Reference: Raffel et al., "Exploring the Limits of Transfer Learning" (C4), 2020, section 2.2.
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "ctgpt/base/file.hpp"
#include "ctgpt/data/word_reader.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// text[begin, end) is an entry of the list.
struct word_match {
  std::size_t begin = 0, end = 0;
  std::size_t entry = 0;
};

struct word_list_options {
  bool anywhere = false;  // also inside words
};

// Terms without an innocent sense. Written for this library, not taken from a list.
inline constexpr std::string_view harmful_words[] = {
    "anal sex",  "asshole",     "assholes",     "blowjob",       "blowjobs",      "bukkake",
    "camwhore",  "child porn",  "cocksucker",   "cocksuckers",   "cumshot",       "cumshots",
    "cunt",      "cunts",       "dickhead",     "fuck",          "fucked",        "fucker",
    "fuckers",   "fucking",     "fucks",        "gang bang",     "gangbang",      "handjob",
    "handjobs",  "incest porn", "jailbait",     "jizz",          "kiddie porn",   "kike",
    "kikes",     "milfs",       "motherfucker", "motherfuckers", "motherfucking", "nigga",
    "niggas",    "nigger",      "niggers",      "porn site",     "porn sites",    "pornstar",
    "porn star", "porn stars",  "preteen sex",  "raghead",       "ragheads",      "rape porn",
    "rimjob",    "teen porn",   "towelhead",    "towelheads",    "wetbacks"};

class word_list {
 public:
  explicit word_list(std::vector<std::string> entries, word_list_options options = {})
      : options_(options) {
    for (std::string& entry : entries) {
      for (char& c : entry) c = lower(c);
      if (!entry.empty()) entries_.push_back(std::move(entry));
    }
    std::sort(entries_.begin(), entries_.end());
    entries_.erase(std::unique(entries_.begin(), entries_.end()), entries_.end());
    for (std::size_t i = 0; i < entries_.size(); ++i) index(i);
  }

  // Blank lines and blanks around an entry do not count.
  static word_list read(const std::string& path, word_list_options options = {}) {
    const std::string contents = read_file(path, std::uint64_t{1} << 26);
    std::vector<std::string> entries;
    constexpr std::string_view blanks = " \t\r";
    for (std::size_t at = 0; at < contents.size();) {
      const std::size_t end = std::min(contents.find('\n', at), contents.size());
      const std::string_view line = std::string_view(contents).substr(at, end - at);
      const std::size_t first = line.find_first_not_of(blanks);
      if (first != line.npos) {
        entries.emplace_back(line.substr(first, line.find_last_not_of(blanks) - first + 1));
      }
      at = end + 1;
    }
    expects(!entries.empty(), "cannot use ", path,
            " as a word list: it holds no entry; write one a line");
    return word_list(std::move(entries), options);
  }

  static word_list built_in() {
    return word_list(std::vector<std::string>(std::begin(harmful_words), std::end(harmful_words)));
  }

  std::size_t size() const { return entries_.size(); }
  const std::string& entry(std::size_t i) const { return entries_[i]; }

  bool contains(std::string_view text) const {
    bool any = false;
    search(text, [&](const word_match&) {
      any = true;
      return false;
    });
    return any;
  }

  // At each place the longest entry; in the order of the text. Entries may overlap.
  std::vector<word_match> find(std::string_view text) const {
    std::vector<word_match> found;
    search(text, [&](const word_match& match) {
      found.push_back(match);
      return true;
    });
    return found;
  }

 private:
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

  static std::uint64_t hash_of(std::string_view word) {
    std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, of lower case
    for (const char c : word) hash = (hash ^ static_cast<unsigned char>(lower(c))) * 0x100000001b3u;
    return hash;
  }

  // Ten bits of the first two bytes; case does not change them. Requires: the word is not empty.
  static std::size_t start_of(std::string_view word) {
    const auto low = [&](std::size_t i) { return static_cast<std::size_t>(word[i] & 31); };
    return low(0) << 5 | (word.size() > 1 ? low(1) : 0);
  }

  void index(std::size_t i) {
    const std::string& entry = entries_[i];
    const word_span first = next_word(entry, 0);
    if (options_.anywhere || first.begin > 0 || first.end == 0) {
      by_byte_[static_cast<unsigned char>(entry[0])].push_back(i);
      odd_ = true;
    } else {
      by_word_[hash_of(std::string_view(entry).substr(0, first.end))].push_back(i);
      lengths_[start_of(std::string_view(entry).substr(0, first.end))] |=
          std::uint64_t{1} << std::min<std::size_t>(first.end, 63);
    }
  }

  // Whether the entry stands at text[at..].
  bool stands_at(std::string_view text, std::size_t at, std::size_t entry) const {
    const std::string& wanted = entries_[entry];
    if (text.size() - at < wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (lower(text[at + i]) != wanted[i]) return false;
    }
    const std::size_t end = at + wanted.size();
    return options_.anywhere || end == text.size() || detail::word_character(text, end) == 0;
  }

  // The longest of the entries that stands at text[at..]; false to stop.
  template <class Found>
  bool offer(std::string_view text, std::size_t at, const std::vector<std::size_t>& entries,
             const Found& found) const {
    word_match best;
    for (const std::size_t i : entries) {
      if (entries_[i].size() > best.end - best.begin && stands_at(text, at, i)) {
        best = {at, at + entries_[i].size(), i};
      }
    }
    return best.end == 0 || found(best);
  }

  template <class Found>
  void search(std::string_view text, const Found& found) const {
    if (odd_) {
      bool before = false;  // a word character stands right before `at`
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = detail::word_character(text, at);
        const auto& entries = by_byte_[static_cast<unsigned char>(lower(text[at]))];
        if (!entries.empty() && (options_.anywhere || !before) &&
            !offer(text, at, entries, found)) {
          return;
        }
        before = length > 0;
        at += std::max<std::size_t>(length, 1);
      }
      if (by_word_.empty()) return;
    }
    for (word_span word = next_word(text, 0); word.end > word.begin;
         word = next_word(text, word.end)) {
      const std::size_t length = word.end - word.begin;
      const std::uint64_t lengths = lengths_[start_of(text.substr(word.begin, length))];
      if ((lengths >> std::min<std::size_t>(length, 63) & 1) == 0) continue;
      const auto entries = by_word_.find(hash_of(text.substr(word.begin, length)));
      if (entries != by_word_.end() && !offer(text, word.begin, entries->second, found)) return;
    }
  }

  word_list_options options_;
  std::vector<std::string> entries_;
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> by_word_;  // hash of the first word
  std::array<std::uint64_t, 1024> lengths_ = {};       // of first words, by their first two bytes
  std::array<std::vector<std::size_t>, 256> by_byte_;  // entries that begin with no word
  bool odd_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
