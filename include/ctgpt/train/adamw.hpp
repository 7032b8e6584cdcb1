// adamw: Adam with decoupled weight decay, and the state it keeps.
//
// g = clip * gradient, clip = min(1, max_norm / |gradient|);  m += (1 - b1)(g - m);
// v += (1 - b2)(g^2 - v);  w -= lr (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay w)
// Decay applies to matrices, embeddings included, not to gains and biases.
// Keeps two moments a weight, in arenas of the weights' layout, and one small table of numbers
// that the kernels read, so that a recorded step can be replayed with another learning rate.
// Errors: none of its own; a gradient that is not finite is the trainer's to refuse.
// Reference: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
#pragma once

#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "ctgpt/train/optimizer.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct adamw {
  float rate = 3e-4f;
  float beta1 = 0.9f;
  float beta2 = 0.99f;
  float epsilon = 1e-8f;
  float weight_decay = 0.1f;
  float clip = 1.0f;  // largest norm of the whole gradient; 0: no clipping
  friend bool operator==(const adamw&, const adamw&) = default;

  std::unique_ptr<optimizer_state> start(const weight_arena& net) const;
};

// What the kernels read in step `step`.
inline std::array<float, optimizer_fields> numbers_of(const adamw& settings, isize step,
                                                      float rate) {
  std::array<float, optimizer_fields> values{};
  values[learning_rate] = rate;
  values[beta1] = settings.beta1;
  values[beta2] = settings.beta2;
  values[epsilon] = settings.epsilon;
  values[weight_decay] = settings.weight_decay;
  const auto t = static_cast<double>(step);
  values[correction1] = static_cast<float>(1.0 - std::pow(static_cast<double>(settings.beta1), t));
  values[correction2] = static_cast<float>(1.0 - std::pow(static_cast<double>(settings.beta2), t));
  values[clip_factor] = 1.0f;
  values[maximum_norm] = settings.clip;
  return values;
}

class adamw_state final : public optimizer_state {
 public:
  [[gnu::cold]] explicit adamw_state(const weight_arena& net, const adamw& settings = {})
      : optimizer_state(net),
        settings_(settings),
        moment1_(net.where(), net.numbers().compute, net.layout().parameters),
        moment2_(net.where(), net.numbers().compute, net.layout().parameters) {
    std::vector<std::uint32_t> segments;
    bool previous = false;
    for (int i = 0; i < net.layout().count(); ++i) {
      const bool decays = net.layout().at(i).decays();
      const auto offset = static_cast<std::uint64_t>(net.layout().offset(i));
      if (i == 0 || decays != previous) {
        segments.push_back(static_cast<std::uint32_t>(offset));
        segments.push_back(static_cast<std::uint32_t>(offset >> 32));
        segments.push_back(decays ? 1u : 0u);
      }
      previous = decays;
    }
    segment_count_ = static_cast<isize>(segments.size()) / 3;
    segments_ = memory(net.where(), element::u32, static_cast<isize>(segments.size()));
    segments_.upload(segments.data());
  }

  const char* name() const override { return "adamw"; }
  float rate() const override { return settings_.rate; }
  void prepare(isize step, float rate) override {
    numbers_.upload(numbers_of(settings_, step, rate).data());
  }
  void update(const gradients& found) override {
    const isize all = net_->layout().parameters;
    const tensor master = net_->numbers().needs_master() ? net_->master().row(0, all) : tensor{};
    net_->where().table().adamw(
        net_->where().state(),
        {net_->arena().row(0, all), master, found.arena().row(0, all), moment1_.row(0, all),
         moment2_.row(0, all), segments_.matrix(0, segment_count_, 3),
         numbers_.row(0, optimizer_fields)});
  }
  [[gnu::cold]] std::vector<optimizer_moment> moments() const override {
    const std::vector<isize>& all = net_->layout().offsets;
    return {{"moment1", &moment1_, all}, {"moment2", &moment2_, all}};
  }

 private:
  adamw settings_;
  memory moment1_, moment2_, segments_;
  isize segment_count_ = 0;
};

[[gnu::cold]] inline std::unique_ptr<optimizer_state> adamw::start(const weight_arena& net) const {
  return std::make_unique<adamw_state>(net, *this);
}

}  // namespace ctgpt::inline CTGPT_ABI
