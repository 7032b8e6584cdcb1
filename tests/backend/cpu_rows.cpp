// The CPU kernels along a row (family rows): normalisation, cross entropy, embedding, rotary
// positions, sums; each against a plain loop in double, and bit by bit between instruction sets and
// threads.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "backend/grids.hpp"
#include "ctgpt/backend/cpu.hpp"

namespace {

using namespace cpu_test;

values all_of(const grid& x) {
  return map_values(x, [](double v) { return v; });
}

struct norm_form {
  normalization kind;
  isize groups;
  bool gain, bias, in_place;
};
const std::vector<norm_form> norm_forms{
    {normalization::layer, 1, true, true, true},   {normalization::layer, 1, true, false, false},
    {normalization::layer, 2, false, true, false}, {normalization::rms, 1, true, false, true},
    {normalization::rms, 3, false, false, false},  {normalization::rms, 3, true, false, false}};

TEST_CASE("norm and its gradients") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      for (const norm_form& form : norm_forms) {
        const isize width = s.cols, cols = width * form.groups, rows = s.rows;
        const bool layer = form.kind == normalization::layer;
        const grid x = noise(type, rows, cols, 1, 2.0, s.gap), dy = noise(type, rows, cols, 2);
        const grid gain = noise(type, 1, width, 3), bias = noise(type, 1, width, 4);
        const grid dgain = noise(element::f32, 1, width, 5),
                   dbias = noise(element::f32, 1, width, 6);
        values y, mean, rstd, dx, dgain_truth = all_of(dgain), dbias_truth = all_of(dbias);
        for (isize r = 0; r < rows; ++r) {
          for (isize g = 0; g < form.groups; ++g) {
            const isize first = g * width;
            double mu = 0, squares = 0, sum = 0, projection = 0;
            for (isize c = 0; layer && c < width; ++c) {
              mu += x.get(r, first + c) / static_cast<double>(width);
            }
            for (isize c = 0; c < width; ++c) squares += std::pow(x.get(r, first + c) - mu, 2);
            const double scale = 1 / std::sqrt(squares / static_cast<double>(width) + 1e-3);
            mean.push_back(mu);
            rstd.push_back(scale);
            for (isize c = 0; c < width; ++c) {
              const double hat = (x.get(r, first + c) - mu) * scale, up = dy.get(r, first + c);
              const double weight = form.gain ? gain.get(0, c) : 1.0;
              y.push_back(hat * weight + (form.bias ? bias.get(0, c) : 0.0));
              sum += up * weight / static_cast<double>(width);
              projection += up * weight * hat / static_cast<double>(width);
              dgain_truth[static_cast<std::size_t>(c)] += up * hat;
              dbias_truth[static_cast<std::size_t>(c)] += up;
            }
            for (isize c = 0; c < width; ++c) {
              const double hat = (x.get(r, first + c) - mu) * scale;
              const double inner = dy.get(r, first + c) * (form.gain ? gain.get(0, c) : 1.0);
              dx.push_back(scale * (inner - (layer ? sum : 0.0) - hat * projection));
            }
          }
        }
        if (!layer) mean.assign(mean.size(), 0.0);
        check(
            {label(join("norm ", normalization_name(form.kind), " groups ", form.groups), type, s),
             [=](const kernel_table& table, context* state) {
               grid in = x, up = dy, weight = gain, shift = bias, dw = dgain, db = dbias;
               grid out(type, rows, cols, s.gap), mu(element::f32, rows, form.groups, s.gap),
                   scale(element::f32, rows, form.groups), down(type, rows, cols, s.gap);
               if (!layer) mu = numbers(element::f32, values(mean.size(), 0.0));
               if (!layer) {  // rms leaves it alone
                 mu.rows = rows;
                 mu.cols = mu.stride = form.groups;
               }
               const tensor g = form.gain ? weight.view() : tensor{};
               table.norm(state, {out.view(), in.view(), g, form.bias ? shift.view() : tensor{},
                                  mu.view(), scale.view(), form.kind, 1e-3f, form.groups});
               grid& target = form.in_place ? up : down;
               table.norm_backward(state,
                                   {target.view(), up.view(), in.view(), g, mu.view(), scale.view(),
                                    dw.view(), db.view(), form.kind, form.groups});
               return grids{out, mu, scale, target, dw, db};
             },
             {y, mean, rstd, dx, dgain_truth, dbias_truth},
             2e-5});
      }
    }
  }
}

