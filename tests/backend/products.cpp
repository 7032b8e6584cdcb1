// The products of the CPU table against the contract itself: every output is one chain of std::fma
// with k ascending, then the bias, then the activation. Bits are compared, not distances, on the
// instruction sets that have a fused multiply-add; SSE4 and the baseline agree to rounding.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/blocks.hpp"
#include "ctgpt/base/random.hpp"

using namespace ctgpt;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

std::optional<backend> backend_for(isa target, int threads) {
  try {
    return backend(cpu{target, threads});
  } catch (const error&) {  // not built, or not on this machine
    return std::nullopt;
  }
}

// The backends whose bits must be those of std::fma.
std::vector<backend> exact_backends() {
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

std::string named(const backend& on, product kind, const shape& s) {
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

float chain(product kind, const matrix& a, const matrix& b, isize m, isize n, isize k, float sum) {
  for (isize i = 0; i < k; ++i) {
    const float left = kind == product::tn ? a(i, m) : a(m, i);
    const float right = kind == product::nt ? b(n, i) : b(i, n);
    sum = std::fma(left, right, sum);
  }
  return sum;
}

// What c must hold afterwards, gaps included.
matrix expected(product kind, const operands& given, isize k, const options& how) {
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

matmul_args arguments(product kind, const tensor& c, const tensor& a, const tensor& b) {
  matmul_args args;
  args.kind = kind;
  args.c = c;
  args.a = a;
  args.b = b;
  return args;
}

matrix computed(const backend& on, product kind, operands given, const options& how) {
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

// A weight (N,K) as panels, in memory of its own.
struct packed {
  std::vector<unsigned char> bytes;
  tensor view;
  packed(const backend& on, const tensor& weight, element type) {
    const isize count = on.table().pack_elements(on.state(), weight.rows, weight.cols, type);
    CHECK(count >= weight.rows * weight.cols);
    bytes.assign(static_cast<std::size_t>(element_bytes(type, count)) + 64, 0xff);
    view = {bytes.data(), weight.rows, weight.cols, weight.cols, type, layout::panels};
    on.table().pack(on.state(), {view, weight});
    on.synchronise();
    for (std::size_t i = bytes.size() - 64; i < bytes.size(); ++i) CHECK(bytes[i] == 0xff);
  }
};

const std::vector<shape> small_shapes = {{1, 1, 1},    {3, 5, 7},    {8, 48, 16},  {9, 49, 33},
                                         {13, 17, 40}, {32, 32, 32}, {65, 70, 31}, {31, 96, 128},
                                         {1, 100, 65}, {70, 1, 19}};
const std::vector<shape> large_shapes = {
    {37, 131, 700}, {133, 97, 300}, {150, 200, 257}, {1100, 24, 20}, {2, 900, 513}};

}  // namespace

TEST_CASE("a product is one chain of fused multiply-adds, bit for bit, on any threads and vectors") {
  random_stream random(1);
  for (const auto& shapes : {small_shapes, large_shapes}) {
    for (const shape& s : shapes) {
      for (const product kind : {product::nn, product::nt, product::tn}) {
        for (const bool accumulate : {false, true}) {
          const options how{accumulate, !accumulate};
          const operands given(kind, s, {}, accumulate ? 3 : 0, random);
          const matrix want = expected(kind, given, s.k, how);
          for (const backend& on : exact_backends()) {
            INFO(named(on, kind, s), accumulate ? " accumulate" : "");
            CHECK(computed(on, kind, given, how).same_bits(want));
          }
        }
      }
    }
  }
}

TEST_CASE("bf16 operands are widened exactly, and a bf16 result is rounded once, at the end") {
  random_stream random(2);
  const element f = element::f32, h = element::bf16;
  for (const types& t : {types{h, f, f}, {f, h, f}, {f, f, h}, {h, h, h}}) {
    for (const shape& s : {shape{3, 5, 7}, {21, 50, 37}, {40, 100, 600}, {130, 140, 300}}) {
      for (const product kind : {product::nn, product::nt, product::tn}) {
        const options how{t.c == h, true};
        const operands given(kind, s, t, 5, random);
        const matrix want = expected(kind, given, s.k, how);
        for (const backend& on : exact_backends()) {
          INFO(named(on, kind, s));
          CHECK(computed(on, kind, given, how).same_bits(want));
        }
      }
    }
  }
}

TEST_CASE("packed weights give the bits of unpacked ones for every number of rows") {
  random_stream random(3);
  for (const element type : {element::f32, element::bf16}) {
    for (const isize m : {1, 2, 3, 4, 5, 7, 8, 9, 20, 70}) {
      const shape s{m, 203, 330};
      const operands given(product::nt, s, {element::f32, type, element::f32}, 2, random);
      const options how{m % 2 == 1, true};
      const matrix want = expected(product::nt, given, s.k, how);
      for (const backend& on : exact_backends()) {
        INFO(named(on, product::nt, s));
        operands mine = given;
        const packed weight(on, mine.b.view(), type);
        matmul_args args =
            arguments(product::nt, mine.c.view(), mine.a.view(), weight.view);
        args.bias = mine.bias.view();
        args.accumulate = how.accumulate;
        on.table().matmul(on.state(), args);
        on.synchronise();
        CHECK(mine.c.same_bits(want));
      }
    }
  }
}

TEST_CASE("a prefix of packed rows is a smaller weight, and bf16 rows may multiply it") {
  random_stream random(4);
  for (const isize m : {1, 2, 6, 12}) {
    const shape s{m, 77, 64};
    operands given(product::nt, s, {element::bf16, element::f32, element::bf16}, 0, random);
    const matrix whole = matrix::normal(300, 64, element::f32, 0, random);
    for (isize n = 0; n < s.n; ++n) {
      for (isize k = 0; k < s.k; ++k) given.b.set(n, k, whole(n, k));
    }
    const matrix want = expected(product::nt, given, s.k, {});
    for (const backend& on : exact_backends()) {
      INFO(named(on, product::nt, s));
      operands mine = given;
      matrix source = whole;
      packed weight(on, source.view(), element::f32);
      weight.view.rows = s.n;
      on.table().matmul(on.state(), arguments(product::nt, mine.c.view(), mine.a.view(),
                                              weight.view));
      on.synchronise();
      CHECK(mine.c.same_bits(want));
    }
  }
}

TEST_CASE("a product split along k by accumulation has the bits of the whole") {
  random_stream random(5);
  const shape s{50, 60, 200};
  for (const backend& on : exact_backends()) {
    const operands given(product::nt, s, {}, 0, random);
    const matrix whole = computed(on, product::nt, given, {});
    operands mine = given;
    for (const isize first : {0, 70}) {
      tensor a = mine.a.view(), b = mine.b.view();
      a.data = static_cast<float*>(a.data) + first;
      b.data = static_cast<float*>(b.data) + first;
      a.cols = b.cols = first == 0 ? 70 : 130;
      matmul_args args = arguments(product::nt, mine.c.view(), a, b);
      args.accumulate = first != 0;
      on.table().matmul(on.state(), args);
    }
    on.synchronise();
    CHECK(mine.c.same_bits(whole));
  }
}

TEST_CASE("one row alone has the bits that it has among a thousand") {
  random_stream random(6);
  const shape s{1000, 150, 100};
  for (const backend& on : exact_backends()) {
    operands given(product::nt, s, {}, 0, random);
    const matrix all = computed(on, product::nt, given, {});
    for (const isize row : {0, 499, 999}) {
      matrix one(1, s.n, element::f32);
      tensor a = given.a.view();
      a.data = static_cast<float*>(a.data) + row * s.k;
      a.rows = 1;
      on.table().matmul(on.state(), arguments(product::nt, one.view(), a, given.b.view()));
      on.synchronise();
      for (isize n = 0; n < s.n; ++n) CHECK(one(0, n) == all(row, n));
    }
  }
}

TEST_CASE("the activation follows the bias, and `before` keeps what it was applied to") {
  random_stream random(7);
  const shape s{19, 53, 48};
  for (const element type : {element::f32, element::bf16}) {
    for (const auto act :
         {activation::none, activation::gelu, activation::gelu_tanh, activation::relu_squared}) {
      const operands given(product::nt, s, {element::f32, element::f32, type}, 1, random);
      const matrix want = expected(product::nt, given, s.k, {false, true});
      std::optional<matrix> first;
      for (const backend& on : exact_backends()) {
        INFO(named(on, product::nt, s), " activation ", static_cast<int>(act));
        operands mine = given;
        matrix before(s.m, s.n, type, 4);
        matmul_args args =
            arguments(product::nt, mine.c.view(), mine.a.view(), mine.b.view());
        args.bias = mine.bias.view();
        args.before = before.view();
        args.act = act;
        on.table().matmul(on.state(), args);
        on.synchronise();
        for (isize m = 0; m < s.m; ++m) {
          for (isize n = 0; n < s.n; ++n) {
            CHECK(before(m, n) == want(m, n));
            const double x =
                chain(product::nt, given.a, given.b, m, n, s.k, 0.0f) + given.bias(0, n);
            const double gate = 0.7978845608028654 * (x + 0.044715 * x * x * x);
            const double y = act == activation::gelu ? 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)))
                             : act == activation::gelu_tanh    ? 0.5 * x * (1.0 + std::tanh(gate))
                             : act == activation::relu_squared ? (x > 0.0 ? x * x : 0.0)
                                                               : x;
            const double rounding = type == element::bf16 ? 4e-3 : 2e-7;
            CHECK(std::abs(mine.c(m, n) - y) <= rounding * std::abs(y) + 4e-7 * std::abs(x));
          }
        }
        if (!first) first = mine.c;
        CHECK(mine.c.same_bits(*first));
      }
    }
  }
}

