// paged_runner: runs a model over rows of (token, sequence, position), with a cache in pages.
//
// run({.tokens, .sequences, .positions}) computes rows of any sequences side by side, where each
// sequence's earlier positions are in the cache or among these rows; score(first, count) computes
// the logits of rows [first, first + count) of them, hidden(first, count) gives their last hidden
// states. Which page holds positions [n page, (n + 1) page) of a sequence is said by set_page().
// All memory is allocated here: running allocates nothing.
// Shapes: logits (count, vocab in use), f32; hidden (count, C), f32.
// Ensures: a row's bits depend on the tokens of its sequence alone: not on the other rows, the
// pages, or how its sequence was cut into runs.
// Requires: rows, sequences and pages within the sizes; positions below the context.
// Errors: memory that cannot be had: ctgpt::error.
// Reference: Kwon et al., "Efficient Memory Management for Large Language Model Serving with
// PagedAttention", 2023; Yu et al., "Orca", OSDI 2022 (batching by the step).
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "ctgpt/model/network.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct paged_sizes {
  isize sequences = 1;
  isize pages = 1, page = attention_tile;  // of the cache; positions in each
  isize rows = 1;                          // of one run
  isize scored = 1;                        // rows of one score() or hidden()
};

class paged_runner {
 public:
  [[gnu::cold]] paged_runner(const any_network& net, const paged_sizes& sizes)
      : net_(&net), sizes_(sizes) {
    const isize context = net.settings().context;
    pages_each_ = (context + sizes.page - 1) / sizes.page;
    const element storage = net.numbers().storage, compute = net.numbers().compute;
    table_.resize(static_cast<std::size_t>(sizes.sequences * pages_each_), 0);
    pages_ = memory(net.where(), element::i32, sizes.sequences * pages_each_);
    const auto caches = static_cast<std::size_t>(net.settings().layers * net.caches());
    cache_ = std::vector<memory>(caches);
    views_ = std::vector<cache_view>(caches + 1);  // never empty: caches say that this is decoding
    for (std::size_t i = 0; i < caches; ++i) {
      const cache_shape shape = net.cache(static_cast<int>(i) % net.caches());
      const isize width = sizes.page * shape.kv_heads * shape.head_size;
      memory& here = cache_[i];
      here = memory(net.where(), storage, 2 * sizes.pages * width);
      views_[i] = {here.matrix(0, sizes.pages, width),
                   here.matrix(sizes.pages * width, sizes.pages, width),
                   pages_.matrix(0, sizes.sequences, pages_each_),
                   sizes.page,
                   shape.kv_heads,
                   shape.head_size};
    }
    const running_sizes needs = net.sizes(false);
    tape_ = memory(net.where(), storage, sizes.rows * needs.tape);
    scratch_ = memory(net.where(), storage, sizes.rows * needs.scratch);
    statistics_ = memory(net.where(), compute, sizes.rows * needs.statistics + 1);
    ids_ = memory(net.where(), element::i32, 3 * sizes.rows);
    logits_ = memory(net.where(), compute, sizes.scored * net.vocab());
    host_ids_.resize(static_cast<std::size_t>(3 * sizes.rows));
    host_bytes_.resize(static_cast<std::size_t>(logits_.bytes()));
    host_logits_.resize(static_cast<std::size_t>(sizes.scored * net.vocab()));
  }

  paged_runner(any_network&&, const paged_sizes&) = delete;  // it would outlive its weights

  // Bytes of keys and values of `page` positions, all layers together.
  static isize page_bytes(const any_network& net, isize page) {
    isize bytes = 0;
    for (int i = 0; i < net.caches(); ++i) {
      const cache_shape shape = net.cache(i);
      bytes += 2 * element_bytes(net.numbers().storage, page * shape.kv_heads * shape.head_size);
    }
    return bytes * net.settings().layers;
  }

  const any_network& net() const { return *net_; }
  const paged_sizes& sizes() const { return sizes_; }
  isize pages_each() const { return pages_each_; }

  void set_page(isize sequence, isize n, std::int32_t page) {
    table_[static_cast<std::size_t>(sequence * pages_each_ + n)] = page;
    moved_ = true;
  }