TEST_CASE("norm works without the optional tensors, and a NaN spoils only its row") {
  grid x = noise(element::f32, 3, 50, 1);
  x.set(1, 49, std::nan(""));
  for (const isa which : available_isas()) {
    const backend where = cpu{.target = which, .threads = 1};
    grid y(element::f32, 3, 50), dx(element::f32, 3, 50), dy = noise(element::f32, 3, 50, 2);
    grid mean(element::f32, 3, 1), rstd(element::f32, 3, 1);
    where.table().norm(where.state(), {y.view(), x.view(), {}, {}, {}, {}});
    for (isize c = 0; c < 50; ++c) {
      CHECK(!std::isnan(y.get(0, c)));
      CHECK(std::isnan(y.get(1, c)));
      CHECK(!std::isnan(y.get(2, c)));
    }
    where.table().norm(where.state(), {y.view(), x.view(), {}, {}, mean.view(), rstd.view()});
    where.table().norm_backward(where.state(), {dx.view(),
                                                dy.view(),
                                                x.view(),
                                                {},
                                                mean.view(),
                                                rstd.view(),
                                                {},
                                                {},
                                                normalization::layer,
                                                1});
    for (isize c = 0; c < 50; ++c) {
      CHECK(!std::isnan(dx.get(0, c)));
      CHECK(std::isnan(dx.get(1, c)));
    }
  }
}

TEST_CASE("sums of many rows do not depend on threads") {  // more rows than blocks of rows
  const grid x = noise(element::f32, 2100, 48, 1), dy = noise(element::f32, 2100, 48, 2);
  values dgain(48, 0.0), dbias(48, 0.0);
  for (isize r = 0; r < 2100; ++r) {
    double squares = 0;
    for (isize c = 0; c < 48; ++c) squares += x.get(r, c) * x.get(r, c) / 48;
    for (isize c = 0; c < 48; ++c) {
      dgain[static_cast<std::size_t>(c)] += dy.get(r, c) * x.get(r, c) / std::sqrt(squares + 1e-5);
      dbias[static_cast<std::size_t>(c)] += dy.get(r, c);
    }
  }
  check({"norm_backward of many rows",
         [=](const kernel_table& table, context* state) {
           grid in = x, up = dy, y(element::f32, 2100, 48), rstd(element::f32, 2100, 1);
           grid dx(element::f32, 2100, 48), dw = numbers(element::f32, values(48, 0.0)), db = dw;
           table.norm(state, {y.view(), in.view(), {}, {}, {}, rstd.view(), normalization::rms});
           table.norm_backward(state, {dx.view(),
                                       up.view(),
                                       in.view(),
                                       {},
                                       {},
                                       rstd.view(),
                                       dw.view(),
                                       db.view(),
                                       normalization::rms,
                                       1});
           return grids{dw, db};
         },
         {dgain, dbias},
         1e-4});
}

TEST_CASE("cross entropy: losses, gradients, ignored and impossible targets") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      for (const float cap : {0.0f, 5.0f}) {
        const grid logits = noise(type, s.rows, s.cols, 1, 4.0, s.gap);
        grid targets(element::i32, 1, s.rows);
        random_stream random(3);
        std::vector<isize> wanted;
        for (isize r = 0; r < s.rows; ++r) {
          const isize t =
              r % 7 == 5   ? -1
              : r % 7 == 6 ? s.cols
                           : static_cast<isize>(random.below(static_cast<std::uint64_t>(s.cols)));
          wanted.push_back(t);
          targets.set(0, r, static_cast<double>(t));
        }
        const auto capped = [=](double x) {
          return cap > 0 ? static_cast<double>(cap) * std::tanh(x / static_cast<double>(cap)) : x;
        };
        values losses, gradient;
        for (isize r = 0; r < s.rows; ++r) {
          const isize t = wanted[static_cast<std::size_t>(r)];
          double total = 0;
          for (isize c = 0; c < s.cols; ++c) total += std::exp(capped(logits.get(r, c)));
          const bool scored = t >= 0 && t < s.cols;
          const double other = t < 0 ? 0.0 : std::nan("");
          losses.push_back(scored ? std::log(total) - capped(logits.get(r, t)) : other);
          for (isize c = 0; c < s.cols; ++c) {
            const double z = capped(logits.get(r, c));
            const double bend = cap > 0 ? z / static_cast<double>(cap) : 0.0;
            const double p = std::exp(z) / total - (c == t ? 1.0 : 0.0);
            gradient.push_back(scored ? p * (1 - bend * bend) * 0.125 : other);
          }
        }
        const values untouched = all_of(logits);
        for (const bool with_gradient : {false, true}) {
          check({label(join("cross_entropy cap ", cap), type, s),
                 [=](const kernel_table& table, context* state) {
                   grid z = logits, t = targets, out(element::f32, 1, s.rows);
                   grid scale = numbers(element::f32, {0.125});
                   table.cross_entropy(
                       state, {z.view(), t.view(), out.view(), scale.view(), cap, with_gradient});
                   return grids{out, z};
                 },
                 {losses, with_gradient ? gradient : untouched},
                 1e-5});
        }
      }
    }
  }
}

