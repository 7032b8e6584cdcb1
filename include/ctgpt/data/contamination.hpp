// Evaluation texts, to be kept out of the data: an index of their n-grams of words.
//
// contamination_index index;
// index.add_file("gsm8k.jsonl");
// if (auto found = index.find(words)) ... index.sources()[found->source], found->line
//
// A document that shares 12 words in a row with an evaluation text is contaminated; words are
// normalised (data/words.hpp). A text of 5 to 11 words is looked for as a whole; shorter ones say
// too little, are left out and counted.
// A file's texts: of JSON lines, every string in every object, whatever its name; of plain text,
// its paragraphs, or its lines where no line is blank; of CSV, every column of every record; of
// another format, its documents.
// Memory: 24 to 48 bytes a word of the evaluation texts.
// Errors: those of reading a file; a file without a text of 5 words; a line that is not JSON.
// Reference: Brown et al., "Language models are few-shot learners", 2020, appendix C; n as in
// datatrove's decontamination.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ctgpt/data/exact.hpp"
#include "ctgpt/data/reader.hpp"
#include "ctgpt/data/words.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

inline constexpr std::size_t contamination_words = 12, shortest_evaluation = 5;

class contamination_index {
 public:
  struct place {
    std::uint32_t source = 0;  // of sources()
    std::uint32_t line = 0;    // of that file; 0 where its format has none
  };

  // Requires: source < sources().size().
  void add_text(std::string_view text, place from) {
    words_.read(text);
    if (words_.size() == 0) return;
    if (words_.size() < shortest_evaluation) {
      ++too_short_;
      return;
    }
    ++texts_;
    const std::size_t length = std::min(words_.size(), contamination_words);
    auto& grams = grams_[length];
    const std::uint64_t factor = word_hashes::power(length);
    for (std::size_t i = 0; i + length <= words_.size(); ++i) {
      grams.emplace(words_.gram(i, length, factor), from);  // the first text that has it is named
    }
  }

  void add_file(const std::string& path) {
    const auto source = static_cast<std::uint32_t>(sources_.size());
    sources_.push_back(path);
    const std::uint64_t before = texts_;
    document_reader guess(path, {.every_column = true, .gutenberg = false, .strict = true});
    const file_format format = guess.format();
    if (format == file_format::jsonl || format == file_format::text) {
      document_reader whole(path,
                            {.format = file_format::text, .gutenberg = false, .strict = true});
      while (const auto page = whole.next()) {
        if (format == file_format::jsonl) {
          add_json_lines(page->text, source);
        } else {
          add_paragraphs(page->text, source);
        }
      }
    } else {
      while (const auto page = guess.next()) {
        const place from{source, static_cast<std::uint32_t>(page->line)};
        if (format == file_format::csv) {
          for_paragraphs(page->text, false,
                         [&](std::string_view part, std::uint32_t) { add_text(part, from); });
        } else {
          add_text(page->text, from);
        }
      }
    }
    expects(texts_ > before, path, " holds no evaluation text of at least ", shortest_evaluation,
            " words");
  }

  std::optional<place> find(const word_hashes& words) const {
    for (const auto& [length, grams] : grams_) {
      const std::uint64_t factor = word_hashes::power(length);
      for (std::size_t i = 0; i + length <= words.size(); ++i) {
        const auto found = grams.find(words.gram(i, length, factor));
        if (found != grams.end()) return found->second;
      }
    }
    return std::nullopt;
  }

  bool empty() const { return grams_.empty(); }
  const std::vector<std::string>& sources() const { return sources_; }
  std::uint64_t texts() const { return texts_; }
  std::uint64_t too_short() const { return too_short_; }

 private:
  void add_strings(const io::json& value, place from) {
    if (const auto* text = value.get_if<std::string>()) add_text(*text, from);
    if (const auto* list = value.get_if<io::json_array>()) {
      for (const io::json& each : *list) add_strings(each, from);
    }
    if (const auto* object = value.get_if<io::json_object>()) {
      for (const io::json_member& each : object->members()) add_strings(each.value, from);
    }
  }

  // part(text, number of its first line) for the lines of `text`, joined up to each blank one.
  template <class Part>
  static void for_paragraphs(std::string_view text, bool each_line, Part part) {
    std::size_t begin = 0;
    std::uint32_t line = 0, first = 1;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
      const bool blank = trimmed(text.substr(at, end - at)).empty();
      ++line;
      if (blank || each_line || end == text.size()) {
        part(text.substr(begin, end - begin), first);
        begin = end;
        first = line + 1;
      }
      at = end;
    }
  }

  void add_paragraphs(std::string_view text, std::uint32_t source) {
    std::size_t lines = 0, paragraphs = 0;
    for_paragraphs(text, true, [&](std::string_view, std::uint32_t) { ++lines; });
    for_paragraphs(text, false, [&](std::string_view, std::uint32_t) { ++paragraphs; });
    for_paragraphs(text, lines > 1 && paragraphs == 1,
                   [&](std::string_view part, std::uint32_t line) {
                     add_text(part, {source, line});
                   });
  }

  void add_json_lines(std::string_view text, std::uint32_t source) {
    for_paragraphs(text, true, [&](std::string_view part, std::uint32_t line) {
      const std::string_view object = trimmed(part);
      if (object.empty()) return;
      add_strings(io::parse_json(object, sources_[source], line), {source, line});
    });
  }

  std::map<std::size_t, std::unordered_map<std::uint64_t, place>> grams_;  // by words
  std::vector<std::string> sources_;
  std::uint64_t texts_ = 0, too_short_ = 0;
  word_hashes words_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
