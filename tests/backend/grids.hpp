// What the tests of CPU kernels share: matrices with poisoned gaps, and a trial that runs a kernel
// on every instruction set, on one thread and on two, and compares values and bits.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/random.hpp"

namespace cpu_test {

using namespace ctgpt;

// A matrix with a gap after each row. The gaps hold NaN: reading one shows, and so does writing
// one.
struct grid {
  element type = element::f32;
  isize rows = 0, cols = 0, stride = 0;
  std::vector<unsigned char> bytes;

  grid() = default;
  grid(element t, isize r, isize c, isize gap = 0)
      : type(t),
        rows(r),
        cols(c),
        stride(c + gap),
        bytes(static_cast<std::size_t>(element_bytes(t, (r - 1) * (c + gap) + c)), 0xff) {}

  tensor view() { return {bytes.data(), rows, cols, stride, type}; }
  std::size_t place(isize r, isize c) const {
    return static_cast<std::size_t>(element_bytes(type, r * stride + c));
  }
  double get(isize r, isize c) const {
    const unsigned char* from = bytes.data() + place(r, c);
    if (type == element::f64) return read_as<double>(from);
    if (type == element::bf16) return to_float(read_as<bf16>(from));
    return read_as<float>(from);
  }
  void set(isize r, isize c, double value) {
    unsigned char* to = bytes.data() + place(r, c);
    if (type == element::f64) return write_as(to, value);
    if (type == element::i32) return write_as(to, static_cast<std::int32_t>(value));
    if (type == element::u32) return write_as(to, static_cast<std::uint32_t>(value));
    if (type == element::bf16) return write_as(to, to_bf16(static_cast<float>(value)));
    write_as(to, static_cast<float>(value));
  }
  bool gaps_untouched() const {
    for (isize r = 0; r + 1 < rows; ++r) {
      for (std::size_t i = place(r, cols); i < place(r + 1, 0); ++i) {
        if (bytes[i] != 0xff) return false;
      }
    }
    return true;
  }

 private:
  template <class T>
  static T read_as(const unsigned char* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    return value;
  }
  template <class T>
  static void write_as(unsigned char* to, T value) {
    std::memcpy(to, &value, sizeof(T));
  }
};

inline grid noise(element type, isize rows, isize cols, std::uint64_t seed, double spread = 1.0,
                  isize gap = 0) {
  grid g(type, rows, cols, gap);
  random_stream random(seed);
  for (isize r = 0; r < rows; ++r) {
    for (isize c = 0; c < cols; ++c) g.set(r, c, spread * random.normal());
  }
  return g;
}
inline grid numbers(element type, const std::vector<double>& values) {
  grid g(type, 1, static_cast<isize>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) g.set(0, static_cast<isize>(i), values[i]);
  return g;
}

using grids = std::vector<grid>;
// What a kernel should have written: one value for each element of an output.
using values = std::vector<double>;

struct trial {
  std::string name;
  std::function<grids(const kernel_table&, context*)> run;
  std::vector<values> truth;
  double tolerance = 2e-6;
};

inline bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b);
  return a == b || std::fabs(a - b) <= tolerance * (1.0 + std::fabs(b));
}

// Runs a trial on every instruction set of the machine, on one thread and on two.
inline void check(const trial& t) {
  grids vector_bits;  // AVX2's and AVX-512's
  for (const isa which : available_isas()) {
    grids one_thread;
    for (const int threads : {1, 2}) {
      const backend where = cpu{.target = which, .threads = threads};
      const grids out = t.run(where.table(), where.state());
      INFO(t.name, " on ", std::string(isa_name(which)), ", threads: ", threads);
      REQUIRE(out.size() == t.truth.size());
      for (std::size_t o = 0; o < out.size(); ++o) {
        const double tolerance = out[o].type == element::bf16 ? 0.005 + t.tolerance : t.tolerance;
        REQUIRE(static_cast<isize>(t.truth[o].size()) == out[o].rows * out[o].cols);
        isize wrong = 0;
        std::string first;
        for (isize r = 0; r < out[o].rows; ++r) {
          for (isize c = 0; c < out[o].cols; ++c) {
            const double expected = t.truth[o][static_cast<std::size_t>(r * out[o].cols + c)];
            if (!close(out[o].get(r, c), expected, tolerance) && wrong++ == 0) {
              first = join("output ", o, " (", r, ",", c, "): ", out[o].get(r, c), " instead of ",
                           expected);
            }
          }
        }
        INFO(first);
        CHECK(wrong == 0);
        CHECK(out[o].gaps_untouched());
      }
      const auto same_bits = [&](const grids& other) {
        for (std::size_t o = 0; o < out.size(); ++o) {
          if (out[o].bytes != other[o].bytes) return false;
        }
        return true;
      };
      if (threads == 1) {
        one_thread = out;
      } else {
        CHECK(same_bits(one_thread));
      }
      if (which == isa::avx2 || which == isa::avx512) {
        if (vector_bits.empty()) vector_bits = out;
        CHECK(same_bits(vector_bits));
      }
    }
  }
}

struct size {
  isize rows, cols, gap;
};
// Less than a vector, an odd end, and enough for two workers.
inline const std::vector<size> sizes{
    {1, 1, 0}, {3, 17, 5}, {5, 33, 0}, {67, 1003, 0}, {41, 1040, 3}};
inline constexpr element float_types[] = {element::f32, element::bf16};

inline std::string label(const std::string& what, element type, const size& s) {
  return join(what, " ", element_name(type), " ", s.rows, "x", s.cols, "+", s.gap);
}

inline values map_values(const grid& x, const std::function<double(double)>& f) {
  values result;
  for (isize r = 0; r < x.rows; ++r) {
    for (isize c = 0; c < x.cols; ++c) result.push_back(f(x.get(r, c)));
  }
  return result;
}
inline values map_values(const grid& x, const grid& y,
                         const std::function<double(double, double)>& f) {
  values result;
  for (isize r = 0; r < x.rows; ++r) {
    for (isize c = 0; c < x.cols; ++c) result.push_back(f(x.get(r, c), y.get(r, c)));
  }
  return result;
}

}  // namespace cpu_test
