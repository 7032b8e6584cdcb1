// weight_arena: parameters in the memory of one backend, and what reads and writes them by slot.
//
// One flat arena holds the weights in the layout's order; where the stored type is narrower than
// the computing one a second arena holds the master weights, which are the truth. A network's
// weights are one (model/network.hpp), an adapter's another (model/lora.hpp); what trains them
// knows no more than this.
// Shapes: slot i lies at layout.offset(i), (rows, cols).
// Errors: reading or writing weights that have been packed for inference: ctgpt::error.
#pragma once

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/base/random.hpp"
#include "ctgpt/model/layout.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct seed {
  std::uint64_t value = 0;
};

namespace detail {

// One value of any scalar storage type, from and to the widest real type; complex uses its real
// part.
inline double load_value(const void* data, element type, isize i) {
  switch (type) {
    case element::f32:
      return static_cast<double>(static_cast<const float*>(data)[i]);
    case element::bf16:
      return static_cast<double>(to_float(static_cast<const bf16*>(data)[i]));
    case element::f64:
      return static_cast<const double*>(data)[i];
    case element::complex128:  // real, then imaginary part
      return static_cast<const double*>(data)[2 * i];
    default:
      fail("a weight cannot be read as a number from ", element_name(type));
  }
}
inline void store_value(void* data, element type, isize i, double value) {
  switch (type) {
    case element::f32:
      static_cast<float*>(data)[i] = static_cast<float>(value);
      return;
    case element::bf16:
      static_cast<bf16*>(data)[i] = to_bf16(static_cast<float>(value));
      return;
    case element::f64:
      static_cast<double*>(data)[i] = value;
      return;
    case element::complex128:
      static_cast<double*>(data)[2 * i] = value;
      static_cast<double*>(data)[2 * i + 1] = 0.0;
      return;
    default:
      fail("a weight cannot be stored as ", element_name(type));
  }
}

}  // namespace detail

// The slots of a layout in an arena.
[[gnu::cold]] inline std::vector<tensor> slots_of(const model_layout& layout, const memory& arena) {
  std::vector<tensor> slots(layout.slots.size());
  for (int i = 0; i < layout.count(); ++i) {
    slots[static_cast<std::size_t>(i)] =
        arena.matrix(layout.offset(i), layout.at(i).rows, layout.at(i).cols);
  }
  return slots;
}

class weight_arena {
 public:

  // Weights are zero.
  [[gnu::cold]] weight_arena(std::shared_ptr<const model_layout> shared, backend where,
                             precision numbers)
      : layout_(std::move(shared)),
        where_(std::move(where)),
        precision_(numbers),
        arena_(where_, numbers.storage, layout_->parameters) {
    if (numbers.needs_master()) master_ = memory(where_, numbers.compute, layout_->parameters);
    weights_ = slots_of(*layout_, arena_);
  }

  const model_layout& layout() const { return *layout_; }
  const backend& where() const { return where_; }
  precision numbers() const { return precision_; }
  const tensor* weights() const { return weights_.data(); }
  const memory& arena() const { return arena_; }
  const memory& master() const { return master_; }  // empty when storage is what is computed in
  const memory& truth() const { return precision_.needs_master() ? master_ : arena_; }
  bool packed() const { return is_packed_; }

  // Draws every slot from its own random stream, as its initializer says.
  [[gnu::cold]] void initialize(seed start) {
    for (int i = 0; i < layout_->count(); ++i) {
      const slot& item = layout_->at(i);
      random_stream stream(start.value, static_cast<std::uint64_t>(i));
      const double deviation =
          item.start == initializer::residual
              ? 0.02 / std::sqrt(2.0 * static_cast<double>(layout_->settings.layers))
              : 0.02;
      write(i, [&](isize) {
        switch (item.start) {
          case initializer::zeros:
            return 0.0;
          case initializer::ones:
            return 1.0;
          default:
            return static_cast<double>(static_cast<float>(deviation * stream.normal()));
        }
      });
    }
  }

  // Fills slot `index` with value(i), i ascending over its elements.
  template <class Value>
  void write(int index, Value value) {
    expects(!packed(), "the weights are packed for inference and can no longer be changed");
    const memory& truth = precision_.needs_master() ? master_ : arena_;
    const slot& item = layout_->at(index);
    std::vector<std::byte> bytes(
        static_cast<std::size_t>(element_bytes(truth.type(), item.size())));
    for (isize i = 0; i < item.size(); ++i) {
      detail::store_value(bytes.data(), truth.type(), i, value(i));
    }
    const isize offset = layout_->offset(index);
    where_.upload(truth.row(offset, item.size()).data, bytes.data(), bytes.size());
    if (precision_.needs_master()) {
      where_.table().convert(where_.state(),
                             {arena_.row(offset, item.size()), master_.row(offset, item.size())});
    }
  }

  // The elements of slot `index`: master weights where there are some.
  template <class Scalar = float>
  std::vector<Scalar> read(int index) const {
    expects(!packed(), "the weights are packed for inference and can no longer be read");
    return read_arena<Scalar>(precision_.needs_master() ? master_ : arena_, index);
  }
  // Slot `index` of any arena of this model's layout (gradients, moments).
  template <class Scalar = float>
  std::vector<Scalar> read_arena(const memory& arena, int index) const {
    return read_values<Scalar>(arena, layout_->offset(index), layout_->at(index).size());
  }
  // Elements [first, first + size) of any memory of this backend.
  template <class Scalar = float>
  std::vector<Scalar> read_values(const memory& arena, isize first, isize size) const {
    std::vector<std::byte> bytes(static_cast<std::size_t>(element_bytes(arena.type(), size)));
    where_.download(bytes.data(), arena.row(first, size).data, bytes.size());
    std::vector<Scalar> values(static_cast<std::size_t>(size));
    for (isize i = 0; i < size; ++i) {
      values[static_cast<std::size_t>(i)] =
          static_cast<Scalar>(detail::load_value(bytes.data(), arena.type(), i));
    }
    return values;
  }

 protected:
  std::shared_ptr<const model_layout> layout_;
  backend where_;
  precision precision_;
  memory arena_, master_;
  std::vector<tensor> weights_;
  bool is_packed_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI
