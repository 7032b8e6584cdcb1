// The kernels that treat every element alone: fill, convert, add, combine, dropout, activations;
// and the functions that fill their entries of a table.
//
// Shapes: as kernel_table.hpp says. Tensors without gaps between rows are walked as one row.
// Errors: an element type that a kernel does not know throws ctgpt::error.
#if defined(CTGPT_BACKEND_CPU_ELEMENTWISE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_ELEMENTWISE_INL
#undef CTGPT_BACKEND_CPU_ELEMENTWISE_INL
#else
#define CTGPT_BACKEND_CPU_ELEMENTWISE_INL
#endif

#include <cstring>

#include "ctgpt/backend/cpu/burn-inl.hpp"
#include "ctgpt/backend/cpu/chunks-inl.hpp"
#include "ctgpt/backend/cpu/math-inl.hpp"
#include "ctgpt/backend/cpu/optimizer-inl.hpp"
#include "ctgpt/backend/cpu/random-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace elementwise {

// ---- fill and convert -----------------------------------------------------------------------

template <class T>
HWY_INLINE void fill_row(void* row, isize count, T value) {
  for (isize i = 0; i < count; ++i) static_cast<T*>(row)[i] = value;
}

HWY_NOINLINE void fill(context* state, const fill_args& args) {
  const tensor& dst = args.dst;
  const bool zero = __builtin_bit_cast(std::uint64_t, args.value) == 0;
  // Bytes of a block format cannot be walked by elements; whole rows can.
  const bool blocks = dst.type == element::q8_0 || dst.type == element::q4_0;
  if (dst.type == element::none || (blocks && !zero)) reject_element("fill", dst.type);
  if (blocks) {
    for (isize r = 0; r < dst.rows; ++r) {
      std::memset(static_cast<char*>(dst.data) + element_bytes(dst.type, r * dst.stride), 0,
                  static_cast<std::size_t>(element_bytes(dst.type, dst.cols)));
    }
    return;
  }
  for_chunks(
      state, dst.rows, dst.cols, contiguous(dst), [&](isize row, isize col, isize count) HWY_ATTR {
        void* to = static_cast<char*>(dst.data) + element_bytes(dst.type, row * dst.stride + col);
        if (zero) {
          std::memset(to, 0, static_cast<std::size_t>(element_bytes(dst.type, count)));
          return;
        }
        switch (dst.type) {
          case element::f32:
            return fill_row(to, count, static_cast<float>(args.value));
          case element::bf16:
            return fill_row(to, count, to_bf16(static_cast<float>(args.value)));
          case element::f64:
            return fill_row(to, count, args.value);
          case element::complex128:
            for (isize i = 0; i < count; ++i) {
              static_cast<double*>(to)[2 * i] = args.value;
              static_cast<double*>(to)[2 * i + 1] = 0.0;
            }
            return;
          case element::i32:
            return fill_row(to, count, static_cast<std::int32_t>(args.value));
          case element::u32:
            return fill_row(to, count, static_cast<std::uint32_t>(args.value));
          case element::u8:
            return fill_row(to, count, static_cast<std::uint8_t>(args.value));
          default:
            return;
        }
      });
}

// Equal types are copied whatever they are; else f32, bf16 and f64 become each other.
HWY_NOINLINE void convert(context* state, const convert_args& args) {
  const tensor &dst = args.dst, &src = args.src;
  const bool flat = contiguous(dst) && contiguous(src);
  if (dst.type == src.type) {
    // A row may hold half blocks only at its end: copy it whole.
    const isize rows = flat ? 1 : dst.rows, cols = flat ? dst.rows * dst.cols : dst.cols;
    for (isize r = 0; r < rows; ++r) {
      std::memcpy(static_cast<char*>(dst.data) + element_bytes(dst.type, r * dst.stride),
                  static_cast<const char*>(src.data) + element_bytes(src.type, r * src.stride),
                  static_cast<std::size_t>(element_bytes(dst.type, cols)));
    }
    return;
  }
  if (dst.type != element::f64) require_float("convert", dst);
  if (src.type != element::f64) require_float("convert", src);
  for_chunks(state, dst.rows, dst.cols, flat, [&](isize row, isize col, isize count) HWY_ATTR {
    chunk_buffer in, out;
    const float* from = in.data;
    if (src.type == element::f64) {
      const double* wide = element_at<const double>(src, row, col);
      for (isize i = 0; i < count; ++i) in.data[i] = static_cast<float>(wide[i]);
    } else {
      from = read(src, row, col, count, in.data);
    }
    if (dst.type == element::f64) {
      double* wide = element_at<double>(dst, row, col);
      for (isize i = 0; i < count; ++i) wide[i] = static_cast<double>(from[i]);
    } else {
      float* to = target(dst, row, col, out.data);
      map(
          count, to, [](f32_vector x) HWY_ATTR { return x; }, from);
      commit(dst, row, col, count, to);
    }
  });
}

