// token_loader: windows of a token_source, in one of four orders.
//
// random:     windows begin anywhere, drawn with replacement (nanoGPT)
// sequential: one after the other, T tokens apart, again and again (llm.c)
// shuffled:   the same windows, in an order of its own in each epoch; each comes once an epoch
// documents:  packed documents (data/packed_windows.hpp), in an order of its own in each epoch
//
// Batch number i is a pure function of (seed, i), so the position in the data is one integer and
// resuming is exact. Of n ranks with B windows each, rank r draws the windows r B .. r B + B - 1 of
// one rank's batch of n B: together they draw the same, and no two draw the same one.
// Shapes: draw(i) writes (2, B, T) ids: B windows of T inputs, then their targets, one further on;
// a target of -1 is none.
// Errors: a sequence shorter than T + 1 tokens, a batch of none, a rank that is not there: one
// sentence each; those of the source.
#pragma once

#include <memory>
#include <string_view>

#include "ctgpt/base/random.hpp"
#include "ctgpt/data/packed_windows.hpp"
#include "ctgpt/data/permutation.hpp"
#include "ctgpt/data/token_source.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

enum class window_order : std::uint8_t { random, sequential, shuffled, documents };

inline constexpr std::string_view window_orders[] = {"random", "sequential", "shuffled",
                                                     "documents"};
inline constexpr std::string_view name_of(window_order order) {
  return window_orders[static_cast<std::size_t>(order)];
}
inline window_order parse_order(std::string_view name) {
  for (std::size_t i = 0; i < std::size(window_orders); ++i) {
    if (name == window_orders[i]) return static_cast<window_order>(i);
  }
  throw usage_error(
      join("there is no order '", name, "'; choose random, sequential, shuffled or documents"));
}

struct loader_options {
  isize batch = 16;
  isize time = 0;  // tokens a window
  std::uint64_t seed = 1337;
  window_order order = window_order::random;
  isize rank = 0, ranks = 1;
};

class token_loader {
 public:
  token_loader(std::shared_ptr<const token_source> source, const loader_options& options)
      : source_(std::move(source)), options_(options) {
    check(options);
    const isize size = source_->size(), time = options.time;
    expects(time >= 1, "a window needs at least one token, not ", time);
    expects(size > time, "the data has ", size, " tokens, but a window of ", time,
            " inputs and their targets needs ", time + 1, "; give more data or a shorter context");
    if (options.order == window_order::documents) {
      packed_ = std::make_shared<packed_windows>(*source_, time);
    }
  }

  // What can be wrong before the data is there.
  static void check(const loader_options& o) {
    expects(o.batch >= 1, "a batch needs at least one window, not ", o.batch);
    expects(o.ranks >= 1 && o.rank >= 0 && o.rank < o.ranks, "there is no rank ", o.rank, " of ",
            o.ranks, "; ranks count from 0");
  }

  const loader_options& options() const { return options_; }
  const token_source& source() const { return *source_; }

  // Windows from which a draw chooses; all but the random order draw each once an epoch.
  isize windows() const {
    switch (options_.order) {
      case window_order::random:
        return source_->size() - options_.time;
      case window_order::documents:
        return packed_->count();
      default:
        return (source_->size() - 1) / options_.time;
    }
  }
  // Tokens that one pass over the data draws, padding among them.
  isize epoch_tokens() const {
    const bool random = options_.order == window_order::random;
    return random ? source_->size() : windows() * options_.time;
  }

  // Requires: ids.size() == 2 * batch * time.
  void draw(std::uint64_t number, std::span<std::int32_t> ids) const {
    if (options_.order != window_order::random) return draw_in_order(number, ids);
    random_stream offsets(options_.seed, 0x62617463u);  // a stream of its own
    offsets.seek(2 * first_of(number));
    for (isize b = 0; b < options_.batch; ++b) {
      const std::uint64_t start = offsets.below(static_cast<std::uint64_t>(windows()));
      read(b, static_cast<isize>(start), ids);
    }
  }

  // The targets in batch `number` that are some.
  [[gnu::cold]] isize scored(std::uint64_t number) const {
    if (packed_ == nullptr) return options_.batch * options_.time;
    isize sum = 0;
    for (isize b = 0; b < options_.batch; ++b) {
      sum += packed_->scored(chosen(first_of(number) + static_cast<std::uint64_t>(b)));
    }
    return sum;
  }

  // Batch `number` of `count`: windows spread evenly over the whole data, the same at every call
  // and in every order, so that losses measured on them can be compared.
  // Requires: as draw(); 0 <= number < count.
  void spread(isize number, isize count, std::span<std::int32_t> ids) const {
    const isize last_start = source_->size() - options_.time - 1, windows = count * options_.batch;
    for (isize b = 0; b < options_.batch; ++b) {
      const isize index = number * options_.batch + b;
      read(b, windows > 1 ? last_start * index / (windows - 1) : 0, ids);
    }
  }

 private:
  // Cold only for the compiler: a program that draws at random pays little time for compiling it,
  // and a step costs a million times what it costs.
  [[gnu::cold]] void draw_in_order(std::uint64_t number, std::span<std::int32_t> ids) const {
    for (isize b = 0; b < options_.batch; ++b) {
      const isize window = chosen(first_of(number) + static_cast<std::uint64_t>(b));
      if (packed_ != nullptr) {
        packed_->read(*source_, window, inputs(b, ids), targets(b, ids));
      } else {
        read(b, window * options_.time, ids);
      }
    }
  }

  // The first window of this rank's batch, counted from the beginning of the run.
  std::uint64_t first_of(std::uint64_t number) const {
    const auto batch = static_cast<std::uint64_t>(options_.batch);
    return (number * static_cast<std::uint64_t>(options_.ranks) +
            static_cast<std::uint64_t>(options_.rank)) *
           batch;
  }
  // The window that comes as the i-th of the run.
  [[gnu::cold]] isize chosen(std::uint64_t i) const {
    const auto all = static_cast<std::uint64_t>(windows());
    const auto place = static_cast<isize>(i % all);
    if (options_.order == window_order::sequential) return place;
    return permutation(windows(), options_.seed, i / all)(place);
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
  std::shared_ptr<const packed_windows> packed_;  // of the order of documents
};

}  // namespace ctgpt::inline CTGPT_ABI::data
