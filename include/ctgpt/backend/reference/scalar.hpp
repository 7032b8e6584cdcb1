// What the reference kernels need of a scalar S: how to load and store it in any element type,
// and the few functions that are not the standard library's for every S.
//
// reads<S>(t)(r, c): element (r, c) of a tensor as S. writes<S>(t).set(r, c, value): stores it.
// Complex scalars: comparisons go by the real part, and no function takes an absolute value or a
// conjugate, so that every kernel is complex-analytic and imag f(x + i h) / h is a gradient. erf
// is exact to first order in the imaginary part, which is all that a complex step of 1e-20 sees.
// Shapes: a tensor in panels is read as rows of stride cols, which is what the reference pack()
// writes.
// Errors: storing a complex value in a real element type throws ctgpt::error, as does an element
// type that cannot be stored one by one (q8_0, q4_0).
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ctgpt/backend/kernel_table.hpp"
#include "ctgpt/base/blocks.hpp"
#include "ctgpt/base/complex.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/base/random.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <class S>
inline constexpr bool is_complex = false;
template <class T>
inline constexpr bool is_complex<std::complex<T>> = true;

template <class S>
double real_part(const S& x) {
  if constexpr (is_complex<S>) {
    return x.real();
  } else {
    return static_cast<double>(x);
  }
}

// S from any real or complex number.
template <class S, class T>
S scalar(const T& x) {
  if constexpr (std::is_same_v<S, T>) {
    return x;
  } else if constexpr (is_complex<T>) {
    fail("the reference backend was given a complex tensor in a table of real scalars");
  } else if constexpr (is_complex<S>) {
    return S(static_cast<typename S::value_type>(x));
  } else {
    return static_cast<S>(x);
  }
}

template <class S>
S erf_of(const S& x) {
  if constexpr (is_complex<S>) {
    const double slope = 1.1283791670955125739 * std::exp(-x.real() * x.real());  // 2 / sqrt(pi)
    return S(std::erf(x.real()), slope * x.imag());
  } else {
    return std::erf(x);
  }
}

template <class S>
S not_a_number() {
  return scalar<S>(std::numeric_limits<double>::quiet_NaN());
}

// Sums of a whole tensor are kept in double at least.
template <class S>
using wide = std::conditional_t<is_complex<S>, S, double>;

template <class S>
class reads {
 public:
  explicit reads(const tensor& t)
      : data_(t.data), stride_(t.packing == layout::panels ? t.cols : t.stride), type_(t.type) {}

  explicit operator bool() const { return data_ != nullptr; }

  S operator()(isize row, isize col) const {
    const isize at = row * stride_ + col;
    if (type_ == element_of<S>) return static_cast<const S*>(data_)[at];
    switch (type_) {
      case element::f32:
        return scalar<S>(static_cast<const float*>(data_)[at]);
      case element::bf16:
        return scalar<S>(to_float(static_cast<const bf16*>(data_)[at]));
      case element::f64:
        return scalar<S>(static_cast<const double*>(data_)[at]);
      case element::complex128:
        return scalar<S>(static_cast<const std::complex<double>*>(data_)[at]);
      case element::i32:
        return scalar<S>(static_cast<const std::int32_t*>(data_)[at]);
      case element::u32:
        return scalar<S>(static_cast<const std::uint32_t*>(data_)[at]);
      case element::u8:
        return scalar<S>(static_cast<const std::uint8_t*>(data_)[at]);
      case element::q8_0:
        return from_block(static_cast<const block_q8_0*>(data_)[at / block_length], at);
      case element::q4_0:
        return from_block(static_cast<const block_q4_0*>(data_)[at / block_length], at);
      case element::none:
        break;
    }
    fail("the reference backend was given a tensor without an element type");
  }

 private:
  template <class Block>
  static S from_block(const Block& block, isize at) {
    float weights[block_length];
    dequantize(block, weights);
    return scalar<S>(weights[at % block_length]);
  }

  const void* data_;
  isize stride_;
  element type_;
};

template <class S>
class writes : public reads<S> {
 public:
  explicit writes(const tensor& t)
      : reads<S>(t),
        data_(t.data),
        stride_(t.packing == layout::panels ? t.cols : t.stride),
        type_(t.type) {}

  void set(isize row, isize col, const S& value) const {
    const isize at = row * stride_ + col;
    if (type_ == element_of<S>) {
      static_cast<S*>(data_)[at] = value;
      return;
    }
    if (type_ == element::complex128) {
      static_cast<std::complex<double>*>(data_)[at] = scalar<std::complex<double>>(value);
      return;
    }
    if constexpr (is_complex<S>) {
      fail("the reference backend cannot store a complex value in ", element_name(type_));
    } else {
      set_real(at, value);
    }
  }
  void add(isize row, isize col, const S& value) const { set(row, col, (*this)(row, col) + value); }

 private:
  void set_real(isize at, S value) const {
    switch (type_) {
      case element::f32:
        static_cast<float*>(data_)[at] = static_cast<float>(value);
        return;
      case element::bf16:
        static_cast<bf16*>(data_)[at] = to_bf16(static_cast<float>(value));
        return;
      case element::f64:
        static_cast<double*>(data_)[at] = static_cast<double>(value);
        return;
      case element::i32:
        static_cast<std::int32_t*>(data_)[at] = static_cast<std::int32_t>(value);
        return;
      case element::u32:
        static_cast<std::uint32_t*>(data_)[at] = static_cast<std::uint32_t>(value);
        return;
      case element::u8:
        static_cast<std::uint8_t*>(data_)[at] = static_cast<std::uint8_t>(value);
        return;
      default:
        fail("the reference backend cannot store single elements of ", element_name(type_));
    }
  }

  void* data_;
  isize stride_;
  element type_;
};

// Element `at` of a (1,N) tensor of i32 (tokens, targets, positions, sequences, pages).
inline isize integer_at(const tensor& t, isize at) {
  return static_cast<const std::int32_t*>(t.data)[at];
}

inline isize position_of(const tensor& positions, isize row, isize time) {
  return positions.data != nullptr ? integer_at(positions, row) : row % time;
}

// The multiplier of element e at a dropout site: 0, or 1 / (1 - rate).
template <class S>
class dropout_mask {
 public:
  dropout_mask(const tensor& random, std::uint32_t site, float rate)
      : state_(static_cast<const std::uint32_t*>(random.data)),
        site_(site),
        threshold_(static_cast<double>(rate) * 0x1p32),
        keep_(scalar<S>(1.0 / (1.0 - static_cast<double>(rate)))) {}

  S operator()(isize e) const {
    if (threshold_ <= 0.0 || state_ == nullptr) return scalar<S>(1.0);
    const auto block = static_cast<std::uint64_t>(e) / 4;
    const philox::words words =
        philox::generate({static_cast<std::uint32_t>(block),
                          static_cast<std::uint32_t>(block >> 32), site_, state_[2]},
                         {state_[0], state_[1]});
    const std::uint32_t word = words[static_cast<std::size_t>(e % 4)];
    return static_cast<double>(word) >= threshold_ ? keep_ : scalar<S>(0.0);
  }

 private:
  const std::uint32_t* state_;
  std::uint32_t site_;
  double threshold_;
  S keep_;
};

inline constexpr isize round_up_16(isize count) { return (count + 15) / 16 * 16; }

}  // namespace ctgpt::inline CTGPT_ABI
