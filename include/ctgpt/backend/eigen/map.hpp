// What the Eigen kernels share: tensors as maps, rows as f32 however stored, products, loops.
//
// as_eigen(t): an f32 tensor as a map of its rows and stride, for users and kernels alike.
// eigen_product(kind, c, a, b, accumulate): c (+)= the product; the only place where Eigen's
// product code is instantiated, which keeps a unit's compile time low. Sizes are always dynamic.
// Errors: as_eigen of another element type or of panels throws ctgpt::error.
// Reference: Guennebaud, Jacob et al., Eigen 3.4 (eigen.tuxfamily.org).
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>

#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/backend/kernel_table.hpp"
#include "ctgpt/backend/reference/scalar.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/base/parallel.hpp"

namespace ctgpt::inline CTGPT_ABI {

using eigen_matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using eigen_map = Eigen::Map<eigen_matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using eigen_row = Eigen::Map<Eigen::ArrayXf>;
using eigen_const_row = Eigen::Map<const Eigen::ArrayXf>;

inline eigen_map as_eigen(const tensor& t) {
  const bool in_rows = t.packing == layout::rows;
  expects(t.type == element::f32 && in_rows,
          "as_eigen() needs an f32 tensor in rows, and was given ", element_name(t.type),
          in_rows ? "" : " in panels");
  return {static_cast<float*>(t.data), t.rows, t.cols, Eigen::OuterStride<>(t.stride)};
}

inline eigen_map eigen_block(float* data, isize rows, isize cols, isize stride) {
  return {data, rows, cols, Eigen::OuterStride<>(stride)};
}

inline void eigen_product(product kind, eigen_map c, const eigen_map& a, const eigen_map& b,
                          bool accumulate) {
  if (!accumulate) c.setZero();
  if (kind == product::nn) {
    c.noalias() += a * b;
  } else if (kind == product::nt) {
    c.noalias() += a * b.transpose();
  } else {
    c.noalias() += a.transpose() * b;
  }
}

// count elements at `from` as f32.
inline void eigen_widen(const tensor& t, const void* from, isize count, float* to) {
  switch (t.type) {
    case element::bf16:
      for (isize i = 0; i < count; ++i) to[i] = to_float(static_cast<const bf16*>(from)[i]);
      return;
    case element::q8_0:
      for (isize i = 0; i < count; i += block_length) {
        dequantize(static_cast<const block_q8_0*>(from)[i / block_length], to + i);
      }
      return;
    case element::q4_0:
      for (isize i = 0; i < count; i += block_length) {
        dequantize(static_cast<const block_q4_0*>(from)[i / block_length], to + i);
      }
      return;
    case element::f32:
      std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
      return;
    default:
      fail("the Eigen backend does not compute on ", element_name(t.type));
  }
}

inline isize eigen_stride(const tensor& t) {
  return t.packing == layout::panels ? t.cols : t.stride;  // pack() leaves rows as they are
}
inline void* eigen_address(const tensor& t, isize row, isize col = 0) {
  return static_cast<std::byte*>(t.data) + element_bytes(t.type, row * eigen_stride(t) + col);
}

// `count` elements of a row from `col` on, to read: the tensor's own memory if f32, else `buffer`.
inline eigen_const_row read_row(const tensor& t, isize row, isize col, isize count, float* buffer) {
  const void* from = eigen_address(t, row, col);
  if (t.type == element::f32) return {static_cast<const float*>(from), count};
  eigen_widen(t, from, count, buffer);
  return {buffer, count};
}

// The same to write: `values` lie in the tensor if it is f32, else in `buffer`, which store()
// rounds.
struct written_row {
  void* to;
  bool narrow;
  eigen_row values;

  written_row(const tensor& t, isize row, isize col, isize count, float* buffer)
      : to(eigen_address(t, row, col)),
        narrow(t.type == element::bf16),
        values(narrow ? buffer : static_cast<float*>(to), count) {}
  void store() const {
    if (!narrow) return;
    for (isize i = 0; i < values.size(); ++i) static_cast<bf16*>(to)[i] = to_bf16(values[i]);
  }
};

// body(range, buffer) on the workers, [0, count) cut at multiples of `grain`; each has a buffer of
// `floats`. What is computed for an index may not depend on the range that it falls in.
// The first error of any worker is thrown again on the caller's side.
template <class F>
void eigen_ranges(context* state, isize count, isize grain, isize floats, const F& body) {
  const workers& team = workers_of(state);
  const isize grains = std::max<isize>((count + grain - 1) / grain, 1);
  struct job {
    const workers& team;
    const F& body;
    isize count, grain;
    int tasks;
    std::size_t bytes;
    std::atomic<bool> failed = false;
    std::exception_ptr failure = nullptr;

    void run(int worker) {
      try {
        auto* buffer = static_cast<float*>(team.scratch(worker, bytes));
        body(partition(count, tasks, worker, grain), buffer);
      } catch (...) {
        if (!failed.exchange(true)) failure = std::current_exception();
      }
    }
  } all{team,
        body,
        count,
        grain,
        static_cast<int>(std::min<isize>(team.count, grains)),
        (static_cast<std::size_t>(floats) + 16) * sizeof(float)};
  for (int w = 0; w < all.tasks; ++w) team.scratch(w, all.bytes);
  team.run(
      all.tasks, [](void* self, int worker) { static_cast<job*>(self)->run(worker); }, &all);
  if (all.failure) std::rethrow_exception(all.failure);
}

// Memory that all workers of one call share.
inline float* eigen_shared(context* state, isize floats) {
  const workers& team = workers_of(state);
  const auto bytes = static_cast<std::size_t>(floats) * sizeof(float);
  return static_cast<float*>(team.scratch(team.count, bytes));
}

}  // namespace ctgpt::inline CTGPT_ABI
