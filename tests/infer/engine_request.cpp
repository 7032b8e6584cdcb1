// engine_request: what cannot be answered is refused with one sentence, too long a text with both
// counts.
#include "ctgpt/infer/engine_request.hpp"

#include <doctest/doctest.h>

#include "ctgpt/text/bytes.hpp"

using namespace ctgpt;

namespace {

// Tokens 0 to 9 but for 4.
struct ten_tokens {
  isize vocab_size() const { return 10; }
  bool has(std::int32_t id) const { return id != 4; }
  struct special {
    std::int32_t token;
  };
  std::vector<special> special_tokens() const { return {{7}, {12}}; }
  std::string token_bytes(std::int32_t id) const {
    return std::string(2, static_cast<char>('0' + id));
  }
};

std::string refusal(const completion_request& request) {
  try {
    check(request, token_table(ten_tokens{}, 16), 8);
  } catch (const usage_error& problem) {
    return problem.what();
  }
  return {};
}
completion_request with(auto change) {
  completion_request request{.prompt = {1, 2}};
  change(request);
  return request;
}

}  // namespace

TEST_CASE("token_table: the bytes of every token, and the holes") {
  const token_table table(ten_tokens{}, 16);
  CHECK(table.size() == 10);
  CHECK(table.bytes(3) == "33");
  CHECK(table.bytes(4).empty());
  CHECK(table.bytes(7).empty());  // special: no text
  CHECK(table.has(7));
  CHECK(table.bytes(9) == "99");
  CHECK(table.holes() == std::vector<std::int32_t>{4});
  CHECK((table.has(0) && table.has(9)));
  CHECK(!(table.has(-1) || table.has(4) || table.has(10)));
  CHECK(token_table(ten_tokens{}, 6).size() == 6);  // the model's vocabulary is smaller
  CHECK(token_table(text::bytes{}, 256).bytes(0x41) == "A");
}

TEST_CASE("check: a request that can be answered passes") {
  CHECK(refusal({.prompt = {1, 2}}).empty());
  CHECK(refusal({.prompt = {1, 2, 3, 5, 6, 7, 8}}).empty());  // room for one more
  CHECK(refusal({.prompt = {1, 2, 3, 5, 6, 7, 8, 9}, .tokens = 0}).empty());
}

TEST_CASE("check: what is wrong is said in one sentence") {
  using r = completion_request;
  CHECK(refusal({}) == "the prompt is empty; give the model at least one token to continue from");
  CHECK(refusal({.prompt = {1, 10}}) == "the token 10 of the prompt is none of the model's 10");
  CHECK(refusal({.prompt = {4}}) == "the token 4 of the prompt is none of the model's 10");
  CHECK(refusal(with([](r& it) { it.stop_tokens = {-1}; })) ==
        "the token -1 of the stop list is none of the model's 10");
  CHECK(refusal(with([](r& it) {
          it.logit_bias = {{99, 1.0f}};
        })) == "the token 99 of the logit bias is none of the model's 10");
  CHECK(refusal(with([](r& it) {
          it.logit_bias = {{1, std::nanf("")}};
        })) == "the bias of token 1 must be a number, not nan");
  CHECK(refusal(with([](r& it) { it.tokens = -1; })) == "an answer of -1 tokens cannot be");
  CHECK(refusal(with([](r& it) { it.frequency_penalty = INFINITY; })) ==
        "the frequency and presence penalties must be numbers");
  CHECK(refusal(with([](r& it) { it.choose.temperature = -1; })).starts_with("the temperature"));
  CHECK(refusal(with([](r& it) { it.stop = {"a", ""}; })) == "a stop string must not be empty");
}

TEST_CASE("check: too long a text is a context_error with both counts") {
  for (const isize tokens : {0, 1}) {
    const std::vector<std::int32_t> prompt(static_cast<std::size_t>(tokens == 0 ? 9 : 8), 1);
    try {
      check({.prompt = prompt, .tokens = tokens}, token_table(ten_tokens{}, 16), 8);
      FAIL("no error");
    } catch (const context_error& problem) {
      CHECK(problem.tokens() == (tokens == 0 ? 9 : 8));
      CHECK(problem.context() == 8);
      CHECK(std::string(problem.what()) ==
            (tokens == 0 ? "the text has 9 tokens, but the model's context is 8; shorten it"
                         : "the text has 8 tokens, but the model's context is 8 and an answer "
                           "needs room too; shorten it"));
    }
  }
}
