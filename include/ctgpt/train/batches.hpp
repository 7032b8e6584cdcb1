// batches: the windows of tokens that a trainer learns from.
//
// batches{ids, {.batch = 16}}                                   of tokens in memory
// batches{data::token_set::open("data/web").train, {.batch = 16}}    of files, mapped
//
// Batch number i is a pure function of (seed, i), at random or in one of the orders of
// data/window_orders.hpp, so the position in the data is one integer and resuming is exact.
// Shapes: draw(i) writes (2, B, T) ids: B windows of T inputs, then their targets, one further on;
// a target of -1 is none; (3, B, T) where documents are kept apart: then the positions.
// Errors: a sequence shorter than T + 1 tokens, or a batch of none, throws ctgpt::error; files may
// turn out to hold what they should not.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "ctgpt/data/token_loader.hpp"

namespace ctgpt::inline CTGPT_ABI {

using batch_options = data::loader_options;  // time 0: the model's context

class batches {
 public:
  batches(std::vector<std::int32_t> ids, const batch_options& options)
      : batches(std::make_shared<const data::memory_tokens>(std::move(ids)), options) {}
  batches(std::shared_ptr<const data::token_source> source, const batch_options& options)
      : loader_(std::move(source), options) {}

  isize batch() const { return loader_.options().batch; }
  isize time() const { return loader_.options().time; }
  isize size() const { return loader_.source()->size(); }
  std::int32_t token(isize place) const {
    std::int32_t id;
    loader_.source()->read(place, std::span(&id, 1));
    return id;
  }

  // The same data with windows of `time` tokens. Throws where none fits.
  batches with_time(isize time) const {
    if (time == this->time()) return *this;
    batch_options options = loader_.options();
    options.time = time;
    return {loader_.source(), options};
  }
  // Tokens [first, first + count) alone, sharing the memory.
  batches part(isize first, isize count) const {
    return {std::make_shared<const data::token_part>(loader_.source(), first, count),
            loader_.options()};
  }

  // Throws where a token is none of a vocabulary of `vocab`.
  [[gnu::cold]] void expect_tokens_of(isize vocab) const {
    loader_.source()->expect_tokens_of(vocab);
  }

  // Tokens that one pass over the data draws. Requires: time() > 0.
  isize epoch_tokens() const { return loader_.epoch_tokens(); }

  isize parts() const { return loader_.parts(); }  // 2 or 3

  // Requires: ids.size() == parts() * batch * time; time() > 0.
  void draw(std::uint64_t number, std::span<std::int32_t> ids) const { loader_.draw(number, ids); }
  // The targets of batch `number` that are some: all but the padding of packed documents.
  isize scored(std::uint64_t number) const { return loader_.scored(number); }

  // Batch `number` of `count`: windows spread evenly over the whole data, the same at every call,
  // so that losses measured on them can be compared. Returns how many of its targets are some.
  // Requires: as draw(); 0 <= number < count.
  isize spread(isize number, isize count, std::span<std::int32_t> ids) const {
    return loader_.spread(number, count, ids);
  }

 private:
  data::token_loader loader_;
};

}  // namespace ctgpt::inline CTGPT_ABI
