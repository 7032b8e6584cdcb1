// Any bytes: a guess with a score from 0 to 1, and words that cover the text in order.
#include "ctgpt/data/language.hpp"

#include "ctgpt/data/harmful.hpp"
#include "fuzz/require.hpp"

using namespace ctgpt::data;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const language_guess guess = guess_language(text);
  require(guess.score >= 0.0f && guess.score <= 1.0f, "a score is a share");
  require(!guess.code.empty(), "there is always a code");
  std::size_t done = 0;
  for (word_span word = next_word(text, 0); word.end > word.begin;
       word = next_word(text, word.end)) {
    require(word.begin >= done && word.end <= size, "words are ordered");
    done = word.end;
  }
  static const word_list list({"bad", "bad apple", "\xF0\x9F\x96\x95"});
  for (const word_match& match : list.find(text)) {
    require(match.end <= size && match.end - match.begin == list.entry(match.entry).size(),
            "a match lies in the text");
  }
  return 0;
}
