// Any bytes as the markup of a wiki page: text without control characters, no longer than it was.
#include "ctgpt/data/readers/wiki_text.hpp"

#include "fuzz/require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = ctgpt::data::wiki_text(fuzz::text_of(data, size));
  // A tag may become a line end, a heading an empty line: a few signs for many.
  fuzz::require(text.size() <= 2 * size, "the text is no longer than twice its markup");
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    fuzz::require(byte >= 0x20 || c == '\n' || c == '\t', "no shield or hole is left");
  }
  fuzz::require(text.find("\n\n\n") == text.npos, "there is one empty line at most");
  fuzz::require(ctgpt::data::wiki_text(fuzz::text_of(data, size)) == text, "the same every time");
  return 0;
}
