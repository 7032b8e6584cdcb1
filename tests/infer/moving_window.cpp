// The moving window: its law on a decoder that only takes notes, and on real models the equality of
// cached and uncached logits, bit for bit, at every step and past the context.
#include "ctgpt/infer/moving_window.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <optional>
#include <string>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/reference.hpp"
#include "ctgpt/model/decoder.hpp"
#include "ctgpt/model/workspace.hpp"
#include "infer/scripted_decoder.hpp"

using namespace ctgpt;
using ctgpt_test::ids;
using ctgpt_test::scripted_decoder;

namespace {

ids numbers(isize count) {
  ids all;
  for (isize i = 0; i < count; ++i) all.push_back(static_cast<std::int32_t>(i));
  return all;
}

// The law: of n tokens the last n - h ceil((n - context) / h).
ids law(const ids& tokens, isize context) {
  const isize n = static_cast<isize>(tokens.size()), hop = context - context / 2;
  isize passed = 0;
  while (n - passed > context) passed += hop;
  return ids(tokens.begin() + passed, tokens.end());
}

ids held(const moving_window& window) { return ids(window.ids().begin(), window.ids().end()); }

}  // namespace

TEST_CASE("moving_window: token by token, a full window goes on from its last half") {
  scripted_decoder run({}, 100, 6);
  moving_window window(run);
  for (const std::int32_t token : numbers(6)) window.append(token);
  CHECK(held(window) == ids{0, 1, 2, 3, 4, 5});
  CHECK(run.fed() == 6);
  window.append(6);
  CHECK(held(window) == ids{3, 4, 5, 6});
  CHECK(run.fed() == 10);
  window.append(7);
  window.append(8);
  CHECK(held(window) == ids{3, 4, 5, 6, 7, 8});
  CHECK(run.fed() == 12);
  window.append(9);
  CHECK(held(window) == ids{6, 7, 8, 9});
}

TEST_CASE("moving_window: it depends on the tokens alone, however they are cut") {
  random_stream random(5);
  for (const isize context : {1, 2, 3, 4, 5, 8, 13}) {
    CAPTURE(context);
    for (isize n = 1; n <= 4 * context + 3; ++n) {
      const ids tokens = numbers(n);
      const ids expected = law(tokens, context);
      for (int round = 0; round < 4; ++round) {
        scripted_decoder run({}, 100, context);
        moving_window window(run);
        for (isize at = 0; at < n;) {  // round 0: in one go
          const isize some = round == 0
                                 ? n
                                 : std::min(n - at, static_cast<isize>(random.below(
                                                        static_cast<std::uint64_t>(2 * context))) +
                                                        1);
          window.append(std::span(tokens).subspan(static_cast<std::size_t>(at),
                                                  static_cast<std::size_t>(some)));
          at += some;
        }
        CHECK(held(window) == expected);
        CHECK(run.cache() == expected);  // what the decoder attends to is what the window says
        if (round == 0) CHECK(run.fed() == static_cast<isize>(expected.size()));
      }
    }
  }
}

TEST_CASE("moving_window: between half and all of the context is seen") {
  const isize context = 10;
  scripted_decoder run({}, 1000, context);
  moving_window window(run);
  for (const std::int32_t token : numbers(500)) {
    window.append(token);
    CHECK(window.size() <= context);
    CHECK((token < context || window.size() > context / 2));
  }
  // One token's work each, and half a context's once in half a context.
  CHECK(run.fed() <= 500 + 500 / (context / 2) * (context / 2));
}

TEST_CASE("moving_window: a token outside the vocabulary is an error, nothing at all is nothing") {
  scripted_decoder run({}, 100, 6);
  moving_window window(run);
  window.append(ids{});
  CHECK(run.feeds() == 0);
  CHECK_THROWS_WITH_AS(window.append(100), "the token 100 is outside the model's vocabulary of 100",
                       error);
  CHECK_THROWS_AS(window.append(ids{3, -1}), error);
  CHECK(run.feeds() == 0);
}

// ---- real models --------------------------------------------------------------------------------

