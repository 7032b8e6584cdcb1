// network: how weights begin, where they lie, and the constants that go with them.
#include "ctgpt/model/network.hpp"

#include "base/child.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config size{.vocab = 64, .context = 16, .layers = 4, .heads = 4, .width = 64};
struct gpt2_model : gpt<gpt2_type(size)> {};
struct llama_model : gpt<llama_type(size)> {};
struct sinusoidal_model : gpt<sinusoidal_type(size)> {};

double deviation(const std::vector<float>& values) {
  double squares = 0.0;
  for (const float value : values)
    squares += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

constexpr config little{.vocab = 16, .context = 64, .layers = 1, .heads = 2, .width = 8};
struct learned : gpt<gpt2_type(little)> {};
struct rotary : gpt<llama_type(little)> {};

// A block of one's own, whose attention rotates whatever the config says.
template <config C>
struct rotating_block
    : parts::chain<parts::named<
          part::attention,
          parts::residual<parts::named<part::normalize, parts::rms_norm<C.width>>,
                          parts::named<part::heads, parts::causal_attention<C, parts::rope>>>>> {};
struct own : gpt<little, rotating_block> {};

}  // namespace

TEST_CASE("network: weights begin as their initializers say") {
  const network<gpt2_model> net = build<gpt2_model>(reference<float>{}, seed{42});
  for (int i = 0; i < gpt2_model::slot_count; ++i) {
    const slot item = gpt2_model::slot_at(i);
    const std::vector<float> values = net.read(i);
    CAPTURE(net.layout().name(i));
    if (item.start == initializer::zeros) CHECK(deviation(values) == 0.0);
    if (item.start == initializer::ones) {
      for (const float value : values) CHECK(value == 1.0f);
    }
    // 1,024 draws or more: a relative deviation of 2.2 % at most, so 10 % is more than four.
    if (item.start == initializer::normal)
      CHECK(deviation(values) == doctest::Approx(0.02).epsilon(0.1));
    if (item.start == initializer::residual) {
      CHECK(deviation(values) == doctest::Approx(0.02 / std::sqrt(8.0)).epsilon(0.1));
    }
  }
}

TEST_CASE("network: a seed gives the same weights everywhere, another seed others") {
  const network<gpt2_model> one = build<gpt2_model>(reference<float>{}, seed{1});
  CHECK(bits(build<gpt2_model>(cpu{isa::best, 2}, seed{1}).arena()) == bits(one.arena()));
  CHECK(bits(build<gpt2_model>(reference<float>{}, seed{2}).arena()) != bits(one.arena()));
  CHECK(one.read(0) != one.read(1));  // every slot has a stream of its own
}

TEST_CASE("network: narrow weights are the rounded master weights") {
  const network<gpt2_model> net = build<gpt2_model>(cpu{isa::best, 1}, seed{1}, bf16_precision);
  const network<gpt2_model> wide = build<gpt2_model>(cpu{isa::best, 1}, seed{1});
  CHECK(net.arena().type() == element::bf16);
  CHECK(bits(net.master()) == bits(wide.arena()));
  for (const int i : {0, 3, 5}) {
    const std::vector<float> master = net.read(i), stored = net.read_arena<float>(net.arena(), i);
    CHECK(master == wide.read(i));
    for (std::size_t j = 0; j < master.size(); ++j) {
      REQUIRE(stored[j] == to_float(to_bf16(master[j])));
    }
  }
}

TEST_CASE("network: packed weights stay as they are, and say so") {
  network<gpt2_model> net = build<gpt2_model>(cpu{isa::best, 1}, seed{1});
  net.pack();
  net.pack();  // once is enough
  CHECK(net.packed());
  const char* read = "the weights are packed for inference and can no longer be read";
  CHECK(sentence_of([&] { net.read(0); }) == read);
  CHECK(sentence_of([&] { net.write(0, [](isize) { return 0.0; }); }) ==
        "the weights are packed for inference and can no longer be changed");
}

TEST_CASE("network: a vocabulary in use must fit") {
  CHECK(network<gpt2_model>(reference<float>{}, f32_precision).vocab() == 64);
  CHECK(network<gpt2_model>(reference<float>{}, f32_precision, 10).vocab() == 10);
  CHECK(sentence_of([] { network<gpt2_model>(reference<float>{}, f32_precision, 65); }) ==
        "the tokenizer has 65 tokens, but this model's vocabulary ends at 64; choose a preset "
        "with a larger vocabulary or a smaller tokenizer");
  CHECK(sentence_of([] { network<gpt2_model>(reference<float>{}, f32_precision, -1); }) !=
        "(no error)");
}

TEST_CASE("network: the constants of positions are those of their papers") {
  const network<llama_model> net(reference<float>{}, f32_precision);
  const tensor angles = net.shared().angles;
  REQUIRE(angles.rows == 16);
  REQUIRE(angles.cols == 16);
  const auto* table = static_cast<const float*>(angles.data);
  CHECK(table[0] == 1.0f);  // position 0: no turn
  CHECK(table[8] == 0.0f);
  CHECK(table[3 * 16 + 2] == doctest::Approx(std::cos(3.0 * std::pow(500000.0, -4.0 / 16.0))));
  CHECK(table[5 * 16 + 8 + 7] == doctest::Approx(std::sin(5.0 * std::pow(500000.0, -14.0 / 16.0))));
  const auto* slopes = static_cast<const float*>(net.shared().slopes.data);
  REQUIRE(slopes != nullptr);
  CHECK(slopes[0] == 0.25f);  // 2^(-8 h / 4)
  CHECK(slopes[3] == 0x1p-8f);

  const network<sinusoidal_model> waves(reference<float>{}, f32_precision);
  const auto* sinusoids = static_cast<const float*>(waves.shared().sinusoids.data);
  CHECK(sinusoids[0] == 0.0f);
  CHECK(sinusoids[1] == 1.0f);
  CHECK(sinusoids[7 * 64 + 10] == doctest::Approx(std::sin(7.0 * std::pow(10000.0, -10.0 / 64.0))));
  CHECK(sinusoids[7 * 64 + 11] == doctest::Approx(std::cos(7.0 * std::pow(10000.0, -10.0 / 64.0))));
}

TEST_CASE("network: angles are made for rotary positions, and for a block of one's own") {
  const auto bytes_beside_weights = [](auto net) {
    counted_memory::bytes = 0;
    const decltype(net) again(counted_memory::around(cpu{isa::best, 1}), f32_precision);
    return counted_memory::bytes - again.arena().bytes();
  };
  const cpu where{isa::best, 1};
  const isize slopes = bytes_beside_weights(network<learned>(where, f32_precision));
  CHECK(slopes < 64 * 4 * 4);
  CHECK(bytes_beside_weights(network<rotary>(where, f32_precision)) == slopes + 64 * 4 * 4);
  CHECK(bytes_beside_weights(network<own>(where, f32_precision)) == slopes + 64 * 4 * 4);
  CHECK(network<learned>(where, f32_precision).shared().angles.data == nullptr);
  CHECK(network<own>(where, f32_precision).shared().angles.data != nullptr);
}
