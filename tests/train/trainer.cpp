// trainer: steps, their reports, accumulation, dropout, evaluation, and what stops a run.
#include "ctgpt/train/trainer.hpp"

#include "base/child.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config size{.vocab = 37, .context = 12, .layers = 2, .heads = 2, .width = 16};
struct model : gpt<size> {};
constexpr config wider{.vocab = 37, .context = 16, .layers = 2, .heads = 2, .width = 32};
struct wider_model : gpt<wider> {};

constexpr adamw steady{.rate = 1e-3f};

batches some_data(isize batch = 4, std::uint64_t start = 9) {
  return batches(random_ids(500, 37, start), {.batch = batch});
}
network<model> fresh(const backend& where = cpu{isa::best, 1}) {
  return build<model>(where, seed{3});
}

struct noted {
  std::vector<step_report> reports;
  std::vector<isize> began;
  double flops = 0.0;
  void begin(isize first, isize last, double flops_per_token) {
    began.insert(began.end(), {first, last});
    flops = flops_per_token;
  }
  void operator()(const step_report& report) { reports.push_back(report); }
};

}  // namespace

TEST_CASE("trainer: a report says what the step did") {
  network<model> net = fresh();
  trainer run{net,
              adamw{.rate = 0.5f},
              some_data(),
              {.accumulate = 3, .rates = {schedule_kind::linear, 4e-3f, 0.0f, 1, 5}}};
  noted seen;
  isize calls = 0;
  run.steps(3, seen, [&](const step_report& report) { calls += report.step; });
  CHECK(calls == 1 + 2 + 3);  // any number of callbacks
  CHECK(seen.began == std::vector<isize>{0, 3});
  CHECK(seen.flops == model::flops_per_token(12));
  REQUIRE(seen.reports.size() == 3);
  CHECK(run.done() == 3);
  CHECK(run.tokens_per_step() == 3 * 4 * 12);
  CHECK(seen.reports[0].step == 1);
  CHECK(seen.reports[2].step == 3);
  // Untrained weights know nothing: about log 37 nats a token.
  CHECK(seen.reports[0].loss == doctest::Approx(std::log(37.0)).epsilon(0.02));
  CHECK(seen.reports[0].rate == 2e-3f);  // the schedule's, not the optimiser's
  CHECK(seen.reports[1].rate == 4e-3f);
  CHECK(seen.reports[2].rate == 3e-3f);
  for (const step_report& each : seen.reports) {
    CHECK(each.gradient_norm > 0.0);
    CHECK(each.seconds > 0.0);
    CHECK(each.tokens_per_second == doctest::Approx(144.0 / each.seconds));
  }
  run.steps(2, seen);
  CHECK(seen.began == std::vector<isize>{0, 3, 3, 5});
  CHECK(seen.reports.back().step == 5);
}

TEST_CASE("trainer: without a schedule the rate is the optimiser's") {
  network<model> net = fresh();
  trainer run{net, adamw{.rate = 0.25f}, some_data()};
  CHECK(run.step().rate == 0.25f);
  CHECK(run.step().rate == 0.25f);
}

TEST_CASE("trainer: two batches accumulated are one of double size") {
  network<model> small_net = fresh(), large_net = fresh();
  trainer small{small_net, steady, some_data(4), {.accumulate = 2}};
  trainer large{large_net, steady, some_data(8)};
  for (int i = 0; i < 5; ++i) {
    const step_report a = small.step(), b = large.step();
    CHECK(a.loss == doctest::Approx(b.loss).epsilon(1e-6));
    CHECK(a.gradient_norm == doctest::Approx(b.gradient_norm).epsilon(1e-6));
  }
}

TEST_CASE("trainer: a small model learns one batch by heart") {
  network<wider_model> net = build<wider_model>(cpu{isa::best, 1}, seed{1});
  // 17 tokens: every window is the same.
  trainer run{net, adamw{.rate = 1e-2f, .weight_decay = 0.0f},
              batches(random_ids(17, 37, 4), {.batch = 1})};
  double loss = 0.0;
  run.steps(150, [&](const step_report& report) { loss = report.loss; });
  CHECK(loss < 0.05);
}

TEST_CASE("trainer: dropout draws new masks at every step and the same ones again") {
  // One window and a rate of zero: whatever changes is the masks'.
  const batches one_window(random_ids(13, 37), {.batch = 4});
  const auto losses = [&](float dropout, std::uint64_t start) {
    network<model> net = spread_network<model>(cpu{isa::best, 1});
    trainer run{net,
                adamw{.rate = 0.0f, .weight_decay = 0.0f},
                one_window,
                {.dropout = dropout, .seed = start}};
    std::vector<double> found;
    run.steps(4, [&](const step_report& report) { found.push_back(report.loss); });
    return found;
  };
  const std::vector<double> still = losses(0.0f, 1);
  CHECK(still == std::vector<double>(4, still[0]));
  const std::vector<double> moving = losses(0.3f, 1);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(moving[i] != still[i]);
    for (std::size_t j = 0; j < i; ++j) CHECK(moving[i] != moving[j]);
  }
  CHECK(losses(0.3f, 1) == moving);
  CHECK(losses(0.3f, 2) != moving);
}

