// Any bytes as vocab.json and merges.txt, cut at the first NUL: refused with a sentence, or tables
// that give every text back and are written and read as they are.
#include "ctgpt/text/bpe.hpp"
#include "ctgpt/text/bpe_files.hpp"
#include "fuzz/require.hpp"

using namespace ctgpt;
using fuzz::require;

namespace {

void check(const text::bpe_tables& tables) {
  const text::bpe<text::gpt2> tokens(tables);
  std::string every;
  for (std::size_t id = 0; id < tables.token_count(); ++id) {
    every += tables.bytes(static_cast<std::int32_t>(id));
  }
  require(tokens.decode(tokens.encode_ordinary(every)) == every, "a text is given back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all = fuzz::text_of(data, size);
  const std::size_t cut = std::min(all.find('\0'), all.size());
  const std::string_view vocab = all.substr(0, cut);
  const std::string_view merges = cut < all.size() ? all.substr(cut + 1) : std::string_view();
  try {
    const text::bpe_tables tables = text::parse_vocab_merges(vocab, "v", merges, "m");
    check(tables);
    std::string again_vocab, again_merges;
    text::print_vocab_merges(tables, again_vocab, again_merges);
    const auto again = text::parse_vocab_merges(again_vocab, "v", again_merges, "m");
    require(again.vocab_size() == tables.vocab_size(), "what is written is read again");
    require(again.specials() == tables.specials(), "with the same special tokens");
    check(again);
  } catch (const error& refusal) {
    const std::string_view said = refusal.what();
    require(said.starts_with("v:") || said.starts_with("m:"), "errors begin with the file's name");
  }
  return 0;
}
