// The products of benchmark_ops: GPT-2's layers forward and backward, small cubes, one row of
// decoding, quantised weights; and packing.
//
// One row reads every weight once and does two operations with it: memory is its ceiling. For more
// rows it is arithmetic, quantised weights included, since these are multiplied in f32.
#include "jobs.hpp"

namespace benchmarks {

namespace {

struct shape {
  isize m, n, k;
};

job matmul(const std::string& name, product kind, shape s, bool packed = false,
           element type = element::f32) {
  const auto [m, n, k] = s;
  const double flops =
      2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  const bool decode = m == 1;
  return {name, decode ? bound::read : bound::compute, decode ? bytes_of(n, k, type) : flops,
          [=](operands& at) {
            const auto [rows, columns, depth] = s;
            matmul_args args;
            args.kind = kind;
            args.a = kind == product::tn ? at.random(depth, rows) : at.random(rows, depth);
            args.b = kind == product::nt ? at.random(columns, depth, type)
                                         : at.random(depth, columns, type);
            args.c = at.output(rows, columns);
            if (packed) args.b = at.packed(args.b);
            return work{at.call(&kernel_table::matmul, args), {}};
          }};
}

job pack(const std::string& name, isize n, isize k, element type) {
  return {name, bound::update, 2.0 * bytes_of(n, k, type), [=](operands& at) {
            const tensor weight = at.random(n, k, type);
            return work{at.call(&kernel_table::pack, {at.packed(weight), weight}), {}};
          }};
}

}  // namespace

jobs product_jobs() {
  jobs list;
  struct layer {
    const char* name;
    isize n, k;
  };
  for (const auto& [name, n, k] :
       {layer{"qkv", 2304, 768}, {"fc1", 3072, 768}, {"fc2", 768, 3072}}) {
    const std::string text = std::string("matmul ") + name;
    list.push_back(matmul(text + " forward M=1024", product::nt, {1024, n, k}));
    list.push_back(matmul(text + " dX M=1024", product::nn, {1024, k, n}));
    list.push_back(matmul(text + " dW M=1024", product::tn, {n, k, 1024}));
    list.push_back(matmul(text + " forward M=256", product::nt, {256, n, k}));
    list.push_back(matmul(text + " packed M=64", product::nt, {64, n, k}, true));
  }
  list.push_back(matmul("matmul head forward M=512", product::nt, {512, 50257, 768}));
  for (const isize size : {32, 48, 64, 128}) {
    const std::string text = "matmul small " + std::to_string(size);
    const shape cube{size, size, size};
    list.push_back(matmul(text + " nn", product::nn, cube));
    list.push_back(matmul(text + " nt", product::nt, cube));
    list.push_back(matmul(text + " tn", product::tn, cube));
  }
  list.push_back(matmul("matmul char fc1 M=768", product::nt, {768, 512, 128}));
  list.push_back(matmul("decode head f32", product::nt, {1, 50257, 768}, true));
  for (const element type : {element::bf16, element::q8_0, element::q4_0}) {
    // GPT-2's head would stay in the caches in the block formats; four of them do not.
    const bool blocks = type != element::bf16;
    const std::string text = element_name(type);
    list.push_back(matmul((blocks ? "decode four heads " : "decode head ") + text, product::nt,
                          {1, blocks ? 4 * 50257 : 50257, 768}, true, type));
    for (const isize m : {64, 1024}) {
      list.push_back(matmul("matmul fc1 " + text + " packed M=" + std::to_string(m), product::nt,
                            {m, 3072, 768}, true, type));
    }
  }
  list.push_back(pack("pack head f32", 50257, 768, element::f32));
  list.push_back(pack("pack head bf16", 50257, 768, element::bf16));
  return list;
}

}  // namespace benchmarks
