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

#include "ctgpt/model/network.hpp"

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
      : net_(&net), chunk_(std::min(chunk, net.settings().context)), sequences_(sequences) {
    const config& settings = net.settings();
    // Larger pages read faster: fewer jumps between keys and values.
    const isize tiles = (settings.context + attention_tile - 1) / attention_tile;
    const isize page = settings.context >= 256 ? 256 : tiles * attention_tile;
    const isize pages_each = (settings.context + page - 1) / page;
    expects(sequences >= 1 && chunk >= 1, "a decoder of ", sequences, " sequences, ", chunk,
            " tokens at a time, cannot run; both must be at least 1");
    const element storage = net.numbers().storage, compute = net.numbers().compute;
    const isize pages = sequences * pages_each;
    std::vector<std::int32_t> table;
    for (isize i = 0; i < pages; ++i) table.push_back(static_cast<std::int32_t>(i));
    pages_ = memory(net.where(), element::i32, pages);
    pages_.upload(table.data());
    const auto caches = static_cast<std::size_t>(settings.layers * net.caches());
    cache_ = std::vector<memory>(caches);
    views_ = std::vector<cache_view>(caches + 1);  // never empty: caches say that this is decoding
    for (std::size_t i = 0; i < caches; ++i) {
      const cache_shape shape = net.cache(static_cast<int>(i) % net.caches());
      const isize width = page * shape.kv_heads * shape.head_size;
      memory& here = cache_[i];
      here = memory(net.where(), storage, 2 * pages * width);
      views_[i] = {here.matrix(0, pages, width),
                   here.matrix(pages * width, pages, width),
                   pages_.matrix(0, sequences, pages_each),
                   page,
                   shape.kv_heads,
                   shape.head_size};
    }
    const running_sizes sizes = net.sizes(false);
    tape_ = memory(net.where(), storage, chunk_ * sizes.tape);
    scratch_ = memory(net.where(), storage, chunk_ * sizes.scratch);
    statistics_ = memory(net.where(), compute, chunk_ * sizes.statistics + 1);
    ids_ = memory(net.where(), element::i32, 3 * chunk_);
    logits_ = memory(net.where(), compute, net.vocab());
    host_ids_.resize(static_cast<std::size_t>(3 * chunk_));
    host_bytes_.resize(static_cast<std::size_t>(logits_.bytes()));
    host_logits_.resize(static_cast<std::size_t>(net.vocab()));
  }

  decoder(any_network&&, isize = 1, isize = 1) = delete;  // it would outlive its weights

  const any_network& net() const { return *net_; }
  isize vocab() const override { return net_->vocab(); }
  isize context() const override { return net_->settings().context; }

  void feed(std::span<const std::int32_t> tokens, isize sequence, isize start) override {
    const auto count = static_cast<isize>(tokens.size());
    expects(sequence >= 0 && sequence < sequences_, "sequence ", sequence, " does not exist");
    expects(start >= 0 && start + count <= context(), "position ", start + count,
            " is past the model's context of ", context());
    for (isize first = 0; first < count; first += chunk_) {
      const isize some = std::min(chunk_, count - first);
      step(tokens.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(some)),
           sequence, start + first, first + some == count);
    }
  }

  // Of the last token that was fed.
  std::span<const float> logits() const override { return host_logits_; }

 private:
  void step(std::span<const std::int32_t> tokens, isize sequence, isize start, bool last) {
    const auto count = static_cast<isize>(tokens.size());
    std::int32_t* host = host_ids_.data();
    for (isize i = 0; i < count; ++i) {
      host[i] = tokens[static_cast<std::size_t>(i)];
      host[count + i] = static_cast<std::int32_t>(sequence);
      host[2 * count + i] = static_cast<std::int32_t>(start + i);
    }
    net_->where().upload(ids_.data(), host, static_cast<std::size_t>(3 * count) * sizeof(*host));
    pass p = net_->shared();
    p.tokens = ids_.row(0, count);
    p.sequences = ids_.row(count, count);
    p.token_positions = ids_.row(2 * count, count);
    p.caches = views_.data();
    frame f;
    f.shared = &p;
    f.weights = net_->weights();
    f.tape = static_cast<std::byte*>(tape_.data());
    f.statistics = static_cast<std::byte*>(statistics_.data());
    f.scratch = static_cast<std::byte*>(scratch_.data());
    f.storage = net_->numbers().storage;
    f.compute = net_->numbers().compute;
    f.batch = 1;
    f.time = count;
    ops run(net_->where());
    const tensor h = net_->forward(run, f);
    if (!last) return;
    tensor weight = net_->weights()[net_->layout().head_slot];
    weight.rows = vocab();
    const tensor out = logits_.row(0, vocab());
    run.matmul(product::nt, out, row_range(h, count - 1, 1), weight);
    const float cap = net_->settings().softcap;
    if (cap > 0.0f) run.softcap(out, cap);
    net_->where().download(host_bytes_.data(), out.data, host_bytes_.size());
    for (isize i = 0; i < vocab(); ++i) {
      host_logits_[static_cast<std::size_t>(i)] =
          static_cast<float>(detail::load_value(host_bytes_.data(), logits_.type(), i));
    }
  }

  const any_network* net_;
  isize chunk_, sequences_;
  memory pages_, tape_, scratch_, statistics_, ids_, logits_;
  std::vector<memory> cache_;
  std::vector<cache_view> views_;
  std::vector<std::int32_t> host_ids_;
  std::vector<std::byte> host_bytes_;
  std::vector<float> host_logits_;
};

}  // namespace ctgpt::inline CTGPT_ABI
