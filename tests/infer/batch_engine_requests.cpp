// batch_engine: how a request ends, what it may ask for, and what goes wrong beside it.
#include "infer/engine_models.hpp"

using namespace ctgpt_test;

namespace {

batch_engine small_engine(engine_options options = {}, int threads = 1) {
  options.cache_bytes = isize{1} << 22;
  return batch_engine(engine_net<gpt2_like>(cpu{.threads = threads}), byte_table(), options);
}
const ids prompt{'a', 'b', 'c'};

}  // namespace

TEST_CASE("batch_engine: an answer ends at the context with `length`") {
  batch_engine engine = small_engine();
  const answer got = ask(engine, {.prompt = random_ids(200, 256), .tokens = 500})->wait();
  CHECK(got.end.reason == completion_ending::length);
  CHECK(got.end.prompt_tokens == 200);
  CHECK(got.end.answer_tokens == 10);
  CHECK(engine.context() == 210);
  CHECK(ask(engine, {.prompt = random_ids(209, 256)})->wait().end.answer_tokens == 1);
  CHECK_THROWS_AS(ask(engine, {.prompt = random_ids(210, 256)}), context_error);
}

TEST_CASE("batch_engine: no token at all is an answer too") {
  batch_engine engine = small_engine();
  const answer got = ask(engine, {.prompt = random_ids(210, 256), .tokens = 0})->wait();
  CHECK(got.text.empty());
  CHECK(got.end.reason == completion_ending::length);
  CHECK(got.end.answer_tokens == 0);
}

TEST_CASE("batch_engine: a stop token ends the answer and is not shown") {
  batch_engine engine = small_engine();
  completion_request request{.prompt = prompt, .tokens = 60, .likeliest = 0};
  const answer whole = ask(engine, request)->wait();
  REQUIRE(whole.tokens.size() == 60);
  const std::int32_t stop = whole.tokens[30].chosen.token;
  std::size_t first = 0;
  while (whole.tokens[first].chosen.token != stop) ++first;
  request.stop_tokens = {stop};
  const answer cut = ask(engine, request)->wait();
  CHECK(cut.end.reason == completion_ending::stop);
  CHECK(cut.tokens.size() == first);
  CHECK(whole.text.starts_with(cut.text));
  CHECK(cut.end.answer_tokens == static_cast<isize>(first) + 1);
}

TEST_CASE("batch_engine: a stop string ends the answer before its first byte") {
  batch_engine engine = small_engine();
  completion_request request{.prompt = prompt, .tokens = 100};
  const answer whole = ask(engine, request)->wait();
  REQUIRE(whole.pieces.size() > 20);
  // A text of several tokens, so that the beginning of it has to be held back.
  const std::string stop = whole.pieces[10] + whole.pieces[11] + whole.pieces[12];
  request.stop = {stop};
  const answer cut = ask(engine, request)->wait();
  CHECK(cut.end.reason == completion_ending::stop);
  CHECK(cut.text == whole.text.substr(0, whole.text.find(stop)));
}

TEST_CASE("batch_engine: a bias makes a token certain, or keeps it out") {
  batch_engine engine = small_engine();
  const answer sure =
      ask(engine, {.prompt = prompt, .tokens = 20, .logit_bias = {{'Q', 100.0f}}})->wait();
  CHECK(sure.text == std::string(20, 'Q'));
  const answer none = ask(engine, {.prompt = prompt,
                                   .tokens = 20,
                                   .frequency_penalty = 60.0f,
                                   .logit_bias = {{'Q', 100.0f}, {'R', 99.0f}}})
                          ->wait();
  CHECK(none.text.starts_with("QR"));                               // 100, then 99 against 40
  CHECK(std::count(none.text.begin(), none.text.end(), 'Q') <= 2);  // the third would be -20
}

TEST_CASE("batch_engine: cancel ends a request at any token, and one that waits") {
  batch_engine engine = small_engine({.parallel = 1});
  for (const std::size_t after : {1u, 2u, 7u, 50u}) {
    auto who = std::make_shared<collector>();
    std::atomic<std::uint64_t> id{0};
    who->each([&](const answer& got) {
      if (got.tokens.size() != after) return;
      while (id == 0) std::this_thread::yield();
      engine.cancel(id);
    });
    id = engine.submit({.prompt = prompt, .tokens = 150, .likeliest = 0}, who);
    const auto waits = std::make_shared<collector>();
    engine.cancel(engine.submit({.prompt = prompt, .tokens = 150}, waits));
    CHECK(waits->wait().end.reason == completion_ending::cancelled);
    CHECK(waits->wait().end.answer_tokens == 0);
    const answer got = who->wait();
    CHECK(got.end.reason == completion_ending::cancelled);
    CHECK(got.tokens.size() == after);  // the next token is where it ends
    engine.cancel(id);                  // it has ended: nothing
  }
  engine.cancel(123456789);
  engine.drain();
  CHECK(engine.load().cache_tokens == 0);
  CHECK(ask(engine, {.prompt = prompt, .tokens = 5})->wait().end.answer_tokens == 5);
}

