#include "ctgpt/text/bytes.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"

using namespace ctgpt;
using ctgpt::text::bytes;
using tokens = std::vector<std::int32_t>;

TEST_CASE("bytes: each byte is its own token") {
  std::string every_byte;
  tokens every_token;
  for (int i = 0; i < 256; ++i) {
    every_byte += static_cast<char>(i);
    every_token.push_back(i);
    CHECK(bytes{}.token_bytes(i) == std::string(1, static_cast<char>(i)));
  }
  CHECK(bytes{}.encode(every_byte) == every_token);
  CHECK(bytes{}.decode(every_token) == every_byte);
  CHECK(bytes{}.encode("Once\xC3\xA9") == tokens{79, 110, 99, 101, 195, 169});
  CHECK(bytes{}.encode("").empty());
  CHECK(bytes{}.decode({}).empty());
  static_assert(bytes::vocab_size() == 256);
}

TEST_CASE("bytes: a token outside the vocabulary is refused") {
  for (const std::int32_t token : {-1, 256, INT32_MAX, INT32_MIN}) {
    const std::string sentence =
        "the token " + std::to_string(token) + " is outside the vocabulary of 256";
    CHECK(ctgpt_test::sentence_of([&] { bytes{}.decode(tokens{1, token}); }) == sentence);
    CHECK(ctgpt_test::sentence_of([&] { bytes{}.token_bytes(token); }) == sentence);
  }
}
