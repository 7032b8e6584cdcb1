// What --tokenizer names, and what tells tokenizers apart.
#include "ctgpt/app/tokenizer_path.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include "base/temporary.hpp"

using namespace ctgpt;

TEST_CASE("tokenizer path: a vocabulary with holes, as GPT-4's, has a hash and an end of text") {
  const ctgpt_test::temporary_directory directory;
  std::string ranks;
  int rank = 0;
  const auto add = [&](const std::string& bytes) {
    ranks += text::encode_base64(bytes) + " " + std::to_string(rank++) + "\n";
  };
  for (int byte = 0; byte < 256; ++byte) add(std::string(1, static_cast<char>(byte)));
  for (int pair = 0; pair < 30'000; ++pair) {
    add({static_cast<char>(pair >> 8), static_cast<char>(pair & 255)});
  }
  const std::string path = directory.file("cl100k_base.tiktoken");
  write_file_atomic(path, ranks);
  const auto tokens = text::tokenizer::load(path);
  CHECK(tokens.vocab_size() == 100'277);
  CHECK(tokens.has(30'255));
  CHECK(!tokens.has(30'256));
  CHECK(!tokens.has(100'256));
  CHECK(tokens.has(100'257));
  CHECK(!tokens.has(100'277));
  CHECK(!tokens.has(-1));
  CHECK(app::end_of_text_of(tokens) == 100'257);
  // The same in another file, and another one where a token is gone.
  const auto again = text::tokenizer::from_json(tokens.to_json(), "tokenizer.json");
  CHECK(app::tokenizer_hash(again) == app::tokenizer_hash(tokens));
  write_file_atomic(path, ranks + text::encode_base64("abc") + " 30256\n");
  CHECK(app::tokenizer_hash(text::tokenizer::load(path)) != app::tokenizer_hash(tokens));
  CHECK(text::tokenizer(text::bytes{}).has(255));
  CHECK(!text::tokenizer(text::bytes{}).has(256));
}

TEST_CASE("tokenizer path: of a run's directory the best checkpoint's tokenizer, else the last's") {
  const ctgpt_test::temporary_directory directory;
  const auto save = [&](const std::string& name, const text::tokenizer& tokens) {
    std::filesystem::create_directories(directory.file(name));
    tokens.save(directory.file(name + "/tokenizer.json"));
  };
  const auto size = [&](const std::string& name) {
    return app::load_tokenizer(directory.file(name)).vocab_size();
  };
  save("run/last", text::characters::of("abc", "text"));
  CHECK(size("run") == 3);
  save("run/best", text::bytes{});
  CHECK(size("run") == 256);
  CHECK(size("run/last") == 3);
  CHECK(size("run/last/tokenizer.json") == 3);
  CHECK_THROWS_AS(size("nothing"), ctgpt::error);
}
