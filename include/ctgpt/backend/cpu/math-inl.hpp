// Elementary functions on machine vectors of f32, the same bits on every target with fused
// multiply-add (AVX2, AVX-512, NEON): polynomials of our own, exact division, no estimates.
//
// exp(x)      = 2^n (1 + r + r^2 P(r)), n = round(x / ln 2), r = x - n ln 2; 0 below -87.3365,
//               where the result would be subnormal, and infinity above 88.7228.
// tanh(x)     = x + x^3 P(x^2) below 0.6, 1 - 2 / (exp(2x) + 1) above.
// log(x)      = k ln 2 + f - f^2/2 + f^3 P(f), x = 2^k (1 + f); subnormals count as 0.
// sigmoid(x)  = 1 / (1 + exp(-x));  silu(x) = x sigmoid(x)
// gelu(x)     = x Phi(x) = x/2 (1 + erf(x / sqrt 2)), with Phi(-a) = exp(-a P(a)) / 2
// gelu_tanh(x) = x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3))
// Backward: *_slope, the derivative of each.
// Accuracy (tests/backend/math.cpp): exp and log within 2 ulp; tanh and sigmoid within 2e-7; gelu,
// silu and gelu_tanh within 2e-7 |x|. Coefficients: minimax fits (iteratively reweighted least
// squares in double).
// Errors: none; NaN gives NaN; silu and gelu_tanh of -infinity are NaN, as PyTorch's.
// Reference: Muller, "Elementary Functions", 2016; Hendrycks, Gimpel, "GELUs", 2016.
#if defined(CTGPT_BACKEND_CPU_MATH_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_MATH_INL
#undef CTGPT_BACKEND_CPU_MATH_INL
#else
#define CTGPT_BACKEND_CPU_MATH_INL
#endif

#include "ctgpt/base/element.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// c0 + c1 x + c2 x^2 + ... by Horner's rule.
template <class D, class V>
HWY_INLINE V polynomial(D d, V, float c0) {
  return hn::Set(d, c0);
}
template <class D, class V, class... Rest>
HWY_INLINE V polynomial(D d, V x, float c0, Rest... rest) {
  return hn::MulAdd(polynomial(d, x, rest...), x, hn::Set(d, c0));
}

template <class D, class V>
HWY_INLINE V exp(D d, V x) {
  const hn::RebindToUnsigned<D> du;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum.
  const V magic = hn::Set(d, 12582912.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), magic);
  const V n = hn::Sub(shifted, magic);
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  const V p = polynomial(d, r, 1.0f, 1.0f, 0.49999993412f, 0.16666520107f, 0.041668394239f,
                         0.0083687805298f, 0.0013814465707f);
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(du, shifted));
  V y = hn::BitCast(d, hn::Add(hn::BitCast(du, p), exponent));
  y = hn::IfThenElseZero(hn::Ge(x, hn::Set(d, -87.3365f)), y);
  // x + infinity is infinity where x is large and NaN where x is NaN.
  const V beyond = hn::Add(x, hn::Set(d, __builtin_huge_valf()));
  return hn::IfThenElse(hn::Le(x, hn::Set(d, 88.722831f)), y, beyond);
}

template <class D, class V>
HWY_INLINE V log(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, x);
  const auto k =
      hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));  // mantissa from sqrt 1/2
  const V mantissa = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(k)));
  const V f = hn::Sub(mantissa, hn::Set(d, 1.0f));
  const V n = hn::ConvertTo(d, k);
  const V p =
      polynomial(d, f, -0.5f, 0.33333331709f, -0.25000821046f, 0.20001226762f, -0.16623356871f,
                 0.14201760438f, -0.13160189315f, 0.12761562478f, -0.07634460136f);
  V y = hn::MulAdd(hn::Mul(f, f), p, hn::Mul(n, hn::Set(d, -2.12194440e-4f)));
  y = hn::MulAdd(n, hn::Set(d, 0.693359375f), hn::Add(f, y));
  const V infinity = hn::Set(d, __builtin_huge_valf());
  y = hn::IfThenElse(hn::Lt(x, infinity), y, x);  // infinity and NaN
  y = hn::IfThenElse(hn::Lt(x, hn::Set(d, 1.17549435e-38f)), hn::Neg(infinity), y);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, __builtin_nanf("")), y);
}

