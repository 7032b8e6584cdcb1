// Any bytes as a file of tokens, raw and of llm.c, and as a document index: refused with a
// sentence, or every token of it is one of the vocabulary and every document lies in it.
#include "ctgpt/data/token_file.hpp"

#include <vector>

#include "fuzz/require.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using fuzz::require;

namespace {

void check(std::span<const std::byte> bytes, token_format format, token_type type) {
  try {
    const isize vocab = 60000;
    const token_file file = token_file::parse(bytes, format, type, vocab, "f");
    const auto header = format == token_format::llmc ? static_cast<std::size_t>(llmc_header::bytes)
                                                     : std::size_t{0};
    require(static_cast<std::size_t>(file.size() * bytes_of(file.type())) + header == bytes.size(),
            "tokens cover the file");
    std::vector<std::int32_t> all(static_cast<std::size_t>(file.size()));
    file.read(0, all);
    for (std::size_t i = 0; i < all.size(); ++i) {
      require(all[i] >= 0 && all[i] < vocab, "tokens are of the vocabulary");
      std::int32_t one = 0;
      file.read(static_cast<isize>(i), std::span(&one, 1));
      require(one == all[i], "a token is the same, read alone");
    }
  } catch (const error& refusal) {
    require(std::string_view(refusal.what()).starts_with("f"), "errors begin with the name");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  for (const token_type type : {token_type::u16, token_type::u32}) {
    check(bytes, token_format::raw, type);
    check(bytes, token_format::llmc, type);
  }
  // With a header that fits, which mutations would rarely hit.
  for (const token_type type : {token_type::u16, token_type::u32}) {
    std::string file = llmc_header::text(type, static_cast<isize>(size) / bytes_of(type));
    file += fuzz::text_of(data, size);
    check(std::as_bytes(std::span(file)), token_format::llmc, type);
  }
  try {
    const isize tokens = size > 0 ? data[size - 1] : 0;
    isize last = 0;
    document_index::parse(bytes.first(size - size % 8), tokens, "f")
        .each([&](isize begin, isize end) {
          require(begin == last && end > begin && end <= tokens, "documents follow each other");
          last = end;
        });
    require(last == tokens, "documents cover the tokens");
  } catch (const error& refusal) {
    require(std::string_view(refusal.what()).starts_with("f"), "errors begin with the name");
  }
  return 0;
}
