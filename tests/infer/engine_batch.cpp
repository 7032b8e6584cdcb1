// engine_batch, step by step on one thread: chunks of a long prompt delay nobody, requests that
// share a beginning compute it once, and those that lose their pages go on.
#include "ctgpt/infer/engine_batch.hpp"

#include "infer/engine_models.hpp"

using namespace ctgpt_test;

namespace {

struct stepped {
  std::unique_ptr<network<gpt2_like>> net = engine_net<gpt2_like>(cpu{.threads = 1});
  token_table known = byte_table();
  engine_batch batch;
  std::uint64_t last = 0;

  stepped(isize pages, isize parallel, isize chunk)
      : batch(*net, known,
              {.cache_bytes = bytes_of_pages(*net, pages), .parallel = parallel, .chunk = chunk}) {}

  std::shared_ptr<collector> add(completion_request request) {
    auto who = std::make_shared<collector>();
    batch.add(std::make_unique<engine_request>(++last, std::move(request), who));
    return who;
  }
  int run() {
    int steps = 0;
    while (batch.step()) ++steps;
    return steps;
  }
};

// A request whose every token leaves at once: log probabilities do.
completion_request letters(ids prompt, isize tokens) {
  completion_request r{.prompt = std::move(prompt), .tokens = tokens};
  r.likeliest = 0;
  return r;
}

}  // namespace

TEST_CASE("engine_batch: while a long prompt is read in chunks, every step answers the others") {
  stepped one(20, 4, 8);
  const auto answers = one.add(letters(random_ids(5, 256), 100));
  REQUIRE(one.batch.step());
  CHECK(answers->so_far().tokens.size() == 1);
  const auto reads = one.add(letters(random_ids(160, 256), 5));
  for (std::size_t step = 1; step <= 20; ++step) {
    REQUIRE(one.batch.step());
    CHECK(answers->so_far().tokens.size() == 1 + step);
    CHECK(reads->so_far().tokens.size() == (step < 20 ? 0 : 1));  // 160 = 20 chunks of 8
  }
}

TEST_CASE("engine_batch: of a beginning that several share each page is computed once") {
  stepped one(40, 4, 1000);
  const ids prompt = random_ids(150, 256);  // two whole pages and a part
  std::vector<std::shared_ptr<collector>> asked;
  for (int i = 0; i < 4; ++i) asked.push_back(one.add(letters(prompt, 3)));
  REQUIRE(one.batch.step());
  // All of them hold the first one's two pages and have one of their own.
  REQUIRE(one.batch.step());
  CHECK(one.batch.load().cache_tokens == (2 + 4) * attention_tile);
  one.run();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    CHECK(asked[i]->wait().end.cached_tokens == (i == 0 ? 0 : 128));
  }
  // A next turn finds all that was said, also what fills no whole page.
  ids longer = prompt;
  longer.resize(200, 7);
  const auto next = one.add(letters(longer, 1));
  CHECK(one.run() == 1);
  CHECK(next->wait().end.cached_tokens >= 150);
}

TEST_CASE("engine_batch: a short conversation's next turn computes what is new, and no more") {
  stepped one(6, 2, 1000);
  ids talk = random_ids(30, 256);
  isize before = 0;
  for (int turn = 0; turn < 5; ++turn) {
    const auto asked = one.add(letters(talk, 10));
    one.run();
    const isize found = asked->wait().end.cached_tokens;
    CHECK(found <= before);
    CHECK(found > before - 8);  // fewer are not worth a copy
    for (const token_record& each : asked->wait().tokens) talk.push_back(each.chosen.token);
    before = static_cast<isize>(talk.size()) - 1;  // the last token was not computed
    for (const std::int32_t token : random_ids(20, 256, talk.size())) talk.push_back(token);
  }
  // Another conversation that begins alike takes the common part.
  ids other(talk.begin(), talk.begin() + 25);
  other.resize(40, 3);
  const auto asked = one.add(letters(other, 1));
  one.run();
  CHECK(asked->wait().end.cached_tokens == 25);
}

TEST_CASE("engine_batch: with room for one context alone, everybody is answered in turn") {
  stepped one(4, 8, 32);
  std::vector<std::shared_ptr<collector>> asked;
  for (std::uint64_t i = 0; i < 8; ++i) {
    asked.push_back(one.add(letters(random_ids(60, 256, i), 140)));
  }
  isize most = 0;
  while (one.batch.step()) {
    most = std::max(most, one.batch.load().running);
    CHECK(one.batch.load().cache_tokens <= 4 * attention_tile);
    // The oldest is never stopped by younger ones.
    for (std::size_t i = 1; i < asked.size(); ++i) {
      CHECK(asked[i - 1]->so_far().tokens.size() >= asked[i]->so_far().tokens.size());
    }
  }
  CHECK(most > 1);  // so some lost their pages
  for (const auto& each : asked) {
    CHECK(each->wait().end.answer_tokens == 140);
    CHECK(each->wait().tokens.size() == 140);
  }
}

TEST_CASE("engine_batch: a cache for less than one context is refused with the bytes needed") {
  const auto net = engine_net<gpt2_like>(cpu{.threads = 1});
  const token_table known = byte_table();
  const isize needed = bytes_of_pages(*net, 4);
  CHECK_NOTHROW(engine_batch(*net, known, {.cache_bytes = needed}));
  try {
    engine_batch(*net, known, {.cache_bytes = needed - 1});
    FAIL("no error");
  } catch (const usage_error& problem) {
    CHECK(problem.what() == "a key/value cache of " + std::to_string(needed - 1) +
                                " bytes does not hold one context of 210 tokens; this model " +
                                "needs at least " + std::to_string(needed));
  }
  CHECK_THROWS_AS(engine_batch(*net, known, {.cache_bytes = -1}), usage_error);
  CHECK_THROWS_AS(engine_batch(*net, known, {.parallel = 0}), usage_error);
  CHECK_THROWS_AS(engine_batch(*net, known, {.chunk = 0}), usage_error);
}

TEST_CASE("engine_batch: a cache that nobody measured holds two contexts for each who runs") {
  const auto net = engine_net<gpt2_like>(cpu{.threads = 1});
  const token_table known = byte_table();
  CHECK(engine_batch(*net, known, {.parallel = 3}).cache_bytes() == bytes_of_pages(*net, 24));
  CHECK(engine_batch(*net, known, {}).cache_bytes() == bytes_of_pages(*net, 2 * 64 * 4));
  const isize page = bytes_of_pages(*net, 1), most = isize{256} << 20;
  CHECK(engine_batch(*net, known, {.parallel = 4000}).cache_bytes() == most / page * page);
}

TEST_CASE("engine_batch: many who come at once wait alike") {
  stepped one(100, 16, 64);
  std::vector<std::shared_ptr<collector>> asked;
  for (std::uint64_t i = 0; i < 48; ++i)
    asked.push_back(one.add(letters(random_ids(40, 256, i), 30)));
  std::vector<int> ended(asked.size(), 0);
  for (int step = 1; one.batch.step(); ++step) {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (ended[i] == 0 && asked[i]->so_far().ended) ended[i] = step;
    }
  }
  std::vector<int> sorted = ended;
  std::sort(sorted.begin(), sorted.end());
  CHECK(ended == sorted);  // who came first is done first
  CHECK(sorted.back() < 3 * sorted[sorted.size() / 2]);
}
