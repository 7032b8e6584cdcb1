// token_loader: windows of a token_source, drawn at random or in an order of
// data/window_orders.hpp.
//
// token_loader(source, {.batch = 16, .time = 128}).draw(number, ids)
// token_loader(source, {.batch = 16, .time = 128, .order = orders::shuffled})
//
// At random, windows begin anywhere, drawn with replacement (nanoGPT).
// Batch number i is a pure function of (seed, i), so the position in the data is one integer and
// resuming is exact. Of n ranks with B windows each, rank r draws the windows r B .. r B + B - 1 of
// one rank's batch of n B: together they draw the same, and no two draw the same one.
// Shapes: draw(i) writes (2, B, T) ids: B windows of T inputs, then their targets, one further on;
// a target of -1 is none. Where an order keeps a window's documents apart, (3, B, T): then each
// token's place in its document.
// Errors: a sequence shorter than T + 1 tokens, a batch of none, a rank that is not there: one
// sentence each; those of the source.
#pragma once

#include <memory>
#include <string_view>

#include "ctgpt/base/random.hpp"
#include "ctgpt/data/token_source.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Windows of T tokens in an order that depends on the seed alone.
class ordered_windows {
 public:
  virtual ~ordered_windows() = default;
  virtual isize count() const = 0;  // each is drawn once before any is drawn again
  // Window i of the run. inputs, targets: (T).
  virtual void read(std::uint64_t i, std::span<std::int32_t> inputs,
                    std::span<std::int32_t> targets) const = 0;
  virtual isize scored(std::uint64_t i) const = 0;  // its targets that are some
  // Whether the documents of a window are kept apart, so that none sees another; positions() are
  // then each token's place in its own.
  virtual bool apart() const { return false; }
  virtual void positions(std::uint64_t, std::span<std::int32_t>) const {}
};

struct window_order {
  std::string_view name = "random";
  // null: at random. The source holds more than `time` tokens, unless windows are padded.
  std::shared_ptr<const ordered_windows> (*open)(const std::shared_ptr<const token_source>& source,
                                                 isize time, std::uint64_t seed) = nullptr;
  bool padded = false;

  bool random() const { return open == nullptr; }
  friend bool operator==(const window_order& a, const window_order& b) { return a.name == b.name; }
};

struct loader_options {
  isize batch = 16;
  isize time = 0;  // tokens a window; 0: not yet known, so none can be drawn
  std::uint64_t seed = 1337;
  window_order order{};
  isize rank = 0, ranks = 1;
};

class token_loader {
 public:
  token_loader(std::shared_ptr<const token_source> source, const loader_options& options)
      : source_(std::move(source)), options_(options) {
    const isize size = source_->size(), time = options.time;
    expects(options.batch >= 1, "a batch needs at least one window, not ", options.batch);
    expects(options.ranks >= 1 && options.rank >= 0 && options.rank < options.ranks,
            "there is no rank ", options.rank, " of ", options.ranks, "; ranks count from 0");
    if (time == 0) return;
    expects(time >= 1, "a window needs at least one token, not ", time);
    expects(size > time || options.order.padded, "the data has ", size, " tokens, but a window of ",
            time, " inputs and their targets needs ", time + 1,
            "; give more data or a shorter context");
    if (options.order.open != nullptr) ordered_ = options.order.open(source_, time, options.seed);
  }

  const loader_options& options() const { return options_; }
  const std::shared_ptr<const token_source>& source() const { return source_; }

  // Windows from which a draw chooses; all but the random order draw each once an epoch.
  isize windows() const {
    return ordered_ != nullptr ? ordered_->count() : source_->size() - options_.time;
  }
  // Tokens that one pass over the data draws, padding among them.
  isize epoch_tokens() const {
    return ordered_ != nullptr ? ordered_->count() * options_.time : source_->size();
  }

  // What a batch is made of: inputs and targets; positions where documents are kept apart.
  isize parts() const { return apart() ? 3 : 2; }

