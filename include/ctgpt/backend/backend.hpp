// backend: a backend in use: a kernel table, its context, and whatever keeps them alive. Copies
// share it. memory: an owning block of backend memory, filled with zeros.
//
// Models take it by value; `ctgpt::cpu{}`, `ctgpt::eigen{}` and `ctgpt::reference<double>{}`
// convert to it, so switching is a constructor argument.
// Errors: an allocation that fails throws ctgpt::error with the number of bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "ctgpt/backend/kernel_table.hpp"
#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI {

// storage: weights and activations; compute: gradients, moments, statistics, losses; master weights
// are kept in `compute` when storage is narrower.
struct precision {
  element storage = element::f32;
  element compute = element::f32;
  constexpr bool needs_master() const { return storage != compute; }
  friend constexpr bool operator==(const precision&, const precision&) = default;
};
inline constexpr precision f32_precision{};
inline constexpr precision bf16_precision{element::bf16, element::f32};

class backend {
 public:
  backend(const kernel_table& table, context* state, std::shared_ptr<void> owner,
          precision natural = f32_precision)
      : table_(&table), state_(state), owner_(std::move(owner)), natural_(natural) {}

  const kernel_table& table() const { return *table_; }
  context* state() const { return state_; }
  const char* name() const { return table_->name; }
  precision natural() const { return natural_; }  // what a model gets unless asked otherwise
  void synchronise() const { table_->synchronise(state_); }

  void upload(void* dst, const void* src, std::size_t bytes) const {
    table_->copy(state_, {dst, src, bytes, direction::upload});
  }
  void download(void* dst, const void* src, std::size_t bytes) const {
    table_->copy(state_, {dst, src, bytes, direction::download});
  }

  // body(worker) for worker < tasks, side by side where the backend lends its workers.
  // Requires: no exception leaves body.
  int host_workers() const {
    return table_->host_workers == nullptr ? 1 : table_->host_workers(state_);
  }
  template <class Body>
  void host_run(int tasks, Body body) const {
    if (table_->host_run == nullptr) {
      for (int worker = 0; worker < tasks; ++worker) body(worker);
      return;
    }
    table_->host_run(
        state_, tasks, [](void* self, int worker) { (*static_cast<Body*>(self))(worker); }, &body);
  }

 private:
  const kernel_table* table_;
  context* state_;
  std::shared_ptr<void> owner_;
  precision natural_;
};

// Its members are out of line: a model's workspace has many of them.
class memory {
 public:
  memory() = default;
  [[gnu::noinline]] memory(const backend& where, element type, isize count)
      : where_(std::make_shared<backend>(where)) {
    const isize bytes = element_bytes(type, count);
    if (bytes <= 0) return;
    data_ = where.table().allocate(where.state(), static_cast<std::size_t>(bytes));
    expects(data_ != nullptr, "not enough memory for ", bytes,
            " bytes; use a smaller batch, context or model");
    type_ = type;
    count_ = count;
    where.table().fill(where.state(), {row(0, count), 0.0});
  }
  memory(memory&& other) noexcept { swap(other); }
  memory& operator=(memory&& other) noexcept {
    swap(other);
    return *this;
  }
  [[gnu::noinline]] ~memory() {
    if (data_ != nullptr) where_->table().release(where_->state(), data_);
  }

  void swap(memory& other) noexcept {
    std::swap(where_, other.where_);
    std::swap(data_, other.data_);
    std::swap(type_, other.type_);
    std::swap(count_, other.count_);
  }
  void* data() const { return data_; }
  element type() const { return type_; }
  isize count() const { return count_; }
  isize bytes() const { return element_bytes(type_, count_); }

  // Elements [first, first + length) as one row.
  tensor row(isize first, isize length) const { return matrix(first, 1, length); }
  // Elements from `first` as (rows, cols). Not for block formats.
  [[gnu::noinline]] tensor matrix(isize first, isize rows, isize cols) const {
    return {static_cast<std::byte*>(data_) + element_bytes(type_, first), rows, cols, cols, type_};
  }
  void upload(const void* src) const {
    where_->upload(data_, src, static_cast<std::size_t>(bytes()));
  }
  void download(void* dst) const {
    where_->download(dst, data_, static_cast<std::size_t>(bytes()));
  }

 private:
  std::shared_ptr<backend> where_;
  void* data_ = nullptr;
  element type_ = element::none;
  isize count_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
