// decoder: runs a model over sequences that grow, with a paged key/value cache.
//
// feed(tokens, sequence, start) computes the positions start .. start + size - 1 of a sequence
// whose earlier positions are in the cache, and leaves the logits of the last one. The bits equal
// those of an uncached forward pass over the whole sequence (workspace::logits).
// All memory is allocated here: `sequences` x context positions of keys and values for every
// attention, and a workspace for `chunk` tokens at a time; feeding allocates nothing.
// Shapes: logits (vocab in use), f32.
// Errors: positions past the context, a sequence that does not exist, and sizes below 1 throw
// ctgpt::error.
// Reference: Kwon et al., "Efficient Memory Management for Large Language Model Serving with
// PagedAttention", 2023.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "ctgpt/model/paged_runner.hpp"

namespace ctgpt::inline CTGPT_ABI {

// What generation needs of a decoder.
class token_decoder {
 public:
  virtual ~token_decoder() = default;
  virtual isize vocab() const = 0;
  virtual isize context() const = 0;
  // Computes the positions start .. start + size - 1 of a sequence whose earlier ones are known.
  virtual void feed(std::span<const std::int32_t> tokens, isize sequence, isize start) = 0;
  // Of the last token that was fed: (vocab).
  virtual std::span<const float> logits() const = 0;
};

class decoder final : public token_decoder {
 public:
  [[gnu::cold]] explicit decoder(const any_network& net, isize sequences = 1, isize chunk = 128)
      : run_(net, sizes_for(net, sequences, chunk)) {
    for (isize sequence = 0; sequence < sequences; ++sequence) {
      for (isize n = 0; n < run_.pages_each(); ++n) {
        run_.set_page(sequence, n, static_cast<std::int32_t>(sequence * run_.pages_each() + n));
      }
    }
  }

  decoder(any_network&&, isize = 1, isize = 1) = delete;  // it would outlive its weights

  const any_network& net() const { return run_.net(); }
  isize vocab() const override { return net().vocab(); }
  isize context() const override { return net().settings().context; }

  void feed(std::span<const std::int32_t> tokens, isize sequence, isize start) override {
    const auto count = static_cast<isize>(tokens.size());
    expects(sequence >= 0 && sequence < run_.sizes().sequences, "sequence ", sequence,
            " does not exist");
    expects(start >= 0 && start + count <= context(), "position ", start + count,
            " is past the model's context of ", context());
    const paged_runner::row_ids ids = run_.rows();
    for (isize first = 0; first < count; first += run_.sizes().rows) {
      const isize some = std::min(run_.sizes().rows, count - first);
      for (isize i = 0; i < some; ++i) {
        ids.tokens[i] = tokens[static_cast<std::size_t>(first + i)];
        ids.sequences[i] = static_cast<std::int32_t>(sequence);
        ids.positions[i] = static_cast<std::int32_t>(start + first + i);
      }
      run_.run(some);
      if (first + some == count) logits_ = run_.score(some - 1, 1);
    }
  }

  // Of the last token that was fed.
  std::span<const float> logits() const override { return logits_; }

 private:
  static paged_sizes sizes_for(const any_network& net, isize sequences, isize chunk) {
    expects(sequences >= 1 && chunk >= 1, "a decoder of ", sequences, " sequences, ", chunk,
            " tokens at a time, cannot run; both must be at least 1");
    const isize context = net.settings().context;
    // Larger pages read faster: fewer jumps between keys and values.
    const isize tiles = (context + attention_tile - 1) / attention_tile;
    const isize page = context >= 256 ? 256 : tiles * attention_tile;
    return {sequences, sequences * ((context + page - 1) / page), page, std::min(chunk, context),
            1};
  }

  paged_runner run_;
  std::span<const float> logits_;
};

}  // namespace ctgpt::inline CTGPT_ABI
