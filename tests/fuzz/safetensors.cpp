// Any bytes as a file: refused with a sentence, or every tensor lies in the file and covers its
// shape.
#include "ctgpt/io/safetensors.hpp"

#include "ctgpt/io/safetensors_writer.hpp"
#include "fuzz/require.hpp"

using namespace ctgpt;
using namespace ctgpt::io;
using fuzz::require;

namespace {

void check(std::span<const std::byte> file) {
  try {
    const safetensors parsed = safetensors::parse(file, "f");
    std::size_t covered = 0;
    std::vector<tensor_source> sources;
    unsigned sum = 0;
    for (const tensor_info& info : parsed.tensors()) {
      const std::span<const std::byte> bytes = parsed.bytes(info);
      require(bytes.empty() || (bytes.data() >= file.data() &&
                                bytes.data() + bytes.size() <= file.data() + file.size()),
              "a tensor's bytes lie in the file");
      require(tensor_bytes(info.type, info.shape) == bytes.size(), "a tensor covers its shape");
      require(parsed.find(info.name) == &info, "a tensor is found by its name");
      for (const std::byte byte : bytes) sum += static_cast<unsigned>(byte);  // may be touched
      covered += bytes.size();
      sources.push_back(
          {.name = info.name, .type = info.type, .shape = info.shape, .bytes = bytes});
    }
    volatile unsigned keep = sum;
    static_cast<void>(keep);
    // What was read can be written: the header of the same tensors reads back to the same ones.
    sort_tensor_sources(sources, "g");
    std::string again = safetensors_header(sources, parsed.metadata(), "g");
    require(again.size() % 8 == 0, "headers are padded");
    for (const tensor_source& source : sources) {
      again.append(reinterpret_cast<const char*>(source.bytes.data()), source.bytes.size());
    }
    const safetensors second =
        safetensors::parse(std::as_bytes(std::span(again.data(), again.size())), "g");
    require(second.metadata() == parsed.metadata(), "metadata is kept");
    for (const tensor_info& info : parsed.tensors()) {
      const tensor_info* same = second.find(info.name);
      require(same != nullptr && same->type == info.type && same->shape == info.shape,
              "tensors are kept");
      require(std::ranges::equal(second.bytes(*same), parsed.bytes(info)), "bytes are kept");
    }
    require(covered <= file.size(), "tensors do not overlap");
  } catch (const error& refusal) {
    require(std::string_view(refusal.what()).starts_with("f: "), "errors begin with the name");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check(std::as_bytes(std::span(data, size)));
  // Once more with a length that fits the header, which mutations of the header would rarely hit.
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t end = text.rfind('}');
  if (size < 8 || end == text.npos || end < 8) return 0;
  std::string file(text);
  const std::uint64_t length = end + 1 - 8;
  std::memcpy(file.data(), &length, 8);
  check(std::as_bytes(std::span(file.data(), file.size())));
  return 0;
}
