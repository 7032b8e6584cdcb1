// Documents for the tests of the data verbs: pages of real books, junk that rules must drop, and
// what a directory of documents holds.
#pragma once

#include "app/program.hpp"
#include "base/corpora.hpp"
#include "ctgpt/base/utf8.hpp"
#include "ctgpt/io/json_writer.hpp"

namespace ctgpt_test {

// Whether the program has the verb `data NAME`.
inline bool has_data_verb(const std::string& name) {
  const bool there = result_of({"data", name, "--help"}).code == 0;
  if (!there) MESSAGE("left out: the program is built without ctgpt::data");
  return there;
}

// A line of JSON lines.
inline std::string line_of(const std::string& text) {
  std::string line;
  ctgpt::io::json_writer(line).begin_object().member("text", text).end_object();
  return line + "\n";
}

// Paragraphs of a book, each in one line, some 4,000 bytes a document. A blank line ends a
// paragraph.
inline words pages_of(const std::string& path, std::size_t most) {
  words documents;
  std::string book;
  ctgpt::utf8_append_repaired(book, ctgpt::read_file(path));
  std::string page, paragraph;
  for (std::string line : lines_of(book)) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(' ') != line.npos) {
      paragraph += (paragraph.empty() ? "" : " ") + line;
      continue;
    }
    if (paragraph.size() > 200) page += paragraph + "\n";
    paragraph.clear();
    if (page.size() < 4000) continue;
    documents.push_back(page);
    page.clear();
    if (documents.size() == most) break;
  }
  return documents;
}

struct planted {
  std::string text, reason;
};
// One document for each of several rules' names, which drops it. Number i has the word "qzjunk<i>".
inline std::vector<planted> junk(const std::string& page) {
  const std::string again =
      "This is a sentence qzjunk7 that stands here once, and then it stands here once more, for "
      "whoever made this page had nothing better to say of his goods, or was paid by the word.\n";
  std::string menu = "- the item of qzjunk1\n", numbers = "Of qzjunk2. ", shouting = "qzjunk3 ";
  for (int i = 0; i < 60; ++i) {
    menu += "- the item of and number " + std::to_string(i) + " here\n";
    numbers += "It was the year 1850 when 12 of the 34 men and 56 women came to the town. ";
    shouting += "stones rivers ";
  }
  const std::string first = page.substr(0, page.find('\n')) + " And qzjunk4.";
  std::string twice;
  for (int i = 0; i < 3; ++i) twice += first + "\n";
  return {{"Too short to be of any use, is qzjunk0.", "gopher_short"},
          {menu, "gopher_bullets"},
          {numbers, "gopher_few_letters"},
          {shouting, "gopher_stop_words"},
          {twice, "gopher_dup_lines"},
          {page + "function qzjunk5() { return the; }\n", "c4_brace"},
          {page + "And here is the lorem ipsum of it all, as qzjunk6 says.\n", "c4_lorem_ipsum"},
          {page + again + again, "fineweb_dup_chars"},
          {page + "What a motherfucker he was, said qzjunk8.\n", "harmful_words"},
          {"Der alte Mann ging langsam durch die Stra\xC3\x9F"
           "e, und die Kinder sahen ihm nach. "
           "Niemand wusste, woher er kam, und er sprach mit keinem Menschen in der Stadt. Am Abend "
           "sa\xC3\x9F er vor seinem Haus und las in qzjunk9, das er nie zu Ende las.\n",
           "language"}};
}

// The texts that the parts of a directory hold, each with an end, by the program itself.
inline std::string texts_of(const std::string& out, const std::string& scratch, char end = '\n') {
  const std::string tokens = scratch + "-tokens";
  output_of({"data", "shard", "--data", out, "--tokenizer", "bytes", "--val-fraction", "0",
             "--end-of-text", std::to_string(end), "--out", tokens});
  const std::string raw = ctgpt::read_file(tokens + "/train.bin");
  std::string text;
  for (std::size_t i = 0; i < raw.size(); i += 2) text += raw[i];
  return text;
}

// Each of them. Requires: none holds a zero byte.
inline words documents_of(const std::string& out, const std::string& scratch) {
  const std::string whole = texts_of(out, scratch, '\0');
  words pages;
  for (std::size_t at = 0, end; (end = whole.find('\0', at)) != whole.npos; at = end + 1) {
    pages.push_back(whole.substr(at, end - at));
  }
  return pages;
}

}  // namespace ctgpt_test
