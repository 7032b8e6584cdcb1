// One trial of the conformance test: an entry of the kernel table, its operands, and how to call
// it.
//
// A trial says nothing about backends. run_trial() (run_trial.hpp) lays its operands out in the
// memory of a backend with gaps between rows, calls the entry and compares with the reference in
// double. Values are given as doubles and rounded to the operand's type first, so every backend
// sees the same numbers. An operand that is absent binds to an empty tensor: that is how optional
// tensors are tested.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctgpt/backend/kernel_table.hpp"
#include "ctgpt/base/blocks.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/base/random.hpp"

namespace conformance {

using namespace ctgpt;

enum class role {
  in,      // must be the same bytes after the call
  out,     // holds NaN before, must be overwritten
  in_out,  // read and written
};

struct operand {
  std::string name;
  role use = role::in;
  element type = element::f32;
  isize rows = 0, cols = 0;
  std::vector<double> values = {};  // rows * cols, not for out
  bool packed = false;              // goes through the backend's pack()
  bool poison = true;               // a NaN may be planted here
};

// The tensors of one backend, by operand name.
class binding {
 public:
  void set(const std::string& name, const tensor& t) { tensors_.emplace_back(name, t); }
  tensor operator[](std::string_view name) const {
    for (const auto& [key, value] : tensors_) {
      if (key == name) return value;
    }
    return {};
  }

 private:
  std::vector<std::pair<std::string, tensor>> tensors_;
};

using call = std::function<void(const kernel_table&, context*, const binding&)>;

struct trial {
  std::string detail;  // the shape and the options, for the message
  std::vector<operand> operands = {};
  call run = {};
  // Runs on the reference first and fills operands (statistics that a backward pass needs).
  call prepare = {};
  // Outputs that may be the same memory as an input.
  std::vector<std::pair<std::string, std::string>> aliases = {};
  // |got - want| <= tolerance * (|want| + root mean square of want + terms), where `terms` is the
  // size of what is added up when the sum may be nothing. Outputs in bf16 are allowed 2^-8, twice
  // what rounding does. A tolerance of 0 asks for the rounded value of the reference exactly.
  double tolerance = 2e-6, terms = 0.0;
  bool plant_nan = false;  // repeat with a NaN in each input in turn
  bool planted = false;    // this is such a repetition
  bool loose_nan = false;  // a NaN may spread further than in the reference, never less far
};

// Sizes that meet every edge of a vector or tile: one, odd, one past a power of two.
class generator {
 public:
  explicit generator(std::uint64_t seed) : random_(seed) {}

  isize one_of(const std::vector<isize>& choices) {
    return choices[static_cast<std::size_t>(random_.below(choices.size()))];
  }
  isize size() { return one_of({1, 3, 16, 17, 33, 65, 130}); }
  isize below(isize bound) {
    return static_cast<isize>(random_.below(static_cast<std::uint64_t>(bound)));
  }
  bool coin() { return random_.below(2) == 1; }
  double normal() { return random_.normal(); }

  std::vector<double> normals(isize count, double scale = 1.0) {
    return fill(count, [&] { return random_.normal() * scale; });
  }
  std::vector<double> integers(isize count, isize first, isize last) {  // [first, last)
    return fill(count, [&] { return static_cast<double>(first + below(last - first)); });
  }

  operand input(std::string name, element type, isize rows, isize cols, double scale = 1.0) {
    return {std::move(name), role::in, type, rows, cols, normals(rows * cols, scale)};
  }
  operand changed(std::string name, element type, isize rows, isize cols, double scale = 1.0) {
    return {std::move(name), role::in_out, type, rows, cols, normals(rows * cols, scale)};
  }
  static operand output(std::string name, element type, isize rows, isize cols) {
    return {std::move(name), role::out, type, rows, cols};
  }
  operand tokens(std::string name, isize count, isize first, isize last) {
    return {std::move(name), role::in, element::i32, 1, count, integers(count, first, last)};
  }
  operand random_state() {
    return {"random",
            role::in,
            element::u32,
            1,
            4,
            {static_cast<double>(random_.next()), static_cast<double>(random_.next()),
             static_cast<double>(random_.next()), 0.0}};
  }

 private:
  template <class F>
  static std::vector<double> fill(isize count, const F& value) {
    std::vector<double> values(static_cast<std::size_t>(count));
    for (double& v : values) v = value();
    return values;
  }

  random_stream random_;
};

inline bool is_real(element type) {
  return type == element::f32 || type == element::bf16 || type == element::f64;
}
inline bool is_block(element type) { return type == element::q8_0 || type == element::q4_0; }
inline isize round_up(isize count, isize to) { return (count + to - 1) / to * to; }

// values -> elements of `type` at `to` (a whole row for block formats), and back.
inline void encode(element type, const double* values, isize count, void* to) {
  const auto each = [&](auto* elements, const auto& convert) {
    for (isize i = 0; i < count; ++i) elements[i] = convert(values[i]);
  };
  switch (type) {
    case element::f32:
      return each(static_cast<float*>(to), [](double v) { return static_cast<float>(v); });
    case element::bf16:
      return each(static_cast<bf16*>(to), [](double v) { return to_bf16(static_cast<float>(v)); });
    case element::f64:
      return each(static_cast<double*>(to), [](double v) { return v; });
    case element::i32:
      return each(static_cast<std::int32_t*>(to),
                  [](double v) { return static_cast<std::int32_t>(v); });
    case element::u32:
      return each(static_cast<std::uint32_t*>(to),
                  [](double v) { return static_cast<std::uint32_t>(v); });
    case element::u8:
      return each(static_cast<std::uint8_t*>(to),
                  [](double v) { return static_cast<std::uint8_t>(v); });
    case element::q8_0:
    case element::q4_0:
      for (isize i = 0; i < count; i += block_length) {
        float part[block_length];
        for (isize j = 0; j < block_length; ++j) part[j] = static_cast<float>(values[i + j]);
        if (type == element::q8_0) {
          quantize(part, static_cast<block_q8_0*>(to)[i / block_length]);
        } else {
          quantize(part, static_cast<block_q4_0*>(to)[i / block_length]);
        }
      }
      return;
    default:
      fail("the conformance test does not know this element type");
  }
}

inline double decode(element type, const void* from, isize at) {
  switch (type) {
    case element::f32:
      return static_cast<double>(static_cast<const float*>(from)[at]);
    case element::bf16:
      return static_cast<double>(to_float(static_cast<const bf16*>(from)[at]));
    case element::f64:
      return static_cast<const double*>(from)[at];
    case element::i32:
      return static_cast<const std::int32_t*>(from)[at];
    case element::u32:
      return static_cast<const std::uint32_t*>(from)[at];
    case element::u8:
      return static_cast<const std::uint8_t*>(from)[at];
    case element::q8_0:
    case element::q4_0: {
      float part[block_length];
      if (type == element::q8_0) {
        dequantize(static_cast<const block_q8_0*>(from)[at / block_length], part);
      } else {
        dequantize(static_cast<const block_q4_0*>(from)[at / block_length], part);
      }
      return static_cast<double>(part[at % block_length]);
    }
    default:
      fail("the conformance test does not know this element type");
  }
}

}  // namespace conformance
