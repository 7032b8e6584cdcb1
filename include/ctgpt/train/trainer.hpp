// trainer: the loop of training steps.
//
//   ctgpt::trainer run{net, ctgpt::adamw{.rate = 3e-4f}, ctgpt::batches{ids, {.batch = 16}}};
//   run.steps(2000, ctgpt::progress{});
//
// A step: `accumulate` micro-batches forward and backward (the loss is the mean over all their
// targets), the gradient's norm, clipping, the optimiser with the schedule's rate.
// Everything a step depends on is (seed, step number, position in the data, weights, moments): a
// run that stops and goes on from its state gives the same bits, on any number of threads. Where
// the backend can record, the queued calls of the first step are replayed by later ones.
// Errors: a loss or gradient that is not a finite number stops with the step and the first bad
// tensor, the weights being those before the step; a token outside the vocabulary; options out of
// range.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ctgpt/base/clock.hpp"
#include "ctgpt/train/adamw.hpp"
#include "ctgpt/train/batches.hpp"
#include "ctgpt/train/schedule.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct train_options {
  isize accumulate = 1;
  float dropout = 0.0f;
  std::uint64_t seed = 1337;
  schedule rates{};  // rates.total == 0: constant at the optimiser's rate
};

// What is known after a step. Steps count from 1.
struct step_report {
  isize step = 0;
  double loss = 0.0;  // nats a token, before the update
  float rate = 0.0f;
  double gradient_norm = 0.0;
  double tokens_per_second = 0.0;
  double seconds = 0.0;  // of this step
};

// Calls that are recorded once and replayed afterwards, where the backend can.
class recorded {
 public:
  recorded() = default;
  recorded(const recorded&) = delete;
  recorded& operator=(const recorded&) = delete;
  ~recorded() {
    if (handle_ != nullptr) where_->table().record_release(where_->state(), handle_);
  }
  template <class Calls>
  void run(const backend& where, Calls calls) {
    if (where.table().record_begin == nullptr) {
      calls();
      return;
    }
    if (handle_ == nullptr) {
      where_ = std::make_unique<backend>(where);
      where.table().record_begin(where.state());
      calls();
      handle_ = where.table().record_end(where.state());
    }
    where.table().replay(where.state(), handle_);
  }

 private:
  std::unique_ptr<backend> where_;
  void* handle_ = nullptr;
};

namespace detail {

[[noreturn]] inline void fail_with_first_bad_tensor(const weight_arena& net,
                                                    const memory& gradients,
                                                    const step_report& report) {
  const auto look = [&](const char* what, const memory& arena) {
    for (int i = 0; i < net.layout().count(); ++i) {
      for (const float value : net.read_arena<float>(arena, i)) {
        if (!std::isfinite(value)) return join(what, " ", net.layout().name(i));
      }
    }
    return std::string();
  };
  const auto largest = [&] {  // every value is finite, but the sum of their squares is not
    std::string name;
    float most = -1.0f;
    for (int i = 0; i < net.layout().count(); ++i) {
      for (const float value : net.read_arena<float>(gradients, i)) {
        if (std::fabs(value) <= most) continue;
        most = std::fabs(value);
        name = net.layout().name(i);
      }
    }
    return join("the gradient of ", name, ", whose values reach ", most);
  };
  std::string bad = look("the weight", net.arena());
  if (bad.empty()) bad = look("the gradient of", gradients);
  if (bad.empty()) bad = largest();
  // So that this trainer can go on once the weights are restored.
  net.where().table().fill(net.where().state(), {gradients.row(0, gradients.count()), 0.0});
  fail("step ", report.step, ": the ", std::isfinite(report.loss) ? "gradient's norm" : "loss",
       " is not a finite number; first bad tensor: ", bad,
       "; start another run with a lower learning rate");
}

}  // namespace detail

class trainer {
 public:
  // optimizer: adamw, or another description with start(), such as muon (train/muon.hpp).
  template <class Optimizer>
  trainer(any_network& net, const Optimizer& optimizer, const batches& data,
          const train_options& options = {})
      : trainer(net, optimizer.start(net.trained()), data, options) {}

  [[gnu::cold]] trainer(any_network& net, std::unique_ptr<optimizer_state> optimizer,
                        const batches& data, const train_options& options = {})
      : net_(&net),
        options_(options),
        data_(data.with_time(data.time() != 0 ? data.time() : net.settings().context)),
        work_(net, data_.batch(), data_.time(), true),
        gradients_(net),
        state_(std::move(optimizer)),
        ids_(static_cast<std::size_t>(data_.parts() * work_.tokens())) {
    expects(options_.accumulate >= 1, "accumulate must be at least 1, not ", options_.accumulate);
    expects(options_.dropout >= 0.0f && options_.dropout < 1.0f,
            "dropout must be from 0 to below 1, not ", options_.dropout);
    data_.expect_tokens_of(net.vocab());
    expects(!net.packed(), "the network is packed for inference; build or load it again to train");
    if (options_.rates.total == 0) {
      options_.rates = {schedule_kind::constant, state_->rate(), 0.0f, options_.rates.warmup, 0};
    }
    set_scored(tokens_per_step());
  }

