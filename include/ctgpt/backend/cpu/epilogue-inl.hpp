// What happens to a finished tile of a product: bias, the copy before the activation, the
// activation, and the one rounding to the type of C.
//
// c = act(x + bias), before = x + bias, where x is the f32 chain of the product.
// Shapes: a tile of (rows, cols) whose first element is (row, col) of C.
// Ensures: nothing outside the tile is written.
// Errors: none.
#if defined(CTGPT_BACKEND_CPU_EPILOGUE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_EPILOGUE_INL
#undef CTGPT_BACKEND_CPU_EPILOGUE_INL
#else
#define CTGPT_BACKEND_CPU_EPILOGUE_INL
#endif

#include "ctgpt/backend/cpu/math-inl.hpp"
#include "ctgpt/backend/cpu/tile-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace products {

struct region {
  isize row, col, rows, cols;
};

template <class T>
HWY_INLINE f32_vector load_up_to(const T* from, isize count) {
  return HWY_LIKELY(count >= native) ? load(from) : load_first(from, static_cast<int>(count));
}
template <class T>
HWY_INLINE void store_up_to(f32_vector value, T* to, isize count) {
  if (HWY_LIKELY(count >= native)) {
    store(value, to);
  } else {
    store_first(value, to, static_cast<int>(count));
  }
}
HWY_INLINE f32_vector load_up_to(const tensor& from, isize row, isize col, isize count) {
  return from.type == element::bf16 ? load_up_to(at<const bf16>(from, row, col), count)
                                    : load_up_to(at<const float>(from, row, col), count);
}
HWY_INLINE void store_up_to(f32_vector value, const tensor& to, isize row, isize col, isize count) {
  if (to.type == element::bf16) {
    store_up_to(value, at<bf16>(to, row, col), count);
  } else {
    store_up_to(value, at<float>(to, row, col), count);
  }
}

// C of the region to f32 rows of whole vectors.
inline HWY_NOINLINE void load_region(const tensor& c, const region& part, float* to, isize step) {
  for (isize r = 0; r < part.rows; ++r) {
    for (isize n = 0; n < part.cols; n += native) {
      store(load_up_to(c, part.row + r, part.col + n, part.cols - n), to + r * step + n);
    }
  }
}

// And back, to be continued: c is f32, so nothing is rounded.
inline HWY_NOINLINE void store_region(const float* from, isize step, const tensor& c,
                                      const region& part) {
  for (isize r = 0; r < part.rows; ++r) {
    for (isize n = 0; n < part.cols; n += native) {
      store_up_to(load(from + r * step + n), at<float>(c, part.row + r, part.col + n),
                  part.cols - n);
    }
  }
}

HWY_INLINE f32_vector activate(activation act, f32_vector x) {
  switch (act) {
    case activation::gelu:
      return gelu(f32_tag(), x);
    case activation::gelu_tanh:
      return gelu_tanh(f32_tag(), x);
    case activation::relu_squared:
      return relu_squared(f32_tag(), x);
    default:
      return x;
  }
}

// x: the chains, in f32 rows of whole vectors; may be C itself.
inline HWY_NOINLINE void finish_region(const matmul_args& args, const region& part, const float* x,
                                       isize step) {
  for (isize n = 0; n < part.cols; n += native) {
    const isize col = part.col + n, count = part.cols - n;
    const bool biased = args.bias.data != nullptr;
    const f32_vector bias = biased ? load_up_to(args.bias, 0, col, count) : constant(0.0f);
    for (isize r = 0; r < part.rows; ++r) {
      f32_vector value = load(x + r * step + n);
      if (biased) value = hn::Add(value, bias);  // without a bias -0 stays -0
      if (args.before.data != nullptr) {
        store_up_to(value, args.before, part.row + r, col, count);
      }
      store_up_to(activate(args.act, value), args.c, part.row + r, col, count);
    }
  }
}

HWY_INLINE bool has_epilogue(const matmul_args& args) {
  return args.bias.data != nullptr || args.before.data != nullptr || args.act != activation::none;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace products
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
