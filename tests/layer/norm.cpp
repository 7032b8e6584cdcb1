// layer_norm and rms_norm in every form.
#include "ctgpt/layer/norm.hpp"

#include "layer/layers.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

constexpr auto layer_kind = normalization::layer;
constexpr auto rms_kind = normalization::rms;

constexpr bool sizes_are_constants() {
  constexpr layer_norm<6> whole{};
  constexpr rms_norm<6> gain{};
  constexpr rms_norm<6, false> bare{};
  static_assert(whole.slots().count == 2 && gain.slots().count == 1 && bare.slots().count == 0);
  return whole.slots().size() == 12 && gain.slots().size() == 6 && bare.slots().size() == 0 &&
         whole.input() == 6 && whole.output() == 6 && whole.tape() == 0 &&
         whole.statistics() == 2 && whole.scratch() == 0 &&
         whole.slots()[0].start == initializer::ones &&
         whole.slots()[1].start == initializer::zeros && !whole.slots()[0].decays();
}
static_assert(sizes_are_constants());
static_assert(layer_norm<6>::slot_count == 2 && layer_norm<6, false>::slot_count == 1);
static_assert(rms_norm<6>::slot_count == 1 && rms_norm<6, false>::slot_count == 0);
static_assert(std::is_empty_v<layer_norm<6>> && std::is_empty_v<rms_norm<6, false>>);

// The formula of the header's comment, written out.
std::vector<double> normalized(const std::vector<double>& x, std::size_t width, bool centred,
                               const double* gain, const double* bias, double epsilon) {
  std::vector<double> y(x.size());
  for (std::size_t row = 0; row < x.size() / width; ++row) {
    const double* in = x.data() + row * width;
    double mean = 0.0, square = 0.0;
    for (std::size_t i = 0; centred && i < width; ++i) mean += in[i] / static_cast<double>(width);
    for (std::size_t i = 0; i < width; ++i) {
      square += (in[i] - mean) * (in[i] - mean) / static_cast<double>(width);
    }
    for (std::size_t i = 0; i < width; ++i) {
      y[row * width + i] =
          (in[i] - mean) / std::sqrt(square + epsilon) * (gain != nullptr ? gain[i] : 1.0) +
          (bias != nullptr ? bias[i] : 0.0);
    }
  }
  return y;
}

}  // namespace

TEST_CASE("norm: its sizes are constants") { CHECK(sizes_are_constants()); }

TEST_CASE("norm: the gradient equals the complex step in every form") {
  check_layer<layer_norm<6>>();
  check_layer<layer_norm<6, false>>();
  check_layer<norm_layer<6, layer_kind, false>>();
  check_layer<rms_norm<6>>();
  check_layer<rms_norm<6, false>>();
  check_layer<norm_layer<6, rms_kind, true, true>>();
  check_layer<layer_norm<33>>({.batch = 1, .time = 3});
  check_layer<rms_norm<33>>({.batch = 1, .time = 3});
}

TEST_CASE("norm: forward is the formula that its comment states") {
  const double epsilon = static_cast<double>(1e-5f);
  layer_run<layer_norm<6>> layer;
  const std::vector<double> w = layer.numbers(layer.weights);
  check_close(layer.output(),
              normalized(layer.numbers(layer.x), 6, true, w.data(), w.data() + 6, epsilon));
  layer_run<rms_norm<6>> rms;
  check_close(rms.output(), normalized(rms.numbers(rms.x), 6, false,
                                       rms.numbers(rms.weights).data(), nullptr, epsilon));
  layer_run<rms_norm<6, false>> bare;
  check_close(bare.output(), normalized(bare.numbers(bare.x), 6, false, nullptr, nullptr, epsilon));
}
