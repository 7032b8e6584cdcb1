// with_special_tokens: new ids behind the old ones, and texts that keep theirs.
#include "ctgpt/align/special_tokens.hpp"

#include "align/chats.hpp"

using namespace ctgpt_test;

TEST_CASE("with_special_tokens: bytes keep their ids and the new names follow") {
  const text::tokenizer before = text::bytes{};
  const text::tokenizer after = with_special_tokens(before, chatml::special_names());
  CHECK(after.vocab_size() == 258);
  CHECK(special_named(after, "<|im_start|>")->token == 256);
  CHECK(special_named(after, "<|im_end|>")->token == 257);
  const std::string text = "na\u00efve <|im_end|> \xFF\x00 text";
  CHECK(after.encode_ordinary(text) == before.encode_ordinary(text));
  CHECK(after.decode(after.encode_ordinary(text)) == before.decode(before.encode_ordinary(text)));
  // And through a file.
  const temporary_directory here;
  after.save(here.file("tokenizer.json"));
  const text::tokenizer again = text::tokenizer::load(here.file("tokenizer.json"));
  CHECK(again.vocab_size() == 258);
  CHECK(again.encode_ordinary(text) == before.encode_ordinary(text));
  CHECK(special_named(again, "<|im_end|>")->token == 257);
}

TEST_CASE("with_special_tokens: a byte-pair tokenizer keeps every id, and names that it has") {
  const text::tokenizer before = golden_tokenizer();
  CHECK(with_special_tokens(before, nanochat::special_names()).vocab_size() ==
        before.vocab_size());  // all there
  const std::string_view names[] = {"<|bos|>", "<|new|>", "<|newer|>"};
  const text::tokenizer after = with_special_tokens(before, names);
  CHECK(after.vocab_size() == before.vocab_size() + 2);
  CHECK(special_named(after, "<|bos|>")->token == special_named(before, "<|bos|>")->token);
  CHECK(special_named(after, "<|new|>")->token == before.vocab_size());
  CHECK(special_named(after, "<|newer|>")->token == before.vocab_size() + 1);
  const std::string text = "hello and you, <|new|>";
  CHECK(after.encode_ordinary(text) == before.encode_ordinary(text));
}

TEST_CASE("with_special_tokens: refused where a tokenizer cannot hold them") {
  const text::tokenizer letters = text::tokenizer::named("char", "abc", "a text");
  CHECK(contains_text(error_text([&] { with_special_tokens(letters, chatml::special_names()); }),
                      "a tokenizer of char cannot hold the special tokens of a chat template"));
  const std::string_view taken[] = {"hello"};
  CHECK(contains_text(error_text([&] { with_special_tokens(golden_tokenizer(), taken); }),
                      "the text \"hello\" is a token of texts in this tokenizer"));
}
