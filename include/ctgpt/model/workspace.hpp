// workspace: all the memory that running a model over (batch, time) tokens needs, allocated
// once. gradients: a gradient for every weight.
//
// Bytes are known before anything runs: workspace_bytes(model, ...). A step allocates nothing.
// Forward: evaluate() adds the losses to the sum that loss_sum() reads.
// Backward: accumulate() does both ways, and adds the gradient of (sum of losses * scale) to the
// gradients.
// Shapes: tokens, targets (B,T) i32, -1 in targets = not scored; losses (N); positions (B,T) i32,
// where a sequence holds several documents: each token's place in its own, from 0. None of them
// then sees another, so each has the losses that it has alone.
// Errors: token counts that do not fit, and accumulate() on a workspace that was not built for
// training, throw ctgpt::error.
#pragma once

#include <span>
#include <vector>

#include "ctgpt/layer/head.hpp"
#include "ctgpt/model/network.hpp"

namespace ctgpt::inline CTGPT_ABI {

template <class Model>
constexpr isize workspace_bytes(const Model& model, isize batch, isize time, bool training,
                                isize vocab, precision numbers) {
  const isize tokens = batch * time;
  const isize chunk = parts::head_loss::chunk_rows(tokens, vocab) * vocab;
  const isize stored = tokens * (model.tape(training) + model.scratch());
  const isize computed = tokens * (model.statistics(training) + 1) + chunk + 2;
  return element_bytes(numbers.storage, stored) + element_bytes(numbers.compute, computed) +
         element_bytes(element::i32, 3 * tokens + 4) + element_bytes(element::f64, 1);
}

template <class Model>
constexpr isize workspace_bytes(isize batch, isize time, bool training, isize vocab,
                                precision numbers) {
  return workspace_bytes(Model{}, batch, time, training, vocab, numbers);
}

class gradients {
 public:
  // Where the network has an adapter, of its weights alone.
  [[gnu::cold]] explicit gradients(const network_weights& net)
      : arena_(net.where(), net.numbers().compute, net.trained().layout().parameters) {
    if (net.attached() == nullptr) {
      slots_ = slots_of(net.layout(), arena_);
    } else {
      slots_.resize(net.layout().slots.size());  // empty: frozen
      adapters_ = net.attached()->table(&arena_);
    }
  }
  const memory& arena() const { return arena_; }
  const tensor* slots() const { return slots_.data(); }
  const low_rank* adapters() const { return adapters_.get(); }

 private:
  memory arena_;
  std::vector<tensor> slots_;
  std::shared_ptr<const low_rank> adapters_;
};

class workspace {
 public:
  [[gnu::cold]] workspace(const any_network& net, isize batch, isize time, bool training)
      : net_(&net), batch_(batch), time_(time), training_(training) {
    const isize context = net.settings().context;
    expects(batch >= 1 && time >= 1 && time <= context, "a batch of ", batch, " x ", time,
            " tokens does not fit a model with context ", context);
    const isize n = batch * time;
    const element storage = net.numbers().storage, compute = net.numbers().compute;
    const running_sizes sizes = net.sizes(training);
    tape_ = memory(net.where(), storage, n * sizes.tape);
    scratch_ = memory(net.where(), storage, n * sizes.scratch);
    statistics_ = memory(net.where(), compute, n * sizes.statistics + 1);
    losses_ = memory(net.where(), compute, n);
    scale_ = memory(net.where(), compute, 1);
    ids_ = memory(net.where(), element::i32, 3 * n);
    random_ = memory(net.where(), element::u32, 4);
    loss_ = memory(net.where(), compute == element::complex128 ? compute : element::f64, 1);
    chunk_rows_ = parts::head_loss::chunk_rows(n, net.vocab());
    chunk_ = memory(net.where(), compute, chunk_rows_ * net.vocab());
  }

  workspace(any_network&&, isize, isize, bool) = delete;  // it would outlive its weights

  isize batch() const { return batch_; }
  isize time() const { return time_; }
  isize tokens() const { return batch_ * time_; }
  const any_network& net() const { return *net_; }

  // ids: (2, B, T): the tokens, then the targets; (3, B, T): then the positions.
  void upload(std::span<const std::int32_t> ids) {
    const auto count = static_cast<isize>(ids.size());
    expects(count == 2 * tokens() || count == 3 * tokens(), "expected ", 2 * tokens(),
            " token and target ids, got ", ids.size());
    documents_ = count == 3 * tokens();
    net_->where().upload(ids_.data(), ids.data(), ids.size_bytes());
  }
  // The factor of the loss in accumulate(), usually 1 / (scored tokens of a whole step).
  void set_scale(double factor) {
    std::byte bytes[16];
    detail::store_value(bytes, scale_.type(), 0, factor);
    scale_.upload(bytes);
  }
  // Dropout draws from this seed at this counter; a step that repeats it repeats its masks.
  void set_random(seed start, std::uint32_t counter) {
    const std::uint32_t state[4] = {static_cast<std::uint32_t>(start.value),
                                    static_cast<std::uint32_t>(start.value >> 32), counter, 0};
    random_.upload(state);
  }

