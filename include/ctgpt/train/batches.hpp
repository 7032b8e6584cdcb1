// batches: windows of a token sequence, drawn at random with replacement.
//
// Batch number i is a pure function of (seed, i): its windows begin at offsets that the
// counter-based generator gives for that number, so the position in the data is one integer and
// resuming is exact.
// Shapes: draw(i) writes (2, B, T) ids: B windows of T inputs, then their targets, one further on.
// Errors: a sequence shorter than T + 1 tokens, or a batch of none, throws ctgpt::error.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/random.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct batch_options {
  isize batch = 16;
  isize time = 0;  // tokens a window; 0: the model's context
  std::uint64_t seed = 1337;
};

class batches {
 public:
  batches(std::vector<std::int32_t> ids, batch_options options)
      : ids_(std::make_shared<std::vector<std::int32_t>>(std::move(ids))),
        first_(0),
        count_(static_cast<isize>(ids_->size())),
        options_(options) {
    expects(options_.batch >= 1, "a batch needs at least one window, not ", options_.batch);
  }

  isize batch() const { return options_.batch; }
  isize time() const { return options_.time; }
  isize size() const { return count_; }
  std::span<const std::int32_t> ids() const {
    return std::span(*ids_).subspan(static_cast<std::size_t>(first_),
                                    static_cast<std::size_t>(count_));
  }

  // The same data with windows of `time` tokens. Throws where none fits.
  batches with_time(isize time) const {
    batches other = *this;
    other.options_.time = time;
    expects(count_ > time, "the data has ", count_, " tokens, but a window of ", time,
            " inputs and their targets needs ", time + 1, "; give more data or a shorter context");
    return other;
  }
  // Tokens [first, first + count) alone, sharing the memory.
  batches part(isize first, isize count) const {
    batches other = *this;
    other.first_ += first;
    other.count_ = count;
    return other;
  }

  // Throws where a token is none of a vocabulary of `vocab`.
  [[gnu::cold]] void expect_tokens_of(isize vocab) const {
    for (const std::int32_t id : ids()) {
      expects(id >= 0 && id < vocab, "the data holds the token ", id,
              ", but the model's vocabulary has ", vocab, " tokens, 0 to ", vocab - 1,
              "; use the tokenizer that the model was built for");
    }
  }

  // Requires: ids.size() == 2 * batch * time; time() > 0.
  void draw(std::uint64_t number, std::span<std::int32_t> ids) const {
    const auto windows = static_cast<std::uint64_t>(count_ - options_.time);
    random_stream offsets(options_.seed, 0x62617463u);  // a stream of its own
    offsets.seek(number * static_cast<std::uint64_t>(options_.batch) * 2);
    for (isize b = 0; b < options_.batch; ++b) {
      copy_window(b, static_cast<isize>(offsets.below(windows)), ids);
    }
  }

  // Batch `number` of `count`: windows spread evenly over the whole data, the same at every call,
  // so that losses measured on them can be compared.
  // Requires: as draw(); 0 <= number < count.
  void spread(isize number, isize count, std::span<std::int32_t> ids) const {
    const isize last_start = count_ - options_.time - 1, windows = count * options_.batch;
    for (isize b = 0; b < options_.batch; ++b) {
      const isize index = number * options_.batch + b;
      copy_window(b, windows > 1 ? last_start * index / (windows - 1) : 0, ids);
    }
  }

 private:
  // Window b of the batch begins at `start`; its targets lie one further on.
  void copy_window(isize b, isize start, std::span<std::int32_t> ids) const {
    const auto window = ids_->begin() + first_ + start;
    const isize tokens = options_.batch * options_.time;
    std::copy_n(window, options_.time, ids.begin() + b * options_.time);
    std::copy_n(window + 1, options_.time, ids.begin() + tokens + b * options_.time);
  }

  std::shared_ptr<const std::vector<std::int32_t>> ids_;
  isize first_, count_;
  batch_options options_;
};

}  // namespace ctgpt::inline CTGPT_ABI
