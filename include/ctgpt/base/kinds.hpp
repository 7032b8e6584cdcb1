// The closed sets of kinds that a model's description and a kernel both speak of.
//
// activation: what stands between the two layers of an MLP. normalization: what scales a row.
// The mathematics of each kind is stated in backend/kernel_table.hpp and layer/, its name in a file
// is activation_name(kind) or normalization_name(kind).
// Errors: none.
#pragma once

#include <cstdint>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI {

enum class activation : std::uint8_t { none, gelu, gelu_tanh, relu_squared, swiglu };
enum class normalization : std::uint8_t { layer, rms };

constexpr const char* activation_name(activation kind) {
  constexpr const char* names[] = {"none", "gelu", "gelu_tanh", "relu_squared", "swiglu"};
  return names[static_cast<int>(kind)];
}
constexpr const char* normalization_name(normalization kind) {
  return kind == normalization::layer ? "layer" : "rms";
}

}  // namespace ctgpt::inline CTGPT_ABI
