// The CPU backend: choosing an instruction set; and its kernels of the families rows and
// elementwise, each against a plain loop in double, and bit by bit between AVX2 and AVX-512, one
// thread and two.
#include "ctgpt/backend/cpu.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "backend/grids.hpp"
#include "ctgpt/base/random.hpp"

namespace {

using namespace cpu_test;

// ---- choosing an instruction set ------------------------------------------------------------

bool has(isa which) {
  const std::vector<isa> all = available_isas();
  return std::find(all.begin(), all.end(), which) != all.end();
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

TEST_CASE("an unknown instruction set is answered with the choices") {
  CHECK(message_of([] { parse_isa("avx1024"); }) ==
        "unknown instruction set 'avx1024'; the choices are best, baseline, sse4, avx2, avx512, "
        "neon");
  CHECK(parse_isa("avx2") == isa::avx2);
  CHECK(parse_isa("best") == isa::best);
  for (const isa which : all_isas) CHECK(parse_isa(isa_name(which)) == which);
}

TEST_CASE("an instruction set that build or machine lacks is answered with those that run") {
  const isa absent = has(isa::neon) ? isa::avx2 : isa::neon;
  const std::string text = message_of([&] { backend b = cpu{.target = absent}; });
  CHECK(text.find(isa_name(absent)) != std::string::npos);
  CHECK(text.find("it can run ") != std::string::npos);
  CHECK(text.find(isa_name(available_isas().back())) != std::string::npos);
}

TEST_CASE("best is the last of the available instruction sets, and the table bears its name") {
  const backend best = cpu{};
  CHECK(std::string(best.name()) == isa_name(available_isas().back()));
  for (const isa which : available_isas()) {
    const backend where = cpu{.target = which, .threads = 1};
    CHECK(std::string(where.name()) == isa_name(which));
  }
}

TEST_CASE("backends of two instruction sets work at the same time in one process") {
  const std::vector<isa> all = available_isas();
  const backend first = cpu{.target = all.front(), .threads = 2};
  const backend last = cpu{.target = all.back(), .threads = 2};
  CHECK((all.size() == 1 || first.table().add != last.table().add));
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (const backend* where : {&first, &last}) {
      memory data(*where, element::f32, 40000);
      where->table().fill(where->state(), {data.row(0, 40000), 1.5});
      where->table().add(where->state(),
                         {data.row(0, 40000), data.row(0, 40000), data.row(0, 40000)});
      std::vector<float> host(40000);
      data.download(host.data());
      CHECK(std::all_of(host.begin(), host.end(), [](float x) { return x == 3.0f; }));
    }
  }
}

TEST_CASE("an element type that a kernel does not know is refused by name") {
  const backend where = cpu{.threads = 1};
  grid x(element::f64, 1, 4), y(element::f32, 1, 4);
  const std::string text = message_of([&] {
    where.table().activate(where.state(), {y.view(), x.view(), activation::gelu});
  });
  CHECK(text.find("f64") != std::string::npos);
  CHECK(text.find("activate") != std::string::npos);
}

// ---- elementwise ----------------------------------------------------------------------------

TEST_CASE("fill writes every element of every type") {
  for (const size& s : sizes) {
    for (const element type : {element::f32, element::bf16, element::f64}) {
      for (const double value : {0.0, -2.5}) {
        check({label("fill", type, s),
               [=](const kernel_table& table, context* state) {
                 grid x(type, s.rows, s.cols, s.gap);
                 table.fill(state, {x.view(), value});
                 return grids{x};
               },
               {values(static_cast<std::size_t>(s.rows * s.cols), value)}});
      }
    }
  }
  const backend where = cpu{.threads = 1};
  std::vector<std::int32_t> counts(5, 9);
  where.table().fill(where.state(), {{counts.data(), 1, 5, 5, element::i32}, -3.0});
  CHECK(counts == std::vector<std::int32_t>(5, -3));
  std::vector<unsigned char> blocks(68, 9);  // two rows of one q8_0 block
  where.table().fill(where.state(), {{blocks.data(), 2, 32, 32, element::q8_0}, 0.0});
  CHECK(blocks == std::vector<unsigned char>(68, 0));
}

TEST_CASE("convert rounds f32, bf16 and f64 into each other") {
  for (const size& s : sizes) {
    for (const element from : {element::f32, element::bf16, element::f64}) {
      for (const element to : {element::f32, element::bf16, element::f64}) {
        const grid x = noise(from, s.rows, s.cols, 1, 3.0, s.gap);
        check({label(join("convert ", element_name(from)), to, s),
               [=](const kernel_table& table, context* state) {
                 grid in = x, out(to, s.rows, s.cols, s.gap);
                 table.convert(state, {out.view(), in.view()});
                 return grids{out};
               },
               {map_values(x, [](double v) { return v; })}});
      }
    }
  }
}

TEST_CASE("add is exact, also in place") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      const grid a = noise(type, s.rows, s.cols, 1, 1.0, s.gap),
                 b = noise(element::f32, s.rows, s.cols, 2);
      const values truth = map_values(a, b, [](double x, double y) { return x + y; });
      for (const bool in_place : {false, true}) {
        check({label("add", type, s),
               [=](const kernel_table& table, context* state) {
                 grid left = a, right = b, y(type, s.rows, s.cols, s.gap);
                 grid& out = in_place ? left : y;
                 table.add(state, {out.view(), left.view(), right.view()});
                 return grids{out};
               },
               {truth}});
      }
    }
  }
}