TEST_CASE("NaN and infinity reach every output that they enter, and no other") {
  random_stream random(8);
  for (const product kind : {product::nn, product::nt, product::tn}) {
    for (const shape& s : {shape{10, 20, 30}, {70, 150, 280}}) {
      operands given(kind, s, {}, 3, random);
      const bool tn = kind == product::tn, nt = kind == product::nt;
      given.a.set(tn ? s.k - 1 : 2, tn ? 2 : s.k - 1, not_a_number);
      // Zero times infinity: row 4 of a is zero, column 7 of b has an infinity.
      for (isize k = 0; k < s.k; ++k) given.a.set(tn ? k : 4, tn ? 4 : k, 0.0f);
      given.b.set(nt ? 7 : 3, nt ? 3 : 7, std::numeric_limits<float>::infinity());
      for (const isa target : {isa::baseline, isa::sse4, isa::avx2, isa::avx512, isa::neon}) {
        const auto on = backend_for(target, 2);
        if (!on) continue;
        INFO(named(*on, kind, s));
        const matrix c = computed(*on, kind, given, {});
        for (isize m = 0; m < s.m; ++m) {
          for (isize n = 0; n < s.n; ++n) {
            const bool nan = m == 2 || (m == 4 && n == 7);
            CHECK(std::isnan(c(m, n)) == nan);
            if (!nan) CHECK(std::isinf(c(m, n)) == (n == 7));
          }
        }
      }
    }
  }
}

