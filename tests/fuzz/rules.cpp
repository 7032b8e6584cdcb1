// Any text, any cutting: a stream through rules gives what the whole text gives. And any bytes as a
// file of rules: refused with a sentence, or rules that keep that promise too.
//
// The input: a number of the sets of rules below (a further one: the first line is the file), then
// the text, in which a byte 0x1F cuts.
#include "ctgpt/safety/rules.hpp"

#include "fuzz/require.hpp"

using namespace ctgpt;
using namespace ctgpt::safety;
using fuzz::require;

namespace {

const std::vector<rules>& sets() {
  static const std::vector<rules> all = [] {
    std::vector<rules> made;
    for (const char* file : {
             R"j([{"name": "a", "pattern": "a+b|\\bcat\\b|^x|y$", "action": "mask", "max_bytes": 5},
                 {"name": "b", "phrase": "é日", "action": "mask", "whole_words": true},
                 {"name": "c", "pattern": "\\d{3}-?\\d{2,4}", "action": "block"}])j",
             R"j([{"name": "a", "pattern": "(?s)a.{0,9}b", "action": "mask", "max_bytes": 8},
                 {"name": "b", "pattern": "b.*?c", "action": "mask", "max_bytes": 6},
                 {"name": "c", "pattern": "(?i)c(?m:$)", "action": "flag"}])j",
             R"j([{"name": "a", "pattern": "[^a]a\\B|(ab)+\\z|\\pL\\s\\pL",
                 "action": "mask"}])j"}) {
      made.push_back(rules::parse(file, "rules"));
    }
    return made;
  }();
  return all;
}

void check(const rules& house, std::string_view input) {
  std::string whole, streamed;
  screen passing = house.screen();
  for (;;) {
    const std::size_t cut = input.find('\x1F');
    whole += input.substr(0, cut);
    streamed += passing.feed(input.substr(0, cut));
    if (cut == input.npos) break;
    input.remove_prefix(cut + 1);
  }
  streamed += passing.finish();
  const checked_text wanted = house.check_output(whole);
  require(streamed == wanted.text, "a stream gives what the whole text gives");
  require(passing.blocked() == wanted.blocked, "and is blocked by the same rule");
  require(passing.findings() == wanted.findings, "and finds the same");
  for (const finding& each : wanted.findings) {
    require(each.size > 0 && each.size <= each.which->max_bytes, "a match lies within max_bytes");
    require(each.which->match_at(whole, each.begin).size() == each.size, "a match is one");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = fuzz::text_of(data, size);
  if (input.empty()) return 0;
  const auto which = static_cast<std::size_t>(input[0]) % (sets().size() + 1);
  input.remove_prefix(1);
  if (which < sets().size()) {
    check(sets()[which], input);
    return 0;
  }
  const std::size_t line = std::min(input.find('\n'), input.size());
  try {
    const rules house = rules::parse(input.substr(0, line), "rules");
    check(house, input.substr(std::min(line + 1, input.size())));
  } catch (const error&) {
  }
  return 0;
}