TEST_CASE("cross entropy stands large logits, and a NaN shows in loss and gradient") {
  grid logits = noise(element::f32, 4, 100, 1);
  logits.set(0, 7, 1e30);   // the rest vanishes
  logits.set(1, 7, -1e30);  // one vanishes
  logits.set(2, 99, std::nan(""));
  logits.set(3, 3, std::numeric_limits<double>::infinity());
  for (const isa which : available_isas()) {
    const backend where = cpu{.target = which, .threads = 1};
    grid z = logits, losses(element::f32, 1, 4), scale = numbers(element::f32, {1.0});
    grid targets(element::i32, 1, 4);
    for (isize r = 0; r < 4; ++r) targets.set(0, r, 7.0);
    where.table().cross_entropy(
        where.state(), {z.view(), targets.view(), losses.view(), scale.view(), 0.0f, true});
    CHECK(losses.get(0, 0) == 0.0);
    CHECK(z.get(0, 0) == 0.0);
    CHECK(losses.get(0, 1) == doctest::Approx(1e30));
    CHECK(z.get(1, 7) == -1.0);
    CHECK(std::isnan(losses.get(0, 2)));
    CHECK(std::isnan(z.get(2, 0)));
    CHECK(std::isnan(losses.get(0, 3)));
  }
}

TEST_CASE("embed reads tables in rows and in panels, and answers unknown tokens with NaN") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      for (const bool panels : {false, true}) {
        for (const bool placed : {false, true}) {
          const isize vocabulary = 101, context_size = 20, time = 16;
          const grid table_rows = noise(type, vocabulary, s.cols, 1);
          const grid places = noise(type, context_size, s.cols, 2, 1.0, s.gap);
          grid tokens(element::i32, 1, s.rows), positions(element::i32, 1, s.rows);
          values truth;
          for (isize r = 0; r < s.rows; ++r) {
            const isize token = r % 11 == 3 ? -1 : r % 11 == 4 ? vocabulary : (r * 37) % vocabulary;
            const isize position = r % 11 == 5 ? context_size : (r * 3) % context_size;
            tokens.set(0, r, static_cast<double>(token));
            positions.set(0, r, static_cast<double>(position));
            const bool by_positions = panels;  // one way each
            const isize at = by_positions ? position : r % time;
            const bool known = token >= 0 && token < vocabulary && (!placed || at < context_size);
            for (isize c = 0; c < s.cols; ++c) {
              truth.push_back(known ? table_rows.get(token, c) + (placed ? places.get(at, c) : 0.0)
                                    : std::nan(""));
            }
          }
          check({label(join("embed", panels ? " panels" : "", placed ? " places" : ""), type, s),
                 [=](const kernel_table& table, context* state) {
                   grid source = table_rows, where = places, ids = tokens, at = positions;
                   grid y(type, s.rows, s.cols, s.gap);
                   tensor weights = source.view();
                   grid packed(type, 1, table.pack_elements(state, vocabulary, s.cols, type));
                   if (panels) {
                     const tensor panel{packed.bytes.data(), vocabulary, s.cols, s.cols, type,
                                        layout::panels};
                     table.pack(state, {panel, weights});
                     weights = panel;
                   }
                   table.embed(state, {y.view(), weights, placed ? where.view() : tensor{},
                                       ids.view(), panels ? at.view() : tensor{}, time});
                   return grids{y};
                 },
                 {truth}});
        }
      }
    }
  }
}