template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V a = hn::Abs(x);
  const V s = hn::Mul(a, a);
  const V p = polynomial(d, s, -0.33333299271f, 0.13331958227f, -0.053786682357f, 0.020805380719f,
                         -0.0059058641159f);
  const V small = hn::MulAdd(hn::Mul(a, s), p, a);
  const V large = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(exp(d, hn::Add(a, a)), one)));
  return hn::CopySign(hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.6f)), small, large), x);
}

template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp(d, hn::Neg(x))));
}
// Returns sigmoid(x) and writes 1 - sigmoid(x) without cancellation.
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x, V& complement) {
  const V one = hn::Set(d, 1.0f);
  const V e = exp(d, hn::Neg(hn::Abs(x)));
  const V large = hn::Div(one, hn::Add(one, e));
  const V small = hn::Mul(e, large);
  const auto negative = hn::Lt(x, hn::Zero(d));
  complement = hn::IfThenElse(negative, large, small);
  return hn::IfThenElse(negative, small, large);
}
// x where |x| <= bound, else 0: keeps infinity from meeting 0 in a product. NaN becomes 0, too.
template <class D, class V>
HWY_INLINE V zero_beyond(D d, V x, float bound) {
  return hn::IfThenElseZero(hn::Le(hn::Abs(x), hn::Set(d, bound)), x);
}

template <class D, class V>
HWY_INLINE V silu(D d, V x) {
  return hn::Mul(x, sigmoid(d, x));
}
template <class D, class V>
HWY_INLINE V silu_slope(D d, V x) {
  V rest;
  const V s = sigmoid(d, x, rest);
  return hn::MulAdd(hn::Mul(s, rest), zero_beyond(d, x, 100.0f), s);
}

// exp(-a P(a)) = erfc(a / sqrt 2) = 2 Phi(-a) for a = min(|x|, 14), where it has vanished.
template <class D, class V>
HWY_INLINE V twice_normal_tail(D d, V a) {
  const V p = polynomial(d, a, -0.79788532758f, -0.31829886679f, -0.036387578045f, 0.0048959897901f,
                         -9.4917086137e-5f, -1.2905030129e-4f, 2.7294534974e-5f, -1.9650118650e-6f);
  return exp(d, hn::Mul(a, p));
}
template <class D, class V>
HWY_INLINE V gelu(D d, V x) {
  const V a = hn::Min(hn::Set(d, 14.0f), hn::Abs(x));
  const V kept = hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);  // NaN stays
  return hn::NegMulAdd(hn::Mul(hn::Set(d, 0.5f), a), twice_normal_tail(d, a), kept);
}
template <class D, class V>
HWY_INLINE V gelu_slope(D d, V x) {
  const V limit = hn::Set(d, 14.0f);
  const V magnitude = hn::Abs(x);
  const V a = hn::IfThenElse(hn::Gt(magnitude, limit), limit, magnitude);  // NaN stays
  const V tail = hn::Mul(hn::Set(d, 0.5f), twice_normal_tail(d, a));
  const V below = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 1.0f), tail));
  const V density = exp(d, hn::Mul(hn::Mul(a, a), hn::Set(d, -0.5f)));
  const V weight = hn::Mul(hn::CopySign(a, x), hn::Set(d, 0.398942280f));
  return hn::MulAdd(weight, density, below);
}

// u = 2 sqrt(2/pi) (x + 0.044715 x^3)
template <class D, class V>
HWY_INLINE V gelu_tanh(D d, V x) {
  const V u = hn::Mul(x, polynomial(d, hn::Mul(x, x), 1.595769122f, 0.0713548163f));
  return hn::Mul(x, sigmoid(d, u));
}
template <class D, class V>
HWY_INLINE V gelu_tanh_slope(D d, V x) {
  const V u = hn::Mul(x, polynomial(d, hn::Mul(x, x), 1.595769122f, 0.0713548163f));
  const V near = zero_beyond(d, x, 100.0f);
  const V du = polynomial(d, hn::Mul(near, near), 1.595769122f, 3.0f * 0.0713548163f);
  V rest;
  const V s = sigmoid(d, u, rest);
  return hn::MulAdd(hn::Mul(near, hn::Mul(s, rest)), du, s);
}

template <class D, class V>
HWY_INLINE V relu_squared(D d, V x) {
  const V kept = hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);  // NaN stays
  return hn::Mul(kept, kept);
}
template <class D, class V>
HWY_INLINE V relu_squared_slope(D d, V x) {
  return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), hn::Add(x, x));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
