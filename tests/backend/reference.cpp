// The reference table proves itself: every backward entry against the complex step of its forward
// entry, and a few values that can be worked out by hand.
#include "ctgpt/backend/reference.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <complex>
#include <vector>

using namespace ctgpt;

namespace {

using complex = std::complex<double>;

// A host matrix that the reference tables can use where it lies.
template <class S>
struct grid {
  isize rows = 0, cols = 0;
  std::vector<S> values;

  grid(isize r, isize c) : rows(r), cols(c), values(static_cast<std::size_t>(r * c)) {}
  template <class T>
  explicit grid(const grid<T>& other) : rows(other.rows), cols(other.cols) {
    for (const T& value : other.values) values.push_back(scalar<S>(value));
  }
  operator tensor() { return {values.data(), rows, cols, cols, element_of<S>}; }
  S& operator[](isize i) { return values[static_cast<std::size_t>(i)]; }
  isize size() const { return rows * cols; }
};

grid<double> noise(isize rows, isize cols, std::uint64_t seed) {
  grid<double> result(rows, cols);
  random_stream random(seed);
  for (double& value : result.values) value = random.normal();
  return result;
}

template <class S>
struct machine {
  backend where = reference<S>{};
  const kernel_table& table = where.table();
  context* state = where.state();
};

// The scalar that gradients are taken of: a fixed weighted sum of the outputs.
template <class S>
S weigh(grid<S>& out, grid<double>& weights) {
  S total = scalar<S>(0.0);
  for (isize i = 0; i < out.size(); ++i) total += out[i] * scalar<S>(weights[i]);
  return total;
}

// Largest difference between `gradient` of inputs[which] and the complex step of `loss`.
template <class Loss>
double complex_step_error(const std::vector<grid<double>>& inputs, std::size_t which,
                          grid<double>& gradient, const Loss& loss) {
  std::vector<grid<complex>> shifted;
  for (const auto& input : inputs) shifted.emplace_back(input);
  double worst = 0.0;
  for (isize i = 0; i < gradient.size(); ++i) {
    const complex kept = shifted[which][i];
    shifted[which][i] += complex(0.0, 1e-20);
    std::vector<grid<complex>> copies = shifted;
    const double exact = loss(copies).imag() / 1e-20;
    shifted[which][i] = kept;
    worst = std::max(worst, std::abs(exact - gradient[i]) / (1.0 + std::abs(exact)));
  }
  return worst;
}

}  // namespace

TEST_CASE("reference: every activation's backward equals the complex step") {
  for (const activation act : {activation::none, activation::gelu, activation::gelu_tanh,
                               activation::relu_squared, activation::swiglu}) {
    const isize factor = act == activation::swiglu ? 2 : 1;
    std::vector<grid<double>> in{noise(3, 5 * factor, 1)};
    grid<double> weights = noise(3, 5, 2), dx(3, 5 * factor);
    machine<double> real;
    real.table.activate_backward(real.state, {dx, weights, in[0], act});
    machine<complex> step;
    const double worst = complex_step_error(in, 0, dx, [&](auto& x) {
      grid<complex> y(3, 5);
      step.table.activate(step.state, {y, x[0], act});
      return weigh(y, weights);
    });
    CHECK_MESSAGE(worst < 1e-12, "activation ", static_cast<int>(act), " is off by ", worst);
  }
}

