// Elementary functions on machine vectors of f32, the same bits on every target with fused
// multiply-add (AVX2, AVX-512, NEON): polynomials of our own, exact division, no estimates.
//
// exp(x)      = 2^n (1 + r + r^2 P(r)), n = round(x / ln 2), r = x - n ln 2; 0 below -87.3365, where
//               the result would be subnormal, and infinity above 88.7228.
// tanh, erf   = x P(x^2) / Q(x^2), and +-1 from where f32 cannot tell the difference.
// log(x)      = k ln 2 + f - f^2/2 + f^3 P(f), x = 2^k (1 + f); subnormals count as 0.
// sigmoid(x)  = 1 / (1 + exp(-x));  silu(x) = x sigmoid(x)
// gelu(x)     = x/2 (1 + erf(x / sqrt 2));  gelu_tanh(x) = x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3))
// *_slope     = the derivative.
// Accuracy (tests/backend/math.cpp): exp and log within 2 ulp; tanh, erf, sigmoid within 2e-7; gelu,
// silu within 2e-7 |x|. NaN gives NaN; gelu and silu of -infinity are NaN (infinity times 0), as
// PyTorch's are. Coefficients: minimax fits (iteratively reweighted least squares in double).
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
  const auto k = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));  // mantissa from sqrt 1/2
  const V mantissa = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(k)));
  const V f = hn::Sub(mantissa, hn::Set(d, 1.0f));
  const V n = hn::ConvertTo(d, k);
  const V p = polynomial(d, f, -0.5f, 0.33333331709f, -0.25000821046f, 0.20001226762f,
                         -0.16623356871f, 0.14201760438f, -0.13160189315f, 0.12761562478f,
                         -0.07634460136f);
  V y = hn::MulAdd(hn::Mul(f, f), p, hn::Mul(n, hn::Set(d, -2.12194440e-4f)));
  y = hn::MulAdd(n, hn::Set(d, 0.693359375f), hn::Add(f, y));
  const V infinity = hn::Set(d, __builtin_huge_valf());
  y = hn::IfThenElse(hn::Lt(x, infinity), y, x);  // infinity and NaN
  y = hn::IfThenElse(hn::Lt(x, hn::Set(d, 1.17549435e-38f)), hn::Neg(infinity), y);
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, __builtin_nanf("")), y);
}

template <class D, class V>
HWY_INLINE V tanh(D d, V x) {
  const V s = hn::Mul(x, x);
  const V p = polynomial(d, s, 1.0f, 0.13382685073f, 3.4974550982e-3f, 2.0635781296e-5f,
                         1.3384236877e-8f);
  const V q = polynomial(d, s, 1.0f, 0.46716006319f, 2.5884351052e-2f, 3.2885131849e-4f,
                         7.7902264098e-7f);
  const V y = hn::Div(hn::Mul(x, p), q);
  const auto saturated = hn::Gt(hn::Abs(x), hn::Set(d, 9.01f));
  return hn::IfThenElse(saturated, hn::CopySign(hn::Set(d, 1.0f), x), y);
}

template <class D, class V>
HWY_INLINE V erf(D d, V x) {
  const V s = hn::Mul(x, x);
  const V p = polynomial(d, s, 1.1283791454f, 0.19078365494f, 5.2790263641e-2f, 3.7796021369e-3f,
                         2.8480852359e-4f, 2.0419730617e-6f);
  const V q = polynomial(d, s, 1.0f, 0.50241033149f, 0.11425745054f, 1.4997422819e-2f,
                         1.1652111627e-3f, 3.8004094640e-5f);
  const V y = hn::Div(hn::Mul(x, p), q);
  const auto saturated = hn::Gt(hn::Abs(x), hn::Set(d, 3.92f));
  return hn::IfThenElse(saturated, hn::CopySign(hn::Set(d, 1.0f), x), y);
}

template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, exp(d, hn::Neg(x))));
}

template <class D, class V>
HWY_INLINE V silu(D d, V x) {
  return hn::Mul(x, sigmoid(d, x));
}
template <class D, class V>
HWY_INLINE V silu_slope(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V s = sigmoid(d, x);
  return hn::Mul(s, hn::MulAdd(x, hn::Sub(one, s), one));
}

template <class D, class V>
HWY_INLINE V gelu(D d, V x) {
  const V half = hn::Mul(hn::Set(d, 0.5f), x);
  return hn::MulAdd(half, erf(d, hn::Mul(x, hn::Set(d, 0.707106781f))), half);
}
template <class D, class V>
HWY_INLINE V gelu_slope(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  const V below = hn::MulAdd(half, erf(d, hn::Mul(x, hn::Set(d, 0.707106781f))), half);
  const V density = exp(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f)));
  return hn::MulAdd(hn::Mul(x, hn::Set(d, 0.398942280f)), density, below);
}

template <class D, class V>
HWY_INLINE V gelu_tanh(D d, V x) {
  const V s = hn::Mul(x, x);  // 2 sqrt(2/pi) and 2 sqrt(2/pi) * 0.044715
  const V u = hn::Mul(x, polynomial(d, s, 1.595769122f, 0.0713548163f));
  return hn::Mul(x, sigmoid(d, u));
}
template <class D, class V>
HWY_INLINE V gelu_tanh_slope(D d, V x) {
  const V s = hn::Mul(x, x);
  const V u = hn::Mul(x, polynomial(d, s, 1.595769122f, 0.0713548163f));
  const V du = hn::Mul(x, polynomial(d, s, 1.595769122f, 3.0f * 0.0713548163f));
  const V y = sigmoid(d, u);
  // Past 10 the second term is far below rounding, and x^3 could overflow to infinity times 0.
  const V bend = hn::IfThenElseZero(hn::Le(hn::Abs(x), hn::Set(d, 10.0f)), du);
  return hn::MulAdd(hn::Mul(y, hn::Sub(hn::Set(d, 1.0f), y)), bend, y);
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