TEST_CASE("dropout keeps what Philox says, element by element") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      for (const float rate : {0.0f, 0.25f, 0.1f, 1.0f}) {
        for (const bool residual : {false, true}) {
          const grid x = noise(type, s.rows, s.cols, 3), skip = noise(type, s.rows, s.cols, 4);
          const grid random = numbers(element::u32, {4000000000.0, 17.0, 12.0, 0.0});
          const isize pitch = (s.cols + 15) / 16 * 16;
          values truth;
          for (isize r = 0; r < s.rows; ++r) {
            for (isize c = 0; c < s.cols; ++c) {
              const auto e = static_cast<std::uint64_t>(r * pitch + c);
              const auto block = e / 4;
              const philox::words words =
                  philox::generate({static_cast<std::uint32_t>(block),
                                    static_cast<std::uint32_t>(block >> 32), 77u, 12u},
                                   {4000000000u, 17u});
              const bool kept =
                  static_cast<double>(words[e % 4]) >= static_cast<double>(rate) * 0x1p32;
              truth.push_back((kept ? x.get(r, c) / (1.0 - static_cast<double>(rate)) : 0.0) +
                              (residual ? skip.get(r, c) : 0.0));
            }
          }
          check({label(join("dropout ", rate, residual ? " + residual" : ""), type, s),
                 [=](const kernel_table& table, context* state) {
                   grid in = x, to = skip, dice = random, y(type, s.rows, s.cols, s.gap);
                   table.dropout(state, {y.view(), in.view(), residual ? to.view() : tensor{},
                                         dice.view(), 77u, rate});
                   return grids{y};
                 },
                 {truth}});
        }
      }
    }
  }
}

double cdf(double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); }
double logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double act(activation kind, double x) {
  const double u = 2.0 * std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x);
  switch (kind) {
    case activation::gelu:
      return x * cdf(x);
    case activation::gelu_tanh:
      return x * logistic(u);
    case activation::relu_squared:
      return x > 0 ? x * x : 0;
    default:
      return x;
  }
}
double slope(activation kind, double x) {  // a central difference is enough here
  const double h = 1e-6;
  return (act(kind, x + h) - act(kind, x - h)) / (2 * h);
}

TEST_CASE("activations and their slopes") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      for (const activation kind :
           {activation::none, activation::gelu, activation::gelu_tanh, activation::relu_squared}) {
        const grid x = noise(type, s.rows, s.cols, 5, 2.0, s.gap),
                   dy = noise(type, s.rows, s.cols, 6);
        check(
            {label(join("activate ", activation_name(kind)), type, s),
             [=](const kernel_table& table, context* state) {
               grid in = x, up = dy, y(type, s.rows, s.cols, s.gap), dx(type, s.rows, s.cols);
               table.activate(state, {y.view(), in.view(), kind});
               table.activate_backward(state, {dx.view(), up.view(), in.view(), kind});
               table.activate_backward(state, {up.view(), up.view(), in.view(), kind});  // in place
               return grids{y, dx, up};
             },
             {map_values(x, [=](double v) { return act(kind, v); }),
              map_values(x, dy, [=](double v, double up) { return slope(kind, v) * up; }),
              map_values(x, dy, [=](double v, double up) { return slope(kind, v) * up; })}});
      }
    }
  }
}

TEST_CASE("swiglu and its slopes") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      const isize width = s.cols;
      const grid x = noise(type, s.rows, 2 * width, 7, 2.0, s.gap),
                 dy = noise(type, s.rows, width, 8);
      values y_truth, dx_truth;
      for (isize r = 0; r < s.rows; ++r) {
        for (isize c = 0; c < width; ++c) {
          const double a = x.get(r, c), b = x.get(r, c + width);
          y_truth.push_back(a * logistic(a) * b);
        }
        for (isize c = 0; c < 2 * width; ++c) {
          const double a = x.get(r, c % width), b = x.get(r, c % width + width);
          const double p = logistic(a), up = dy.get(r, c % width);
          dx_truth.push_back(c < width ? up * b * p * (1 + a * (1 - p)) : up * a * p);
        }
      }
      check(
          {label("swiglu", type, s),
           [=](const kernel_table& table, context* state) {
             grid in = x, up = dy, y(type, s.rows, width, s.gap),
                  dx(type, s.rows, 2 * width, s.gap);
             table.activate(state, {y.view(), in.view(), activation::swiglu});
             table.activate_backward(state, {dx.view(), up.view(), in.view(), activation::swiglu});
             return grids{y, dx};
           },
           {y_truth, dx_truth}});
    }
  }
}