TEST_CASE("trainer: evaluation is the mean loss without dropout and changes nothing") {
  network<model> net = fresh(), other_net = fresh();
  trainer run{net, steady, some_data(), {.dropout = 0.2f}};
  trainer undisturbed{other_net, steady, some_data(), {.dropout = 0.2f}};
  const batches other = some_data(4, 10);
  run.step();
  undisturbed.step();
  const double mean = run.evaluate(other, 3, 7);
  double sum = 0.0;
  for (std::uint64_t number = 7; number < 10; ++number) sum += run.evaluate(other, 1, number);
  CHECK(mean == doctest::Approx(sum / 3.0).epsilon(1e-7));
  CHECK(run.evaluate(other, 3, 7) == mean);
  run.step();
  undisturbed.step();
  CHECK(bits(net.arena()) == bits(other_net.arena()));
}

TEST_CASE("trainer: evaluation on data that does not fit is refused") {
  network<model> net = fresh();
  trainer run{net, steady, some_data()};
  const char* shape = "evaluation needs at least one batch of the training batch's shape";
  CHECK(sentence_of([&] { run.evaluate(some_data(5), 1, 0); }) == shape);
  CHECK(sentence_of([&] { run.evaluate(some_data(), 0, 0); }) == shape);
  CHECK(sentence_of([&] { run.evaluate(some_data().with_time(5), 1, 0); }) == shape);
  CHECK(sentence_of([&] {
          run.evaluate(batches(random_ids(12, 37), {.batch = 4, .time = 12}), 1, 0);
        }).find("the data has 12 tokens, but a window of 12") == 0);
}

TEST_CASE("trainer: a weight that is no number stops the run with step and tensor") {
  const backend where = cpu{isa::best, 1};
  network<model> net = fresh(where), sound_net = fresh(where);
  trainer run{net, steady, some_data()}, sound{sound_net, steady, some_data()};
  run.steps(2);
  sound.steps(3);
  int poisoned = 0;
  while (net.layout().name(poisoned) != "block.1.mlp.gate.up.weight") ++poisoned;
  const std::vector<float> kept = net.read(poisoned);
  net.write(poisoned, [&](isize i) {
    return i == 5 ? std::nan("") : static_cast<double>(kept[static_cast<std::size_t>(i)]);
  });
  const std::vector<std::byte> before = bits(net.arena());
  CHECK(sentence_of([&] { run.step(); }) ==
        "step 3: the loss is not a finite number; first bad tensor: the weight "
        "block.1.mlp.gate.up.weight; start another run with a lower learning rate");
  CHECK(run.done() == 2);
  CHECK(bits(net.arena()) == before);
  // With the weight restored the step is what it would have been.
  net.write(poisoned,
            [&](isize i) { return static_cast<double>(kept[static_cast<std::size_t>(i)]); });
  run.step();
  CHECK(bits(net.arena()) == bits(sound_net.arena()));
}

TEST_CASE("trainer: a gradient that is no number is named where the weights are sound") {
  network<model> net = fresh();
  net.write(0, [](isize i) { return i % 3 == 0 ? 1e25 : -1e25; });  // whose squares overflow
  trainer run{net, steady, some_data()};
  const std::string said = sentence_of([&] { run.step(); });
  CAPTURE(said);
  CHECK(said.starts_with("step 1: the "));
  CHECK(said.find(" is not a finite number; first bad tensor: the gradient of ") != said.npos);
}

TEST_CASE("trainer: what cannot be trained is refused at once") {
  network<model> net = fresh();
  CHECK(sentence_of([&] {
          trainer(net, steady, batches(random_ids(12, 37), {}));
        }).find("the data has 12 tokens, but a window of 12 inputs and their targets needs 13") ==
        0);
  CHECK(sentence_of([&] {
          trainer(net, steady, batches(random_ids(99, 37), {.batch = 2, .time = 13}));
        }) == "a batch of 2 x 13 tokens does not fit a model with context 12");
  CHECK(sentence_of([&] { trainer(net, steady, some_data(), {.accumulate = 0}); }) ==
        "accumulate must be at least 1, not 0");
  CHECK(sentence_of([&] { trainer(net, steady, some_data(), {.dropout = 1.0f}); }) ==
        "dropout must be from 0 to below 1, not 1");
  ids foreign = random_ids(500, 37);
  foreign[250] = 37;
  CHECK(sentence_of([&] { trainer(net, steady, batches(foreign, {.batch = 2})); }) ==
        "the data holds the token 37, but the model's vocabulary has 37 tokens, 0 to 36; use the "
        "tokenizer that the model was built for");
  foreign[250] = -1;
  CHECK(sentence_of([&] {
          trainer(net, steady, batches(foreign, {.batch = 2}));
        }).starts_with("the data holds the token -1"));
  net.pack();
  CHECK(sentence_of([&] { trainer(net, steady, some_data()); }) ==
        "the network is packed for inference; build or load it again to train");
}
