// The closed sets of kinds that a model's description and a kernel both speak of.
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
