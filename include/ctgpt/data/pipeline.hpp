// Stages in a row, as one type: pipeline<normalise, gopher, c4>.
//
// pipeline<normalise, gopher, c4> clean{normalise(steps), gopher(), c4()};
// const verdict said = clean(page);       the first stage that drops it names the reason
//
// maybe<Stage> is a stage that is left out where it holds none, for what is chosen while running. A
// pipeline is a stage too.
// parallel_stage runs copies of one over batches of documents, on several threads: the verdicts,
// their order and the sum of the counts are the same for any number of threads.
// Errors: what a stage throws, of the first document in order that it throws for.
#pragma once

#include <atomic>
#include <exception>
#include <optional>
#include <tuple>
#include <vector>

#include "ctgpt/base/parallel.hpp"
#include "ctgpt/data/stage.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// What a stage has counted; nothing for one that counts nothing.
template <stage Stage>
void tell_of(const Stage& each, tally& into) {
  if constexpr (requires { each.tell(into); }) each.tell(into);
}

template <stage Stage>
class maybe {
 public:
  maybe() = default;
  maybe(Stage held) : held_(std::move(held)) {}
  verdict operator()(document& page) { return held_ ? (*held_)(page) : keep; }
  void tell(tally& into) const {
    if (held_) tell_of(*held_, into);
  }

 private:
  std::optional<Stage> held_;
};

template <stage... Stages>
class pipeline {
 public:
  pipeline() = default;
  explicit pipeline(Stages... stages) requires(sizeof...(Stages) > 0)
      : stages_(std::move(stages)...) {}

  verdict operator()(document& page) {
    verdict said = keep;
    std::apply([&](Stages&... each) { (void)((said = each(page), said.keeps()) && ...); }, stages_);
    return said;
  }
  void tell(tally& into) const {
    std::apply([&](const Stages&... each) { (tell_of(each, into), ...); }, stages_);
  }

 private:
  std::tuple<Stages...> stages_;
};

// Runs copies of one stage over batches of documents, a copy for each thread.
template <stage Stage>
class parallel_stage {
 public:
  parallel_stage(const Stage& each, int threads)
      : pool_(threads), copies_(static_cast<std::size_t>(pool_.size()), each) {}

  // The verdicts, in the order of the documents, which the stage may have changed.
  const std::vector<verdict>& run(std::vector<document>& pages) {
    verdicts_.assign(pages.size(), keep);
    pages_ = &pages;
    next_ = 0;
    failed_ = pages.size();
    failure_ = nullptr;
    const auto tasks = std::min(copies_.size(), pages.size());
    pool_.run(
        static_cast<int>(tasks),
        [](void* self, int worker) { static_cast<parallel_stage*>(self)->work(worker); }, this);
    if (failure_) std::rethrow_exception(failure_);
    return verdicts_;
  }
  void tell(tally& into) const {
    for (const Stage& each : copies_) tell_of(each, into);
  }

 private:
  void work(int worker) {
    for (;;) {
      const std::size_t at = next_.fetch_add(1, std::memory_order_relaxed);
      if (at >= pages_->size()) return;
      try {
        verdicts_[at] = copies_[static_cast<std::size_t>(worker)]((*pages_)[at]);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (at < failed_) {
          failed_ = at;
          failure_ = std::current_exception();
        }
      }
    }
  }

  thread_pool pool_;
  std::vector<Stage> copies_;
  std::vector<verdict> verdicts_;
  std::vector<document>* pages_ = nullptr;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::size_t failed_ = 0;
  std::exception_ptr failure_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
