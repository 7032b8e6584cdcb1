// A training step and a decode step allocate nothing: neither by new nor from the backend.
#include <atomic>
#include <new>

#include "ctgpt/model/decoder.hpp"
#include "ctgpt/model/lora.hpp"
#include "ctgpt/train/muon.hpp"
#include "ctgpt/train/trainer.hpp"
#include "model/models.hpp"

namespace {

std::atomic<bool> counting{false};
std::atomic<long> counted{0};

// What `work` allocates with new, on any thread.
template <class Work>
long allocations_of(Work work) {
  counted = 0;
  counting = true;
  work();
  counting = false;
  return counted;
}

}  // namespace

// Out of line: inlined, g++ 12 takes new and free for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (counting) ++counted;
  if (void* data = std::malloc(bytes != 0 ? bytes : 1)) return data;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  if (counting) ++counted;
  return std::malloc(bytes != 0 ? bytes : 1);
}
[[gnu::noinline]] void operator delete(void* data) noexcept { std::free(data); }
[[gnu::noinline]] void operator delete(void* data, std::size_t) noexcept { std::free(data); }

using namespace ctgpt_test;

namespace {

constexpr config size{.vocab = 83, .context = 70, .layers = 3, .heads = 2, .width = 32};
struct gpt2_model : gpt<size> {};
struct llama_model : gpt<llama_type(size)> {};
struct chat_model : gpt<nanochat_type(size)> {};

template <class Model, class Optimizer = adamw>
void check_training(const backend& inner, precision numbers, const Optimizer& optimizer = {},
                    bool adapted = false) {
  const backend where = counted_memory::around(inner);
  network<Model> net(where, numbers, 80);
  net.initialize({1});
  lora part(net, {}, {1});
  if (adapted) net.attach(&part);
  trainer run{net,
              optimizer,
              batches(random_ids(900, 80), {.batch = 2}),
              {.accumulate = 2, .dropout = 0.1f}};
  const batches other(random_ids(900, 80, 5), {.batch = 2});
  const auto steps = [&] {
    run.steps(3);
    run.evaluate(other, 2, 0);
  };
  steps();  // working space of the kernels grows to its size
  counted_memory::allocations = 0;
  CHECK(allocations_of(steps) == 0);
  CHECK(counted_memory::allocations == 0);
}

template <class Model>
void check_decoding(const backend& inner, precision numbers) {
  const backend where = counted_memory::around(inner);
  network<Model> net(where, numbers, 80);
  net.initialize({1});
  for (const bool packed : {false, true}) {
    if (packed) net.pack();
    decoder run(net, 1, 16);
    const ids tokens = random_ids(70, 80);
    const auto feed = [&] {
      run.feed(std::span(tokens).first(40), 0, 0);
      for (isize at = 40; at < 70; ++at) {
        run.feed(std::span(tokens).subspan(static_cast<std::size_t>(at), 1), 0, at);
      }
    };
    feed();
    counted_memory::allocations = 0;
    CHECK(allocations_of(feed) == 0);
    CHECK(counted_memory::allocations == 0);
  }
}

}  // namespace

TEST_CASE("allocations: the counters count") {
  // Called by name: a compiler may leave out a new expression.
  CHECK(allocations_of([] { ::operator delete(::operator new(4)); }) == 1);
  const backend where = counted_memory::around(reference<float>{});
  counted_memory::allocations = 0;
  const memory block(where, element::f32, 5);
  CHECK(counted_memory::allocations == 1);
}

TEST_CASE("allocations: a training step and an evaluation allocate nothing") {
  for (const named_backend& each : cpus({isa::sse4, isa::avx2, isa::avx512}, {1, 2})) {
    CAPTURE(each.name);
    check_training<gpt2_model>(each.where, f32_precision);
    check_training<llama_model>(each.where, f32_precision);
    check_training<chat_model>(each.where, bf16_precision);
  }
  check_training<llama_model>(cpu{isa::best, 2}, f32_precision, muon{});
  check_training<chat_model>(cpu{isa::best, 2}, bf16_precision, muon{});
  check_training<llama_model>(cpu{isa::best, 2}, f32_precision, adamw{}, true);
  check_training<gpt2_model>(reference<float>{}, f32_precision);
}

TEST_CASE("allocations: a decode step allocates nothing, packed or not") {
  for (const named_backend& each : cpus({isa::sse4, isa::avx2, isa::avx512}, {1, 2})) {
    CAPTURE(each.name);
    check_decoding<gpt2_model>(each.where, f32_precision);
    check_decoding<llama_model>(each.where, bf16_precision);
    check_decoding<chat_model>(each.where, f32_precision);
  }
  check_decoding<gpt2_model>(reference<float>{}, f32_precision);
}
