// The context shared by the tables that run on the host (CPU, Eigen, reference): a thread pool, one
// growing scratch block a worker, and what every host table has: memory, and the host's own work.
//
// Ensures: a steady state allocates nothing: scratch only grows.
// Errors: a scratch block that cannot be had throws ctgpt::error.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "ctgpt/backend/cpu/workers.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/base/parallel.hpp"

namespace ctgpt::inline CTGPT_ABI {

class host_context : public cpu_context {
 public:
  explicit host_context(int threads) : pool_(threads) {
    count = pool_.size();
    self = this;
    run_on = [](void* owner, int tasks, void (*body)(void*, int), void* argument) {
      static_cast<host_context*>(owner)->pool_.run(tasks, body, argument);
    };
    scratch_of = [](void* owner, int worker, std::size_t bytes) -> void* {
      return static_cast<host_context*>(owner)->scratch_block(worker, bytes);
    };
    blocks_.resize(static_cast<std::size_t>(count) + 1);
  }

  context* opaque() { return reinterpret_cast<context*>(static_cast<cpu_context*>(this)); }

  // The memory entries that every host table shares.
  static void fill_memory_entries(kernel_table& table) {
    table.allocate = [](context*, std::size_t bytes) -> void* {
      return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    };
    table.release = [](context*, void* data) { std::free(data); };
    table.copy = [](context*, const copy_args& args) {
      if (args.bytes != 0) std::memmove(args.dst, args.src, args.bytes);
    };
    table.synchronise = [](context*) {};
    table.host_workers = [](context* state) { return workers_of(state).count; };
    table.host_run = [](context* state, int tasks, void (*body)(void*, int), void* argument) {
      workers_of(state).run(tasks, body, argument);
    };
    table.record_begin = nullptr;
    table.record_end = nullptr;
    table.replay = nullptr;
    table.record_release = nullptr;
  }

 private:
  struct free_memory {
    void operator()(void* data) const { std::free(data); }
  };
  struct block {
    std::unique_ptr<void, free_memory> data;
    std::size_t bytes = 0;
  };

  void* scratch_block(int worker, std::size_t bytes) {
    block& mine = blocks_[static_cast<std::size_t>(worker)];
    if (mine.bytes < bytes) {
      mine.data.reset();
      mine.bytes = 0;
      const std::size_t rounded = (bytes + 4095) / 4096 * 4096;
      mine.data.reset(std::aligned_alloc(4096, rounded));
      expects(mine.data != nullptr, "not enough memory for ", bytes, " bytes of working space");
      mine.bytes = rounded;
    }
    return mine.data.get();
  }

  thread_pool pool_;
  std::vector<block> blocks_;
};

}  // namespace ctgpt::inline CTGPT_ABI