TEST_CASE("a NaN stays where it is in elementwise kernels") {
  const element type = element::f32;
  const isize cols = 37;
  for (const activation kind :
       {activation::none, activation::gelu, activation::gelu_tanh, activation::relu_squared}) {
    grid x = noise(type, 2, cols, 9), dy = noise(type, 2, cols, 10);
    x.set(1, 35, std::nan(""));
    check({join("NaN ", activation_name(kind)),
           [=](const kernel_table& table, context* state) {
             grid in = x, up = dy, y(type, 2, cols), dx(type, 2, cols), capped = x,
                  sum(type, 2, cols);
             table.activate(state, {y.view(), in.view(), kind});
             table.activate_backward(state, {dx.view(), up.view(), in.view(), kind});
             table.softcap(state, {capped.view(), 3.0f});
             table.add(state, {sum.view(), in.view(), up.view()});
             return grids{y, dx, capped, sum};
           },
           {map_values(x, [=](double v) { return std::isnan(v) ? v : act(kind, v); }),
            map_values(x, dy,
                       [=](double v, double up) {
                         if (kind == activation::none) return up;  // its slope ignores x
                         return std::isnan(v) ? v : slope(kind, v) * up;
                       }),
            map_values(x, [](double v) { return 3.0 * std::tanh(v / 3.0); }),
            map_values(x, dy, [](double v, double up) { return v + up; })}});
  }
}

// ---- optimiser ------------------------------------------------------------------------------

TEST_CASE("clip writes the factor, and lets a NaN through") {
  for (const auto& [squares, maximum, expected] :
       std::vector<std::array<double, 3>>{{4.0, 1.0, 1.0 / (2.0 + 1e-6)},
                                          {0.25, 1.0, 1.0},
                                          {4.0, 0.0, 1.0},
                                          {std::nan(""), 1.0, std::nan("")}}) {
    values truth{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, expected, maximum};
    check({"clip",
           [squares = squares, maximum = maximum](const kernel_table& table, context* state) {
             grid n = numbers(element::f32, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 99.0, maximum});
             grid sum = numbers(element::f64, {squares});
             table.clip(state, {n.view(), sum.view()});
             return grids{n};
           },
           {truth}});
  }
}

TEST_CASE("adamw makes one step, decays segments that ask for it, and clears the gradient") {
  for (const isize count : {1, 37, 4096, 70001}) {
    for (const element type : float_types) {
      for (const bool with_master : {false, true}) {
        const grid w = noise(type, 1, count, 11), master = noise(element::f32, 1, count, 12);
        const grid g = noise(element::f32, 1, count, 13),
                   m = noise(element::f32, 1, count, 14, 0.1);
        grid v = noise(element::f32, 1, count, 15, 0.1);
        for (isize c = 0; c < count; ++c) v.set(0, c, std::fabs(v.get(0, c)));
        // rate, betas, epsilon, decay, corrections, clip factor, maximum.
        const values n{0.01, 0.9, 0.99, 1e-8, 0.1, 0.19, 0.0199, 0.5, 1.0};
        const isize middle = count / 3;
        grid segments(element::u32, count > 1 ? 3 : 1, 3);
        for (isize s = 0; s < segments.rows; ++s) {
          segments.set(s, 0, static_cast<double>(s * middle));
          segments.set(s, 1, 0.0);
          segments.set(s, 2, s % 2 == 0 ? 1.0 : 0.0);
        }
        std::vector<values> truth(5);
        for (isize c = 0; c < count; ++c) {
          const double gradient = n[clip_factor] * g.get(0, c);
          const double m1 = m.get(0, c) + (1 - n[beta1]) * (gradient - m.get(0, c));
          const double v1 = v.get(0, c) + (1 - n[beta2]) * (gradient * gradient - v.get(0, c));
          const double before = with_master ? master.get(0, c) : w.get(0, c);
          const bool decays = count == 1 || c < middle || c >= 2 * middle;
          const double after =
              before - n[learning_rate] *
                           (m1 / n[correction1] / (std::sqrt(v1 / n[correction2]) + n[epsilon]) +
                            (decays ? n[weight_decay] * before : 0.0));
          truth[0].push_back(after);
          truth[1].push_back(after);
          truth[2].push_back(m1);
          truth[3].push_back(v1);
          truth[4].push_back(0.0);
        }
        if (!with_master) truth[1] = map_values(master, [](double x) { return x; });
        check({join("adamw ", element_name(type), " ", count, with_master ? " master" : ""),
               [=](const kernel_table& table, context* state) {
                 grid a = w, b = master, c = g, d = m, e = v, f = segments;
                 grid step = numbers(element::f32, n);
                 table.adamw(state, {a.view(), with_master ? b.view() : tensor{}, c.view(),
                                     d.view(), e.view(), f.view(), step.view()});
                 return grids{a, b, d, e, c};
               },
               truth});
      }
    }
  }
}

}  // namespace