TEST_CASE("batch_engine: the echo is the prompt with the chances of its tokens") {
  network<gpt2_like> net(cpu{.threads = 1}, f32_precision);
  spread(net);
  ids text = random_ids(140, 128);  // ASCII: each token is a character
  batch_engine engine = small_engine({.chunk = 50});
  ask(engine, {.prompt = text, .tokens = 1})->wait();  // its pages are in the cache now
  const completion_request request{.prompt = text, .tokens = 2, .likeliest = 3, .echo = true};
  const answer got = ask(engine, request)->wait();
  REQUIRE(got.tokens.size() == 142);
  CHECK(got.text.starts_with(text::bytes{}.decode(text)));
  CHECK(got.tokens[0].chosen.token == text[0]);
  CHECK(got.tokens[0].likeliest.empty());
  text.push_back(got.tokens[140].chosen.token);
  text.push_back(got.tokens[141].chosen.token);
  workspace work(net, 1, 142, false);
  ids both = text;
  both.insert(both.end(), text.begin(), text.end());
  work.upload(both);
  const std::vector<float> logits = work.logits(0, 142);
  for (std::size_t i = 1; i < 142; ++i) {
    const std::span<const float> row = std::span(logits).subspan((i - 1) * 256, 256);
    CHECK(answer::same({got.tokens[i]}, {token_chances(row, text[i], 3)}));
  }
  completion_request no_answer = request;
  no_answer.tokens = 0;
  CHECK(ask(engine, no_answer)->wait().tokens.size() == 140);
  no_answer.likeliest = -1;
  CHECK(ask(engine, no_answer)->wait().text == text::bytes{}.decode(std::span(text).first(140)));
}

TEST_CASE("batch_engine: an embedding has length 1 and is the same in every company") {
  const ids text = random_ids(190, 256, 9);
  batch_engine alone = small_engine();
  const std::vector<float> one = alone.embed(text);
  CHECK(one.size() == 16);
  double squares = 0.0;
  for (const float each : one) squares += double(each) * double(each);
  CHECK(std::fabs(squares - 1.0) < 1e-6);
  network<gpt2_like> net(cpu{.threads = 1}, f32_precision);
  spread(net);
  paged_runner run(net, {.pages = 4, .rows = 190});  // the mean of the last states, by hand
  for (std::int32_t i = 0; i < 190; ++i) {
    run.rows().tokens[i] = text[static_cast<std::size_t>(i)];
    run.rows().sequences[i] = 0;
    run.rows().positions[i] = i;
  }
  for (std::int32_t n = 0; n < 4; ++n) run.set_page(0, n, n);
  run.run(190);
  std::vector<double> mean(16, 0.0);
  const auto rows = run.hidden(0, 190);
  for (std::size_t i = 0; i < rows.size(); ++i) mean[i % 16] += double(rows[i]) / 190.0;
  double length = 0.0;
  for (const double each : mean) length += each * each;
  for (std::size_t i = 0; i < 16; ++i) {
    CHECK(std::fabs(mean[i] / std::sqrt(length) - double(one[i])) < 1e-6);
  }
  batch_engine busy = small_engine({.parallel = 5, .chunk = 9}, 2);
  for (const completion_request& each : many_requests(10)) ask(busy, each);
  CHECK(busy.embed(text) == one);
  CHECK(busy.embed(text) == one);
  CHECK_THROWS_AS(busy.embed({}), usage_error);
  CHECK_THROWS_AS(busy.embed(random_ids(211, 256)), context_error);
}

TEST_CASE("batch_engine: a listener that throws ends its own request alone") {
  struct thrower final : collector {
    void on_piece(const completion_piece&) override { throw std::runtime_error("full"); }
  };
  batch_engine engine = small_engine();
  const auto bad = std::make_shared<thrower>();
  engine.submit({.prompt = prompt, .tokens = 50}, bad);
  const auto good = ask(engine, {.prompt = prompt, .tokens = 50});
  CHECK(bad->wait().end.reason == completion_ending::failed);
  CHECK(bad->wait().end.problem == "full");
  CHECK(good->wait().end.answer_tokens == 50);
}

TEST_CASE("batch_engine: damaged weights end each request with a sentence") {
  auto net = std::make_unique<network<gpt2_like>>(cpu{.threads = 1}, f32_precision, 0);
  net->write(0, [](isize) { return std::nan(""); });
  net->pack();
  batch_engine engine(std::move(net), byte_table());
  const answer got = ask(engine, {.prompt = prompt})->wait();
  CHECK(got.end.reason == completion_ending::failed);
  CHECK(got.end.problem.find("its weights are damaged") != std::string::npos);
  CHECK(engine.load().running == 0);
}

TEST_CASE("batch_engine: the end of the engine ends what is left as cancelled") {
  std::vector<std::shared_ptr<collector>> asked;
  {
    batch_engine engine = small_engine({.parallel = 2});
    for (int i = 0; i < 6; ++i) {
      asked.push_back(std::make_shared<collector>());
      asked.back()->each(
          [](const answer&) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); });
      engine.submit({.prompt = prompt, .tokens = 200}, asked.back());
    }
    while (asked[0]->so_far().text.empty()) std::this_thread::yield();
    CHECK(engine.load().running + engine.load().waiting <= 6);
  }
  for (const auto& each : asked) CHECK(each->wait().end.reason == completion_ending::cancelled);
}

TEST_CASE("batch_engine: the last who holds an engine may be a listener of its own") {
  struct holder final : collector {
    std::shared_ptr<batch_engine> engine;
    std::atomic<bool>* gone;
    ~holder() override {
      engine.reset();  // on the engine's thread
      *gone = true;
    }
  };
  std::atomic<bool> gone{false};
  {
    auto engine =
        std::make_shared<batch_engine>(engine_net<gpt2_like>(cpu{.threads = 2}), byte_table());
    auto who = std::make_shared<holder>();
    who->engine = engine;
    who->gone = &gone;
    engine->submit({.prompt = prompt, .tokens = 30}, who);
  }
  while (!gone) std::this_thread::yield();
}
