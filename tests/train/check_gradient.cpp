// check_gradient itself: it passes what is right and finds what is wrong.
#include "ctgpt/train/check_gradient.hpp"

#include "base/child.hpp"
#include "ctgpt/layer/activation.hpp"
#include "ctgpt/layer/chain.hpp"
#include "ctgpt/layer/linear.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

// Layers with one mistake each.
struct forgets_a_factor : activate<4, activation::gelu> {
  void backward(ops& run, const frame&, rows<4>, rows<4> dy, rows<4> dx) const { run.copy(dx, dy); }
};
struct forgets_the_bias : linear<3, 4> {
  void backward(ops& run, const frame& f, rows<3> x, rows<4> dy, rows<3> dx) const {
    run.linear_input_gradient(dx, dy, f.weight<4, 3>(0));
    run.linear_weight_gradient(f.gradient<4, 3>(0), vector<4>{}, dy, x);
  }
};
struct gives_no_number : activate<4, activation::gelu> {
  void backward(ops& run, const frame&, rows<4>, rows<4>, rows<4> dx) const {
    run.fill(dx.t, std::numeric_limits<double>::quiet_NaN());
  }
};

}  // namespace

TEST_CASE("check_gradient: names every slot and the input") {
  const gradient_report report = check_gradient<named<up, linear<3, 4>>>();
  REQUIRE(report.entries.size() == 3);
  CHECK(report.entries[0].what == "up.weight");
  CHECK(report.entries[1].what == "up.bias");
  CHECK(report.entries[2].what == "input");
  CHECK(report.worst() < 1e-12);
}

TEST_CASE("check_gradient: finds a wrong factor, a forgotten sum, and what is no number") {
  CHECK(check_gradient<forgets_a_factor>().worst() > 1e-2);
  const gradient_report bias = check_gradient<forgets_the_bias>();
  CHECK(bias.entries[0].relative < 1e-12);
  CHECK(bias.entries[1].relative > 0.5);
  CHECK_FALSE(check_gradient<gives_no_number>().worst() < 1e-12);
}

TEST_CASE("check_gradient: rope and alibi need the config, and then are really checked") {
  static constexpr config turned{.heads = 2, .width = 8, .position = positions::rotary};
  static constexpr config biased{.heads = 2, .width = 8, .position = positions::alibi};
  CHECK(check_gradient<transformer_block<turned>>(turned, {.batch = 1, .time = 4}).worst() < 1e-12);
  CHECK(check_gradient<transformer_block<biased>>(biased, {.batch = 1, .time = 4}).worst() < 1e-12);
  CHECK(sentence_of([] { check_gradient<causal_attention<turned, rope>>(); }) ==
        "ctgpt::causal_attention: 4 dimensions a head with rope, but angles for 0; the model's "
        "config (or check_gradient's) must describe this attention");
  CHECK(sentence_of([] { check_gradient<causal_attention<biased, alibi>>(); }) ==
        "ctgpt::causal_attention: 2 heads with alibi, but slopes for 0; the model's config (or "
        "check_gradient's) must describe this attention");
}