TEST_CASE("embed_backward adds rows in order and skips unknown tokens") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      for (const bool placed : {false, true}) {
        const isize vocabulary = 13, time = 16;
        const grid dy = noise(type, s.rows, s.cols, 1, 1.0, s.gap);
        const grid dtable = noise(element::f32, vocabulary, s.cols, 2);
        const grid dplaces = noise(element::f32, time, s.cols, 3, 1.0, s.gap);
        grid tokens(element::i32, 1, s.rows);
        values table_truth = all_of(dtable), places_truth = all_of(dplaces);
        for (isize r = 0; r < s.rows; ++r) {
          const isize token = r % 11 == 3 ? -1 : r % 11 == 4 ? vocabulary : (r * 5) % vocabulary;
          tokens.set(0, r, static_cast<double>(token));
          if (token < 0 || token >= vocabulary) continue;
          for (isize c = 0; c < s.cols; ++c) {
            table_truth[static_cast<std::size_t>(token * s.cols + c)] += dy.get(r, c);
            if (placed)
              places_truth[static_cast<std::size_t>(r % time * s.cols + c)] += dy.get(r, c);
          }
        }
        check({label("embed_backward", type, s),
               [=](const kernel_table& table, context* state) {
                 grid up = dy, sums = dtable, place_sums = dplaces, ids = tokens;
                 table.embed_backward(
                     state, {up.view(), sums.view(), placed ? place_sums.view() : tensor{},
                             ids.view(), time});
                 return grids{sums, place_sums};
               },
               {table_truth, places_truth},
               1e-5});
      }
    }
  }
}

TEST_CASE("rope turns pairs by their position, and inverse turns them back") {
  for (const size& s : std::vector<size>{{1, 2, 0}, {5, 12, 3}, {40, 64, 0}, {9, 96, 5}}) {
    for (const element type : float_types) {
      const isize heads = 9, half = s.cols / 2, cols = heads * s.cols, time = 8, context_size = 12;
      const grid x = noise(type, s.rows, cols, 1, 1.0, s.gap);
      grid angles(element::f32, context_size, s.cols), positions(element::i32, 1, s.rows);
      for (isize p = 0; p < context_size; ++p) {
        for (isize i = 0; i < half; ++i) {
          const double angle = static_cast<double>(p) *
                               std::pow(100.0, -static_cast<double>(i) / static_cast<double>(half));
          angles.set(p, i, std::cos(angle));
          angles.set(p, half + i, std::sin(angle));
        }
      }
      for (const bool listed : {false, true}) {
        values turned, back;
        for (isize r = 0; r < s.rows; ++r) {
          const isize position =
              listed ? (r == 4 ? context_size : (r * 5) % context_size) : r % time;
          positions.set(0, r, static_cast<double>(position));
          const bool known = position < context_size;
          for (isize c = 0; c < cols; ++c) {
            const isize i = c % s.cols, pair = i < half ? c + half : c - half;
            const double cosine = known ? angles.get(position, i % half) : std::nan("");
            const double sine = known ? angles.get(position, half + i % half) : std::nan("");
            turned.push_back(x.get(r, c) * cosine + (i < half ? -sine : sine) * x.get(r, pair));
            back.push_back(known ? x.get(r, c) : std::nan(""));
          }
        }
        check({label("rope", type, s),
               [=](const kernel_table& table, context* state) {
                 grid out = x, turns = angles, at = positions;
                 const tensor where = listed ? at.view() : tensor{};
                 table.rope(state, {out.view(), turns.view(), where, time, heads, false});
                 grid restored = out;
                 table.rope(state, {restored.view(), turns.view(), where, time, heads, true});
                 return grids{out, restored};
               },
               {turned, back},
               type == element::bf16 ? 0.01 : 2e-6});  // `back` is rounded twice
      }
    }
  }
}

TEST_CASE("sum, square_sum and softcap") {
  for (const size& s : sizes) {
    for (const element type : float_types) {
      const grid x = noise(type, s.rows, s.cols, 1, 1.0, s.gap);
      double sum = 0, squares = 0;
      for (isize r = 0; r < s.rows; ++r) {
        for (isize c = 0; c < s.cols; ++c) {
          sum += x.get(r, c);
          squares += x.get(r, c) * x.get(r, c);
        }
      }
      check({label("sums", type, s),
             [=](const kernel_table& table, context* state) {
               grid in = x, a(element::f64, 1, 1), b = numbers(element::f64, {7.0}), c = a;
               table.sum(state, {a.view(), in.view()});
               table.sum(state, {b.view(), in.view(), -0.5, true});
               table.square_sum(state, {c.view(), in.view()});
               table.softcap(state, {in.view(), 1.5f});
               return grids{a, b, c, in};
             },
             {{sum},
              {7.0 - 0.5 * sum},
              {squares},
              map_values(x, [](double v) { return 1.5 * std::tanh(v / 1.5); })},
             1e-4});
    }
  }
}

}  // namespace
