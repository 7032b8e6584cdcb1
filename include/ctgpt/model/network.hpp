// network<Model>: the weights of a model in the memory of one backend.
//
//   auto net = ctgpt::build<model>(ctgpt::cpu{}, ctgpt::seed{42});
//
// The weights lie in a weight_arena in Model's slot order; every slot is also a tensor, so that a
// slot can be stored in another way (packed for inference, quantised) while the layers stay the
// same. Also here: the constant tables a model needs (rope angles, ALiBi
// slopes, sinusoids), and how many rows of the vocabulary are in use (the tokenizer's size; the
// rest never takes part).
// Errors: a tokenizer larger than the vocabulary, a table of positions beyond 256 MiB and beyond
// the weights, reading or writing weights after pack(): ctgpt::error.
// Reference: Su et al., "RoFormer", 2021; Press et al., "ALiBi", 2022; Vaswani et al., 2017.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <type_traits>
#include <vector>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/layer/frame.hpp"
#include "ctgpt/model/adapter.hpp"

namespace ctgpt::inline CTGPT_ABI {

// The part of a network that depends on the model's layout alone.
class network_weights : public weight_arena {
 public:
  // Weights are zero. vocab: rows of the vocabulary in use; 0: all.
  [[gnu::cold]] network_weights(std::shared_ptr<const model_layout> shared, backend where,
                                precision numbers, isize vocab)
      : weight_arena(with_tables_that_fit(std::move(shared), numbers.storage), std::move(where),
                     numbers),
        vocab_(vocab != 0 ? vocab : layout_->settings.vocab) {
    const model_layout& layout = *layout_;
    expects(vocab_ >= 1 && vocab_ <= layout.settings.vocab, "the tokenizer has ", vocab_,
            " tokens, but this model's vocabulary ends at ", layout.settings.vocab,
            "; choose a preset with a larger vocabulary or a smaller tokenizer");
    make_constants();
  }

  const config& settings() const { return layout_->settings; }
  isize vocab() const { return vocab_; }

  // From now on the model computes with the adapter, and what trains it trains the adapter alone.
  // Requires: the adapter is of this layout and outlives the network; nullptr takes it off.
  void attach(adapter* other) {
    adapter_ = other;
    adapters_ = other != nullptr ? other->table(nullptr) : nullptr;
  }
  adapter* attached() const { return adapter_; }
  const low_rank* adapters() const { return adapters_.get(); }
  const weight_arena& trained() const {
    if (adapter_ != nullptr) return *adapter_;
    return *this;
  }

  // Stores every matrix of a product in the backend's own order, for inference alone. The arena is
  // given back; vectors and position embeddings move to the packed memory as they are.
  [[gnu::cold]] void pack() {
    if (packed()) return;
    expects(adapter_ == nullptr, "a network with an adapter cannot be packed; merge it first");
    const kernel_table& table = where_.table();
    std::vector<memory> packed(static_cast<std::size_t>(layout_->count()));
    for (int i = 0; i < layout_->count(); ++i) {
      const slot& item = layout_->at(i);
      tensor& weight = weights_[static_cast<std::size_t>(i)];
      memory& place = packed[static_cast<std::size_t>(i)];
      if (item.vector || item.path.has(part::position_embedding)) {
        place = memory(where_, precision_.storage, item.size());
        const tensor kept = place.matrix(0, item.rows, item.cols);
        table.convert(where_.state(), {kept, weight});
        weight = kept;
      } else {
        const isize count =
            table.pack_elements(where_.state(), item.rows, item.cols, precision_.storage);
        place = memory(where_, precision_.storage, count);
        tensor panels = place.matrix(0, item.rows, item.cols);
        panels.packing = layout::panels;
        table.pack(where_.state(), {panels, weight});
        weight = panels;
      }
    }
    where_.synchronise();
    packed_ = std::move(packed);
    is_packed_ = true;
    arena_ = memory();
    master_ = memory();
  }

  // What every pass over this model shares.
  pass shared() const {
    const config& settings = layout_->settings;
    const isize head = head_size_of(settings);
    pass p;
    p.norm_epsilon = settings.norm_epsilon;
    p.angles = angles_.count() != 0 ? angles_.matrix(0, settings.context, head) : tensor{};
    p.slopes = slopes_.row(0, settings.heads);
    if (settings.position == positions::sinusoidal) {
      p.sinusoids = sinusoids_.matrix(0, settings.context, settings.width);
    }
    return p;
  }

 private:
  static bool needs_angles(const model_layout& layout) {
    return layout.rotates && head_size_of(layout.settings) % 2 == 0;
  }

  // A table of positions grows with the context alone, which no tensor of a file vouches for: it
  // may take what the weights take, and 256 MiB in any case.
  [[gnu::cold]] static std::shared_ptr<const model_layout> with_tables_that_fit(
      std::shared_ptr<const model_layout> shared, element storage) {
    const config& c = shared->settings;
    isize bytes = 0;
    if (needs_angles(*shared)) bytes += element_bytes(element::f32, c.context * head_size_of(c));
    if (c.position == positions::sinusoidal) bytes += element_bytes(storage, c.context * c.width);
    const isize weights = element_bytes(storage, shared->parameters), usual = isize{256} << 20;
    expects(bytes <= std::max(weights, usual), "the table of ", c.context, " positions takes ",
            bytes >> 20, " MiB, but the weights of this model only ", weights >> 20,
            " MiB; a context as long as that belongs to a larger model");
    return shared;
  }

