// The guarded test backend itself: it faults where a GPU would, queues, records, and gives the bits
// of the table that it wraps.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "ctgpt/backend/reference.hpp"
#include "ctgpt/base/random.hpp"
#include "support/guarded_backend.hpp"

using namespace ctgpt;
using ctgpt_test::guarded;

namespace {

// The signal that ends a child process running `body`, or 0 when it ends by itself.
template <class Body>
int signal_of(const Body& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);  // neither doctest nor a sanitizer may turn it into something else
    body();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

std::vector<float> noise(isize count, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  random_stream random(seed);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

// A softmax regression: enough entries to make a step, small enough to read.
struct regression {
  static constexpr isize rows = 8, inputs = 6, classes = 5;
  backend where;
  memory x{where, element::f32, rows*inputs}, w{where, element::f32, classes*inputs};
  memory logits{where, element::f32, rows*classes}, losses{where, element::f32, rows};
  memory targets{where, element::i32, rows}, scale{where, element::f32, 1};
  memory gradient{where, element::f32, classes* inputs};
  memory moment1{where, element::f32, classes* inputs};
  memory moment2{where, element::f32, classes* inputs};
  memory segments{where, element::u32, 3}, numbers{where, element::f32, optimizer_fields};
  memory total{where, element::f64, 1};

  explicit regression(const backend& on) : where(on) {
    w.upload(noise(w.count(), 1).data());
    const std::uint32_t all[3] = {0, 0, 1};
    segments.upload(all);
    feed(0);
  }
  void feed(std::uint64_t step) {  // what changes from step to step, the learning rate too
    x.upload(noise(x.count(), 100 + step).data());
    std::int32_t wanted[rows];
    for (isize r = 0; r < rows; ++r) {
      wanted[r] = static_cast<std::int32_t>((static_cast<isize>(step) + r) % classes);
    }
    targets.upload(wanted);
    const float share = 1.0f / rows, rate = 0.1f / static_cast<float>(step + 1);
    scale.upload(&share);
    const float values[optimizer_fields] = {rate, 0.9f,  0.99f, 1e-8f, 0.1f,
                                            0.1f, 0.01f, 1.0f,  0.0f};
    numbers.upload(values);
  }
  void step() {
    const kernel_table& table = where.table();
    context* state = where.state();
    const tensor z = logits.matrix(0, rows, classes), dw = gradient.matrix(0, classes, inputs);
    const tensor input = x.matrix(0, rows, inputs), weights = w.matrix(0, classes, inputs);
    table.matmul(state, {product::nt, z, input, weights, {}, {}});
    table.cross_entropy(state,
                        {z, targets.row(0, rows), losses.row(0, rows), scale.row(0, 1), 0, true});
    table.matmul(state, {product::tn, dw, z, input, {}, {}});
    table.sum(state, {total.row(0, 1), losses.row(0, rows)});
    const isize n = w.count();
    table.adamw(state, {w.row(0, n),
                        {},
                        gradient.row(0, n),
                        moment1.row(0, n),
                        moment2.row(0, n),
                        segments.matrix(0, 1, 3),
                        numbers.row(0, optimizer_fields)});
  }
  std::vector<float> weights() const {
    std::vector<float> values(static_cast<std::size_t>(w.count()));
    w.download(values.data());
    return values;
  }
};

std::vector<float> trained(const backend& where, std::uint64_t steps) {
  regression model(where);
  for (std::uint64_t i = 0; i < steps; ++i) {
    model.feed(i);
    model.step();
  }
  return model.weights();
}

}  // namespace

TEST_CASE("guarded: the host can neither read nor write its memory, also after it was used") {
  const guarded box{reference<float>{}};
  memory block(box, element::f32, 4);
  volatile float* data = static_cast<float*>(block.data());
  CHECK(signal_of([] {}) == 0);  // the control
  CHECK(signal_of([&] { data[0] = 1.0f; }) == SIGSEGV);
  CHECK(signal_of([&] { static_cast<void>(data[0]); }) == SIGSEGV);
  const float values[4] = {1.0f, 2.0f, 3.0f, 4.0f};
  block.upload(values);
  static_cast<const backend&>(box).synchronise();
  CHECK(signal_of([&] { static_cast<void>(data[3]); }) == SIGSEGV);
  float back[4] = {};
  block.download(back);
  CHECK(back[3] == 4.0f);
  CHECK(signal_of([&] { data[3] = 1.0f; }) == SIGSEGV);
}

TEST_CASE("guarded: calls wait for synchronise or a download, and an upload has read its source") {
  const guarded box{reference<float>{}};
  const backend where = box;
  memory a(where, element::f32, 3), b(where, element::f32, 3);
  const isize drains = box.state().drains, calls = box.state().calls;
  float values[3] = {1.0f, 2.0f, 3.0f};
  a.upload(values);
  values[0] = 100.0f;
  where.table().add(where.state(), {b.row(0, 3), a.row(0, 3), a.row(0, 3)});
  where.table().fill(where.state(), {a.row(0, 3), 9.0});
  CHECK(box.state().drains == drains);
  CHECK(box.state().calls == calls + 2);
  CHECK(box.state().queued() == 5);  // two fills of new memory, the upload, the two calls
  b.download(values);
  CHECK(box.state().drains == drains + 1);
  CHECK(box.state().queued() == 0);
  CHECK(values[0] == 2.0f);
  CHECK(values[2] == 6.0f);
  a.download(values);
  CHECK(values[0] == 9.0f);
}

TEST_CASE("guarded: training gives the bits of the table inside") {
  const std::vector<float> plain = trained(reference<float>{}, 20);
  CHECK(trained(guarded{reference<float>{}}, 20) == plain);
  CHECK(trained(reference<float>{}, 19) != plain);
}

TEST_CASE("guarded: one recorded step replayed with new inputs equals fresh steps bit for bit") {
  const guarded box{reference<float>{}};
  const backend where = box;
  regression model(where);
  where.table().record_begin(where.state());
  model.step();
  void* kept = where.table().record_end(where.state());
  where.synchronise();  // recording ran nothing
  CHECK(model.weights() == noise(model.w.count(), 1));
  const isize calls = box.state().calls;
  for (std::uint64_t i = 0; i < 20; ++i) {
    model.feed(i);
    where.table().replay(where.state(), kept);
  }
  where.table().record_release(where.state(), kept);  // queued replays no longer need it
  CHECK(box.state().calls == calls);
  CHECK(box.state().replays == 20);
  CHECK(model.weights() == trained(reference<float>{}, 20));
}

TEST_CASE("guarded: memory that is not its own, or no longer, is refused at the call") {
  const guarded box{reference<float>{}};
  const backend where = box;
  memory a(where, element::f32, 4);
  float host[4] = {};
  const tensor foreign{host, 1, 4, 4, element::f32};
  CHECK_THROWS_WITH_AS(where.table().add(where.state(), {a.row(0, 4), a.row(0, 4), foreign}),
                       "a tensor of 1 x 4 f32 does not lie in memory of this backend", error);
  CHECK_THROWS_AS(where.upload(host, host, 4), error);
  CHECK_THROWS_AS(where.download(host, host, 4), error);
  tensor gone;
  {
    const memory brief(where, element::f32, 4);
    gone = brief.row(0, 4);
  }
  CHECK_THROWS_AS(where.table().fill(where.state(), {gone, 1.0}), error);
  CHECK(box.state().arena.live() == 1);
}

TEST_CASE("guarded: a recording refuses what a captured graph cannot hold") {
  const guarded box{reference<float>{}};
  const backend where = box;
  memory a(where, element::f32, 4);
  float host[4] = {};
  where.table().record_begin(where.state());
  CHECK_THROWS_AS(a.upload(host), error);
  CHECK_THROWS_AS(a.download(host), error);
  CHECK_THROWS_AS(where.synchronise(), error);
  CHECK_THROWS_AS(memory(where, element::f32, 1), error);
  where.table().fill(where.state(), {a.row(0, 4), 2.0});
  where.table().record_release(where.state(), where.table().record_end(where.state()));
  a.download(host);
  CHECK(host[0] == 0.0f);  // kept, never replayed
}

TEST_CASE("guarded: released pages are reused, but only after queued work has run") {
  const guarded box{reference<float>{}};
  const backend where = box;
  void* first = where.table().allocate(where.state(), 100);
  where.table().release(where.state(), first);
  void* second = where.table().allocate(where.state(), 100);
  CHECK(second != first);
  where.synchronise();
  CHECK(where.table().allocate(where.state(), 100) == first);
}
