// Any bytes: spans of personal data are ordered and lie in the text, and marks are no part of them.
#include "ctgpt/data/pii.hpp"

#include "fuzz/require.hpp"

using namespace ctgpt::data;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  std::size_t done = 0;
  const std::vector<pii_span> spans = find_pii(text);
  for (const pii_span& span : spans) {
    require(span.begin >= done && span.begin < span.end && span.end <= size, "spans are ordered");
    done = span.end;
  }
  pii_counts counts;
  const std::string masked = mask_pii(text, counts);
  require(counts.total() == static_cast<std::int64_t>(spans.size()), "each span is counted");
  for (const pii_span& span : find_pii(masked)) {
    const std::string_view found(masked.data() + span.begin, span.end - span.begin);
    for (const std::string_view mark : pii_marks) {
      require(found.find(mark) == found.npos, "a mark is left alone");
    }
  }
  return 0;
}