  isize done() const { return done_; }  // steps so far
  any_network& net() { return *net_; }
  const optimizer_state& state() const { return *state_; }
  const batches& data() const { return data_; }
  isize tokens_per_step() const { return work_.tokens() * options_.accumulate; }

  isize position() const { return position_; }  // in the data: micro-batches drawn so far

  // Continues from a restored state: weights and moments have been uploaded already.
  void set_done(isize steps) { set_done(steps, steps * options_.accumulate); }
  void set_done(isize steps, isize position) {
    done_ = steps;
    position_ = position;
  }

  step_report step() {
    const double start = clock_seconds();
    const backend& where = net_->where();
    step_report report;
    report.step = done_ + 1;
    report.rate = options_.rates.at(done_);
    work_.clear_loss();
    isize scored = 0;
    for (isize micro = 0; micro < options_.accumulate; ++micro) {
      scored += data_.scored(static_cast<std::uint64_t>(position_ + micro));
    }
    set_scored(scored);
    for (isize micro = 0; micro < options_.accumulate; ++micro) {
      const auto number = static_cast<std::uint64_t>(position_ + micro);
      data_.draw(number, ids_);
      work_.upload(ids_);
      work_.set_random({options_.seed}, static_cast<std::uint32_t>(number));
      forward_backward_.run(where, [&] { work_.accumulate(gradients_, options_.dropout); });
    }
    state_->prepare(report.step, report.rate);
    measure_.run(where, [&] { state_->measure(gradients_); });
    report.loss = work_.loss_sum() / static_cast<double>(scored_);
    report.gradient_norm = state_->norm();
    if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
      detail::fail_with_first_bad_tensor(net_->trained(), gradients_.arena(), report);
    }
    update_.run(where, [&] { state_->update(gradients_); });
    where.synchronise();
    ++done_;
    position_ += options_.accumulate;
    report.seconds = clock_seconds() - start;
    report.tokens_per_second = static_cast<double>(tokens_per_step()) / report.seconds;
    return report;
  }

  // `count` steps; after each, every callback is called with the report. A callback that has
  // begin(first, last, flops_per_token) is told before.
  template <class... Callbacks>
  void steps(isize count, Callbacks&&... callbacks) {
    [[maybe_unused]] const auto tell = [&](auto& callback) {
      if constexpr (requires { callback.begin(done_, done_ + count, 0.0); }) {
        callback.begin(done_, done_ + count, net_->flops_per_token(data_.time()));
      }
    };
    (tell(callbacks), ...);
    for (isize i = 0; i < count; ++i) {
      [[maybe_unused]] const step_report report = step();
      (callbacks(report), ...);
    }
  }

  // Mean loss over `count` random batches of other data, numbered from `number`.
  double evaluate(const batches& other, isize count, std::uint64_t number) {
    return mean_loss(other, count, [&](const batches& data, isize i) {
      data.draw(number + static_cast<std::uint64_t>(i), ids_);
      return data.scored(number + static_cast<std::uint64_t>(i));
    });
  }
  // Mean loss over `count` batches spread evenly over other data: the same windows at every call,
  // so that the losses of a run, and of several runs, can be compared.
  double validate(const batches& other, isize count) {
    return mean_loss(other, count,
                     [&](const batches& data, isize i) { return data.spread(i, count, ids_); });
  }

 private:
  template <class Draw>
  double mean_loss(const batches& other, isize count, Draw draw) {
    const batches data = other.with_time(other.time() != 0 ? other.time() : data_.time());
    expects(data.batch() == data_.batch() && data.time() == data_.time() &&
                data.parts() == data_.parts() && count >= 1,
            "evaluation needs at least one batch of the training batch's shape");
    work_.clear_loss();
    isize scored = 0;
    for (isize i = 0; i < count; ++i) {
      scored += draw(data, i);
      work_.upload(ids_);
      evaluate_.run(net_->where(), [&] { work_.evaluate(); });
    }
    return work_.loss_sum() / static_cast<double>(std::max<isize>(scored, 1));
  }

  // The targets of a step, over which its loss is the mean. A step without any learns nothing.
  void set_scored(isize targets) {
    targets = std::max<isize>(targets, 1);
    if (targets == scored_) return;
    scored_ = targets;
    work_.set_scale(1.0 / static_cast<double>(targets));
  }

  any_network* net_;
  train_options options_;
  batches data_;
  workspace work_;
  gradients gradients_;
  std::unique_ptr<optimizer_state> state_;
  std::vector<std::int32_t> ids_;
  recorded forward_backward_, measure_, update_, evaluate_;
  isize done_ = 0, position_ = 0, scored_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
