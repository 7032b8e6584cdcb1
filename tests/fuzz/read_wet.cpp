// Any bytes as a WET file: documents or counted sentences, the same for every cutting.
#include "fuzz/reading.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::check_reader(fuzz::text_of(data, size), ctgpt::data::file_format::wet);
  return 0;
}
