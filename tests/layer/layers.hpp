// What the tests of layers share: the complex-step check as one line, and a layer's numbers.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "ctgpt/train/check_gradient.hpp"

namespace ctgpt_test {

using namespace ctgpt;

inline constexpr double exact = 1e-12;  // how far backward may be from the complex step

inline void check_report(const gradient_report& report) {
  REQUIRE(!report.entries.empty());
  for (const gradient_error& entry : report.entries) {
    CHECK_MESSAGE(entry.relative < exact, entry.what, ": ", entry.relative);
  }
  CHECK(report.worst() < exact);
}

// The backward pass of every weight and of the input.
template <class Layer>
void check_layer(const gradient_options& options = {}, const Layer& layer = Layer{}) {
  const gradient_report report = check_gradient(layer, options);
  CHECK(report.entries.size() == static_cast<std::size_t>(Layer::slot_count) + 1);
  check_report(report);
}

// A layer with random weights and inputs, run in double on the reference table.
template <class Layer>
struct layer_run : detail::layer_bench<Layer, double> {
  explicit layer_run(const gradient_options& options = {}, const Layer& layer = Layer{})
      : detail::layer_bench<Layer, double>(layer, options) {}
  std::vector<double> numbers(const memory& of) {
    return {this->values(of), this->values(of) + of.count()};
  }
  std::vector<double> output() {
    this->forward();
    return numbers(this->y);
  }
};

// Two layers with equal weights and inputs: every bit of the output and of each gradient.
template <class Layer, class Other>
void check_same_bits() {
  layer_run<Layer> one;
  layer_run<Other> other;
  CHECK(one.output() == other.output());
  one.backward();
  other.backward();
  CHECK(one.numbers(one.dx) == other.numbers(other.dx));
  CHECK(one.numbers(one.gradients) == other.numbers(other.gradients));
}

inline void check_close(const std::vector<double>& got, const std::vector<double>& want,
                        double bound = exact) {
  REQUIRE(got.size() == want.size());
  CHECK(detail::relative_error(got, want) < bound);
}

// y (rows,out) = x (rows,in) W^T + b, b optional.
inline std::vector<double> affine(const std::vector<double>& x, const double* w, const double* b,
                                  std::size_t out, std::size_t in) {
  std::vector<double> y(x.size() / in * out);
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = b != nullptr ? b[i % out] : 0.0;
    for (std::size_t k = 0; k < in; ++k) y[i] += x[i / out * in + k] * w[i % out * in + k];
  }
  return y;
}

}  // namespace ctgpt_test
