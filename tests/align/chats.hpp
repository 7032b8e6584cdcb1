// The conversations and the tokenizer of tests/golden/align (make_chat.py).
#pragma once

#include "base/error_text.hpp"
#include "base/temporary.hpp"
#include "ctgpt/align/chat_template.hpp"
#include "io/python.hpp"

namespace ctgpt_test {

using namespace ctgpt;
using namespace ctgpt::align;

inline std::vector<std::int32_t> integers_of(const io::json_field& list) {
  std::vector<std::int32_t> values;
  for (std::size_t i = 0; i < list.size(); ++i) {
    values.push_back(static_cast<std::int32_t>(list[i].integer()));
  }
  return values;
}

inline std::vector<conversation> talks_of(const io::json& file) {
  const io::json_field list(file, "talks.json");
  std::vector<conversation> talks;
  for (std::size_t i = 0; i < list.size(); ++i) {
    talks.emplace_back();
    for (std::size_t j = 0; j < list[i].size(); ++j) {
      talks.back().push_back({list[i][j]["role"].string(), list[i][j]["content"].string()});
    }
  }
  return talks;
}
inline std::vector<conversation> golden_talks() {
  return talks_of(io::read_json(golden("align/talks.json")));
}
// The one whose texts hold the names of special tokens.
inline constexpr std::size_t naming_talk = 2;

inline text::tokenizer golden_tokenizer() {
  return text::tokenizer::load(golden("align/tokenizer.json"));
}

}  // namespace ctgpt_test