TEST_CASE("reference: the backward of both norms equals the complex step, in groups too") {
  for (const normalization kind : {normalization::layer, normalization::rms}) {
    for (const isize groups : {isize{1}, isize{2}}) {
      std::vector<grid<double>> in{noise(3, 8, 3), noise(1, 8 / groups, 4),
                                   noise(1, 8 / groups, 5)};
      grid<double> weights = noise(3, 8, 6);
      const auto forward = [&]<class S>(machine<S>& on, std::vector<grid<S>>& x, grid<S>& y,
                                        grid<S>& mean, grid<S>& rstd) {
        const tensor bias = kind == normalization::layer ? tensor(x[2]) : tensor{};
        on.table.norm(on.state, {y, x[0], x[1], bias, mean, rstd, kind, 1e-5f, groups});
      };
      machine<double> real;
      grid<double> y(3, 8), mean(3, groups), rstd(3, groups), dx(3, 8);
      grid<double> dgain(1, 8 / groups), dbias(1, 8 / groups);
      forward(real, in, y, mean, rstd);
      const tensor no_bias{};
      real.table.norm_backward(
          real.state, {dx, weights, in[0], in[1], mean, rstd, dgain,
                       kind == normalization::layer ? tensor(dbias) : no_bias, kind, groups});
      machine<complex> step;
      const auto loss = [&](auto& x) {
        grid<complex> out(3, 8), m(3, groups), s(3, groups);
        forward(step, x, out, m, s);
        return weigh(out, weights);
      };
      CHECK(complex_step_error(in, 0, dx, loss) < 1e-12);
      CHECK(complex_step_error(in, 1, dgain, loss) < 1e-12);
      CHECK(complex_step_error(in, 2, dbias, loss) < 1e-12);
    }
  }
}

TEST_CASE("reference: attention's backward equals the complex step with every option") {
  const isize batch = 2, time = 5, heads = 4, shared = 2, size = 4;
  std::uint32_t random[4] = {7, 0, 3, 0};
  grid<float> slopes(1, heads);
  for (isize h = 0; h < heads; ++h) slopes[h] = 0.25f * static_cast<float>(h + 1);
  for (const isize window : {isize{0}, isize{3}}) {
    for (const float rate : {0.0f, 0.3f}) {
      std::vector<grid<double>> in{noise(batch * time, heads * size, 8),
                                   noise(batch * time, shared * size, 9),
                                   noise(batch * time, shared * size, 10)};
      grid<double> weights = noise(batch * time, heads * size, 11);
      const auto arguments = [&]<class S>(std::vector<grid<S>>& x, grid<S>& out, grid<S>& lse) {
        attention_args args{out, x[0], x[1], x[2], lse, slopes, {random, 1, 4, 4, element::u32}};
        args.batch = batch, args.time = time, args.heads = heads, args.kv_heads = shared;
        args.window = window, args.scale = 0.5f, args.dropout = rate, args.site = 2;
        return args;
      };
      machine<double> real;
      grid<double> out(batch * time, heads * size), lse(batch * time, heads);
      grid<double> dq(batch * time, heads * size), dk(batch * time, shared * size), dv = dk;
      const attention_args args = arguments(in, out, lse);
      real.table.attention(real.state, args);
      real.table.attention_backward(real.state, {dq, dk, dv, weights, args});
      machine<complex> step;
      const auto loss = [&](auto& x) {
        grid<complex> y(batch * time, heads * size), l(batch * time, heads);
        step.table.attention(step.state, arguments(x, y, l));
        return weigh(y, weights);
      };
      CHECK(complex_step_error(in, 0, dq, loss) < 1e-12);
      CHECK(complex_step_error(in, 1, dk, loss) < 1e-12);
      CHECK(complex_step_error(in, 2, dv, loss) < 1e-12);
    }
  }
}

TEST_CASE("reference: the gradient of the cross entropy equals the complex step, capped or not") {
  std::int32_t targets[4] = {2, -1, 0, 6};
  for (const float cap : {0.0f, 3.0f}) {
    std::vector<grid<double>> in{noise(4, 7, 12)};
    grid<double> scale(1, 1), losses(1, 4), gradient = in[0];
    scale[0] = 0.25;
    const tensor wanted{targets, 1, 4, 4, element::i32};
    machine<double> real;
    real.table.cross_entropy(real.state, {gradient, wanted, losses, scale, cap, true});
    CHECK(losses[1] == 0.0);
    machine<complex> step;
    const double worst = complex_step_error(in, 0, gradient, [&](auto& x) {
      grid<complex> each(1, 4), factor(scale), before = x[0];
      step.table.cross_entropy(step.state, {x[0], wanted, each, factor, cap, false});
      CHECK(x[0].values == before.values);  // without `gradient` the logits stay
      return (each[0] + each[1] + each[2] + each[3]) * 0.25;
    });
    CHECK_MESSAGE(worst < 1e-12, "cap ", cap, ": ", worst);
  }
}