// ---- add and dropout ------------------------------------------------------------------------

HWY_NOINLINE void add(context* state, const add_args& args) {
  require_float("add", args.y, args.a, args.b);
  const bool flat = contiguous(args.y) && contiguous(args.a) && contiguous(args.b);
  for_chunks(state, args.y.rows, args.y.cols, flat,
             [&](isize row, isize col, isize count) HWY_ATTR {
               chunk_buffer a, b, y;
               float* to = target(args.y, row, col, y.data);
               map(
                   count, to, [](f32_vector u, f32_vector v) HWY_ATTR { return hn::Add(u, v); },
                   read(args.a, row, col, count, a.data), read(args.b, row, col, count, b.data));
               commit(args.y, row, col, count, to);
             });
}

HWY_NOINLINE void combine(context* state, const combine_args& args) {
  require_float("combine", args.y, args.a, args.b);
  require_f32("combine", args.factors);
  const auto* factors = static_cast<const float*>(args.factors.data);
  const bool flat = contiguous(args.y) && contiguous(args.a) && contiguous(args.b);
  for_chunks(
      state, args.y.rows, args.y.cols, flat, [&](isize row, isize col, isize count) HWY_ATTR {
        chunk_buffer a, b, y;
        const f32_vector p = constant(factors[0]);
        const float* from = read(args.a, row, col, count, a.data);
        float* to = target(args.y, row, col, y.data);
        if (args.b.data != nullptr) {
          const f32_vector q = constant(factors[1]);
          map(
              count, to,
              [&](f32_vector u, f32_vector v) HWY_ATTR { return hn::MulAdd(q, v, hn::Mul(p, u)); },
              from, read(args.b, row, col, count, b.data));
        } else {
          map(
              count, to, [&](f32_vector u) HWY_ATTR { return hn::Mul(p, u); }, from);
        }
        commit(args.y, row, col, count, to);
      });
}

HWY_NOINLINE void dropout(context* state, const dropout_args& args) {
  require_float("dropout", args.y, args.x, args.residual);
  const bool active = args.rate > 0.0f && args.random.data != nullptr;
  const dropout_rule rule =
      active ? make_dropout_rule(args.random.data, args.site, args.rate) : dropout_rule{};
  // Element numbers leave gaps after rows that are no multiple of 16.
  const bool flat = contiguous(args.y) && contiguous(args.x) && contiguous(args.residual) &&
                    args.y.cols % virtual_lanes == 0;
  const isize pitch = pieces_of(args.y.cols, virtual_lanes) * virtual_lanes;
  for_chunks(
      state, args.y.rows, args.y.cols, flat, [&](isize row, isize col, isize count) HWY_ATTR {
        chunk_buffer factors, x, residual, y;
        if (active) {
          dropout_factors(rule, static_cast<std::uint64_t>(row * pitch + col),
                          static_cast<int>(count), factors.data);
        } else {
          fill_row(factors.data, count, 1.0f);
        }
        const float* from = read(args.x, row, col, count, x.data);
        float* to = target(args.y, row, col, y.data);
        if (args.residual.data != nullptr) {
          map(
              count, to,
              [](f32_vector f, f32_vector u, f32_vector v) HWY_ATTR { return hn::MulAdd(u, f, v); },
              factors.data, from, read(args.residual, row, col, count, residual.data));
        } else {
          map(
              count, to, [](f32_vector f, f32_vector u) HWY_ATTR { return hn::Mul(u, f); },
              factors.data, from);
        }
        commit(args.y, row, col, count, to);
      });
}

// ---- activations ----------------------------------------------------------------------------

// act(x) and act'(x) dy of the activations that have one input.
template <activation Act>
struct value_of {
  HWY_INLINE f32_vector operator()(f32_vector x) const {
    const f32_tag d;
    if constexpr (Act == activation::gelu) return gelu(d, x);
    if constexpr (Act == activation::gelu_tanh) return gelu_tanh(d, x);
    if constexpr (Act == activation::relu_squared) return relu_squared(d, x);
    (void)d;
    return x;
  }
};
template <activation Act>
struct slope_times {
  HWY_INLINE f32_vector operator()(f32_vector x, f32_vector dy) const {
    const f32_tag d;
    if constexpr (Act == activation::gelu) return hn::Mul(gelu_slope(d, x), dy);
    if constexpr (Act == activation::gelu_tanh) return hn::Mul(gelu_tanh_slope(d, x), dy);
    if constexpr (Act == activation::relu_squared) return hn::Mul(relu_squared_slope(d, x), dy);
    (void)d;
    return dy;
  }
};
struct swiglu_value {
  HWY_INLINE f32_vector operator()(f32_vector a, f32_vector b) const {
    return hn::Mul(silu(f32_tag(), a), b);
  }
};
struct swiglu_slope {  // d/da silu(a) b dy
  HWY_INLINE f32_vector operator()(f32_vector a, f32_vector b, f32_vector dy) const {
    return hn::Mul(silu_slope(f32_tag(), a), hn::Mul(b, dy));
  }
};

