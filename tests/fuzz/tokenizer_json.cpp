// Any bytes as a tokenizer.json: refused with a sentence, or a tokenizer that saves and loads
// exactly and gives back what it encodes.
#include "ctgpt/text/tokenizer.hpp"
#include "fuzz/require.hpp"

using namespace ctgpt;
using ctgpt::text::tokenizer;
using fuzz::require;

namespace {

// Of tokens that merge, or that no text becomes.
void check_pieces(const tokenizer& any) {
  const std::string text = any.to_json();
  const std::vector<std::int32_t> ids = any.encode_ordinary(text);
  for (const std::int32_t id : ids) require(id >= 0 && id < any.vocab_size(), "ids are tokens");
  if (any.kind() == text::tokenizer_kind::bpe) {
    require(any.decode(ids) == text, "a text is given back");
  } else {
    any.decode(ids);
  }
}

void check(const tokenizer& any) {
  const std::string saved = any.to_json();
  const tokenizer again = tokenizer::from_json(saved, "g");
  require(again.to_json() == saved, "a saved tokenizer is loaded exactly");
  require(again.kind() == any.kind() && again.vocab_size() == any.vocab_size(), "of the same kind");
  if (any.kind() == text::tokenizer_kind::bpe || any.kind() == text::tokenizer_kind::words) {
    check_pieces(any);
    return;
  }
  std::vector<std::int32_t> every_token;
  std::string text;
  for (std::int32_t token = 0; token < any.vocab_size(); ++token) {
    every_token.push_back(token);
    text += any.token_bytes(token);
  }
  require(any.decode(every_token) == text, "decoding joins the bytes of the tokens");
  require(again.encode(text) == every_token, "encoding finds each token");
  const auto outside = static_cast<std::int32_t>(any.vocab_size());
  bool refused = false;
  try {
    any.token_bytes(outside);
  } catch (const error&) {
    refused = true;
  }
  require(refused, "a token outside the vocabulary is refused");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  try {
    check(tokenizer::from_json(text, "f"));
  } catch (const error& refusal) {
    require(std::string_view(refusal.what()).starts_with("f: "), "errors begin with the name");
  }
  // The same bytes as a corpus.
  try {
    const text::characters letters = text::characters::of(text, "f");
    require(letters.decode(letters.encode(text)) == text, "a corpus is encoded and decoded");
    check(letters);
  } catch (const error& refusal) {
    require(text.empty() || utf8_error_offset(text) != text.npos, "UTF-8 is no error");
  }
  return 0;
}
