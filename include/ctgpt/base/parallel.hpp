// A fork-join thread pool with static partition: task i of n always gets the same range, so results
// never depend on which thread came first.
//
// run(tasks, body) calls body(worker) for worker = 0 .. tasks - 1, the caller being worker 0, and
// returns when all are done. Workers spin for a short while between calls and then sleep.
// Every worker flushes denormals to zero while it computes (MXCSR on x86, FPCR on ARM); the
// caller's mode is restored before run() returns.
// Requires: no exception leaves body.
// Errors: a thread that cannot be started throws ctgpt::error.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/error.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ctgpt::inline CTGPT_ABI {

// Sets flush-to-zero for its lifetime.
class flush_denormals {
 public:
#if defined(__x86_64__)
  flush_denormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }
  ~flush_denormals() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  flush_denormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (std::uint64_t{1} << 24)));
  }
  ~flush_denormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }
#endif
  flush_denormals(const flush_denormals&) = delete;
  flush_denormals& operator=(const flush_denormals&) = delete;

 private:
#if defined(__x86_64__)
  unsigned saved_;
#elif defined(__aarch64__)
  std::uint64_t saved_;
#endif
};

struct range {
  isize begin = 0, end = 0;
};

// Part `index` of `parts` of [0, count), cut at multiples of `grain`; sizes differ by one grain.
inline range partition(isize count, isize parts, isize index, isize grain = 1) {
  const isize grains = (count + grain - 1) / grain;
  const isize each = grains / parts, rest = grains % parts;
  const isize first = each * index + std::min(index, rest);
  const isize last = first + each + (index < rest ? 1 : 0);
  return {std::min(first * grain, count), std::min(last * grain, count)};
}

class thread_pool {
 public:
  // threads <= 0: all that the process may use.
  explicit thread_pool(int threads = 0) : threads_(threads > 0 ? threads : available()) {
    workers_.reserve(static_cast<std::size_t>(threads_ - 1));
    try {
      for (int i = 1; i < threads_; ++i) workers_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error&) {
      stop();
      fail("the system refuses to start ", threads_, " threads; give fewer with --threads");
    }
  }
  ~thread_pool() { stop(); }
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  static int available() {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  int size() const { return threads_; }

  // body(argument, worker) for every worker below `tasks`.
  // Requires: tasks <= size(); one caller.
  void run(int tasks, void (*body)(void* argument, int worker), void* argument) {
    const flush_denormals mode;
    if (tasks > 1) {
      body_ = body;
      argument_ = argument;
      tasks_ = tasks;
      pending_.store(threads_ - 1, std::memory_order_relaxed);
      generation_.fetch_add(1, std::memory_order_seq_cst);
      if (sleepers_.load(std::memory_order_seq_cst) > 0) {
        { const std::lock_guard lock(mutex_); }
        wake_.notify_all();
      }
    }
    body(argument, 0);
    if (tasks > 1) {
      for (int spins = 0; pending_.load(std::memory_order_acquire) != 0; ++spins) pause(spins);
    }
  }

 private:
  static constexpr int spins_before_sleep = 20000;

  static void pause(int spins) {
#if defined(__x86_64__)
    _mm_pause();
#endif
    if (spins > 2000 && spins % 64 == 0) std::this_thread::yield();
  }

  void work(int worker) {
    const flush_denormals mode;
    std::uint32_t seen = 0;
    for (;;) {
      int spins = 0;
      while (generation_.load(std::memory_order_acquire) == seen) {
        if (++spins < spins_before_sleep) {
          pause(spins);
          continue;
        }
        std::unique_lock lock(mutex_);
        sleepers_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return generation_.load(std::memory_order_seq_cst) != seen; });
        sleepers_.fetch_sub(1, std::memory_order_relaxed);
      }
      seen = generation_.load(std::memory_order_acquire);
      if (stopping_) return;
      if (worker < tasks_) body_(argument_, worker);
      pending_.fetch_sub(1, std::memory_order_release);
    }
  }

  void stop() {
    stopping_ = true;
    generation_.fetch_add(1, std::memory_order_seq_cst);
    { const std::lock_guard lock(mutex_); }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  int threads_;
  std::vector<std::thread> workers_;
  alignas(128) std::atomic<std::uint32_t> generation_{0};
  alignas(128) std::atomic<int> pending_{0};
  alignas(128) std::atomic<int> sleepers_{0};
  void (*body_)(void*, int) = nullptr;
  void* argument_ = nullptr;
  int tasks_ = 0;
  bool stopping_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace ctgpt::inline CTGPT_ABI