  // Requires: ids.size() == parts() * batch * time.
  void draw(std::uint64_t number, std::span<std::int32_t> ids) const {
    random_stream offsets(options_.seed, 0x62617463u);  // a stream of its own
    offsets.seek(2 * first_of(number));
    for (isize b = 0; b < options_.batch; ++b) {
      if (ordered_ != nullptr) {
        read_ordered(window_of(number, b), b, ids);
      } else {
        read(b, static_cast<isize>(offsets.below(static_cast<std::uint64_t>(windows()))), ids);
      }
    }
  }

  // The targets in batch `number` that are some.
  isize scored(std::uint64_t number) const {
    if (ordered_ == nullptr) return options_.batch * options_.time;
    isize sum = 0;
    for (isize b = 0; b < options_.batch; ++b) sum += ordered_->scored(window_of(number, b));
    return sum;
  }

  // Batch `number` of `count`: windows spread evenly over the whole data, the same at every call
  // and in every order, so that losses measured on them can be compared; where documents are kept
  // apart, windows of the order, none of them twice. Returns how many targets are some.
  // Requires: as draw(); 0 <= number < count.
  isize spread(isize number, isize count, std::span<std::int32_t> ids) const {
    if (apart()) return spread_ordered(number, count, ids);
    const isize last_start = source_->size() - options_.time - 1, windows = count * options_.batch;
    for (isize b = 0; b < options_.batch; ++b) {
      const isize index = number * options_.batch + b;
      read(b, windows > 1 ? last_start * index / (windows - 1) : 0, ids);
    }
    return options_.batch * options_.time;
  }

 private:
  // The first window of this rank's batch, counted from the beginning of the run.
  std::uint64_t first_of(std::uint64_t number) const {
    const auto batch = static_cast<std::uint64_t>(options_.batch);
    return (number * static_cast<std::uint64_t>(options_.ranks) +
            static_cast<std::uint64_t>(options_.rank)) *
           batch;
  }
  std::uint64_t window_of(std::uint64_t number, isize b) const {
    return first_of(number) + static_cast<std::uint64_t>(b);
  }

  bool apart() const { return ordered_ != nullptr && ordered_->apart(); }
  void read_ordered(std::uint64_t window, isize b, std::span<std::int32_t> ids) const {
    ordered_->read(window, inputs(b, ids), targets(b, ids));
    if (apart()) ordered_->positions(window, inputs(2 * options_.batch + b, ids));
  }
  isize spread_ordered(isize number, isize count, std::span<std::int32_t> ids) const {
    const isize places = count * options_.batch, have = ordered_->count();
    isize scored = 0;
    for (isize b = 0; b < options_.batch; ++b) {
      const isize index = number * options_.batch + b;
      const isize window = places <= have ? have * index / places : index;
      read_ordered(static_cast<std::uint64_t>(window < have ? window : 0), b, ids);
      if (window < have) {
        scored += ordered_->scored(static_cast<std::uint64_t>(window));
      } else {
        const std::span<std::int32_t> none = targets(b, ids);
        std::fill(none.begin(), none.end(), -1);
      }
    }
    return scored;
  }

  std::span<std::int32_t> inputs(isize b, std::span<std::int32_t> ids) const {
    return ids.subspan(static_cast<std::size_t>(b * options_.time),
                       static_cast<std::size_t>(options_.time));
  }
  std::span<std::int32_t> targets(isize b, std::span<std::int32_t> ids) const {
    return inputs(options_.batch + b, ids);
  }
  // Window b of the batch begins at `start`; its targets lie one further on.
  void read(isize b, isize start, std::span<std::int32_t> ids) const {
    source_->read(start, inputs(b, ids));
    source_->read(start + 1, targets(b, ids));
  }

  std::shared_ptr<const token_source> source_;
  loader_options options_;
  std::shared_ptr<const ordered_windows> ordered_;  // null: at random
};

}  // namespace ctgpt::inline CTGPT_ABI::data
