// adamw: every weight against the formula in double, decay and clipping included.
#include "ctgpt/train/adamw.hpp"

#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config size{.vocab = 9, .context = 4, .layers = 2, .heads = 2, .width = 4};
struct model : gpt<size> {};

// m, v and w of every weight by double loops.
template <class Model>
struct formula {
  std::vector<double> w, m, v;

  explicit formula(const network<Model>& net) {
    for (int i = 0; i < Model::slot_count; ++i) {
      const std::vector<double> values = net.template read<double>(i);
      w.insert(w.end(), values.begin(), values.end());
    }
    m.resize(w.size());
    v.resize(w.size());
  }
  void step(const std::vector<double>& gradient, const adamw& o, int t, double rate) {
    double squares = 0.0;
    for (const double g : gradient) squares += g * g;
    const double clip = static_cast<double>(o.clip), b1 = static_cast<double>(o.beta1);
    const double b2 = static_cast<double>(o.beta2);
    const double factor = clip > 0.0 ? std::fmin(1.0, clip / (std::sqrt(squares) + 1e-6)) : 1.0;
    for (int i = 0; i < Model::slot_count; ++i) {
      const slot item = Model::slot_at(i);
      const double decay = item.vector ? 0.0 : static_cast<double>(o.weight_decay);
      for (isize j = 0; j < item.size(); ++j) {
        const auto at = static_cast<std::size_t>(Model::slot_offset(i) + j);
        const double g = factor * gradient[at];
        m[at] = b1 * m[at] + (1.0 - b1) * g;
        v[at] = b2 * v[at] + (1.0 - b2) * g * g;
        const double mean = m[at] / (1.0 - std::pow(b1, t));
        const double deviation = std::sqrt(v[at] / (1.0 - std::pow(b2, t)));
        w[at] -= rate * (mean / (deviation + static_cast<double>(o.epsilon)) + decay * w[at]);
      }
    }
  }
};

template <class Scalar>
void fill_gradient(const gradients& into, const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    static_cast<Scalar*>(into.arena().data())[i] = static_cast<Scalar>(values[i]);
  }
}
std::vector<double> random_gradient(std::uint64_t stream, double scale) {
  random_stream random(3, stream);
  std::vector<double> values(static_cast<std::size_t>(model::parameter_count));
  for (double& value : values)
    value = static_cast<double>(static_cast<float>(scale * random.normal()));
  return values;
}

// The largest difference of any weight after five steps of every size of gradient.
template <class Scalar>
double worst_difference(const backend& where, const adamw& settings) {
  network<model> net = spread_network<model>(where);
  gradients found(net);
  adamw_state state(net, settings);
  formula<model> want(net);
  double worst = 0.0;
  for (int t = 1; t <= 5; ++t) {
    const float rate = 0.01f * static_cast<float>(t);
    const std::vector<double> gradient =
        random_gradient(static_cast<std::uint64_t>(t), t == 3 ? 1e-4 : 0.1);
    fill_gradient<Scalar>(found, gradient);
    state.prepare(t, rate);
    state.measure(found);
    double squares = 0.0;
    for (const double g : gradient) squares += g * g;
    CHECK(state.norm() == doctest::Approx(std::sqrt(squares)).epsilon(1e-6));
    state.update(found);
    want.step(gradient, settings, t, static_cast<double>(rate));
    for (int i = 0; i < model::slot_count; ++i) {
      const std::vector<double> got = net.template read<double>(i);
      for (std::size_t j = 0; j < got.size(); ++j) {
        const auto at = static_cast<std::size_t>(model::slot_offset(i)) + j;
        worst = std::max(worst, std::fabs(got[j] - want.w[at]));
      }
    }
    for (isize i = 0; i < model::parameter_count; ++i) {  // ready for the next step
      REQUIRE(static_cast<const Scalar*>(found.arena().data())[i] == Scalar{0});
    }
  }
  return worst;
}

constexpr adamw usual{.beta1 = 0.9f, .beta2 = 0.95f, .weight_decay = 0.1f, .clip = 1.0f};
constexpr adamw unclipped{.beta1 = 0.8f, .beta2 = 0.999f, .weight_decay = 0.5f, .clip = 0.0f};

}  // namespace

TEST_CASE("adamw: every weight follows the formula in double") {
  // The factors of a step are kept in f32, so nothing finer than its rounding can be asked.
  CHECK(worst_difference<double>(reference<double>{}, usual) < 1e-7);
  CHECK(worst_difference<double>(reference<double>{}, unclipped) < 1e-7);
}

TEST_CASE("adamw: every backend follows the formula in f32") {
  for (const named_backend& each : f32_backends()) {
    CAPTURE(each.name);
    CHECK(worst_difference<float>(each.where, usual) < 1e-5);
    CHECK(worst_difference<float>(each.where, unclipped) < 1e-5);
  }
}

TEST_CASE("adamw: without a gradient matrices decay, gains and biases do not") {
  for (const backend& where : {backend(reference<float>{}), backend(cpu{isa::best, 1})}) {
    network<model> net = spread_network<model>(where);
    const network<model> before = spread_network<model>(where);
    gradients none(net);
    adamw_state state(net, {.weight_decay = 0.5f});
    state.prepare(1, 0.125f);
    state.measure(none);
    CHECK(state.norm() == 0.0);
    state.update(none);
    for (int i = 0; i < model::slot_count; ++i) {
      CAPTURE(net.layout().name(i));
      const float kept = model::slot_at(i).decays() ? 1.0f - 0.125f * 0.5f : 1.0f;
      const std::vector<float> got = net.read(i), was = before.read(i);
      for (std::size_t j = 0; j < got.size(); ++j) {
        REQUIRE(got[j] == doctest::Approx(kept * was[j]).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("adamw: a gradient above the limit is shortened to it, one below is left alone") {
  network<model> net = spread_network<model>(reference<double>{});
  gradients found(net);
  adamw_state state(net, {.beta1 = 0.0f, .clip = 2.0f});
  // beta1 = 0: the first moment is the clipped gradient.
  for (const double scale : {10.0, 1e-3}) {
    const std::vector<double> gradient = random_gradient(1, scale);
    double squares = 0.0, kept = 0.0;
    for (const double g : gradient) squares += g * g;
    fill_gradient<double>(found, gradient);
    state.prepare(1, 0.0f);
    state.measure(found);
    state.update(found);
    const auto* moment = static_cast<const double*>(state.moments()[0].values->data());
    for (isize i = 0; i < model::parameter_count; ++i) kept += moment[i] * moment[i];
    CHECK(std::sqrt(kept) == doctest::Approx(std::fmin(2.0, std::sqrt(squares))).epsilon(1e-6));
  }
}

TEST_CASE("adamw: narrow weights are the rounded master weights after a step") {
  network<model> net(cpu{isa::best, 1}, bf16_precision);
  spread(net);
  gradients found(net);
  adamw_state state(net, usual);
  fill_gradient<float>(found, random_gradient(1, 1.0));
  state.prepare(1, 0.01f);
  state.measure(found);
  state.update(found);
  for (int i = 0; i < model::slot_count; ++i) {
    const std::vector<float> master = net.read(i), stored = net.read_arena<float>(net.arena(), i);
    for (std::size_t j = 0; j < master.size(); ++j) {
      REQUIRE(stored[j] == to_float(to_bf16(master[j])));
    }
  }
}
