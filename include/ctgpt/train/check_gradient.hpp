// check_gradient(layer) and check_model_gradient<Model>(): the backward pass of a layer or of a
// whole model against complex-step differentiation, which has no cancellation and so is exact to
// rounding.
//
// d/dw of f at w is Im f(w + i h) / h for h = 1e-20; f is the forward pass on the reference table
// over complex<double>, and its derivative is compared with backward() on the table over double.
// Shapes: the layer is run on (batch, time) tokens of random numbers; f = sum of y * r, r random.
// Result: for every slot and for the input, max |analytic - complex step| / max |complex step|; the
// absolute error where the true gradient is zero throughout.
// A layer whose attention has rope or alibi is given the config that it was made of:
//   check_gradient<my_block<tiny>>(tiny)
// Errors: rope or alibi without that config: ctgpt::error. The caller judges worst(); correct
// layers stay below 1e-12.
// Reference: Squire, Trapp, "Using complex variables to estimate derivatives of real functions",
// 1998.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>
#include <vector>

#include "ctgpt/backend/reference.hpp"
#include "ctgpt/model/workspace.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct gradient_error {
  std::string what;  // the slot's path, or "input"
  double relative = 0.0;
};

struct gradient_report {
  std::vector<gradient_error> entries;
  double worst() const {
    double most = 0.0;
    for (const gradient_error& entry : entries) {
      if (!(entry.relative <= most)) most = entry.relative;  // NaN counts as worst
    }
    return most;
  }
};

struct gradient_options {
  isize batch = 2;
  isize time = 5;
  isize layer_index = 0;
  isize head_size = 0;  // for layers with rope: the size of a head
  isize heads = 0;      // for layers with alibi: the number of heads
  float dropout = 0.0f;
  float rope_base = 10000.0f;
  std::uint64_t seed = 1;
};

inline std::string path_text(const part_path& path) {
  std::string text;
  for (int i = 0; i < path.depth; ++i) {
    if (i > 0) text += '.';
    text += part_name(path[i]);
  }
  return text;
}

namespace detail {

inline double relative_error(const std::vector<double>& got, const std::vector<double>& want) {
  double largest = 0.0, difference = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::fabs(want[i]));
    const double here = std::fabs(got[i] - want[i]);
    if (!(here <= difference)) difference = here;
  }
  return largest > 0.0 ? difference / largest : difference;
}

// One layer with its weights and working memory, in scalar S.
template <class Layer, class S>
class layer_bench {
 public:
  layer_bench(const Layer& layer, const gradient_options& o)
      : layer_(layer), options_(o), where_(reference<S>{}) {
    const isize n = tokens();
    x = memory(where_, element_of<S>, n * layer.input());
    y = memory(where_, element_of<S>, n * layer.output());
    dy = memory(where_, element_of<S>, n * layer.output());
    dx = memory(where_, element_of<S>, n * layer.input());
    weights = memory(where_, element_of<S>, layer.slots().size() + 1);
    gradients = memory(where_, element_of<S>, layer.slots().size() + 1);
    tape_ = memory(where_, element_of<S>, n * layer.tape() + 1);
    statistics_ = memory(where_, element_of<S>, n * layer.statistics() + 1);
    scratch_ = memory(where_, element_of<S>, n * layer.scratch() + 1);
    random_ = memory(where_, element::u32, 4);
    static_cast<std::uint32_t*>(random_.data())[0] = 7;
    draw(x, 1, 1.0);
    draw(dy, 2, 1.0);
    draw(weights, 3, 0.5);
    isize offset = 0;
    for (const slot& item : layer.slots().items) {
      weight_slots_.push_back(weights.matrix(offset, item.rows, item.cols));
      gradient_slots_.push_back(gradients.matrix(offset, item.rows, item.cols));
      offset += item.size();
    }
    if (o.head_size > 0) {
      angles_ = memory(where_, element::f32, o.time * o.head_size);
      auto* table = static_cast<float*>(angles_.data());
      for (isize at = 0; at < o.time; ++at) {
        for (isize i = 0; i < o.head_size / 2; ++i) {
          const double angle =
              static_cast<double>(at) *
              std::pow(static_cast<double>(o.rope_base),
                       -2.0 * static_cast<double>(i) / static_cast<double>(o.head_size));
          table[at * o.head_size + i] = static_cast<float>(std::cos(angle));
          table[at * o.head_size + o.head_size / 2 + i] = static_cast<float>(std::sin(angle));
        }
      }
    }
    if (o.heads > 0) {
      slopes_ = memory(where_, element::f32, o.heads);
      for (isize i = 0; i < o.heads; ++i) {
        static_cast<float*>(slopes_.data())[i] = static_cast<float>(
            std::exp2(-8.0 * static_cast<double>(i + 1) / static_cast<double>(o.heads)));
      }
    }
    shared_.training = true;
    shared_.dropout = o.dropout;
    shared_.random = random_.row(0, 4);
    if (o.head_size > 0) shared_.angles = angles_.matrix(0, o.time, o.head_size);
    if (o.heads > 0) shared_.slopes = slopes_.row(0, o.heads);
  }

  void forward() {
    ops run(where_);
    layer_.forward(run, make_frame(), {matrix_of(x, layer_.input())},
                   {matrix_of(y, layer_.output())});
  }
  void backward() {
    ops run(where_);
    layer_.backward(run, make_frame(), {matrix_of(x, layer_.input())},
                    {matrix_of(dy, layer_.output())}, {matrix_of(dx, layer_.input())});
  }
  isize tokens() const { return options_.batch * options_.time; }
  S* values(const memory& of) { return static_cast<S*>(of.data()); }

