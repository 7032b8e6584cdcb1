// head_loss: logits and cross entropy in chunks, whose size changes no bit.
#include "ctgpt/layer/head.hpp"

#include "layer/layers.hpp"

using namespace ctgpt_test;
using parts::head_loss;

namespace {

constexpr bool chunks_are_sized() {
  return head_loss::chunk_rows(100, 65) == 100 &&        // all of a small batch
         head_loss::chunk_rows(4096, 50257) == 667 &&    // about 2^25 elements
         head_loss::chunk_rows(4096, 1 << 24) == 512 &&  // never fewer
         head_loss::chunk_rows(10, 1 << 24) == 10;
}
static_assert(chunks_are_sized());

constexpr isize tokens = 9, width = 6, vocab = 11, used = 8;

// Losses, dh and dW of random numbers, the batch cut into chunks of `rows`.
struct outcome {
  std::vector<double> losses, dh, dw;
  bool operator==(const outcome&) const = default;
};
outcome run_in_chunks(isize rows, float softcap) {
  const backend where = reference<double>{};
  memory h(where, element::f64, tokens * width), w(where, element::f64, vocab * width);
  memory dh(where, element::f64, tokens * width), dw(where, element::f64, vocab * width);
  memory losses(where, element::f64, tokens), scale(where, element::f64, 1);
  memory chunk(where, element::f64, rows * used), targets(where, element::i32, tokens);
  random_stream numbers(3);
  for (isize i = 0; i < h.count(); ++i) static_cast<double*>(h.data())[i] = numbers.normal();
  for (isize i = 0; i < w.count(); ++i) static_cast<double*>(w.data())[i] = numbers.normal();
  for (isize i = 0; i < tokens; ++i) {
    static_cast<std::int32_t*>(targets.data())[i] =
        i == 4 ? -1 : static_cast<std::int32_t>(numbers.below(used));
  }
  *static_cast<double*>(scale.data()) = 0.125;
  ops run(where);
  head_loss::arguments a;
  a.weight = w.matrix(0, vocab, width);
  a.gradient = dw.matrix(0, vocab, width);
  a.targets = targets.row(0, tokens);
  a.losses = losses.row(0, tokens);
  a.scale = scale.row(0, 1);
  a.chunk = chunk.matrix(0, rows, used);
  a.softcap = softcap;
  head_loss::run(run, a, h.matrix(0, tokens, width), dh.matrix(0, tokens, width));
  const auto numbers_of = [](const memory& of) {
    const auto* values = static_cast<const double*>(of.data());
    return std::vector<double>(values, values + of.count());
  };
  return {numbers_of(losses), numbers_of(dh), numbers_of(dw)};
}

}  // namespace

TEST_CASE("head: a chunk holds about a fixed number of logits") { CHECK(chunks_are_sized()); }

TEST_CASE("head: the chunk's size changes no bit") {
  for (const float softcap : {0.0f, 2.0f}) {
    const outcome whole = run_in_chunks(tokens, softcap);
    for (const isize rows : {1, 2, 4, 5, 8}) CHECK(run_in_chunks(rows, softcap) == whole);
  }
}

TEST_CASE("head: rows past the vocabulary in use and unscored tokens take no part") {
  const outcome found = run_in_chunks(4, 0.0f);
  CHECK(found.losses[4] == 0.0);
  for (isize i = 0; i < width; ++i) CHECK(found.dh[static_cast<std::size_t>(4 * width + i)] == 0.0);
  for (isize i = 0; i < vocab * width; ++i) {
    CHECK((found.dw[static_cast<std::size_t>(i)] == 0.0) == (i >= used * width));
  }
}