TEST_CASE("quantised weights multiply as their dequantised values") {
  random_stream random(9);
  for (const element type : {element::q8_0, element::q4_0}) {
    for (const shape& s : {shape{1, 30, 32}, {5, 61, 320}, {40, 100, 640}}) {
      operands given(product::nt, s, {}, 0, random);
      std::vector<unsigned char> blocks(
          static_cast<std::size_t>(element_bytes(type, s.n * s.k)));
      float row[block_length];
      for (isize i = 0; i < s.n * s.k / block_length; ++i) {
        const isize n = i * block_length / s.k, k = i * block_length % s.k;
        for (isize j = 0; j < block_length; ++j) row[j] = given.b(n, k + j);
        if (type == element::q8_0) {
          auto& block = reinterpret_cast<block_q8_0*>(blocks.data())[i];
          quantize(row, block);
          dequantize(block, row);
        } else {
          auto& block = reinterpret_cast<block_q4_0*>(blocks.data())[i];
          quantize(row, block);
          dequantize(block, row);
        }
        for (isize j = 0; j < block_length; ++j) given.b.set(n, k + j, row[j]);
      }
      const matrix want = expected(product::nt, given, s.k, {true, false});
      for (const backend& on : exact_backends()) {
        INFO(named(on, product::nt, s), " ", element_name(type));
        const tensor rows{blocks.data(), s.n, s.k, s.k, type};
        const packed weight(on, rows, type);
        for (const tensor& b : {rows, weight.view}) {
          operands mine = given;
          matmul_args args = arguments(product::nt, mine.c.view(), mine.a.view(), b);
          args.accumulate = true;
          on.table().matmul(on.state(), args);
          on.synchronise();
          CHECK(mine.c.same_bits(want));
        }
      }
    }
  }
}

