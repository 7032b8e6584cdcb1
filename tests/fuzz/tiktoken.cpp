// Any bytes as a .tiktoken file: refused with a sentence, or tables that give every text back.
#include "ctgpt/text/bpe.hpp"
#include "ctgpt/text/bpe_files.hpp"
#include "fuzz/require.hpp"

using namespace ctgpt;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const text::bpe_tables tables = text::parse_tiktoken(fuzz::text_of(data, size), "f");
    const text::bpe<text::gpt2> tokens(tables);
    std::string every;
    for (std::size_t id = 0; id < tables.token_count(); ++id) {
      every += tables.bytes(static_cast<std::int32_t>(id));
    }
    require(tokens.decode(tokens.encode_ordinary(every)) == every, "a text is given back");
    const std::string printed = text::print_tiktoken(tables, "f");
    require(text::print_tiktoken(text::parse_tiktoken(printed, "f"), "f") == printed,
            "what is written is read again");
  } catch (const error& refusal) {
    require(std::string_view(refusal.what()).starts_with("f:"),
            "errors begin with the file's name");
  }
  return 0;
}