  // What page `from` holds is in page `to` too.
  void copy_page(std::int32_t from, std::int32_t to) {
    const kernel_table& table = net_->where().table();
    for (std::size_t i = 0; i < cache_.size(); ++i) {
      for (const tensor& pages : {views_[i].keys, views_[i].values}) {
        const tensor target = row_range(pages, to, 1);
        table.copy(net_->where().state(), {target.data, row_range(pages, from, 1).data,
                                           bytes_of(target), direction::within});
      }
    }
  }

  // The rows of a run, to be filled before run(count): (rows) each.
  struct row_ids {
    std::int32_t *tokens, *sequences, *positions;
  };
  row_ids rows() {
    std::int32_t* ids = host_ids_.data();
    return {ids, ids + sizes_.rows, ids + 2 * sizes_.rows};
  }

  void run(isize count) {
    if (moved_) pages_.upload(table_.data());
    moved_ = false;
    const auto bytes = static_cast<std::size_t>(count) * sizeof(std::int32_t);
    pass p = net_->shared();
    tensor* const places[] = {&p.tokens, &p.sequences, &p.token_positions};
    for (isize i = 0; i < 3; ++i) {
      *places[i] = ids_.row(i * sizes_.rows, count);
      net_->where().upload(places[i]->data, host_ids_.data() + i * sizes_.rows, bytes);
    }
    p.caches = views_.data();
    frame f;
    f.shared = &p;
    f.weights = net_->weights();
    f.adapters = net_->adapters();
    f.tape = static_cast<std::byte*>(tape_.data());
    f.statistics = static_cast<std::byte*>(statistics_.data());
    f.scratch = static_cast<std::byte*>(scratch_.data());
    f.storage = net_->numbers().storage;
    f.compute = net_->numbers().compute;
    f.batch = 1;
    f.time = count;
    ops run(net_->where());
    hidden_ = net_->forward(run, f);
  }

  // Of the rows of the last run; valid until the next call.
  std::span<const float> score(isize first, isize count) {
    ops run(net_->where());
    tensor weight = net_->weights()[net_->layout().head_slot];
    weight.rows = net_->vocab();
    const tensor out = logits_.matrix(0, count, net_->vocab());
    run.matmul(product::nt, out, row_range(hidden_, first, count), weight);
    const float cap = net_->settings().softcap;
    if (cap > 0.0f) run.softcap(out, cap);
    return download(out);
  }
  std::span<const float> hidden(isize first, isize count) {
    const tensor rows = row_range(hidden_, first, count);
    host_bytes_.resize(std::max(host_bytes_.size(), bytes_of(rows)));
    host_logits_.resize(std::max(host_logits_.size(), static_cast<std::size_t>(count * rows.cols)));
    return download(rows);
  }

 private:
  static std::size_t bytes_of(const tensor& t) {
    return static_cast<std::size_t>(element_bytes(t.type, t.rows * t.cols));
  }
  // Requires: no gaps between the rows.
  std::span<const float> download(const tensor& from) {
    const auto count = static_cast<std::size_t>(from.rows * from.cols);
    if (from.type == element::f32) {
      net_->where().download(host_logits_.data(), from.data, count * sizeof(float));
    } else {
      net_->where().download(host_bytes_.data(), from.data, bytes_of(from));
      for (std::size_t i = 0; i < count; ++i) {
        host_logits_[i] = static_cast<float>(
            detail::load_value(host_bytes_.data(), from.type, static_cast<isize>(i)));
      }
    }
    return std::span<const float>(host_logits_).first(count);
  }

  const any_network* net_;
  paged_sizes sizes_;
  isize pages_each_ = 1;
  bool moved_ = true;
  memory pages_, tape_, scratch_, statistics_, ids_, logits_;
  std::vector<memory> cache_;
  std::vector<cache_view> views_;
  tensor hidden_;
  std::vector<std::int32_t> table_, host_ids_;
  std::vector<std::byte> host_bytes_;
  std::vector<float> host_logits_;
};

}  // namespace ctgpt::inline CTGPT_ABI