  [[gnu::cold]] void make_constants() {
    const config& settings = layout_->settings;
    const isize head = head_size_of(settings);
    const isize half = head / 2;
    if (needs_angles(*layout_)) {
      angles_ = memory(where_, element::f32, settings.context * head);
      std::vector<double> speeds(static_cast<std::size_t>(half));
      for (std::size_t i = 0; i < speeds.size(); ++i) {
        speeds[i] = std::pow(static_cast<double>(settings.rope_base),
                             -2.0 * static_cast<double>(i) / static_cast<double>(head));
      }
      std::vector<float> row(static_cast<std::size_t>(head));
      for (isize at = 0; at < settings.context; ++at) {
        for (std::size_t i = 0; i < speeds.size(); ++i) {
          const double angle = static_cast<double>(at) * speeds[i];
          row[i] = static_cast<float>(std::cos(angle));
          row[speeds.size() + i] = static_cast<float>(std::sin(angle));
        }
        where_.upload(angles_.row(at * head, head).data, row.data(), row.size() * sizeof(float));
      }
    }
    std::vector<float> slopes(static_cast<std::size_t>(settings.heads));
    for (std::size_t i = 0; i < slopes.size(); ++i) {  // Press et al.: 2^(-8 (i + 1) / heads)
      slopes[i] = static_cast<float>(
          std::exp2(-8.0 * static_cast<double>(i + 1) / static_cast<double>(settings.heads)));
    }
    slopes_ = memory(where_, element::f32, settings.heads);
    slopes_.upload(slopes.data());
    if (settings.position == positions::sinusoidal) {
      const isize width = settings.width;
      sinusoids_ = memory(where_, precision_.storage, settings.context * width);
      std::vector<double> speeds(static_cast<std::size_t>(width));
      for (std::size_t i = 0; i < speeds.size(); ++i) {
        speeds[i] = std::pow(10000.0, -static_cast<double>(i / 2 * 2) / static_cast<double>(width));
      }
      std::vector<std::byte> row(
          static_cast<std::size_t>(element_bytes(precision_.storage, width)));
      for (isize at = 0; at < settings.context; ++at) {  // Vaswani et al.: sin and cos interleaved
        for (isize i = 0; i < width; ++i) {
          const double angle = static_cast<double>(at) * speeds[static_cast<std::size_t>(i)];
          const double value = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
          detail::store_value(row.data(), precision_.storage, i,
                              static_cast<double>(static_cast<float>(value)));
        }
        where_.upload(sinusoids_.row(at * width, width).data, row.data(), row.size());
      }
    }
  }

  isize vocab_;
  adapter* adapter_ = nullptr;
  std::shared_ptr<const low_rank> adapters_;
  std::vector<memory> packed_;
  memory angles_, slopes_, sinusoids_;
};

// Elements a token that a model needs to run.
struct running_sizes {
  isize tape = 0, statistics = 0, scratch = 0;
};

// A network of whichever model: what runs it (workspace, decoder, trainer) is compiled once for all
// of them, and calls the model once a pass.
class any_network : public network_weights {
 public:
  using network_weights::network_weights;
  virtual ~any_network() = default;

  virtual running_sizes sizes(bool training) const = 0;
  virtual int caches() const = 0;  // of one block
  virtual cache_shape cache(int index) const = 0;
  virtual double flops_per_token(isize time) const = 0;

  // f.shared, weights, tape, statistics, scratch: set. Returns h (N,C), normalised; the loss leaves
  // its gradient in head_gradient(), which backward() takes and clobbers.
  virtual tensor forward(ops& run, const frame& f) const = 0;
  virtual tensor head_gradient(const frame& f) const = 0;
  virtual void backward(ops& run, const frame& f) const = 0;

 protected:
  any_network(any_network&&) = default;
  any_network& operator=(any_network&&) = default;
};

template <class Model>
class network final : public any_network {
 public:
  explicit network(backend where, precision numbers,
                   isize vocab = 0) requires std::is_default_constructible_v<Model>
      : any_network({std::shared_ptr<void>(), &layout_of<Model>()}, std::move(where), numbers,
                    vocab) {}
  // Of a model whose sizes are known at run time.
  network(const Model& model, backend where, precision numbers, isize vocab = 0)
      : any_network(std::make_shared<const model_layout>(make_layout(model)), std::move(where),
                    numbers, vocab),
        model_(model) {}

  const Model& model() const { return model_; }

  running_sizes sizes(bool training) const override {
    return {model_.tape(training), model_.statistics(training), model_.scratch()};
  }
  int caches() const override { return Model::cache_count; }
  cache_shape cache(int index) const override { return model_.cache(index); }
  double flops_per_token(isize time) const override { return model_.flops_per_token(time); }
  tensor forward(ops& run, const frame& f) const override { return model_.forward(run, f).t; }
  tensor head_gradient(const frame& f) const override { return model_.head_gradient(f).t; }
  void backward(ops& run, const frame& f) const override {
    model_.backward(run, f, model_.head_gradient(f));
  }

 private:
  [[no_unique_address]] Model model_;
};

// A network of Model on a backend, with freshly drawn weights.
template <class Model>
network<Model> build(const backend& where, seed start, isize vocab = 0) {
  network<Model> net(where, where.natural(), vocab);
  net.initialize(start);
  return net;
}
template <class Model>
network<Model> build(const backend& where, seed start, precision numbers, isize vocab = 0) {
  network<Model> net(where, numbers, vocab);
  net.initialize(start);
  return net;
}

}  // namespace ctgpt::inline CTGPT_ABI
