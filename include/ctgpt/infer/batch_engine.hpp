// batch_engine: answers many requests at once on one model, with a thread of its own.
//
// batch_engine engine(std::move(net), token_table(tokenizer, vocab), {.parallel = 64});
// const auto id = engine.submit({.prompt = ids, .tokens = 200}, listener);
// engine.cancel(id);     engine.embed(ids);     engine.load();     engine.drain();
//
// The network's backend must be its own: two engines never share a context.
// Ensures: those of infer/completion.hpp. Requests begin in the order of arrival. Nothing waits for
// a listener but this engine; a listener that throws ends its own request as `failed`.
// Errors: those of check() and engine_batch. The destructor ends what is left as `cancelled`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "ctgpt/infer/engine_batch.hpp"

namespace ctgpt::inline CTGPT_ABI {

namespace detail {

// What the thread of an engine works on. It outlives the engine where that ends on this thread: the
// last who knows of an engine may be a listener of its own.
class engine_core {
 public:
  [[gnu::cold]] engine_core(std::unique_ptr<const any_network> net, token_table tokens,
                            const engine_options& options)
      : net_(std::move(net)),
        tokens_(std::move(tokens)),
        batch_(*net_, tokens_, options),
        load_(batch_.load()) {}

  const token_table& tokens() const { return tokens_; }
  isize context() const { return batch_.context(); }
  isize cache_bytes() const { return batch_.cache_bytes(); }

  void put(std::unique_ptr<engine_request> request) {
    change([&] { arrived_.push_back(std::move(request)); });
  }
  void cancel(std::uint64_t id) {
    change([&] { cancelled_.push_back(id); });
  }
  void stop() {
    change([&] { stopping_ = true; });
  }
  engine_load load() const {
    const std::lock_guard lock(mutex_);
    engine_load now = load_;
    now.waiting += static_cast<isize>(arrived_.size());
    return now;
  }
  void drain() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return is_idle_ && arrived_.empty(); });
  }

  void work() {
    while (take_what_came()) {
      try {
        batch_.step();
      } catch (const std::exception& problem) {  // of the backend: no request can go on
        batch_.end_all(completion_ending::failed, problem.what());
      }
    }
    batch_.end_all(completion_ending::cancelled);
  }

 private:
  using owned = engine_batch::owned;

  template <class Change>
  void change(Change make) {
    {
      const std::lock_guard lock(mutex_);
      make();
    }
    wake_.notify_all();
  }

  // Waits while there is nothing to do; false: the engine stops.
  bool take_what_came() {
    std::vector<owned> arrived;
    std::vector<std::uint64_t> cancelled;
    std::unique_lock lock(mutex_);
    load_ = batch_.load();
    is_idle_ = batch_.is_idle();
    if (is_idle_ && arrived_.empty()) idle_.notify_all();
    wake_.wait(lock,
               [&] { return stopping_ || !is_idle_ || !arrived_.empty() || !cancelled_.empty(); });
    arrived.swap(arrived_);
    cancelled.swap(cancelled_);
    load_.waiting += static_cast<isize>(arrived.size());
    is_idle_ = is_idle_ && arrived.empty();
    const bool goes_on = !stopping_;
    lock.unlock();
    for (owned& each : arrived) batch_.add(std::move(each));
    for (const std::uint64_t id : cancelled) batch_.cancel(id);
    return goes_on;
  }

  std::unique_ptr<const any_network> net_;
  token_table tokens_;
  engine_batch batch_;  // the thread's alone, but for what never changes

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_, idle_;
  std::vector<owned> arrived_;
  std::vector<std::uint64_t> cancelled_;
  engine_load load_;
  bool is_idle_ = true, stopping_ = false;
};

}  // namespace detail

class batch_engine final : public completion_engine {
 public:
  [[gnu::cold]] batch_engine(std::unique_ptr<const any_network> net, token_table tokens,
                             const engine_options& options = {})
      : core_(std::make_shared<detail::engine_core>(std::move(net), std::move(tokens), options)),
        thread_([core = core_] { core->work(); }) {}
  ~batch_engine() override {
    core_->stop();
    if (std::this_thread::get_id() == thread_.get_id()) {
      thread_.detach();  // it ends by itself, after the call that led here
    } else {
      thread_.join();
    }
  }
  batch_engine(const batch_engine&) = delete;
  batch_engine& operator=(const batch_engine&) = delete;

  std::uint64_t submit(completion_request request,
                       std::shared_ptr<completion_listener> listener) override {
    check(request, core_->tokens(), context());
    const std::uint64_t id = next_id();
    core_->put(std::make_unique<engine_request>(id, std::move(request), std::move(listener)));
    return id;
  }

  void cancel(std::uint64_t id) override { core_->cancel(id); }

  // Requires: not called by a listener.
  std::vector<float> embed(const std::vector<std::int32_t>& tokens) override {
    completion_request request{.prompt = tokens, .tokens = 0};
    check(request, core_->tokens(), context());
    auto asked = std::make_unique<engine_request>(next_id(), std::move(request), nullptr);
    asked->embeds = std::make_shared<std::promise<std::vector<float>>>();
    std::future<std::vector<float>> answer = asked->embeds->get_future();
    core_->put(std::move(asked));
    return answer.get();
  }

  engine_load load() const override { return core_->load(); }
  isize context() const override { return core_->context(); }
  // Of keys and values.
  isize cache_bytes() const { return core_->cache_bytes(); }

  // Returns when nothing runs or waits. Requires: not called by a listener.
  void drain() { core_->drain(); }

 private:
  // Unique among all engines: one that stands before several can tell whose a request is.
  static std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  std::shared_ptr<detail::engine_core> core_;
  std::thread thread_;
};

}  // namespace ctgpt::inline CTGPT_ABI
