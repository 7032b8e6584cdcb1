// window_orders: the orders of windows beside the random one, for token_loader and batches.
//
// batches(ids, {.batch = 16, .order = data::orders::shuffled})
//
// orders::sequential: one window after the other, T tokens apart, again and again (llm.c)
// orders::shuffled:   the same windows, in an order of its own in each epoch
// orders::documents:  packed documents (data/packed_windows.hpp), in an order of its own in each
// Errors: those of data/packed_windows.hpp; a name that is none of an order: usage_error.
#pragma once

#include "ctgpt/data/packed_windows.hpp"
#include "ctgpt/data/permutation.hpp"
#include "ctgpt/data/token_loader.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

namespace detail {

// Which of `count` windows comes as the i-th of the run.
inline isize shuffled_place(std::uint64_t i, isize count, std::uint64_t seed) {
  const auto all = static_cast<std::uint64_t>(count);
  return permutation(count, seed, i / all)(static_cast<isize>(i % all));
}

class even_windows final : public ordered_windows {
 public:
  even_windows(std::shared_ptr<const token_source> source, isize time, std::uint64_t seed,
               bool shuffled)
      : source_(std::move(source)), time_(time), seed_(seed), shuffled_(shuffled) {}

  isize count() const override { return (source_->size() - 1) / time_; }
  void read(std::uint64_t i, std::span<std::int32_t> inputs,
            std::span<std::int32_t> targets) const override {
    const isize place = shuffled_ ? shuffled_place(i, count(), seed_)
                                  : static_cast<isize>(i % static_cast<std::uint64_t>(count()));
    source_->read(place * time_, inputs);
    source_->read(place * time_ + 1, targets);
  }
  isize scored(std::uint64_t) const override { return time_; }

 private:
  std::shared_ptr<const token_source> source_;
  isize time_;
  std::uint64_t seed_;
  bool shuffled_;
};

class document_windows final : public ordered_windows {
 public:
  document_windows(std::shared_ptr<const token_source> source, isize time, std::uint64_t seed)
      : source_(std::move(source)), windows_(*source_, time), seed_(seed) {}

  isize count() const override { return windows_.count(); }
  void read(std::uint64_t i, std::span<std::int32_t> inputs,
            std::span<std::int32_t> targets) const override {
    windows_.read(*source_, shuffled_place(i, count(), seed_), inputs, targets);
  }
  isize scored(std::uint64_t i) const override {
    return windows_.scored(shuffled_place(i, count(), seed_));
  }

 private:
  std::shared_ptr<const token_source> source_;
  packed_windows windows_;
  std::uint64_t seed_;
};

}  // namespace detail

namespace orders {

inline constexpr window_order random;
inline constexpr window_order sequential{
    "sequential",
    [](const std::shared_ptr<const token_source>& source, isize time,
       std::uint64_t seed) -> std::shared_ptr<const ordered_windows> {
      return std::make_shared<detail::even_windows>(source, time, seed, false);
    }};
inline constexpr window_order shuffled{
    "shuffled",
    [](const std::shared_ptr<const token_source>& source, isize time,
       std::uint64_t seed) -> std::shared_ptr<const ordered_windows> {
      return std::make_shared<detail::even_windows>(source, time, seed, true);
    }};
inline constexpr window_order documents{
    "documents",
    [](const std::shared_ptr<const token_source>& source, isize time,
       std::uint64_t seed) -> std::shared_ptr<const ordered_windows> {
      return std::make_shared<detail::document_windows>(source, time, seed);
    }};
inline constexpr window_order all[] = {random, sequential, shuffled, documents};

}  // namespace orders

inline window_order parse_order(std::string_view name) {
  for (const window_order& order : orders::all) {
    if (order.name == name) return order;
  }
  throw usage_error(
      join("there is no order '", name, "'; choose random, sequential, shuffled or documents"));
}

}  // namespace ctgpt::inline CTGPT_ABI::data
