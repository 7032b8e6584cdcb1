// Any bytes as a text to clean: what is no UTF-8 stays, what is done twice changes nothing, and
// every document is kept or dropped by a name.
#include "ctgpt/data/filters.hpp"
#include "ctgpt/data/normalise.hpp"
#include "ctgpt/data/pipeline.hpp"
#include "fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ctgpt::data;
  const std::string text(fuzz::text_of(data, size));
  const std::string plain = remove_controls(text), tidy = tidy_whitespace(text);
  const std::string composed_once = composed(text, false);
  fuzz::require(plain.size() <= size, "removing makes nothing longer");
  fuzz::require(tidy_whitespace(tidy) == tidy, "tidy blanks stay as they are");
  fuzz::require(tidy.size() <= size, "tidying makes nothing longer");
  fuzz::require(decode_entities(text).size() <= size, "no character is longer than its name");
  const bool well_formed = ctgpt::utf8_error_offset(text) == text.npos;
  // Of ill-formed bytes, those around a control character may make one.
  fuzz::require(!well_formed || remove_controls(plain) == plain, "no control character is left");
  const bool still = ctgpt::utf8_error_offset(composed_once) == composed_once.npos;
  fuzz::require(well_formed == still, "composing neither breaks nor mends");
  lower_case(text);
  composed(text, true);
  fuzz::require(count_characters(text) <= size, "a character is a byte or more");
  gopher_repetition repetition;
  pipeline<c4, fineweb> rest;
  gopher_quality quality({.fewest_words = 0, .shortest_mean = 0, .stop_words = 0});
  for (int time = 0; time < 2; ++time) {
    document page{.text = text};
    if (quality(page).keeps() && repetition(page).keeps()) rest(page);
    fuzz::require(page.text.size() <= size, "filters only take away");
  }
  return 0;
}
