// The optimiser's kernels: the clip factor, and AdamW in one pass over a flat range.
//
// g = clip_factor * gradient; m += (1 - beta1) (g - m); v += (1 - beta2) (g^2 - v);
// w -= lr * (m / correction1 / (sqrt(v) / sqrt(correction2) + epsilon) + decay * w).
// The weights are read from `master` when there is one, and written to both.
// Shapes: all tensors (1,N); N is cut at multiples of `block`, and those at the ends of segments.
// Errors: gradients, moments or master weights that are not f32 throw ctgpt::error.
// Reference: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
#if defined(CTGPT_BACKEND_CPU_OPTIMIZER_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_OPTIMIZER_INL
#undef CTGPT_BACKEND_CPU_OPTIMIZER_INL
#else
#define CTGPT_BACKEND_CPU_OPTIMIZER_INL
#endif

#include <cstdint>

#include "ctgpt/backend/cpu/chunks-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace elementwise {

HWY_NOINLINE void clip(context*, const clip_args& args) {
  require_f32("clip", args.numbers);
  float* numbers = static_cast<float*>(args.numbers.data);
  const double norm = __builtin_sqrt(*static_cast<const double*>(args.squares.data));
  const double maximum = static_cast<double>(numbers[maximum_norm]);
  if (args.normalize) {
    numbers[clip_factor] = static_cast<float>(maximum / (norm < 1e-7 ? 1e-7 : norm));
    return;
  }
  const double ratio = maximum / (norm + 1e-6);
  // A NaN fails both comparisons and stays, so that it is seen.
  numbers[clip_factor] = maximum <= 0.0 || ratio > 1.0 ? 1.0f : static_cast<float>(ratio);
}

// The numbers of a step as vectors.
struct step_numbers {
  HWY_INLINE step_numbers() {}  // as in lanes
  f32_vector clip, keep1, keep2, inverse1, root2, epsilon, rate, decay;
};

HWY_INLINE void adamw_vector(const step_numbers& n, f32_vector decay, f32_vector& w, f32_vector& m,
                             f32_vector& v, f32_vector gradient) {
  const f32_vector g = hn::Mul(n.clip, gradient);
  m = hn::MulAdd(n.keep1, hn::MulSub(n.clip, gradient, m), m);
  v = hn::MulAdd(n.keep2, hn::MulSub(g, g, v), v);
  const f32_vector spread = hn::MulAdd(hn::Sqrt(v), n.root2, n.epsilon);
  const f32_vector step = hn::Div(hn::Mul(m, n.inverse1), spread);
  w = hn::NegMulAdd(n.rate, hn::MulAdd(decay, w, step), w);
}

// Elements [first, first + count) of one segment; `out` receives the weights as f32.
HWY_INLINE void adamw_run(const step_numbers& n, f32_vector decay, isize count, const float* w_in,
                          float* w_out, float* gradient, float* moment1, float* moment2) {
  const f32_vector zero = hn::Zero(f32_tag());
  isize i = 0;
  for (; i + native <= count; i += native) {
    f32_vector w = load(w_in + i), m = load(moment1 + i), v = load(moment2 + i);
    adamw_vector(n, decay, w, m, v, load(gradient + i));
    store(w, w_out + i);
    store(m, moment1 + i);
    store(v, moment2 + i);
    store(zero, gradient + i);
  }
  if (i < count) {
    const int rest = static_cast<int>(count - i);
    f32_vector w = load_first(w_in + i, rest), m = load_first(moment1 + i, rest),
               v = load_first(moment2 + i, rest);
    adamw_vector(n, decay, w, m, v, load_first(gradient + i, rest));
    store_first(w, w_out + i, rest);
    store_first(m, moment1 + i, rest);
    store_first(v, moment2 + i, rest);
    store_first(zero, gradient + i, rest);
  }
}

// Segments in ascending order; `end` is where the next begins.
struct segment_walk {
  const tensor& table;
  isize index = 0;

  HWY_INLINE const std::uint32_t* row(isize i) const {
    return element_at<const std::uint32_t>(table, i, 0);
  }
  HWY_INLINE isize begin(isize i) const {
    return static_cast<isize>(row(i)[0]) | static_cast<isize>(row(i)[1]) << 32;
  }
  HWY_INLINE void seek(isize element) {
    while (index + 1 < table.rows && begin(index + 1) <= element) ++index;
  }
  HWY_INLINE isize end(isize limit) const {
    return index + 1 < table.rows ? smaller_of(begin(index + 1), limit) : limit;
  }
  HWY_INLINE bool decays() const { return table.rows > 0 && row(index)[2] != 0; }
};

HWY_NOINLINE void adamw(context* state, const adamw_args& args) {
  require_float("adamw", args.weights);
  require_f32("adamw", args.master, args.gradient, args.moment1, args.moment2, args.numbers);
  const auto* number = static_cast<const float*>(args.numbers.data);
  const f32_tag d;
  const f32_vector one = constant(1.0f);
  step_numbers n;
  n.clip = constant(number[clip_factor]);
  n.keep1 = hn::Sub(one, constant(number[beta1]));
  n.keep2 = hn::Sub(one, constant(number[beta2]));
  n.inverse1 = hn::Div(one, constant(number[correction1]));
  n.root2 = hn::Div(one, hn::Sqrt(constant(number[correction2])));
  n.epsilon = constant(number[epsilon]);
  n.rate = constant(number[learning_rate]);
  n.decay = constant(number[weight_decay]);

  constexpr isize block = chunk;
  const isize count = args.weights.rows * args.weights.cols;
  if (count <= 0) return;
  const workers& crew = workers_of(state);
  const int tasks = tasks_for(crew, pieces_of(count, block), count);
  const tensor& source = args.master.data != nullptr ? args.master : args.weights;
  in_parallel(crew, tasks, count, block, [&](span mine, int) HWY_ATTR {
    segment_walk segment{args.segments};
    chunk_buffer in, out;
    for (isize first = mine.begin; first < mine.end;) {
      segment.seek(first);
      const isize next = (first / block + 1) * block;
      const isize end = segment.end(smaller_of(next, mine.end));
      const isize length = end - first;
      const float* from = read(source, 0, first, length, in.data);
      float* to = args.master.data != nullptr ? element_at<float>(args.master, 0, first)
                                              : target(args.weights, 0, first, out.data);
      adamw_run(n, segment.decays() ? n.decay : hn::Zero(d), length, from, to,
                element_at<float>(args.gradient, 0, first),
                element_at<float>(args.moment1, 0, first),
                element_at<float>(args.moment2, 0, first));
      if (args.master.data == nullptr || args.weights.type == element::bf16) {
        commit(args.weights, 0, first, length, to);
      } else {
        map(
            length, element_at<float>(args.weights, 0, first),
            [](f32_vector w) HWY_ATTR { return w; }, static_cast<const float*>(to));
      }
      first = end;
    }
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace elementwise
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
