// What benchmark_ops measures. A place is a backend with the ceilings that this run measured for
// it; a job is one call of a kernel, with the operations or bytes that it cannot do without.
//
// Bytes are what a call must read and write once, however often the kernel passes over them. A
// kernel that reads is set beside a measured read; one that writes too, beside a measured update
// in place. The lines that a machine reads only because they are about to be overwritten are given
// no credit, so a kernel that writes elsewhere stays below 1.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ctgpt/backend/backend.hpp"

namespace benchmarks {

using namespace ctgpt;

enum class bound { compute, read, update };

struct place {
  std::string name;  // "avx512/1"
  backend where;
  double peak = 0.0, reading = 0.0, updating = 0.0;  // operations, bytes and bytes a second

  double ceiling(bound by) const {
    return by == bound::compute ? peak : by == bound::read ? reading : updating;
  }
};

// The tensors of a job in the memory of a backend, which live as long as this object.
class operands {
 public:
  explicit operands(const backend& where) : where_(where) {}

  // Standard normal numbers, no two tensors alike.
  tensor random(isize rows, isize cols, element type = element::f32);
  tensor constant(isize rows, isize cols, double value, element type = element::f32);
  tensor integers(const std::vector<std::int32_t>& values);
  tensor words(const std::vector<std::uint32_t>& values, isize rows);
  tensor numbers(const std::vector<float>& values);
  // For a kernel to write; pages are touched.
  tensor output(isize rows, isize cols, element type = element::f32);
  // A weight (N,K) as the backend packs it.
  tensor packed(const tensor& weight);

  const kernel_table& table() const { return where_.table(); }
  context* state() const { return where_.state(); }

  // A call of an entry of the table, again and again with the same arguments.
  template <class Args>
  std::function<void()> call(void (*kernel_table::*entry)(context*, const Args&),
                             const Args& args) const {
    return [run = table().*entry, opaque = state(), args] { run(opaque, args); };
  }

 private:
  tensor keep(isize rows, isize cols, element type);
  tensor filled(isize rows, isize cols, element type, const void* values);

  backend where_;
  std::vector<memory> kept_;
};

struct work {
  std::function<void()> call;
  std::function<void()> restore;  // before every call and not timed, where a call spoils its input
};

struct job {
  std::string op;
  bound by = bound::compute;
  double amount = 0.0;  // operations or bytes a call
  std::function<work(operands&)> prepare;
};

using jobs = std::vector<job>;

jobs product_jobs();
jobs attention_jobs();
jobs row_jobs();
jobs elementwise_jobs();

inline double bytes_of(isize rows, isize cols, element type = element::f32) {
  return static_cast<double>(element_bytes(type, rows * cols));
}

}  // namespace benchmarks