  memory x, y, dy, dx, weights, gradients;

 private:
  tensor matrix_of(const memory& of, isize width) { return of.matrix(0, tokens(), width); }
  frame make_frame() {
    frame f;
    f.shared = &shared_;
    f.weights = weight_slots_.data();
    f.gradients = gradient_slots_.data();
    f.tape = static_cast<std::byte*>(tape_.data());
    f.statistics = static_cast<std::byte*>(statistics_.data());
    f.scratch = static_cast<std::byte*>(scratch_.data());
    f.storage = element_of<S>;
    f.compute = element_of<S>;
    f.batch = options_.batch;
    f.time = options_.time;
    f.layer = options_.layer_index;
    f.site = 1;
    return f;
  }
  void draw(const memory& into, std::uint64_t stream, double scale) {
    random_stream numbers(options_.seed, stream);
    for (isize i = 0; i < into.count(); ++i) values(into)[i] = scale * numbers.normal();
  }

  Layer layer_;
  gradient_options options_;
  backend where_;
  memory tape_, statistics_, scratch_, random_, angles_, slopes_;
  std::vector<tensor> weight_slots_, gradient_slots_;
  pass shared_;
};

inline constexpr double complex_step = 1e-20;

}  // namespace detail

template <class Layer>
gradient_report check_gradient(const Layer& layer = Layer{}, const gradient_options& options = {}) {
  using complex = std::complex<double>;
  detail::layer_bench<Layer, double> real(layer, options);
  detail::layer_bench<Layer, complex> step(layer, options);
  real.forward();
  real.backward();

  const auto derivative = [&](const memory& of, isize i) {
    step.values(of)[i] += complex(0.0, detail::complex_step);
    step.forward();
    step.values(of)[i] -= complex(0.0, detail::complex_step);
    double sum = 0.0;
    for (isize j = 0; j < step.y.count(); ++j) {
      sum += step.values(step.y)[j].imag() * step.values(step.dy)[j].real();
    }
    return sum / detail::complex_step;
  };
  gradient_report report;
  const auto compare = [&](std::string what, const memory& at, const memory& gradient, isize first,
                           isize count) {
    std::vector<double> got, want;
    for (isize i = first; i < first + count; ++i) {
      got.push_back(real.values(gradient)[i]);
      want.push_back(derivative(at, i));
    }
    report.entries.push_back({std::move(what), detail::relative_error(got, want)});
  };
  isize offset = 0;
  for (const slot& item : layer.slots().items) {
    compare(path_text(item.path), step.weights, real.gradients, offset, item.size());
    offset += item.size();
  }
  compare("input", step.x, real.dx, 0, step.x.count());
  return report;
}

// A layer of a model of config c.
template <class Layer>
gradient_report check_gradient(const config& c, gradient_options options = {}) {
  if (head_size_of(c) % 2 == 0) options.head_size = head_size_of(c);
  options.heads = c.heads;
  options.rope_base = c.rope_base;
  return check_gradient(Layer{}, options);
}

// Every weight of a whole model, through the fused loss.
template <class Model>
gradient_report check_model_gradient(const gradient_options& options = {}, isize vocab = 0) {
  using complex = std::complex<double>;
  network<Model> real(reference<double>{}, {element::f64, element::f64}, vocab);
  network<Model> step(reference<complex>{}, {element::complex128, element::complex128}, vocab);
  for (int i = 0; i < Model::slot_count; ++i) {
    random_stream numbers(options.seed, static_cast<std::uint64_t>(i));
    std::vector<double> values;
    for (isize j = 0; j < Model::slot_at(i).size(); ++j) values.push_back(0.3 * numbers.normal());
    const auto value = [&](isize j) { return values[static_cast<std::size_t>(j)]; };
    real.write(i, value);
    step.write(i, value);
  }
  const isize n = options.batch * options.time;
  std::vector<std::int32_t> ids;
  random_stream numbers(options.seed, 1000);
  for (isize i = 0; i < 2 * n; ++i) {
    ids.push_back(
        static_cast<std::int32_t>(numbers.below(static_cast<std::uint64_t>(real.vocab()))));
  }
  ids.back() = -1;  // one position that is not scored
  const double scale = 1.0 / static_cast<double>(n - 1);

  workspace real_work(real, options.batch, options.time, true);
  workspace step_work(step, options.batch, options.time, true);
  gradients found(real), unused(step);
  real_work.set_random(seed{options.seed}, 3);
  step_work.set_random(seed{options.seed}, 3);
  real_work.upload(ids);
  step_work.upload(ids);
  real_work.set_scale(scale);
  step_work.set_scale(scale);
  real_work.clear_loss();
  real_work.accumulate(found, options.dropout);

  gradient_report report;
  auto* weights = static_cast<complex*>(step.arena().data());
  for (int i = 0; i < Model::slot_count; ++i) {
    const slot item = Model::slot_at(i);
    const isize offset = Model::slot_offset(i);
    std::vector<double> want;
    for (isize j = 0; j < item.size(); ++j) {
      weights[offset + j] += complex(0.0, detail::complex_step);
      step_work.clear_loss();
      if (options.dropout > 0.0f) {
        step_work.accumulate(unused, options.dropout);
      } else {
        step_work.evaluate();
      }
      weights[offset + j] -= complex(0.0, detail::complex_step);
      const auto loss = *static_cast<const complex*>(step_work.loss().data());
      want.push_back(loss.imag() / detail::complex_step * scale);
    }
    report.entries.push_back(
        {path_text(item.path),
         detail::relative_error(real.template read_arena<double>(found.arena(), i), want)});
  }
  return report;
}

}  // namespace ctgpt::inline CTGPT_ABI
