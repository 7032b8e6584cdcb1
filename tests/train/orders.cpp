// Orders: a trainer learns from files and from memory alike, counts no padding, and goes on in the
// middle of an epoch as if it had never stopped.
#include <cmath>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/data/token_set.hpp"
#include "ctgpt/data/window_orders.hpp"
#include "ctgpt/train/checkpoint.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;
using data::window_order;
namespace orders = data::orders;

namespace {

constexpr config size{.vocab = 256, .context = 12, .layers = 1, .heads = 2, .width = 16};
struct small_model : gpt<size> {};

struct session {
  network<small_model> net;
  trainer run;

  explicit session(const batches& data, isize accumulate = 2, float dropout = 0.1f)
      : net(prepared()),
        run(net, adamw{.rate = 1e-2f}, data, {.accumulate = accumulate, .dropout = dropout}) {}
  static network<small_model> prepared() {
    network<small_model> net(cpu{isa::best, 1}, f32_precision);
    net.initialize({5});
    return net;
  }
  std::vector<double> losses(isize steps) {
    std::vector<double> found;
    run.steps(steps, [&](const step_report& report) { found.push_back(report.loss); });
    return found;
  }
};

// Documents of 4 tokens, of which 3 are targets.
std::shared_ptr<const data::token_source> fours(int documents = 100) {
  std::vector<isize> ends;
  for (int i = 1; i <= documents; ++i) ends.push_back(4 * i);
  return std::make_shared<data::memory_documents>(random_ids(4 * documents, 256), ends);
}

}  // namespace

TEST_CASE("orders: files give a trainer the bits that the same tokens in memory give") {
  const temporary_directory here;
  const std::vector<std::int32_t> tokens = random_ids(900, 256);
  data::token_set_writer out(here.path(), {.vocab = 256});
  out.begin(data::split::train);
  out.add(tokens);
  out.end();
  out.finish();
  for (const window_order order : orders::all) {
    if (order == orders::documents) continue;
    const batch_options how{.batch = 3, .order = order};
    session memory(batches(tokens, how));
    session files(batches(data::token_set::open(here.path()).train, how));
    CHECK(memory.losses(6) == files.losses(6));
  }
}

TEST_CASE("orders: a run that stops in the middle of an epoch goes on bit for bit") {
  for (const window_order order : orders::all) {
    const temporary_directory made;
    const batches data(fours(), {.batch = 3, .order = order});
    session whole(data);
    const std::vector<double> all = whole.losses(10);  // 60 windows: more than an epoch
    session first(data);
    first.losses(5);
    save_checkpoint(first.run, first.net, text::bytes{}, made.file("step-5"), {5, 1.0, 5});
    session second(data);
    CHECK(load_checkpoint(second.run, second.net, made.file("step-5")).position == 10);
    CHECK(second.losses(5) == std::vector<double>(all.begin() + 5, all.end()));
  }
}

TEST_CASE("orders: the place in the data is the checkpoint's, not a guess from the step") {
  const temporary_directory made;
  const batches data(fours(), {.batch = 3, .order = orders::sequential});
  session first(data, 2);
  first.losses(5);
  save_checkpoint(first.run, first.net, text::bytes{}, made.file("step-5"), {5, 1.0, 5});
  session other(data, 4);  // steps of another size go on with the same windows
  load_checkpoint(other.run, other.net, made.file("step-5"));
  CHECK(other.run.done() == 5);
  CHECK(other.run.position() == 10);
}

TEST_CASE("orders: padding is no target: the loss is the mean over what is") {
  // Windows of 12 hold four documents of 3 targets, the last window one: 9 places are padding.
  const batches data = batches(fours(5), {.batch = 1, .order = orders::documents});
  session at(data, 2);
  CHECK(at.run.data().scored(0) + at.run.data().scored(1) == 15);
  const double chance = std::log(256.0);
  CHECK(std::fabs(at.losses(1)[0] - chance) < 0.1);
  CHECK(std::fabs(at.run.evaluate(data, 2, 0) - chance) < 0.5);
}

TEST_CASE("orders: gradients of padded windows are those of the targets alone") {
  // The same three documents, once packed with padding, once as all that there is.
  const batches padded(fours(3), {.batch = 1, .time = 11, .order = orders::documents});
  const batches full(fours(3), {.batch = 1, .time = 9, .order = orders::documents});
  session one(padded, 1, 0.0f), two(full, 1, 0.0f);
  const step_report left = one.run.step(), right = two.run.step();
  CHECK(padded.scored(0) == 9);
  CHECK(full.scored(0) == 9);
  CHECK(left.loss == doctest::Approx(right.loss).epsilon(1e-6));
  CHECK(left.gradient_norm == doctest::Approx(right.gradient_norm).epsilon(1e-5));
}

TEST_CASE("orders: tokens of a larger vocabulary than the model's are refused before the start") {
  const temporary_directory here;
  data::token_set_writer out(here.path(), {.vocab = 300});
  out.begin(data::split::train);
  out.add(random_ids(900, 256));
  out.end();
  out.finish();
  CHECK(sentence_of(
            [&] { session(batches(data::token_set::open(here.path()).train, {.batch = 3})); }) ==
        "the tokens of the data are of a vocabulary of 300, but the model's has 256; use a model "
        "with a larger vocabulary");
}
