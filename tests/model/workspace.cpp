// workspace: memory known before anything runs, losses that are those of the logits.
#include "ctgpt/model/workspace.hpp"

#include "base/child.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config size{.vocab = 37, .context = 12, .layers = 3, .heads = 2, .width = 8};
struct gpt2_model : gpt<gpt2_type(size)> {};
struct chat_model : gpt<nanochat_type(size)> {};

template <class Model>
void check_bytes(isize batch, isize time, isize vocab, precision numbers) {
  const network<Model> net(counted_memory::around(cpu{isa::best, 1}), numbers, vocab);
  for (const bool training : {false, true}) {
    CAPTURE(training);
    counted_memory::bytes = 0;
    const workspace work(net, batch, time, training);
    CHECK(counted_memory::bytes ==
          workspace_bytes<Model>(batch, time, training, net.vocab(), numbers));
  }
}

}  // namespace

TEST_CASE("workspace: its bytes are those that are allocated") {
  check_bytes<gpt2_model>(2, 12, 0, f32_precision);
  check_bytes<gpt2_model>(3, 5, 20, f32_precision);
  check_bytes<gpt2_model>(3, 5, 20, bf16_precision);
  check_bytes<chat_model>(1, 1, 1, f32_precision);
  check_bytes<chat_model>(4, 12, 37, bf16_precision);
  static_assert(workspace_bytes<gpt2_model>(2, 12, true, 37, f32_precision) >
                workspace_bytes<gpt2_model>(2, 12, false, 37, f32_precision));
}

TEST_CASE("workspace: a loss is the negative log-probability that the logits give") {
  const network<chat_model> net = spread_network<chat_model>(reference<double>{}, 30);
  workspace work(net, 2, 6, false);
  ids batch = random_ids(24, 30);
  batch[12 + 4] = -1;  // not scored
  work.upload(batch);
  work.clear_loss();
  work.evaluate();
  const std::vector<float> logits = work.logits(0, 12);
  double total = 0.0;
  for (std::size_t row = 0; row < 12; ++row) {
    if (batch[12 + row] < 0) continue;
    double sum = 0.0;
    for (std::size_t v = 0; v < 30; ++v) sum += std::exp(static_cast<double>(logits[row * 30 + v]));
    total += std::log(sum) -
             static_cast<double>(logits[row * 30 + static_cast<std::size_t>(batch[12 + row])]);
  }
  CHECK(work.loss_sum() == doctest::Approx(total).epsilon(1e-6));
  work.evaluate();  // added to what is there
  CHECK(work.loss_sum() == doctest::Approx(2.0 * total).epsilon(1e-6));
}

TEST_CASE("workspace: training, evaluation and a part of the logits agree bit for bit") {
  for (const backend& where : {backend(reference<float>{}), backend(cpu{isa::best, 2})}) {
    const network<gpt2_model> net = spread_network<gpt2_model>(where);
    workspace training(net, 2, 12, true), evaluation(net, 2, 12, false);
    gradients into(net);
    const ids batch = random_ids(48, 37);
    const auto loss_of = [&](workspace& work, bool with_gradients) {
      work.upload(batch);
      work.set_scale(1.0);
      work.clear_loss();
      if (with_gradients) {
        work.accumulate(into);
      } else {
        work.evaluate();
      }
      return work.loss_sum();
    };
    const double want = loss_of(evaluation, false);
    CHECK(loss_of(training, true) == want);
    CHECK(loss_of(training, false) == want);
    const std::vector<float> all = evaluation.logits(0, 24), part = evaluation.logits(7, 3);
    CHECK(std::vector<float>(all.begin() + 7 * 37, all.begin() + 10 * 37) == part);
  }
}

TEST_CASE("workspace: accumulate adds to the gradients") {
  const network<gpt2_model> net = spread_network<gpt2_model>(reference<double>{});
  workspace work(net, 1, 12, true);
  gradients once(net), twice(net);
  work.upload(random_ids(24, 37));
  work.set_scale(1.0);
  work.accumulate(once);
  work.accumulate(twice);
  work.accumulate(twice);
  for (int i = 0; i < gpt2_model::slot_count; ++i) {
    const auto single = net.read_arena<double>(once.arena(), i);
    const auto sum = net.read_arena<double>(twice.arena(), i);
    for (std::size_t j = 0; j < sum.size(); ++j) {
      REQUIRE(sum[j] == doctest::Approx(2.0 * single[j]).epsilon(1e-9));
    }
  }
}

TEST_CASE("workspace: a token outside the table makes the loss no number, not a crash") {
  const network<gpt2_model> net = spread_network<gpt2_model>(cpu{isa::best, 1});
  workspace work(net, 1, 12, false);
  ids batch = random_ids(24, 37);
  batch[3] = 1000;
  work.upload(batch);
  work.clear_loss();
  work.evaluate();
  CHECK(std::isnan(work.loss_sum()));
}

TEST_CASE("workspace: what does not fit is refused with a sentence") {
  const network<gpt2_model> net = spread_network<gpt2_model>(reference<float>{});
  CHECK(sentence_of([&] { workspace(net, 2, 13, true); }) ==
        "a batch of 2 x 13 tokens does not fit a model with context 12");
  CHECK(sentence_of([&] { workspace(net, 0, 4, true); }) ==
        "a batch of 0 x 4 tokens does not fit a model with context 12");
  workspace work(net, 1, 4, false);
  CHECK(sentence_of([&] { work.upload(random_ids(7, 37)); }) ==
        "expected 8 token and target ids, got 7");
  gradients into(net);
  CHECK(sentence_of([&] { work.accumulate(into); }) ==
        "this workspace keeps no tape; build it for training");
}
