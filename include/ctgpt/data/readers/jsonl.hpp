// JSON lines: an object a line, whose member `field` is the text.
//
// Members "source" and "url" that are strings are kept as the document's: a document keeps its
// origin through the parts that the program writes. Blank lines are passed over.
// Errors, counted: a line that is no JSON, too long or of more than a million values, or whose
// field is missing or no string:
//   a.jsonl: line 7, column 12: expected ':', found '}'
//   a.jsonl: line 8: text must be a string, found 17
//   a.jsonl: line 9: there is no field 'text'; the object has id, body
// Reference: jsonlines.org; RFC 8259.
#pragma once

#include "ctgpt/data/ascii.hpp"
#include "ctgpt/data/read_options.hpp"
#include "ctgpt/io/json_field.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

class jsonl_reader : public format_reader {
 public:
  explicit jsonl_reader(reading& file) : file_(file) {
    if (file_.in.peek(3) == byte_order_mark) file_.in.skip(3);
  }

  bool next(document& page) override {
    for (;;) {
      const auto kind = file_.in.line(line_, file_.options.max_document);
      if (kind == input_stream::line_kind::end) return false;
      ++number_;
      // The last line of damaged data is cut: the damage is told, once.
      if (kind == input_stream::line_kind::unfinished && !file_.in.damage().empty()) return false;
      if (kind == input_stream::line_kind::too_long) {
        file_.too_long("line ", number_);
      } else if (!trimmed(line_).empty() && take(page)) {
        return true;
      }
    }
  }

 private:
  static constexpr std::uint64_t most_values = 1'000'000;  // of a line: some 100 MB

  bool take(document& page) {
    try {
      const io::json object = io::parse_json(line_, "", number_, most_values);
      const io::json_field fields(object, join("line ", number_));
      const std::string& field = file_.options.field;
      if (object.get_if<io::json_object>() != nullptr && object.find(field) == nullptr) {
        std::vector<std::string> names;
        for (const io::json_member& each : fields.members()) {
          if (names.size() < most_named) names.push_back(each.key);
        }
        file_.bad("line ", number_, ": there is no field '", field, "'",
                  instead_of_field("object", names));
        return false;
      }
      page.text = fields[field].string();
      for (const auto& [name, kept] : {std::pair("source", &page.source), {"url", &page.url}}) {
        const io::json* value = object.find(name);
        const std::string* text = value != nullptr ? value->get_if<std::string>() : nullptr;
        if (text != nullptr && !text->empty()) *kept = *text;
      }
      page.line = number_;
      return true;
    } catch (const error& wrong) {
      const std::string_view sentence = wrong.what();
      file_.bad(sentence.starts_with(": ") ? sentence.substr(2) : sentence);
      return false;
    }
  }

  reading& file_;
  std::string line_;
  std::int64_t number_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