namespace {

// More than one tile of attention (64 keys) wherever that may matter.
constexpr config gpt2_type{.vocab = 23, .context = 71, .layers = 2, .heads = 2, .width = 16};
constexpr config llama_type{.vocab = 23,
                            .context = 100,
                            .layers = 2,
                            .heads = 4,
                            .width = 32,
                            .kv_heads = 2,
                            .hidden = 40,
                            .position = positions::rotary,
                            .norm = normalization::rms,
                            .mlp = activation::swiglu,
                            .bias = false,
                            .tied = false};
constexpr config alibi_type{.vocab = 23,
                            .context = 66,
                            .layers = 2,
                            .heads = 3,
                            .width = 24,
                            .kv_heads = 1,
                            .position = positions::alibi,
                            .mlp = activation::gelu_tanh};
constexpr config window_type{.vocab = 23,
                             .context = 150,
                             .layers = 2,
                             .heads = 2,
                             .width = 16,
                             .window = 37,
                             .full_every = 2,
                             .position = positions::rotary,
                             .norm = normalization::rms,
                             .mlp = activation::relu_squared,
                             .bias = false,
                             .gain = false,
                             .tied = false,
                             .qk_norm = true,
                             .softcap = 15.0f};
constexpr config sinusoidal_type{.vocab = 23,
                                 .context = 9,
                                 .layers = 1,
                                 .heads = 2,
                                 .width = 16,
                                 .position = positions::sinusoidal};
constexpr config shortest_type{.vocab = 23, .context = 1, .layers = 1, .heads = 2, .width = 16};

// Weights large enough for logits to spread over several units.
template <class Model>
network<Model> spread(const backend& where, precision numbers) {
  network<Model> net(where, numbers, 21);  // two rows of the vocabulary are not in use
  random_stream random(3);
  for (int i = 0; i < Model::slot_count; ++i) {
    const double scale = Model::slot_at(i).vector ? 0.1 : 0.4;
    const double shift = Model::slot_at(i).start == initializer::ones ? 1.0 : 0.0;
    net.write(i, [&](isize) { return shift + scale * random.normal(); });
  }
  return net;
}

// Logits of the last of these tokens, without any cache.
template <class Model>
std::vector<float> uncached(const network<Model>& net, std::span<const std::int32_t> tokens) {
  const isize time = static_cast<isize>(tokens.size());
  workspace space(net, 1, time, false);
  ids both(tokens.begin(), tokens.end());
  both.resize(2 * tokens.size(), -1);
  space.upload(both);
  return space.logits(time - 1, 1);
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Grows a text past two moves of the window and compares every step. Returns the logits of all
// steps.
template <config C>
std::vector<float> compare(const backend& where, precision numbers) {
  using model = gpt<C>;
  const network<model> net = spread<model>(where, numbers);
  network<model> packed = spread<model>(where, numbers);
  packed.pack();
  decoder run(net, 1, 16), fast(packed);
  moving_window window(run), other(fast);
  random_stream random(9);
  std::vector<float> all;
  isize differ = 0;
  const isize last = 2 * C.context + 2;
  for (isize n = 0; n < last;) {
    const isize some = n == 0 ? std::min<isize>(5, C.context) : 1;  // a prompt first
    ids next;
    for (isize i = 0; i < some; ++i) next.push_back(static_cast<std::int32_t>(random.below(21)));
    window.append(next);
    other.append(next);
    n += some;
    const std::vector<float> expected = uncached(net, window.ids());
    differ += same_bits(window.logits(), expected) ? 0 : 1;
    differ += same_bits(other.logits(), expected) ? 0 : 1;
    all.insert(all.end(), expected.begin(), expected.end());
  }
  CHECK(differ == 0);
  // A long prompt in one go is the same as token by token.
  ids tokens;
  random = random_stream(9);
  while (static_cast<isize>(tokens.size()) < last) {
    tokens.push_back(static_cast<std::int32_t>(random.below(21)));
  }
  decoder again(net);
  moving_window whole(again);
  whole.append(tokens);
  CHECK(same_bits(whole.logits(), window.logits()));
  // The comparison can fail: the first token that is still seen matters.
  if (C.context > 1) {
    ids changed(window.ids().begin(), window.ids().end());
    changed.front() = (changed.front() + 1) % 21;
    CHECK(!same_bits(uncached(net, changed), window.logits()));
  }
  return all;
}

struct place {
  std::string name;
  backend where;
};
std::vector<place> places() {
  std::vector<place> all{{"reference", reference<float>{}}};
  for (const isa which : available_isas()) {  // the number of threads may not matter either
    all.push_back({isa_name(which), cpu{which, which == isa::avx2 ? 1 : 2}});
  }
  return all;
}

template <config C>
void compare_everywhere() {
  std::optional<std::vector<float>> fused;
  for (const place& here : places()) {
    CAPTURE(here.name);
    const std::vector<float> logits = compare<C>(here.where, f32_precision);
    compare<C>(here.where, bf16_precision);
    if (here.name != "avx2" && here.name != "avx512") continue;
    if (fused) CHECK(same_bits(*fused, logits));  // the two agree with each other
    fused = logits;
  }
}

}  // namespace

TEST_CASE("moving_window: cached equals uncached, GPT-2 type") { compare_everywhere<gpt2_type>(); }
TEST_CASE("moving_window: cached equals uncached, rotary positions and grouped heads") {
  compare_everywhere<llama_type>();
}
TEST_CASE("moving_window: cached equals uncached, ALiBi and one head of keys") {
  compare_everywhere<alibi_type>();
}
TEST_CASE("moving_window: cached equals uncached, sliding window, query-key norm and soft cap") {
  compare_everywhere<window_type>();
}
TEST_CASE("moving_window: cached equals uncached, sinusoids") {
  compare_everywhere<sinusoidal_type>();
}
TEST_CASE("moving_window: cached equals uncached, a context of one token") {
  compare_everywhere<shortest_type>();
}
