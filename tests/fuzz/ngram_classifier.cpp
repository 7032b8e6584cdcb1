// Any bytes as a saved classifier: refused with a sentence, or one that is written again as it was.
// Once more with a checksum that fits, which mutations would never hit.
#include "ctgpt/data/ngram_classifier.hpp"

#include "fuzz/require.hpp"

using namespace ctgpt;
using ctgpt::data::ngram_classifier;
using fuzz::require;

namespace {

void check(const std::string& bytes) {
  try {
    const ngram_classifier model = ngram_classifier::parse(bytes, "f");
    require(model.bytes() == bytes, "what is read is written again");
    const float p = model.probability("any text at all");
    require(p >= 0.0f && p <= 1.0f, "a probability is one");
  } catch (const error& refusal) {
    require(std::string_view(refusal.what()).starts_with("f: "), "errors begin with the name");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(fuzz::text_of(data, size));
  check(bytes);
  if (size < 28) return 0;
  xxh64 sum;
  sum.update(std::as_bytes(std::span(bytes.data(), size - 8)));
  const std::uint64_t fits = sum.finish();
  std::memcpy(bytes.data() + size - 8, &fits, sizeof fits);
  check(bytes);
  return 0;
}
