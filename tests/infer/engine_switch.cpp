// engine_switch: while requests run the engine is exchanged; those end on the old one, new ones go
// to the new one.
#include "ctgpt/infer/engine_switch.hpp"

#include "infer/engine_models.hpp"

using namespace ctgpt_test;

namespace {

// Says when it goes.
struct watched final : completion_engine {
  batch_engine inner;
  bool& gone;
  watched(std::uint64_t start, bool& flag)
      : inner(engine_net<gpt2_like>(cpu{.threads = 1}, f32_precision, start), byte_table()),
        gone(flag) {}
  ~watched() override { gone = true; }
  std::uint64_t submit(completion_request request,
                       std::shared_ptr<completion_listener> listener) override {
    return inner.submit(std::move(request), std::move(listener));
  }
  void cancel(std::uint64_t id) override { inner.cancel(id); }
  std::vector<float> embed(const ids& tokens) override { return inner.embed(tokens); }
  engine_load load() const override { return inner.load(); }
  isize context() const override { return inner.context(); }
};

const completion_request request{.prompt = {'a', 'b'}, .tokens = 150, .likeliest = 0};

}  // namespace

TEST_CASE("engine_switch: running requests end on the old model, new ones begin on the new one") {
  bool old_gone = false, new_gone = false;
  const answer by_old = ask(*std::make_shared<watched>(1, old_gone), request)->wait();
  const answer by_new = ask(*std::make_shared<watched>(2, new_gone), request)->wait();
  CHECK(!(by_old == by_new));
  old_gone = new_gone = false;

  engine_switch engine(std::make_shared<watched>(1, old_gone));
  auto first = std::make_shared<collector>();
  std::atomic<bool> goes_on{false};
  first->each([&](const answer&) {
    while (!goes_on) std::this_thread::yield();
  });
  engine.submit(request, first);
  engine.put(std::make_shared<watched>(2, new_gone));
  CHECK(ask(engine, request)->wait() == by_new);
  CHECK(!old_gone);  // it still answers
  CHECK(engine.load().running + engine.load().waiting >= 1);
  goes_on = true;
  CHECK(first->wait() == by_old);
  while (engine.load().running + engine.load().waiting > 0) std::this_thread::yield();
  CHECK(ask(engine, request)->wait() == by_new);
  CHECK(old_gone);  // nobody asks it any more
  CHECK(!new_gone);
}

TEST_CASE("engine_switch: cancel finds a request on whichever engine it runs") {
  bool gone = false;
  engine_switch engine(std::make_shared<watched>(1, gone));
  completion_request many = request;
  many.tokens = 200;
  auto first = std::make_shared<collector>();
  std::atomic<std::uint64_t> id{0};
  first->each([&](const answer&) {
    while (id == 0) std::this_thread::yield();
  });
  const std::uint64_t started = engine.submit(many, first);
  engine.put(std::make_shared<watched>(2, gone));
  engine.cancel(started);
  id = started;
  CHECK(first->wait().end.reason == completion_ending::cancelled);
  CHECK(engine.context() == 210);
  CHECK(engine.embed({'a'}).size() == 16);
}