// out = f(in...), chunk by chunk: what the chunk's columns mean is the caller's affair.
template <class F>
HWY_NOINLINE void activate_with(context* state, const activation_args& args, const F& f) {
  for_chunks(state, args.y.rows, args.y.cols, contiguous(args.y) && contiguous(args.x),
             [&](isize row, isize col, isize count) HWY_ATTR {
               chunk_buffer x, y;
               float* to = target(args.y, row, col, y.data);
               map(count, to, f, read(args.x, row, col, count, x.data));
               commit(args.y, row, col, count, to);
             });
}
HWY_NOINLINE void activate_swiglu(context* state, const activation_args& args) {
  const isize width = args.y.cols;
  for_chunks(state, args.y.rows, width, false, [&](isize row, isize col, isize count) HWY_ATTR {
    chunk_buffer a, b, y;
    float* to = target(args.y, row, col, y.data);
    map(count, to, swiglu_value(), read(args.x, row, col, count, a.data),
        read(args.x, row, col + width, count, b.data));
    commit(args.y, row, col, count, to);
  });
}

HWY_NOINLINE void activate(context* state, const activation_args& args) {
  require_float("activate", args.y, args.x);
  switch (args.act) {
    case activation::none:
      return activate_with(state, args, value_of<activation::none>());
    case activation::gelu:
      return activate_with(state, args, value_of<activation::gelu>());
    case activation::gelu_tanh:
      return activate_with(state, args, value_of<activation::gelu_tanh>());
    case activation::relu_squared:
      return activate_with(state, args, value_of<activation::relu_squared>());
    case activation::swiglu:
      return activate_swiglu(state, args);
  }
}

template <class F>
HWY_NOINLINE void differentiate_with(context* state, const activation_backward_args& args,
                                     const F& f) {
  const bool flat = contiguous(args.dx) && contiguous(args.dy) && contiguous(args.x);
  for_chunks(state, args.dx.rows, args.dx.cols, flat,
             [&](isize row, isize col, isize count) HWY_ATTR {
               chunk_buffer x, dy, dx;
               float* to = target(args.dx, row, col, dx.data);
               map(count, to, f, read(args.x, row, col, count, x.data),
                   read(args.dy, row, col, count, dy.data));
               commit(args.dx, row, col, count, to);
             });
}
HWY_NOINLINE void differentiate_swiglu(context* state, const activation_backward_args& args) {
  const isize width = args.dy.cols;
  for_chunks(state, args.dy.rows, width, false, [&](isize row, isize col, isize count) HWY_ATTR {
    chunk_buffer a, b, up, out;
    const float* from_a = read(args.x, row, col, count, a.data);
    const float* from_b = read(args.x, row, col + width, count, b.data);
    const float* dy = read(args.dy, row, col, count, up.data);
    float* to = target(args.dx, row, col, out.data);
    map(count, to, swiglu_slope(), from_a, from_b, dy);
    commit(args.dx, row, col, count, to);
    to = target(args.dx, row, col + width, out.data);
    map(count, to, swiglu_value(), from_a, dy);
    commit(args.dx, row, col + width, count, to);
  });
}

HWY_NOINLINE void activate_backward(context* state, const activation_backward_args& args) {
  require_float("activate_backward", args.dx, args.dy, args.x);
  switch (args.act) {
    case activation::none:
      return differentiate_with(state, args, slope_times<activation::none>());
    case activation::gelu:
      return differentiate_with(state, args, slope_times<activation::gelu>());
    case activation::gelu_tanh:
      return differentiate_with(state, args, slope_times<activation::gelu_tanh>());
    case activation::relu_squared:
      return differentiate_with(state, args, slope_times<activation::relu_squared>());
    case activation::swiglu:
      return differentiate_swiglu(state, args);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace elementwise

HWY_NOINLINE void fill_elementwise(kernel_table& table) {
  table.fill = elementwise::fill;
  table.convert = elementwise::convert;
  table.add = elementwise::add;
  table.combine = elementwise::combine;
  table.dropout = elementwise::dropout;
  table.activate = elementwise::activate;
  table.activate_backward = elementwise::activate_backward;
  table.clip = elementwise::clip;
  table.adamw = elementwise::adamw;
  table.burn = burning::burn;
}

}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
