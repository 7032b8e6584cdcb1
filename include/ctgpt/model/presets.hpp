// The named sizes: a closed list of configurations, each with the training settings it is known by.
//
//   visit_preset("gpt2-124m", [](auto chosen) {
//     using model = gpt<decltype(chosen)::value.model>;
//     ...
//   });
//
// shakespeare-char-cpu and shakespeare-char carry nanoGPT's settings for tinyshakespeare on a CPU
// and on a GPU; gpt2-* the sizes of the published models; quickstart trains on the embedded corpus
// in less than two minutes on two cores, quickstart-large in half an hour. gpt3-175b is described,
// never run. A vocabulary is an upper bound: the tokenizer's size is what is trained and saved.
// Errors: none; visit_preset() is false for a name that no preset that runs has.
// Reference: Karpathy, nanoGPT, 2022; Radford et al. 2019; Brown et al. 2020; Touvron et al. 2023.
#pragma once

#include <array>
#include <string_view>

#include "ctgpt/core/config.hpp"

namespace ctgpt::inline CTGPT_ABI {

enum class schedule_kind : unsigned char { cosine, linear, constant, warmup_stable_decay };
enum class optimizer_kind : unsigned char { adamw, muon };

// Training settings; a flag of the program overrides each.
struct recipe {
  isize steps = 2000;
  isize batch = 16;
  isize accumulate = 1;
  isize time = 0;  // tokens a sequence; 0: the model's context
  float rate = 1e-3f;
  float min_rate = 1e-4f;
  isize warmup = 100;
  schedule_kind schedule = schedule_kind::cosine;
  double decay_from = 0.8;  // share of the steps, for warmup_stable_decay
  optimizer_kind optimizer = optimizer_kind::adamw;
  float muon_rate = 0.02f;  // of the blocks' matrices; `rate` is then that of the rest
  float muon_momentum = 0.95f;
  float dropout = 0.0f;
  float weight_decay = 0.1f;
  float beta1 = 0.9f;
  float beta2 = 0.99f;
  float clip = 1.0f;
  isize eval_every = 250;
  isize eval_batches = 20;
  friend constexpr bool operator==(const recipe&, const recipe&) = default;
};

struct preset {
  std::string_view name;
  std::string_view summary;
  config model;
  recipe training;
  bool runs = true;  // false: too large to be compiled into the program; describe only
};

namespace presets {

inline constexpr recipe gpt2_recipe{.steps = 600000,
                                    .batch = 12,
                                    .accumulate = 40,
                                    .rate = 6e-4f,
                                    .min_rate = 6e-5f,
                                    .warmup = 2000,
                                    .beta2 = 0.95f,
                                    .eval_every = 1000,
                                    .eval_batches = 200};

inline constexpr preset all[] = {
    {"quickstart",
     "trains on the embedded corpus in less than two minutes on two cores",
     {.vocab = 1024,
      .context = 256,
      .layers = 3,
      .heads = 4,
      .width = 128,
      .hidden = 512,
      .position = positions::rotary,
      .norm = normalization::rms,
      .mlp = activation::gelu_tanh,
      .bias = false,
      .qk_norm = true},
     {.steps = 2250,
      .batch = 4,
      .rate = 3e-3f,
      .min_rate = 6e-5f,
      .warmup = 90,
      .schedule = schedule_kind::warmup_stable_decay,
      .decay_from = 0.44,
      .optimizer = optimizer_kind::muon,
      .beta2 = 0.95f,
      .eval_every = 450}},
    {"quickstart-large",
     "the same for half an hour: 2.0 M parameters",
     {.vocab = 1024,
      .context = 256,
      .layers = 4,
      .heads = 6,
      .width = 192,
      .hidden = 768,
      .position = positions::rotary,
      .norm = normalization::rms,
      .mlp = activation::gelu_tanh,
      .bias = false,
      .qk_norm = true},
     {.steps = 6000,
      .batch = 12,
      .rate = 3e-3f,
      .min_rate = 6e-5f,
      .warmup = 240,
      .schedule = schedule_kind::warmup_stable_decay,
      .decay_from = 0.44,
      .optimizer = optimizer_kind::muon,
      .beta2 = 0.95f,
      .eval_every = 500}},
    {"shakespeare-char-cpu",
     "nanoGPT's character model for a CPU: 0.8 M parameters",
     {.vocab = 256, .context = 64, .layers = 4, .heads = 4, .width = 128, .bias = false},
     {.steps = 2000, .batch = 12, .dropout = 0.0f}},
    {"shakespeare-char",
     "nanoGPT's character model for a GPU: 10.7 M parameters",
     {.vocab = 256, .context = 256, .layers = 6, .heads = 6, .width = 384, .bias = false},
     {.steps = 5000, .batch = 64, .dropout = 0.2f, .eval_batches = 200}},
    {"gpt2-124m",
     "GPT-2 small: 124,439,808 parameters",
     {.vocab = 50257,
      .context = 1024,
      .layers = 12,
      .heads = 12,
      .width = 768,
      .mlp = activation::gelu_tanh},
     gpt2_recipe},
    {"gpt2-355m",
     "GPT-2 medium",
     {.vocab = 50257,
      .context = 1024,
      .layers = 24,
      .heads = 16,
      .width = 1024,
      .mlp = activation::gelu_tanh},
     gpt2_recipe},
    {"gpt2-774m",
     "GPT-2 large",
     {.vocab = 50257,
      .context = 1024,
      .layers = 36,
      .heads = 20,
      .width = 1280,
      .mlp = activation::gelu_tanh},
     gpt2_recipe},
    {"gpt2-1558m",
     "GPT-2 XL",
     {.vocab = 50257,
      .context = 1024,
      .layers = 48,
      .heads = 25,
      .width = 1600,
      .mlp = activation::gelu_tanh},
     gpt2_recipe},
    {"llama-small",
     "Llama-type: rotary positions, RMSNorm, SwiGLU, grouped heads, free head",
     {.vocab = 32000,
      .context = 1024,
      .layers = 8,
      .heads = 8,
      .width = 512,
      .kv_heads = 4,
      .hidden = 1376,
      .position = positions::rotary,
      .norm = normalization::rms,
      .mlp = activation::swiglu,
      .bias = false,
      .tied = false},
     {.steps = 20000,
      .batch = 16,
      .accumulate = 4,
      .rate = 1e-3f,
      .min_rate = 1e-4f,
      .warmup = 500,
      .beta2 = 0.95f,
      .eval_every = 1000}},
    {"nanochat-small",
     "nanochat-type: rotary positions, RMSNorm without gain, query-key norm, ReLU^2, soft cap",
     {.vocab = 32768,
      .context = 1024,
      .layers = 8,
      .heads = 4,
      .width = 512,
      .window = 512,
      .full_every = 4,
      .position = positions::rotary,
      .norm = normalization::rms,
      .mlp = activation::relu_squared,
      .bias = false,
      .gain = false,
      .tied = false,
      .qk_norm = true,
      .softcap = 15.0f},
     {.steps = 20000,
      .batch = 16,
      .accumulate = 4,
      .rate = 1e-3f,
      .min_rate = 0.0f,
      .warmup = 0,
      .schedule = schedule_kind::warmup_stable_decay,
      .weight_decay = 0.0f,
      .beta2 = 0.95f,
      .eval_every = 1000}},
    {"gpt3-175b",
     "GPT-3; for describe alone",
     {.vocab = 50257,
      .context = 2048,
      .layers = 96,
      .heads = 96,
      .width = 12288,
      .mlp = activation::gelu_tanh},
     {.steps = 95000,
      .batch = 1600,
      .rate = 6e-5f,
      .min_rate = 6e-6f,
      .warmup = 120,
      .beta2 = 0.95f},
     false},
};
inline constexpr int count = static_cast<int>(sizeof(all) / sizeof(all[0]));

constexpr const preset* find(std::string_view name) {
  for (const preset& each : all) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

}  // namespace presets

// Preset number Index as an argument's type.
template <int Index>
struct chosen_preset {
  static constexpr int index = Index;
  static constexpr const preset& value = presets::all[Index];
};

// Calls visit(chosen_preset<i>{}) for the preset of that name, of those that run; false if none has
// it.
template <class Visitor, int Index = 0>
bool visit_preset(std::string_view name, Visitor&& visit) {
  if constexpr (Index == presets::count) {
    return false;
  } else {
    if constexpr (presets::all[Index].runs) {
      if (presets::all[Index].name == name) {
        visit(chosen_preset<Index>{});
        return true;
      }
    }
    return visit_preset<Visitor, Index + 1>(name, static_cast<Visitor&&>(visit));
  }
}

}  // namespace ctgpt::inline CTGPT_ABI
