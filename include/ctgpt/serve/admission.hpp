// admission: how many answers may run and wait at once; who comes then is told when to come again.
//
//   const admission::ticket place = door.admit(4);      four answers, until it ends; or 429
//
// Errors: api_error 429 with retry_after; 400 for more answers than there are places.
#pragma once

#include <memory>
#include <mutex>

#include "ctgpt/base/element.hpp"
#include "ctgpt/serve/api_error.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

class admission {
 public:
  // Requires: places >= 1.
  explicit admission(isize places) : inside_(std::make_shared<state>()), places_(places) {}

  using ticket = std::shared_ptr<void>;

  ticket admit(isize answers) {
    if (answers > places_) {
      throw bad_request(join("the request asks for ", answers, " answers at once; this server has ",
                             "room for ", places_),
                        "n");
    }
    const std::lock_guard hold(inside_->mutex);
    if (inside_->count + answers > places_) {
      throw api_error(429, "the server is busy and its queue is full; try again in a moment",
                      "rate_limit_error", "queue_full")
          .after(1.0);
    }
    inside_->count += answers;
    return {nullptr, [inside = inside_, answers](void*) {
              const std::lock_guard hold_again(inside->mutex);
              inside->count -= answers;
            }};
  }
  isize inside() const {
    const std::lock_guard hold(inside_->mutex);
    return inside_->count;
  }

 private:
  struct state {
    std::mutex mutex;
    isize count = 0;
  };
  std::shared_ptr<state> inside_;
  isize places_;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