TEST_CASE("reference: products, embedding and rotation have the gradients that callers use") {
  machine<double> real;
  machine<complex> step;
  SUBCASE("linear: dx = dy W, dW = dy^T x, db = sum over rows") {
    std::vector<grid<double>> in{noise(3, 4, 13), noise(5, 4, 14), noise(1, 5, 15)};
    grid<double> dy = noise(3, 5, 16), dx(3, 4), dw(5, 4), db(1, 5);
    real.table.matmul(real.state, {product::nn, dx, dy, in[1], {}, {}});
    real.table.matmul(real.state, {product::tn, dw, dy, in[0], {}, {}});
    real.table.sum_rows(real.state, {db, dy});
    const auto loss = [&](auto& x) {
      grid<complex> y(3, 5);
      step.table.matmul(step.state, {product::nt, y, x[0], x[1], x[2], {}});
      return weigh(y, dy);
    };
    CHECK(complex_step_error(in, 0, dx, loss) < 1e-12);
    CHECK(complex_step_error(in, 1, dw, loss) < 1e-12);
    CHECK(complex_step_error(in, 2, db, loss) < 1e-12);
  }
  SUBCASE("embedding") {
    std::int32_t tokens[4] = {1, 0, 1, 2};
    const tensor ids{tokens, 1, 4, 4, element::i32};
    std::vector<grid<double>> in{noise(3, 5, 17), noise(2, 5, 18)};
    grid<double> dy = noise(4, 5, 19), dtable(3, 5), dplaces(2, 5);
    real.table.embed_backward(real.state, {dy, dtable, dplaces, ids, 2});
    const auto loss = [&](auto& x) {
      grid<complex> y(4, 5);
      step.table.embed(step.state, {y, x[0], x[1], ids, {}, 2});
      return weigh(y, dy);
    };
    CHECK(complex_step_error(in, 0, dtable, loss) < 1e-12);
    CHECK(complex_step_error(in, 1, dplaces, loss) < 1e-12);
  }
  SUBCASE("rotation: its inverse is its transpose") {
    grid<float> angles(3, 4);
    for (isize t = 0; t < 3; ++t) {
      for (isize i = 0; i < 2; ++i) {
        const float angle = static_cast<float>(t) * (i == 0 ? 1.0f : 0.1f);
        angles[t * 4 + i] = std::cos(angle), angles[t * 4 + 2 + i] = std::sin(angle);
      }
    }
    std::vector<grid<double>> in{noise(6, 8, 20)};
    grid<double> dy = noise(6, 8, 21), dx = dy;
    real.table.rope(real.state, {dx, angles, {}, 3, 2, true});
    CHECK(complex_step_error(in, 0, dx, [&](auto& x) {
            step.table.rope(step.state, {x[0], angles, {}, 3, 2, false});
            return weigh(x[0], dy);
          }) < 1e-12);
  }
}

