// Any bytes as a file of unknown kind, compressed or not: the same for every cutting.
#include "fuzz/reading.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::check_reader(fuzz::text_of(data, size), ctgpt::data::file_format::automatic);
  return 0;
}
