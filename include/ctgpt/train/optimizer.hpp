// optimizer_state: what a trainer asks of an optimiser, and what every optimiser needs: the numbers
// of a step in backend memory, the norm of the gradient, and the factor that clips it.
//
// A step: prepare(step, rate) uploads the numbers; measure() queues the norm and the clip factor;
// update() queues the update, after which the gradient is zero. Queued calls read what changes
// from backend memory, so they can be recorded and replayed.
// clip = min(1, max_norm / |gradient|), over the whole gradient.
// Shapes: arenas of the weights' layout, or of a part of it (optimizer_moment).
// Errors: none of its own; a gradient that is not finite is the trainer's to refuse.
// Reference: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks",
// 2013 (clipping by the norm).
#pragma once

#include <cmath>
#include <vector>

#include "ctgpt/model/workspace.hpp"

namespace ctgpt::inline CTGPT_ABI {

// A state arena, as checkpoints keep it.
struct optimizer_moment {
  const char* name = "";
  const memory* values = nullptr;
  std::vector<isize> offsets;  // of each slot in it; -1: that slot has none
};

class optimizer_state {
 public:
  [[gnu::cold]] explicit optimizer_state(const weight_arena& net)
      : net_(&net),
        numbers_(net.where(), element::f32, optimizer_fields),
        squares_(net.where(), element::f64, 1) {}
  virtual ~optimizer_state() = default;
  optimizer_state(const optimizer_state&) = delete;
  optimizer_state& operator=(const optimizer_state&) = delete;

  virtual const char* name() const = 0;  // as --optimizer calls it
  virtual float rate() const = 0;        // without a schedule
  // Before step `step` (from 1): uploads this step's numbers.
  virtual void prepare(isize step, float rate) = 0;
  // Queues the update; gradients are zero afterwards.
  virtual void update(const gradients& found) = 0;
  virtual std::vector<optimizer_moment> moments() const = 0;

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

 protected:
  const weight_arena* net_;
  memory numbers_, squares_;
};

}  // namespace ctgpt::inline CTGPT_ABI