TEST_CASE("reference: values that can be worked out by hand") {
  machine<double> real;
  SUBCASE("equal logits cost log V, and a row outside the table is NaN") {
    grid<double> logits(1, 8), losses(1, 1), scale(1, 1), y(2, 2), table(3, 2);
    std::int32_t target = 5, tokens[2] = {3, 2};
    real.table.cross_entropy(real.state, {logits, {&target, 1, 1, 1, element::i32}, losses, scale});
    CHECK(losses[0] == doctest::Approx(std::log(8.0)).epsilon(1e-15));
    target = 8;
    real.table.cross_entropy(real.state, {logits, {&target, 1, 1, 1, element::i32}, losses, scale});
    CHECK(std::isnan(losses[0]));
    real.table.embed(real.state, {y, table, {}, {tokens, 1, 2, 2, element::i32}, {}});
    CHECK(std::isnan(y[0]));
    CHECK(y[2] == 0.0);
  }
  SUBCASE("attention with equal keys is the mean of the values seen") {
    grid<double> q = noise(4, 2, 22), k(4, 2), v(4, 2), out(4, 2), lse(4, 1);
    for (isize i = 0; i < 4; ++i) v[2 * i] = static_cast<double>(i);
    attention_args args{out, q, k, v, lse, {}, {}};
    args.batch = 1, args.time = 4, args.heads = 1, args.kv_heads = 1;
    real.table.attention(real.state, args);
    CHECK(out[6] == doctest::Approx(1.5));
    args.window = 2;
    real.table.attention(real.state, args);
    CHECK(out[6] == doctest::Approx(2.5));
    CHECK(lse[3] == doctest::Approx(std::log(2.0)));
  }
  SUBCASE("the first AdamW step moves by the rate against the gradient's sign, plus decay") {
    grid<double> w(1, 3), g(1, 3), m(1, 3), v(1, 3), squares(1, 1);
    grid<float> numbers(1, optimizer_fields);
    w.values = {1.0, 1.0, 1.0}, g.values = {0.5, -0.25, 0.0};
    const float values[] = {0.125f, 0.5f, 0.75f, 0.0f, 0.5f, 0.5f, 0.25f, 1.0f, 0.0f};
    std::copy(values, values + optimizer_fields, numbers.values.begin());
    numbers[epsilon] = 1e-12f;
    std::uint32_t segments[6] = {0, 0, 1, 1, 0, 0};  // only element 0 decays
    real.table.adamw(real.state,
                     {w, {}, g, m, v, tensor{segments, 2, 3, 3, element::u32}, numbers});
    CHECK(w[0] == doctest::Approx(1.0 - 0.125 - 0.125 * 0.5));
    CHECK(w[1] == doctest::Approx(1.0 + 0.125));
    CHECK(w[2] == 1.0);
    CHECK(g.values == std::vector<double>{0.0, 0.0, 0.0});
    squares[0] = 16.0, numbers[maximum_norm] = 1.0f;
    real.table.clip(real.state, {numbers, squares});
    CHECK(numbers[clip_factor] == doctest::Approx(0.25f).epsilon(1e-6));
    squares[0] = 0.25;
    real.table.clip(real.state, {numbers, squares});
    CHECK(numbers[clip_factor] == 1.0f);
  }
  SUBCASE("dropout keeps the share that it should and scales it up") {
    grid<double> x(40, 100), y(40, 100);
    std::fill(x.values.begin(), x.values.end(), 1.0);
    std::uint32_t random[4] = {42, 0, 0, 0};
    const tensor state{random, 1, 4, 4, element::u32};
    real.table.dropout(real.state, {y, x, {}, state, 1, 0.25f});
    const auto dropped = std::count(y.values.begin(), y.values.end(), 0.0);
    CHECK(dropped > 880);
    CHECK(dropped < 1120);
    CHECK(std::count(y.values.begin(), y.values.end(), 1.0 / 0.75) == 4000 - dropped);
    const std::vector<double> first = y.values;
    random[2] = 1;  // another counter, another mask
    real.table.dropout(real.state, {y, x, {}, state, 1, 0.25f});
    CHECK(y.values != first);
  }
}

TEST_CASE("reference: quantised right-hand sides multiply as their dequantised weights do") {
  machine<double> real;
  grid<double> x = noise(2, 64, 23), y(2, 3), expected(2, 3);
  grid<float> dense(3, 64);
  const grid<double> weights = noise(3, 64, 24);
  const auto check = [&](auto block, element type) {
    std::vector<decltype(block)> blocks(6);
    for (std::size_t i = 0; i < 6; ++i) {
      float part[block_length];
      for (std::size_t j = 0; j < 32; ++j) part[j] = static_cast<float>(weights.values[i * 32 + j]);
      quantize(part, blocks[i]);
      dequantize(blocks[i], dense.values.data() + i * 32);
    }
    real.table.matmul(real.state, {product::nt, y, x, {blocks.data(), 3, 64, 64, type}, {}, {}});
    real.table.matmul(real.state, {product::nt, expected, x, dense, {}, {}});
    CHECK(y.values == expected.values);
  };
  check(block_q8_0{}, element::q8_0);
  check(block_q4_0{}, element::q4_0);
}

TEST_CASE("reference: a complex value is never stored in a real tensor in silence") {
  machine<complex> step;
  grid<complex> x(1, 2);
  grid<double> y(1, 2);
  CHECK_THROWS_WITH_AS(step.table.add(step.state, {y, x, x}),
                       "the reference backend cannot store a complex value in f64", error);
  machine<double> real;
  CHECK_THROWS_AS(real.table.add(real.state, {y, x, x}), error);
}
