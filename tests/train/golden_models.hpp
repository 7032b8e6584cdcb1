// The two models of golden/make_gpt.py, with the weights, tokens and optimiser's numbers that the
// golden scripts use.
#pragma once

#include "ctgpt/train/adamw.hpp"
#include "model/models.hpp"

namespace ctgpt_test {

inline constexpr config golden_gpt2{
    .vocab = 61, .context = 16, .layers = 2, .heads = 5, .width = 20, .mlp = activation::gelu_tanh};
inline constexpr config golden_llama = [] {
  config c = llama_type({.vocab = 61, .context = 16, .layers = 2, .heads = 6, .width = 24});
  c.kv_heads = 2;
  c.hidden = 40;
  return c;
}();

inline constexpr isize golden_batch = 3, golden_context = 16;
inline constexpr adamw golden_adamw{.rate = 0x1p-7f,
                                    .beta1 = 0.875f,
                                    .beta2 = 0.96875f,
                                    .epsilon = 0x1p-27f,
                                    .weight_decay = 0.125f,
                                    .clip = 1.0f};

// The numbers of make_gpt.py.
inline std::uint32_t hash32(std::uint32_t stream, std::uint32_t i) {
  std::uint32_t x = i * 2654435761u + stream * 2246822519u + 374761393u;
  x = (x ^ (x >> 15)) * 2246822519u;
  x = (x ^ (x >> 13)) * 3266489917u;
  return x ^ (x >> 16);
}
inline void set_golden_weights(network_weights& net) {
  for (int s = 0; s < net.layout().count(); ++s) {
    const double base = net.layout().at(s).path.ends_with(part::gain) ? 1.0 : 0.0;
    net.write(s, [&](isize i) {
      const std::uint32_t top =
          hash32(static_cast<std::uint32_t>(s), static_cast<std::uint32_t>(i));
      return base + (static_cast<double>(top >> 20) - 2048.0) / 8192.0;
    });
  }
}

}  // namespace ctgpt_test
