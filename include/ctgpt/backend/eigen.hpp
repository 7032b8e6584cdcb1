// The Eigen backend: an independent kernel table on Eigen 3.4, as fast as the compiler's flags
// allow (-march=native lets Eigen use the machine's vectors).
//
// Products, normalisations, activations, attention, cross entropy and AdamW are Eigen
// expressions on dynamic maps; what has nothing to gain from Eigen (embedding, dropout, packing,
// cache writes) is the reference's. Panels are plain rows here.
// Parameters: threads, 0 for all that the process may use. Work is cut by shape, never by
// thread, so the same bits come out for any number of them; Eigen's own threads (OpenMP) are not
// needed.
// Storage: f32 and bf16; statistics, gradients and losses in f32.
// Errors: another element type throws ctgpt::error.
// Reference: Guennebaud, Jacob et al., Eigen 3.4 (eigen.tuxfamily.org).
#pragma once

#include <memory>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/backend/cpu/host_context.hpp"
#include "ctgpt/backend/eigen/attention.hpp"
#include "ctgpt/backend/eigen/elementwise.hpp"
#include "ctgpt/backend/eigen/products.hpp"
#include "ctgpt/backend/eigen/rows.hpp"
#include "ctgpt/backend/reference.hpp"

namespace ctgpt::inline CTGPT_ABI {

inline const kernel_table& eigen_table() {
  static const kernel_table table = [] {
    kernel_table t = reference_table<float>();
    t.name = "eigen";
    t.fill = eigen_elementwise::fill;
    t.convert = eigen_elementwise::convert;
    t.add = eigen_elementwise::add;
    t.combine = eigen_elementwise::combine;
    t.activate = eigen_elementwise::activate;
    t.activate_backward = eigen_elementwise::activate_backward;
    t.softcap = eigen_elementwise::softcap;
    t.sum = eigen_elementwise::sum;
    t.square_sum = eigen_elementwise::square_sum;
    t.adamw = eigen_elementwise::adamw;
    t.matmul = eigen_products::matmul;
    t.sum_rows = eigen_products::sum_rows;
    t.norm = eigen_rows::norm;
    t.norm_backward = eigen_rows::norm_backward;
    t.rope = eigen_rows::rope;
    t.cross_entropy = eigen_rows::cross_entropy;
    t.attention = eigen_attention::attention;
    t.attention_backward = eigen_attention::attention_backward;
    t.cached_attention = eigen_attention::cached_attention;
    return t;
  }();
  return table;
}

struct eigen {
  int threads = 0;

  operator backend() const {
    auto state = std::make_shared<host_context>(threads);
    context* opaque = state->opaque();
    return backend(eigen_table(), opaque, std::move(state));
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
