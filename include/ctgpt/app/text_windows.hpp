// text_windows: the windows in which a text is scored.
//
// Windows of `context` inputs begin `stride` tokens apart. Every token but the first is the target
// of exactly one of them: the first that holds it. The last window ends with the text.
// Shapes: fill() writes (2, B, T) ids, inputs and then targets, -1 where nothing is scored.
// Requires: at least two tokens; 1 <= stride <= context.
// Errors: none.
// Reference: transformers documentation, "Perplexity of fixed-length models".
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

class text_windows {
 public:
  text_windows(std::span<const std::int32_t> ids, isize context, isize stride)
      : ids_(ids), last_(static_cast<isize>(ids.size()) - 1), stride_(stride) {
    time_ = std::min(context, last_);
  }

  isize time() const { return time_; }
  isize count() const { return 1 + (last_ - time_ + stride_ - 1) / stride_; }

  // The next windows, up to `batch` of them; false when all have been given.
  bool fill(std::span<std::int32_t> window, isize batch) {
    if (scored_ > last_) return false;
    const auto middle = window.begin() + batch * time_;
    std::fill(window.begin(), middle, ids_[0]);
    std::fill(middle, window.end(), -1);
    for (isize b = 0; b < batch && scored_ <= last_; ++b) {
      const isize end = std::min(begin_ + time_, last_);
      std::copy(ids_.begin() + begin_, ids_.begin() + end, window.begin() + b * time_);
      const isize first = scored_ - 1 - begin_;  // the place of the first new target
      std::copy(ids_.begin() + scored_, ids_.begin() + end + 1, middle + b * time_ + first);
      scored_ = end + 1;
      begin_ += stride_;
    }
    return true;
  }

 private:
  std::span<const std::int32_t> ids_;
  isize last_, stride_, time_;
  isize begin_ = 0, scored_ = 1;  // ids_[scored_] is the next target
};

}  // namespace ctgpt::inline CTGPT_ABI::app
