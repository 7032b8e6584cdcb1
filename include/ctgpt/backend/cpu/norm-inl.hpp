// LayerNorm and RMSNorm, forward and backward, for each of `groups` equal parts of a row.
//
// xhat = (x - mean) rstd, rstd = 1 / sqrt(mean of (x - mean)^2 + epsilon), y = xhat gain + bias;
// rms has neither mean nor bias.
// Backward: with g = dy gain, dx = rstd (g - mean(g) - xhat mean(g xhat)); rms without mean(g);
//           dgain += dy xhat, dbias += dy.
// The sums over rows run in blocks of rows whose number depends on the count of rows alone; a block
// adds its rows in ascending order, and the blocks are added in order at the end.
// Shapes: as kernel_table.hpp says; gain and bias f32 or bf16, mean, rstd, dgain, dbias f32.
// Errors: other element types throw ctgpt::error.
// Reference: Ba et al., "Layer Normalization", 2016; Zhang, Sennrich, "Root Mean Square Layer
// Normalization", 2019.
#if defined(CTGPT_BACKEND_CPU_NORM_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef CTGPT_BACKEND_CPU_NORM_INL
#undef CTGPT_BACKEND_CPU_NORM_INL
#else
#define CTGPT_BACKEND_CPU_NORM_INL
#endif

