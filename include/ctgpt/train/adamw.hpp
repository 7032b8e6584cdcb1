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

#include <cmath>
#include <vector>

#include "ctgpt/model/workspace.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct adamw {
  float rate = 3e-4f;
  float beta1 = 0.9f;
  float beta2 = 0.99f;
  float epsilon = 1e-8f;
  float weight_decay = 0.1f;
  float clip = 1.0f;  // largest norm of the whole gradient; 0: no clipping
  friend bool operator==(const adamw&, const adamw&) = default;
};

class adamw_state {
 public:
  [[gnu::cold]] explicit adamw_state(const network_weights& net)
      : net_(&net),
        moment1_(net.where(), net.numbers().compute, net.layout().parameters),
        moment2_(net.where(), net.numbers().compute, net.layout().parameters),
        numbers_(net.where(), element::f32, optimizer_fields),
        squares_(net.where(), element::f64, 1) {
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

  // Before step `step` (from 1): uploads this step's numbers.
  void prepare(const adamw& settings, isize step, float rate) {
    float values[optimizer_fields] = {};
    values[learning_rate] = rate;
    values[beta1] = settings.beta1;
    values[beta2] = settings.beta2;
    values[epsilon] = settings.epsilon;
    values[weight_decay] = settings.weight_decay;
    const auto t = static_cast<double>(step);
    values[correction1] =
        static_cast<float>(1.0 - std::pow(static_cast<double>(settings.beta1), t));
    values[correction2] =
        static_cast<float>(1.0 - std::pow(static_cast<double>(settings.beta2), t));
    values[clip_factor] = 1.0f;
    values[maximum_norm] = settings.clip;
    numbers_.upload(values);
  }
  // Queues the gradient's norm and the clip factor.
  void measure(const gradients& found) {
    const kernel_table& table = net_->where().table();
    table.square_sum(net_->where().state(),
                     {squares_.row(0, 1), found.arena().row(0, net_->layout().parameters)});
    table.clip(net_->where().state(), {numbers_.row(0, optimizer_fields), squares_.row(0, 1)});
  }
  // Waits, and returns the norm of the gradient before clipping.
  double norm() const {
    double squares = 0.0;
    squares_.download(&squares);
    return std::sqrt(squares);
  }
  // Queues the update; gradients are zero afterwards.
  void update(const gradients& found) {
    const isize all = net_->layout().parameters;
    const tensor master = net_->numbers().needs_master() ? net_->master().row(0, all) : tensor{};
    net_->where().table().adamw(
        net_->where().state(),
        {net_->arena().row(0, all), master, found.arena().row(0, all), moment1_.row(0, all),
         moment2_.row(0, all), segments_.matrix(0, segment_count_, 3),
         numbers_.row(0, optimizer_fields)});
  }

  const memory& moment1() const { return moment1_; }
  const memory& moment2() const { return moment2_; }

 private:
  const network_weights* net_;
  memory moment1_, moment2_, segments_, numbers_, squares_;
  isize segment_count_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
