// answer_box: where an engine puts the pieces of a request's answers, and its connection's thread
// takes them.
//
//   const auto box = std::make_shared<answer_box>();
//   engine.submit(request, box->listener(0));
//   box->take(events, 0.1);                      what has come, waiting at most a tenth of a second
//   box->gather(0.02);                           waits so long, or until all answers have ended
//
// A thread that gathers is not woken by each token: with many streams at once, waking a thread and
// writing to a socket for every token would cost more than the tokens.
// The engine never waits for a client: the box holds what the client has not taken, at most a
// whole answer.
// Errors: none.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "ctgpt/base/clock.hpp"
#include "ctgpt/infer/completion.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct answer_event {
  std::size_t which = 0;  // of the answers
  completion_piece piece = {};
  std::optional<completion_end> end = {};  // its last event
  double at = clock_seconds();             // when the engine said it
};

class answer_box : public std::enable_shared_from_this<answer_box> {
 public:
  // of: which answer's.
  std::shared_ptr<completion_listener> listener(std::size_t of) {
    const std::lock_guard hold(mutex_);
    ++running_;
    return std::make_shared<slot>(shared_from_this(), of);
  }

  // Whether anything came. Replaces events.
  bool take(std::vector<answer_event>& events, double seconds) {
    events.clear();
    std::unique_lock hold(mutex_);
    takes_ = true;
    came_.wait_for(hold, std::chrono::duration<double>(seconds), [&] { return !events_.empty(); });
    takes_ = false;
    events.swap(events_);
    return !events.empty();
  }
  void gather(double seconds) {
    std::unique_lock hold(mutex_);
    came_.wait_for(hold, std::chrono::duration<double>(seconds), [&] { return running_ == 0; });
  }

 private:
  struct slot final : completion_listener {
    slot(std::shared_ptr<answer_box> box, std::size_t which) : box(std::move(box)), which(which) {}
    void on_piece(const completion_piece& piece) override {
      box->put({.which = which, .piece = piece});
    }
    void on_end(const completion_end& end) override { box->put({.which = which, .end = end}); }
    std::shared_ptr<answer_box> box;
    std::size_t which;
  };

  void put(answer_event event) {
    bool wakes;
    {
      const std::lock_guard hold(mutex_);
      if (event.end) --running_;
      events_.push_back(std::move(event));
      wakes = takes_ || running_ == 0;
    }
    if (wakes) came_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<answer_event> events_;
  std::size_t running_ = 0;  // answers
  bool takes_ = false;       // take() waits
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
