// Operands for the tests of products, and what the contract says that a product of them is.
//
// expected(): every output one chain of std::fma with k ascending, from c or from zero, then the
// bias; the bits that every instruction set with a fused multiply-add must give, on any number of
// threads.
// Shapes: nn (M,K)(K,N), nt (M,K)(N,K)^T, tn (K,M)^T(K,N); rows lie `gap` elements further apart
// than they must, and comparisons include the gaps.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/random.hpp"

namespace product_problem {

using namespace ctgpt;

inline constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

inline std::optional<backend> backend_for(isa target, int threads) {
  try {
    return backend(cpu{target, threads});
  } catch (const error&) {  // not built, or not on this machine
    return std::nullopt;
  }
}

// The backends whose bits must be those of std::fma.
inline std::vector<backend> exact_backends() {
  std::vector<backend> all;
  for (const isa target : {isa::avx2, isa::avx512, isa::neon}) {
    for (const int threads : {1, 2, 5}) {
      if (const auto found = backend_for(target, threads)) all.push_back(*found);
    }
  }
  return all;
}

// A matrix whose rows lie `gap` elements further apart than they must; the gaps hold a pattern.
class matrix {
 public:
  matrix() = default;
  matrix(isize rows, isize cols, element type, isize gap = 0)
      : rows_(rows), cols_(cols), stride_(cols + gap), type_(type) {
    bytes_.assign(static_cast<std::size_t>(element_bytes(type, rows * stride_)), 0xff);
  }
  static matrix normal(isize rows, isize cols, element type, isize gap, random_stream& random) {
    matrix made(rows, cols, type, gap);
    for (isize r = 0; r < rows; ++r) {
      for (isize c = 0; c < cols; ++c) made.set(r, c, static_cast<float>(random.normal()));
    }
    return made;
  }

  isize rows() const { return rows_; }
  isize cols() const { return cols_; }
  float operator()(isize row, isize col) const {
    const isize i = row * stride_ + col;
    if (type_ == element::bf16) return to_float(reinterpret_cast<const bf16*>(bytes_.data())[i]);
    return reinterpret_cast<const float*>(bytes_.data())[i];
  }
  void set(isize row, isize col, float value) {
    const isize i = row * stride_ + col;
    if (type_ == element::bf16) {
      reinterpret_cast<bf16*>(bytes_.data())[i] = to_bf16(value);
    } else {
      reinterpret_cast<float*>(bytes_.data())[i] = value;
    }
  }
  tensor view() {
    if (bytes_.empty() && rows_ == 0) return {};
    return {bytes_.data(), rows_, cols_, stride_, type_};
  }
  bool same_bits(const matrix& other) const { return bytes_ == other.bytes_; }
  element type() const { return type_; }

 private:
  isize rows_ = 0, cols_ = 0, stride_ = 0;
  element type_ = element::none;
  std::vector<unsigned char> bytes_;
};

struct shape {
  isize m, n, k;
};

inline std::string named(const backend& on, product kind, const shape& s) {
  const char* kinds[] = {"nn", "nt", "tn"};
  return std::string(on.name()) + " " + kinds[static_cast<int>(kind)] + " " + std::to_string(s.m) +
         "x" + std::to_string(s.n) + "x" + std::to_string(s.k);
}

struct types {
  element a = element::f32, b = element::f32, c = element::f32;
};

// The operands of a product, with gaps between rows.
struct operands {
  matrix a, b, c, bias;
  operands(product kind, const shape& s, const types& t, isize gap, random_stream& random) {
    const bool tn = kind == product::tn, nt = kind == product::nt;
    a = matrix::normal(tn ? s.k : s.m, tn ? s.m : s.k, t.a, gap, random);
    b = matrix::normal(nt ? s.n : s.k, nt ? s.k : s.n, t.b, gap, random);
    c = matrix::normal(s.m, s.n, t.c, gap, random);
    bias = matrix::normal(1, s.n, element::f32, 0, random);
  }
};

struct options {
  bool accumulate = false, bias = false;
};

inline float chain(product kind, const matrix& a, const matrix& b, isize m, isize n, isize k,
                   float sum) {
  for (isize i = 0; i < k; ++i) {
    const float left = kind == product::tn ? a(i, m) : a(m, i);
    const float right = kind == product::nt ? b(n, i) : b(i, n);
    sum = std::fma(left, right, sum);
  }
  return sum;
}

// What c must hold afterwards, gaps included.
inline matrix expected(product kind, const operands& given, isize k, const options& how) {
  matrix result = given.c;
  for (isize m = 0; m < result.rows(); ++m) {
    for (isize n = 0; n < result.cols(); ++n) {
      float x = chain(kind, given.a, given.b, m, n, k, how.accumulate ? given.c(m, n) : 0.0f);
      if (how.bias) x += given.bias(0, n);
      result.set(m, n, x);
    }
  }
  return result;
}

inline matmul_args arguments(product kind, const tensor& c, const tensor& a, const tensor& b) {
  matmul_args args;
  args.kind = kind;
  args.c = c;
  args.a = a;
  args.b = b;
  return args;
}

inline matrix computed(const backend& on, product kind, operands given, const options& how) {
  if (!how.accumulate) {
    for (isize m = 0; m < given.c.rows(); ++m) {
      for (isize n = 0; n < given.c.cols(); ++n) given.c.set(m, n, not_a_number);
    }
  }
  matmul_args args = arguments(kind, given.c.view(), given.a.view(), given.b.view());
  if (how.bias) args.bias = given.bias.view();
  args.accumulate = how.accumulate;
  on.table().matmul(on.state(), args);
  on.synchronise();
  return given.c;
}

}  // namespace product_problem