TEST_CASE("sum_rows adds the rows one after the other, for any number of threads") {
  random_stream random(10);
  for (const element type : {element::f32, element::bf16}) {
    for (const shape& s : {shape{1, 1, 0}, {7, 33, 0}, {300, 515, 0}, {64, 2000, 0}}) {
      const matrix given = matrix::normal(s.m, s.n, type, 3, random);
      const matrix start = matrix::normal(1, s.n, element::f32, 0, random);
      matrix want = start;
      for (isize n = 0; n < s.n; ++n) {
        float sum = start(0, n);
        for (isize m = 0; m < s.m; ++m) sum += given(m, n);
        want.set(0, n, sum);
      }
      for (const isa target : {isa::baseline, isa::sse4, isa::avx2, isa::avx512, isa::neon}) {
        for (const int threads : {1, 2, 5}) {
          const auto on = backend_for(target, threads);
          if (!on) continue;
          matrix x = given, out = start;
          on->table().sum_rows(on->state(), {out.view(), x.view()});
          on->synchronise();
          CHECK(out.same_bits(want));
        }
      }
    }
  }
}

TEST_CASE("without k the product is zero or c, then bias; without rows or columns nothing happens") {
  random_stream random(11);
  for (const backend& on : exact_backends()) {
    for (const product kind : {product::nn, product::nt, product::tn}) {
      for (const bool accumulate : {false, true}) {
        const operands given(kind, {5, 60, 0}, {}, 2, random);
        const options how{accumulate, true};
        CHECK(computed(on, kind, given, how).same_bits(expected(kind, given, 0, how)));
      }
      CHECK(computed(on, kind, operands(kind, {0, 6, 4}, {}, 0, random), {}).rows() == 0);
      CHECK(computed(on, kind, operands(kind, {6, 0, 4}, {}, 0, random), {}).cols() == 0);
    }
  }
}

TEST_CASE("SSE4 and the baseline agree with the chain to rounding") {
  random_stream random(12);
  for (const isa target : {isa::baseline, isa::sse4}) {
    for (const int threads : {1, 2}) {
      const auto on = backend_for(target, threads);
      if (!on) continue;
      for (const auto& shapes : {small_shapes, large_shapes}) {
        for (const shape& s : shapes) {
          for (const product kind : {product::nn, product::nt, product::tn}) {
            INFO(named(*on, kind, s));
            const options how{true, true};
            const operands given(kind, s, {}, 1, random);
            const matrix want = expected(kind, given, s.k, how);
            const matrix c = computed(*on, kind, given, how);
            const double scale = 1e-6 * std::sqrt(static_cast<double>(s.k) + 1.0);
            double worst = 0.0;
            for (isize m = 0; m < s.m; ++m) {
              for (isize n = 0; n < s.n; ++n) {
                worst = std::fmax(worst, std::abs(c(m, n) - want(m, n)));
              }
            }
            CHECK(worst <= 4.0 * scale);
          }
        }
      }
    }
  }
}