  void clear_loss() {
    ops run(net_->where());
    run.fill(loss_.row(0, 1), 0.0);
  }
  // Queues the forward pass over the uploaded tokens and adds the losses to the sum.
  void evaluate() {
    ops run(net_->where());
    const pass p = make_pass(0.0f, false);
    const frame f = make_frame(p, nullptr);
    finish(run, f, net_->forward(run, f), nullptr);
  }
  // Queues forward and backward; gradients are added to `into`.
  void accumulate(const gradients& into, float dropout = 0.0f,
                  void (*ready)(void*, isize, isize) = nullptr, void* owner = nullptr) {
    expects(training_, "this workspace keeps no tape; build it for training");
    ops run(net_->where());
    pass p = make_pass(dropout, true);
    p.gradient_ready = ready;
    p.gradient_owner = owner;
    const frame f = make_frame(p, &into);
    finish(run, f, net_->forward(run, f), &into);
    net_->backward(run, f);
  }
  // Waits, and returns the sum of losses since clear_loss().
  double loss_sum() const {
    std::byte bytes[16];
    loss_.download(bytes);
    return detail::load_value(bytes, loss_.type(), 0);
  }

  const memory& losses() const { return losses_; }
  const memory& loss() const { return loss_; }
  const memory& ids() const { return ids_; }

  // Logits of the uploaded tokens [first, first + count), computed without any cache.
  std::vector<float> logits(isize first, isize count) {
    ops run(net_->where());
    const pass p = make_pass(0.0f, false);
    const frame f = make_frame(p, nullptr);
    const tensor h = net_->forward(run, f);
    std::vector<float> all;
    for (isize at = first; at < first + count; at += chunk_rows_) {
      const isize some = std::min(chunk_rows_, first + count - at);
      const tensor out = chunk_.matrix(0, some, net_->vocab());
      tensor weight = net_->weights()[net_->layout().head_slot];
      weight.rows = net_->vocab();
      run.matmul(product::nt, out, row_range(h, at, some), weight);
      if (net_->settings().softcap > 0.0f) run.softcap(out, net_->settings().softcap);
      std::vector<std::byte> bytes(
          static_cast<std::size_t>(element_bytes(out.type, some * net_->vocab())));
      net_->where().download(bytes.data(), out.data, bytes.size());
      for (isize i = 0; i < some * net_->vocab(); ++i) {
        all.push_back(static_cast<float>(detail::load_value(bytes.data(), out.type, i)));
      }
    }
    return all;
  }

 private:
  pass make_pass(float dropout, bool training) const {
    pass p = net_->shared();
    p.training = training;
    p.dropout = dropout;
    p.random = random_.row(0, 4);
    p.tokens = ids_.row(0, tokens());
    if (documents_) p.token_positions = ids_.row(2 * tokens(), tokens());
    return p;
  }
  frame make_frame(const pass& p, const gradients* into) const {
    frame f;
    f.shared = &p;
    f.weights = net_->weights();
    f.gradients = into != nullptr ? into->slots() : nullptr;
    f.adapters = into != nullptr ? into->adapters() : net_->adapters();
    f.tape = static_cast<std::byte*>(tape_.data());
    f.statistics = static_cast<std::byte*>(statistics_.data());
    f.scratch = static_cast<std::byte*>(scratch_.data());
    f.storage = net_->numbers().storage;
    f.compute = net_->numbers().compute;
    f.batch = batch_;
    f.time = time_;
    return f;
  }
  void finish(ops& run, const frame& f, tensor h, const gradients* into) {
    parts::head_loss::arguments a;
    a.weight = net_->weights()[net_->layout().head_slot];
    if (into != nullptr) a.gradient = into->slots()[net_->layout().head_slot];
    a.frozen = into != nullptr && !a.gradient;
    a.targets = ids_.row(tokens(), tokens());
    a.losses = losses_.row(0, tokens());
    a.scale = scale_.row(0, 1);
    a.chunk = chunk_.matrix(0, chunk_rows_, net_->vocab());
    a.softcap = net_->settings().softcap;
    parts::head_loss::run(run, a, h, net_->head_gradient(f));
    run.sum(loss_.row(0, 1), losses_.row(0, tokens()), 1.0, true);
  }

  const any_network* net_;
  isize batch_, time_;
  bool training_, documents_ = false;
  isize chunk_rows_ = 0;
  memory tape_, scratch_, statistics_, losses_, scale_, ids_, random_, loss_, chunk_;
};

}  // namespace ctgpt::inline CTGPT_ABI
