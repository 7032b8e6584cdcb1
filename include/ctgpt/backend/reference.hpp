// The reference backend: every entry of the kernel table as the plainest loop, for any scalar.
//
// It is the oracle of the tests and the definition of what the entries mean. reference<double>
// gives the values that other tables must meet; reference<std::complex<double>> gives gradients
// to full precision by the complex step: d f / d x = imag f(x + i h) / h with h = 1e-20.
// Parameters: S is the scalar that everything is computed in: float, double,
// std::complex<double>. `threads` is accepted so that all backends look alike: there is always
// one thread.
// Storage: statistics, gradients and losses in S; angles, slopes and the optimiser's numbers in
// f32.
// Errors: an element type that S cannot be stored in throws ctgpt::error.
// Reference: Squire, Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions",
// SIAM Review 40(1), 1998.
#pragma once

#include <complex>
#include <memory>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/backend/cpu/host_context.hpp"
#include "ctgpt/backend/reference/attention.hpp"
#include "ctgpt/backend/reference/elementwise.hpp"
#include "ctgpt/backend/reference/optimizer.hpp"
#include "ctgpt/backend/reference/products.hpp"
#include "ctgpt/backend/reference/rows.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <class S>
const kernel_table& reference_table() {
  static const kernel_table table = [] {
    kernel_table t{};
    host_context::fill_memory_entries(t);
    t.name = element_of<S> == element::f32   ? "reference<f32>"
             : element_of<S> == element::f64 ? "reference<f64>"
                                             : "reference<complex128>";
    using elementwise = reference_elementwise<S>;
    t.fill = elementwise::fill;
    t.convert = elementwise::convert;
    t.add = elementwise::add;
    t.combine = elementwise::combine;
    t.dropout = elementwise::dropout;
    t.activate = elementwise::activate;
    t.activate_backward = elementwise::activate_backward;
    t.softcap = elementwise::softcap;
    t.sum = elementwise::sum;
    t.square_sum = elementwise::square_sum;
    using products = reference_products<S>;
    t.matmul = products::matmul;
    t.pack_elements = products::pack_elements;
    t.pack = products::pack;
    t.sum_rows = products::sum_rows;
    using rows = reference_rows<S>;
    t.embed = rows::embed;
    t.embed_backward = rows::embed_backward;
    t.norm = rows::norm;
    t.norm_backward = rows::norm_backward;
    t.rope = rows::rope;
    t.cross_entropy = rows::cross_entropy;
    using heads = reference_attention<S>;
    t.attention = heads::attention;
    t.attention_backward = heads::attention_backward;
    t.cache_write = heads::cache_write;
    t.cached_attention = heads::cached_attention;
    using optimizer = reference_optimizer<S>;
    t.clip = optimizer::clip;
    t.adamw = optimizer::adamw;
    return t;
  }();
  return table;
}

template <class S = float>
struct reference {
  int threads = 1;  // ignored

  operator backend() const {
    auto state = std::make_shared<host_context>(1);
    context* opaque = state->opaque();
    return backend(reference_table<S>(), opaque, std::move(state), {element_of<S>, element_of<S>});
  }
};

}  // namespace ctgpt::inline CTGPT_ABI
