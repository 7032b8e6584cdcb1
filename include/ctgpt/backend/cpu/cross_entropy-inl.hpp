// The loss of a row of logits, fused with its gradient; and the soft cap.
//
// z = cap tanh(x / cap), or x without a cap;  m = max z;  s = sum exp(z - m);
// loss = log s + (m - z[target]).
// Backward: dx = scale (exp(z - m) / s - onehot(target)) (1 - (z / cap)^2), written over the logits
// in one further pass. Without `gradient` the logits are left alone.
// Shapes: logits (M,V) f32 or bf16, targets (1,M) i32, losses (1,M) f32.
// Errors: a target past the last column gives NaN (loss and gradient); a negative one gives 0.
// Other element types throw ctgpt::error.
// Reference: as layer/head.hpp.
#if defined(CTGPT_BACKEND_CPU_CROSS_ENTROPY_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_CROSS_ENTROPY_INL
#undef CTGPT_BACKEND_CPU_CROSS_ENTROPY_INL
#else
#define CTGPT_BACKEND_CPU_CROSS_ENTROPY_INL
#endif

#include <cstdint>

#include "ctgpt/backend/cpu/chunks-inl.hpp"
#include "ctgpt/backend/cpu/math-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace rows {

// cap tanh(x / cap).
struct cap_of {
  f32_vector cap, inverse;
  HWY_INLINE f32_vector operator()(f32_vector x) const {
    return hn::Mul(cap, tanh(f32_tag(), hn::Mul(x, inverse)));
  }
};
HWY_INLINE cap_of make_cap(float cap) { return {constant(cap), constant(1.0f / cap)}; }

HWY_NOINLINE void softcap(context* state, const softcap_args& args) {
  require_float("softcap", args.x);
  const cap_of cap = make_cap(args.cap);
  for_chunks(state, args.x.rows, args.x.cols, contiguous(args.x),
             [&](isize row, isize col, isize count) HWY_ATTR {
               chunk_buffer in, out;
               float* to = target(args.x, row, col, out.data);
               map(count, to, cap, read(args.x, row, col, count, in.data));
               commit(args.x, row, col, count, to);
             });
}

HWY_INLINE float largest_of(const float* z, isize count) {
  const float least = -__builtin_huge_valf();
  lanes m = lanes_of(least);
  for_vectors(count, [&](isize i, int p, int kept) HWY_ATTR {
    m.part[p] = hn::Max(m.part[p], only_first(load_up_to(z + i, kept), kept, least));
  });
  return max_of(m);
}

// sum of exp(z - largest).
HWY_INLINE float sum_of_exponentials(const float* z, isize count, float largest) {
  const f32_vector m = constant(largest);
  lanes sum = lanes_of(0.0f);
  for_vectors(count, [&](isize i, int p, int kept) HWY_ATTR {
    const f32_vector e = exp(f32_tag(), hn::Sub(load_up_to(z + i, kept), m));
    sum.part[p] = hn::Add(sum.part[p], only_first(e, kept));
  });
  return sum_of(sum);
}

struct gradient_of {  // of a row without its target
  f32_vector largest, factor;
  HWY_INLINE f32_vector operator()(f32_vector z) const {
    return hn::Mul(exp(f32_tag(), hn::Sub(z, largest)), factor);
  }
};
struct capped_gradient_of {
  gradient_of plain;
  f32_vector inverse;
  HWY_INLINE f32_vector operator()(f32_vector z) const {
    const f32_vector bend = hn::Mul(z, inverse);
    return hn::Mul(plain(z), hn::NegMulAdd(bend, bend, constant(1.0f)));
  }
};

// One row of capped logits z; with `dx`, its gradient goes there (z may be dx).
HWY_INLINE float row_loss(const float* z, isize cols, isize target, float scale, float cap,
                          float* dx) {
  const f32_tag d;
  const float largest = largest_of(z, cols);
  const float total = sum_of_exponentials(z, cols, largest);
  const float of_target = z[target];
  const float loss = hn::GetLane(log(d, constant(total))) + (largest - of_target);
  if (dx == nullptr) return loss;
  const f32_vector factor = hn::Div(constant(scale), constant(total));
  const gradient_of plain{constant(largest), factor};
  // The target's own gradient is (p - 1) slope scale.
  f32_vector hit =
      hn::MulSub(exp(d, hn::Sub(constant(of_target), constant(largest))), factor, constant(scale));
  if (cap > 0.0f) {
    const capped_gradient_of capped{plain, constant(1.0f / cap)};
    const f32_vector bend = hn::Mul(constant(of_target), capped.inverse);
    hit = hn::Mul(hit, hn::NegMulAdd(bend, bend, constant(1.0f)));
    map(cols, dx, capped, z);
  } else {
    map(cols, dx, plain, z);
  }
  dx[target] = hn::GetLane(hit);
  return loss;
}

HWY_NOINLINE void cross_entropy(context* state, const cross_entropy_args& args) {
  require_float("cross_entropy", args.logits);
  require_f32("cross_entropy", args.losses, args.scale);
  const isize rows = args.logits.rows, cols = args.logits.cols;
  if (rows <= 0) return;
  const workers& crew = workers_of(state);
  const int tasks = tasks_for(crew, rows, 4 * rows * cols);  // an exponential is dear
  const auto* targets = static_cast<const std::int32_t*>(args.targets.data);
  auto* losses = static_cast<float*>(args.losses.data);
  const float scale = args.gradient ? *static_cast<const float*>(args.scale.data) : 0.0f;
  const bool capped = args.softcap > 0.0f;
  const bool in_place = args.logits.type == element::f32;
  // A copy of the row is needed to widen it, and to cap it without touching the logits.
  const std::size_t bytes =
      in_place && !(capped && !args.gradient) ? 0 : static_cast<std::size_t>(cols) * sizeof(float);
  for (int worker = 0; bytes != 0 && worker < tasks; ++worker) crew.scratch(worker, bytes);
  in_parallel(crew, tasks, rows, 1, [&](span mine, int worker) HWY_ATTR {
    auto* copy = bytes == 0 ? nullptr : static_cast<float*>(crew.scratch(worker, bytes));
    for (isize r = mine.begin; r < mine.end; ++r) {
      const isize wanted = targets[r];
      float* dx = args.gradient ? target(args.logits, r, 0, copy) : nullptr;
      if (wanted < 0 || wanted >= cols) {
        const float value = wanted < 0 ? 0.0f : __builtin_nanf("");
        losses[r] = value;
        for (isize c = 0; dx != nullptr && c < cols; ++c) dx[c] = value;
      } else {
        const float* z = read(args.logits, r, 0, cols, copy);
        if (capped) {
          float* to = dx != nullptr ? dx : copy;
          map(cols, to, make_cap(args.softcap), z);
          z = to;
        }
        losses[r] = row_loss(z, cols, wanted, scale, args.softcap, dx);
      }
      if (dx != nullptr) commit(args.logits, r, 0, cols, dx);
    }
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace rows
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
