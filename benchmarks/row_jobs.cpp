// The kernels along rows in benchmark_ops: embedding, rotary positions, normalisations, losses,
// sums.
//
// Tensors are (32768, 768), 100 MB, far more than the caches hold; logits are (512, 50257), 103 MB.
#include <cmath>
#include <set>

#include "ctgpt/base/random.hpp"
#include "jobs.hpp"

namespace benchmarks {

namespace {

constexpr isize rows = 32768, width = 768, context_length = 1024, heads = 12, vocabulary = 50257;
constexpr isize scored = 512;  // rows of logits

double once() { return bytes_of(rows, width); }

std::vector<std::int32_t> random_tokens(isize count) {
  random_stream numbers(3);
  std::vector<std::int32_t> tokens;
  for (isize i = 0; i < count; ++i) {
    tokens.push_back(static_cast<std::int32_t>(numbers.below(vocabulary)));
  }
  return tokens;
}

// Of the tables, only the rows that the tokens and positions name are touched, each once.
jobs embed_jobs() {
  const std::vector<std::int32_t> tokens = random_tokens(rows);
  const isize distinct = static_cast<isize>(std::set(tokens.begin(), tokens.end()).size());
  const double tables = bytes_of(distinct, width) + bytes_of(context_length, width);
  return {{"embed 32768x768", bound::update, once() + tables,
           [=](operands& at) {
             return work{at.call(&kernel_table::embed, {at.output(rows, width),
                                                        at.random(vocabulary, width),
                                                        at.random(context_length, width),
                                                        at.integers(tokens),
                                                        {},
                                                        context_length}),
                         {}};
           }},
          {"embed_backward 32768x768", bound::update, once() + 2.0 * tables, [=](operands& at) {
             return work{
                 at.call(&kernel_table::embed_backward,
                         {at.random(rows, width), at.random(vocabulary, width),
                          at.random(context_length, width), at.integers(tokens), context_length}),
                 {}};
           }}};
}

// Turning keeps lengths, so the same numbers can be turned again and again.
job rope_job() {
  return {"rope 32768x768", bound::update, 2.0 * once(), [](operands& at) {
            // Angles do not matter for speed, but the length of what is turned does.
            constexpr isize half = width / heads / 2;
            std::vector<float> angles;
            for (isize position = 0; position < context_length; ++position) {
              for (const bool sine : {false, true}) {
                for (isize i = 0; i < half; ++i) {
                  const double angle =
                      static_cast<double>(position) *
                      std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
                  angles.push_back(static_cast<float>(sine ? std::sin(angle) : std::cos(angle)));
                }
              }
            }
            tensor table = at.numbers(angles);
            table.rows = context_length;
            table.cols = table.stride = 2 * half;
            return work{at.call(&kernel_table::rope,
                                {at.random(rows, width), table, {}, context_length, heads}),
                        {}};
          }};
}

jobs norm_jobs() {
  jobs list;
  for (const normalization kind : {normalization::layer, normalization::rms}) {
    const bool centred = kind == normalization::layer;
    const auto forward = [=](operands& at) {
      norm_args args;
      args.y = at.output(rows, width);
      args.x = at.random(rows, width);
      args.gain = at.random(1, width);
      if (centred) args.bias = at.random(1, width);
      if (centred) args.mean = at.output(rows, 1);
      args.rstd = at.output(rows, 1);
      args.kind = kind;
      return args;
    };
    const std::string text = std::string(normalization_name(kind)) + "_norm";
    list.push_back({text + " 32768x768", bound::update, 2.0 * once(), [=](operands& at) {
                      return work{at.call(&kernel_table::norm, forward(at)), {}};
                    }});
    list.push_back({text + "_backward 32768x768", bound::update, 3.0 * once(), [=](operands& at) {
                      const norm_args before = forward(at);
                      at.table().norm(at.state(), before);  // its mean and rstd
                      norm_backward_args args;
                      args.dx = at.output(rows, width);
                      args.dy = at.random(rows, width);
                      args.x = before.x;
                      args.gain = before.gain;
                      args.mean = before.mean;
                      args.rstd = before.rstd;
                      args.dgain = at.random(1, width);
                      if (centred) args.dbias = at.random(1, width);
                      args.kind = kind;
                      return work{at.call(&kernel_table::norm_backward, args), {}};
                    }});
  }
  return list;
}

// With a gradient the logits are overwritten, so they are put back before every call.
job cross_entropy(const std::string& name, element type, bool gradient, float cap) {
  const double logits = bytes_of(scored, vocabulary, type);
  return {name, gradient ? bound::update : bound::read, gradient ? 2.0 * logits : logits,
          [=](operands& at) {
            cross_entropy_args args;
            args.logits = at.random(scored, vocabulary, type);
            args.targets = at.integers(random_tokens(scored));
            args.losses = at.output(1, scored);
            args.scale = at.numbers({1.0f / static_cast<float>(scored)});
            args.softcap = cap;
            args.gradient = gradient;
            work result{at.call(&kernel_table::cross_entropy, args), {}};
            if (gradient) {
              const tensor spare = at.random(scored, vocabulary, type);
              result.restore = at.call(&kernel_table::convert, {args.logits, spare});
            }
            return result;
          }};
}

job softcap() {
  return {"softcap 32768x768", bound::update, 2.0 * once(), [](operands& at) {
            const tensor x = at.random(rows, width), spare = at.random(rows, width);
            return work{at.call(&kernel_table::softcap, {x, 30.0f}),
                        at.call(&kernel_table::convert, {x, spare})};
          }};
}

jobs sum_jobs() {
  return {
      {"sum_rows 32768x768", bound::read, once(),
       [](operands& at) {
         return work{
             at.call(&kernel_table::sum_rows, {at.random(1, width), at.random(rows, width)}), {}};
       }},
      {"sum 25.2M", bound::read, once(),
       [](operands& at) {
         return work{at.call(&kernel_table::sum,
                             {at.output(1, 1, element::f64), at.random(rows, width), 0.5, false}),
                     {}};
       }},
      {"square_sum 25.2M", bound::read, once(), [](operands& at) {
         return work{at.call(&kernel_table::square_sum,
                             {at.output(1, 1, element::f64), at.random(rows, width)}),
                     {}};
       }}};
}

}  // namespace

jobs row_jobs() {
  jobs list = embed_jobs();
  list.push_back(rope_job());
  for (job& each : norm_jobs()) list.push_back(std::move(each));
  list.push_back(cross_entropy("cross_entropy loss 512x50257", element::f32, false, 0.0f));
  list.push_back(cross_entropy("cross_entropy 512x50257", element::f32, true, 0.0f));
  list.push_back(cross_entropy("cross_entropy capped 512x50257", element::f32, true, 30.0f));
  list.push_back(cross_entropy("cross_entropy bf16 512x50257", element::bf16, true, 0.0f));
  list.push_back(softcap());
  for (job& each : sum_jobs()) list.push_back(std::move(each));
  return list;
}

}  // namespace benchmarks
