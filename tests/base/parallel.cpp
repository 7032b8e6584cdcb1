#include "ctgpt/base/parallel.hpp"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <string>

#include "base/child.hpp"

using namespace ctgpt;

namespace {

// run() with a lambda instead of a function and a pointer.
template <class Body>
void run(thread_pool& pool, int tasks, Body body) {
  pool.run(
      tasks, [](void* argument, int worker) { (*static_cast<Body*>(argument))(worker); }, &body);
}

// A product that is subnormal unless the mode flushes it; volatile, so that it is computed here.
float tiny_product() {
  volatile float factor = 0x1p-100f;
  return factor * 0x1p-30f;
}
// A subnormal operand, which counts as zero in the mode.
float tiny_operand() {
  volatile float subnormal = 0x1p-140f;
  return subnormal * 0x1p100f;
}

}  // namespace

TEST_CASE("parallel: partition covers each element once, in order, cut at the grain") {
  for (isize count = 0; count < 70; ++count) {
    for (isize parts = 1; parts < 9; ++parts) {
      for (const isize grain : {1, 2, 7, 16}) {
        isize reached = 0, smallest = count, largest = 0;
        for (isize i = 0; i < parts; ++i) {
          const range part = partition(count, parts, i, grain);
          REQUIRE(part.begin == reached);
          REQUIRE(part.end >= part.begin);
          REQUIRE((part.begin % grain == 0 || part.begin == count));
          reached = part.end;
          const isize grains = (part.end - part.begin + grain - 1) / grain;
          smallest = std::min(smallest, grains);
          largest = std::max(largest, grains);
        }
        REQUIRE(reached == count);
        REQUIRE(largest - smallest <= 1);
      }
    }
  }
}

TEST_CASE("parallel: each worker below the number of tasks runs once, worker 0 in the caller") {
  for (const int threads : {1, 2, 3, 8}) {
    thread_pool pool(threads);
    CHECK(pool.size() == threads);
    for (int tasks = 1; tasks <= threads; ++tasks) {
      std::array<std::atomic<int>, 8> calls{};
      std::array<std::thread::id, 8> ids{};
      run(pool, tasks, [&](int worker) {
        ++calls[static_cast<std::size_t>(worker)];
        ids[static_cast<std::size_t>(worker)] = std::this_thread::get_id();
      });
      for (int i = 0; i < 8; ++i) CHECK(calls[static_cast<std::size_t>(i)] == (i < tasks ? 1 : 0));
      CHECK(ids[0] == std::this_thread::get_id());
      for (std::size_t i = 1; i < static_cast<std::size_t>(tasks); ++i) {
        for (std::size_t j = 0; j < i; ++j) CHECK(ids[i] != ids[j]);
      }
    }
  }
}

TEST_CASE("parallel: worker i is the same thread in every run") {
  thread_pool pool(3);
  std::array<std::thread::id, 3> first{};
  run(pool, 3, [&](int i) { first[static_cast<std::size_t>(i)] = std::this_thread::get_id(); });
  std::atomic<int> moved = 0;
  for (int again = 0; again < 200; ++again) {
    run(pool, 3,
        [&](int i) { moved += first[static_cast<std::size_t>(i)] != std::this_thread::get_id(); });
  }
  CHECK(moved == 0);
}

TEST_CASE("parallel: four thousand runs lose nothing, and each sees the one before") {
  thread_pool pool(4);
  std::array<std::int64_t, 4> sums{};  // plain memory: run() itself must order the accesses
  for (int step = 0; step < 4000; ++step) {
    const int tasks = 1 + step % 4;
    run(pool, tasks, [&](int worker) { sums[static_cast<std::size_t>(worker)] += step; });
    if (step % 4 == 3) std::rotate(sums.begin(), sums.begin() + 1, sums.end());
  }
  std::int64_t expected = 0;
  for (int step = 0; step < 4000; ++step) expected += std::int64_t{step} * (1 + step % 4);
  CHECK(std::accumulate(sums.begin(), sums.end(), std::int64_t{0}) == expected);
}

TEST_CASE("parallel: workers that went to sleep wake up again") {
  thread_pool pool(3);
  std::atomic<int> calls = 0;
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // far longer than they spin
    run(pool, 3, [&](int) { ++calls; });
    CHECK(calls == 3 * (i + 1));
  }
}

TEST_CASE("parallel: pools start and stop in a row, used or not") {
  for (int i = 0; i < 50; ++i) {
    thread_pool pool(3);
    if (i % 2 == 0) run(pool, 3, [](int) {});
  }
  CHECK(thread_pool(0).size() == thread_pool::available());
  CHECK(thread_pool(-1).size() >= 1);
}

TEST_CASE("parallel: the sum of a fixed partition has the same bits on any number of threads") {
  std::vector<float> values(10001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0f / static_cast<float>(i + 1);
  const auto sum_on = [&](int threads) {
    thread_pool pool(threads);
    std::array<float, 16> partial{};
    run(pool, threads, [&](int worker) {
      for (isize part = worker; part < 16; part += threads) {
        const range mine = partition(static_cast<isize>(values.size()), 16, part);
        for (isize i = mine.begin; i < mine.end; ++i) {
          partial[static_cast<std::size_t>(part)] += values[static_cast<std::size_t>(i)];
        }
      }
    });
    return std::accumulate(partial.begin(), partial.end(), 0.0f);
  };
  const float expected = sum_on(1);
  for (const int threads : {2, 3, 5}) CHECK(sum_on(threads) == expected);
}

TEST_CASE("parallel: every worker flushes denormals, and the caller's mode comes back") {
#if defined(__x86_64__) || defined(__aarch64__)
  REQUIRE(tiny_product() != 0.0f);
  REQUIRE(tiny_operand() != 0.0f);
  thread_pool pool(3);
  for (const int tasks : {1, 3}) {
    std::array<float, 6> results{};
    results.fill(1.0f);
    run(pool, tasks, [&](int worker) {
      results[static_cast<std::size_t>(2 * worker)] = tiny_product();
      results[static_cast<std::size_t>(2 * worker + 1)] = tiny_operand();
    });
    for (int i = 0; i < 6; ++i) {
      CHECK(results[static_cast<std::size_t>(i)] == (i < 2 * tasks ? 0.0f : 1.0f));
    }
    CHECK(tiny_product() == 0x1p-130f);
    CHECK(tiny_operand() == 0x1p-40f);
  }
  {  // a caller who flushes already goes on flushing
    const flush_denormals outer;
    run(pool, 3, [](int) {});
    CHECK(tiny_product() == 0.0f);
  }
  CHECK(tiny_product() != 0.0f);
#else
  MESSAGE("left out: this processor has no mode for denormals that the pool knows");
#endif
}

TEST_CASE("parallel: an exception that leaves a worker ends the program at once") {
  const ctgpt_test::child_result result = ctgpt_test::in_child([] {
    ::close(STDERR_FILENO);  // where the runtime would say so
    thread_pool pool(2);
    run(pool, 2, [](int worker) {
      if (worker == 1) throw std::runtime_error("out of a worker");
    });
    return std::string("went on");
  });
  CHECK(result.signal() == SIGABRT);
  CHECK(result.said.empty());
}
