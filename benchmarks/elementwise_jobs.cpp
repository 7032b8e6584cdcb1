// The kernels that treat every element alone in benchmark_ops, and AdamW.
//
// Tensors are (32768, 768), 100 MB, far more than the caches hold. A single pass over memory is the
// ceiling of all of them; exponentials and Philox may keep a kernel below it, most of all without
// vectors.
#include "jobs.hpp"

namespace benchmarks {

namespace {

constexpr isize rows = 32768, width = 768;

double once() { return bytes_of(rows, width); }

jobs activation_jobs() {
  jobs list;
  for (const activation act :
       {activation::gelu, activation::gelu_tanh, activation::relu_squared, activation::swiglu}) {
    const std::string name = activation_name(act);
    const isize wide = act == activation::swiglu ? 2 * width : width;  // of x and dx
    const double x_bytes = bytes_of(rows, wide);
    list.push_back({name + " 32768x768", bound::update, x_bytes + once(), [=](operands& at) {
                      return work{at.call(&kernel_table::activate,
                                          {at.output(rows, width), at.random(rows, wide), act}),
                                  {}};
                    }});
    list.push_back(
        {name + "_backward 32768x768", bound::update, 2.0 * x_bytes + once(), [=](operands& at) {
           return work{
               at.call(&kernel_table::activate_backward,
                       {at.output(rows, wide), at.random(rows, width), at.random(rows, wide), act}),
               {}};
         }});
  }
  return list;
}

job convert(element from, element to) {
  const std::string name = std::string("convert ") + element_name(from) + " to " + element_name(to);
  return {name, bound::update, bytes_of(rows, width, from) + bytes_of(rows, width, to),
          [=](operands& at) {
            return work{at.call(&kernel_table::convert,
                                {at.output(rows, width, to), at.random(rows, width, from)}),
                        {}};
          }};
}

job dropout() {
  return {"dropout and add 32768x768", bound::update, 3.0 * once(), [](operands& at) {
            const tensor random = at.words({1234567u, 89u, 7u, 0u}, 1);
            return work{
                at.call(&kernel_table::dropout, {at.output(rows, width), at.random(rows, width),
                                                 at.random(rows, width), random, 5u, 0.1f}),
                {}};
          }};
}

// A call leaves zeros for gradients, and without new ones its moments would die away.
job adamw() {
  return {"adamw 25.2M", bound::update, 8.0 * once(), [](operands& at) {
            constexpr isize count = rows * width;
            adamw_args args;
            args.weights = at.random(1, count);
            args.gradient = at.output(1, count);
            args.moment1 = at.random(1, count);
            args.moment2 = at.constant(1, count, 0.25);
            args.segments = at.words({0u, 0u, 1u}, 1);
            args.numbers = at.numbers({1e-3f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.1f, 0.01f, 1.0f, 0.0f});
            const tensor gradient = at.random(1, count);
            return work{at.call(&kernel_table::adamw, args),
                        at.call(&kernel_table::convert, {args.gradient, gradient})};
          }};
}

}  // namespace

jobs elementwise_jobs() {
  jobs list = activation_jobs();
  list.push_back({"fill 32768x768", bound::update, once(), [](operands& at) {
                    return work{at.call(&kernel_table::fill, {at.output(rows, width), 0.5}), {}};
                  }});
  list.push_back(convert(element::f32, element::f32));
  list.push_back(convert(element::f32, element::bf16));
  list.push_back(convert(element::bf16, element::f32));
  list.push_back({"add 32768x768", bound::update, 3.0 * once(), [](operands& at) {
                    return work{
                        at.call(&kernel_table::add, {at.output(rows, width), at.random(rows, width),
                                                     at.random(rows, width)}),
                        {}};
                  }});
  list.push_back({"combine 32768x768", bound::update, 3.0 * once(), [](operands& at) {
                    return work{at.call(&kernel_table::combine,
                                        {at.output(rows, width), at.random(rows, width),
                                         at.random(rows, width), at.numbers({0.25f, 0.75f})}),
                                {}};
                  }});
  list.push_back(dropout());
  list.push_back(adamw());
  return list;
}

}  // namespace benchmarks
