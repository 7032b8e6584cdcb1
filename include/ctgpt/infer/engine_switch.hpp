// engine_switch: one name for the engine of today: a model is exchanged while requests run.
//
// engine_switch engine(make(old));
// engine.put(make(other));      requests from now on go to the new one; those that run end on the
//                               old one, which is let go of when it has nothing left to do
//
// Ensures: no request is lost or ended by a change.
// Errors: those of the engines.
#pragma once

#include <algorithm>
#include <mutex>
#include <utility>

#include "ctgpt/infer/completion.hpp"

namespace ctgpt::inline CTGPT_ABI {

class engine_switch final : public completion_engine {
 public:
  using shared = std::shared_ptr<completion_engine>;

  explicit engine_switch(shared first) : now_(std::move(first)) {}

  void put(shared next) {
    std::vector<shared> gone;  // its end is waited for outside of the lock
    const std::lock_guard lock(mutex_);
    leaving_.push_back(std::exchange(now_, std::move(next)));
    gone = take_idle();
  }
  shared now() const {
    const std::lock_guard lock(mutex_);
    return now_;
  }

  std::uint64_t submit(completion_request request,
                       std::shared_ptr<completion_listener> listener) override {
    std::vector<shared> gone;
    // Under the lock: an engine that is idle under it has nothing on its way.
    const std::lock_guard lock(mutex_);
    gone = take_idle();
    return now_->submit(std::move(request), std::move(listener));
  }
  void cancel(std::uint64_t id) override {
    for (const shared& each : all()) each->cancel(id);
  }
  std::vector<float> embed(const std::vector<std::int32_t>& tokens) override {
    return now()->embed(tokens);
  }
  engine_load load() const override {
    engine_load sum;
    for (const shared& each : all()) {
      const engine_load one = each->load();
      sum.running += one.running;
      sum.waiting += one.waiting;
      sum.cache_tokens += one.cache_tokens;
      sum.cache_total += one.cache_total;
    }
    return sum;
  }
  isize context() const override { return now()->context(); }

 private:
  std::vector<shared> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<shared> engines = leaving_;
    engines.push_back(now_);
    return engines;
  }
  std::vector<shared> take_idle() {
    const auto is_busy = [](const shared& each) {
      const engine_load left = each->load();
      return left.running + left.waiting > 0;
    };
    const auto first = std::stable_partition(leaving_.begin(), leaving_.end(), is_busy);
    std::vector<shared> idle(first, leaving_.end());
    leaving_.erase(first, leaving_.end());
    return idle;
  }

  mutable std::mutex mutex_;
  shared now_;
  std::vector<shared> leaving_;
};

}  // namespace ctgpt::inline CTGPT_ABI