#include "ctgpt/backend/cpu/chunks-inl.hpp"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace ctgpt {
inline namespace CTGPT_ABI {
namespace cpu_kernels {
namespace HWY_NAMESPACE {
namespace rows {

HWY_INLINE float reciprocal_root(float mean_square, float epsilon) {
  const f32_vector v = hn::Add(constant(mean_square), constant(epsilon));
  return hn::GetLane(hn::Div(constant(1.0f), hn::Sqrt(v)));
}

// A gain or bias of a group as f32, or null.
HWY_INLINE const float* read_optional(const tensor& t, isize count, float* buffer) {
  return t.data == nullptr ? nullptr : read(t, 0, 0, count, buffer);
}

struct norm_group {
  const float *gain, *bias;
  isize width;
  float epsilon;
  bool centred;

  HWY_INLINE void run(const float* x, float* y, float& mean, float& rstd) const {
    const float count = static_cast<float>(width);
    mean = 0.0f;
    if (centred) {
      lanes sum = lanes_of(0.0f);
      for_vectors(width, [&](isize i, int p, int kept) HWY_ATTR {
        sum.part[p] = hn::Add(sum.part[p], load_up_to(x + i, kept));
      });
      mean = sum_of(sum) / count;
    }
    const f32_vector middle = constant(mean);
    lanes squares = lanes_of(0.0f);
    for_vectors(width, [&](isize i, int p, int kept) HWY_ATTR {
      const f32_vector d = only_first(hn::Sub(load_up_to(x + i, kept), middle), kept);
      squares.part[p] = hn::MulAdd(d, d, squares.part[p]);
    });
    rstd = reciprocal_root(sum_of(squares) / count, epsilon);
    const f32_vector scale = constant(rstd);
    const auto hat = [middle, scale](f32_vector v)
                         HWY_ATTR { return hn::Mul(hn::Sub(v, middle), scale); };
    if (gain != nullptr && bias != nullptr) {
      map(
          width, y,
          [&](f32_vector v, f32_vector g, f32_vector b)
              HWY_ATTR { return hn::MulAdd(hat(v), g, b); },
          x, gain, bias);
    } else if (gain != nullptr) {
      map(
          width, y, [&](f32_vector v, f32_vector g) HWY_ATTR { return hn::Mul(hat(v), g); }, x,
          gain);
    } else if (bias != nullptr) {
      // Not Add(Mul): see lanes-inl.hpp.
      map(
          width, y,
          [&](f32_vector v, f32_vector b)
              HWY_ATTR { return hn::MulAdd(hn::Sub(v, middle), scale, b); },
          x, bias);
    } else {
      map(
          width, y, [&](f32_vector v) HWY_ATTR { return hat(v); }, x);
    }
  }
};

HWY_NOINLINE void norm(context* state, const norm_args& args) {
  require_float("norm", args.y, args.x, args.gain, args.bias);
  require_f32("norm", args.mean, args.rstd);
  const isize rows = args.x.rows, cols = args.x.cols, width = cols / args.groups;
  if (rows <= 0 || width <= 0) return;
  const workers& crew = workers_of(state);
  const int tasks = tasks_for(crew, rows, rows * cols);
  // Gain and bias are widened once, x and y row by row.
  auto* shared = static_cast<float*>(
      crew.scratch(crew.count, static_cast<std::size_t>(2 * padded(width)) * sizeof(float)));
  const norm_group group{read_optional(args.gain, width, shared),
                         read_optional(args.bias, width, shared + padded(width)), width,
                         args.epsilon, args.kind == normalization::layer};
  const std::size_t bytes = static_cast<std::size_t>(2 * padded(cols)) * sizeof(float);
  for (int worker = 0; worker < tasks; ++worker) crew.scratch(worker, bytes);
  in_parallel(crew, tasks, rows, 1, [&](span mine, int worker) HWY_ATTR {
    auto* buffer = static_cast<float*>(crew.scratch(worker, bytes));
    for (isize r = mine.begin; r < mine.end; ++r) {
      const float* x = read(args.x, r, 0, cols, buffer);
      float* y = target(args.y, r, 0, buffer + padded(cols));
      for (isize g = 0; g < args.groups; ++g) {
        float mean, rstd;
        group.run(x + g * width, y + g * width, mean, rstd);
        if (args.mean.data != nullptr && group.centred) *element_at<float>(args.mean, r, g) = mean;
        if (args.rstd.data != nullptr) *element_at<float>(args.rstd, r, g) = rstd;
      }
      commit(args.y, r, 0, cols, y);
    }
  });
}

struct norm_backward_group {
  const float* gain;  // or null
  isize width;
  bool centred;

  // dx may be dy. dgain and dbias collect this block's sums, or are null.
  HWY_INLINE void run(const float* dy, const float* x, float* dx, float mean, float rstd,
                      float* dgain, float* dbias) const {
    const f32_vector middle = constant(mean), scale = constant(rstd), one = constant(1.0f);
    lanes sum = lanes_of(0.0f), projection = lanes_of(0.0f);
    // Past the end dy reads as 0, so that nothing is added there.
    for_vectors(width, [&](isize i, int p, int kept) HWY_ATTR {
      const f32_vector up = load_up_to(dy + i, kept);
      const f32_vector hat = hn::Mul(hn::Sub(load_up_to(x + i, kept), middle), scale);
      const f32_vector g = gain != nullptr ? load_up_to(gain + i, kept) : one;
      sum.part[p] = hn::MulAdd(up, g, sum.part[p]);
      projection.part[p] = hn::MulAdd(hn::Mul(up, g), hat, projection.part[p]);
      if (dgain != nullptr) {
        store_up_to(hn::MulAdd(up, hat, load_up_to(dgain + i, kept)), dgain + i, kept);
      }
      if (dbias != nullptr) {
        store_up_to(hn::Add(up, load_up_to(dbias + i, kept)), dbias + i, kept);
      }
    });
    const float count = static_cast<float>(width);
    const f32_vector shift = constant(centred ? sum_of(sum) / count : 0.0f);
    const f32_vector tilt = constant(sum_of(projection) / count);
    const auto slope = [=](f32_vector up, f32_vector v, f32_vector g) HWY_ATTR {
      const f32_vector hat = hn::Mul(hn::Sub(v, middle), scale);
      return hn::Mul(scale, hn::NegMulAdd(hat, tilt, hn::MulSub(up, g, shift)));
    };
    if (gain != nullptr) {
      map(width, dx, slope, dy, x, gain);
    } else {
      map(
          width, dx, [=](f32_vector up, f32_vector v) HWY_ATTR { return slope(up, v, one); }, dy,
          x);
    }
  }
};

constexpr isize most_blocks = 32;  // of rows, each with its own sums of dgain and dbias
constexpr isize least_rows = 16;   // in such a block

HWY_NOINLINE void norm_backward(context* state, const norm_backward_args& args) {
  require_float("norm_backward", args.dx, args.dy, args.x, args.gain);
  require_f32("norm_backward", args.mean, args.rstd, args.dgain, args.dbias);
  const isize rows = args.x.rows, cols = args.x.cols, width = cols / args.groups;
  if (rows <= 0 || width <= 0) return;
  const workers& crew = workers_of(state);
  const isize block_rows =
      rows > most_blocks * least_rows ? pieces_of(rows, most_blocks) : least_rows;
  const isize blocks = pieces_of(rows, block_rows);
  const int tasks = tasks_for(crew, blocks, rows * cols);
  const isize pitch = padded(width);
  // Shared: the gain, then dgain and dbias of each block.
  auto* shared = static_cast<float*>(
      crew.scratch(crew.count, static_cast<std::size_t>((1 + 2 * blocks) * pitch) * sizeof(float)));
  const bool centred = args.kind == normalization::layer;
  const norm_backward_group group{read_optional(args.gain, width, shared), width, centred};
  const auto sums_of = [&](isize block) HWY_ATTR { return shared + (1 + 2 * block) * pitch; };
  const std::size_t bytes = static_cast<std::size_t>(3 * padded(cols)) * sizeof(float);
  for (int worker = 0; worker < tasks; ++worker) crew.scratch(worker, bytes);
  in_parallel(crew, tasks, blocks, 1, [&](span mine, int worker) HWY_ATTR {
    auto* buffer = static_cast<float*>(crew.scratch(worker, bytes));
    for (isize block = mine.begin; block < mine.end; ++block) {
      float* dgain = args.dgain.data != nullptr ? sums_of(block) : nullptr;
      float* dbias = args.dbias.data != nullptr ? sums_of(block) + pitch : nullptr;
      for (isize i = 0; i < 2 * pitch; ++i) sums_of(block)[i] = 0.0f;
      const isize end = smaller_of((block + 1) * block_rows, rows);
      for (isize r = block * block_rows; r < end; ++r) {
        const float* x = read(args.x, r, 0, cols, buffer);
        const float* dy = read(args.dy, r, 0, cols, buffer + padded(cols));
        float* dx = target(args.dx, r, 0, buffer + 2 * padded(cols));
        for (isize g = 0; g < args.groups; ++g) {
          const isize first = g * width;
          group.run(dy + first, x + first, dx + first,
                    centred ? *element_at<const float>(args.mean, r, g) : 0.0f,
                    *element_at<const float>(args.rstd, r, g), dgain, dbias);
        }
        commit(args.dx, r, 0, cols, dx);
      }
    }
  });
  const auto collect = [&](const tensor& out, isize offset) HWY_ATTR {
    if (out.data == nullptr) return;
    auto* total = static_cast<float*>(out.data);
    for (isize block = 0; block < blocks; ++block) {
      map(
          width, total, [](f32_vector u, f32_vector v) HWY_ATTR { return hn::Add(u, v); },
          static_cast<const float*>(total), static_cast<const float*>(sums_of(block) + offset));
    }
  };
  collect(args.dgain, 0);
  collect(args.dbias, pitch);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace rows
}  // namespace HWY_NAMESPACE
}  // namespace cpu_kernels
}  // namespace CTGPT_ABI
}  // namespace ctgpt
HWY_AFTER_NAMESPACE();

#endif  // toggle
