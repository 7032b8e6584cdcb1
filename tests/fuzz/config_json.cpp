// Any text as config.json, or as the index of several weight files: refused with a sentence, or a
// config that can be built, and files in the same directory.
#include "ctgpt/model/config_json.hpp"

#include "ctgpt/model/weight_files.hpp"
#include "fuzz/require.hpp"

using namespace ctgpt;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  io::json parsed;
  try {
    parsed = io::parse_json(text, "f");
  } catch (const error&) {
    return 0;
  }
  try {
    const config c = config_from_json(parsed, "f");
    require(problem(c) == nullptr, "a config that is read can be built");
    require(problem(canonical(c)) == nullptr && canonical(canonical(c)) == canonical(c),
            "its canonical form is one");
    const isize vocab = vocab_from_json(parsed, "f");
    const config again =
        config_from_json(config_to_json(c, family_of(c), std::min(vocab, c.vocab)), "g");
    require(canonical(again) == canonical(c) || vocab > c.vocab, "what is read is written again");
  } catch (const error&) {
  }
  try {
    for (const auto& [tensor, file] : read_weight_map(parsed, "f")) {
      require(file.find('/') == std::string::npos && file != "..", "a file of the same directory");
    }
  } catch (const error&) {
  }
  return 0;
}
