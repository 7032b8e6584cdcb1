// rate_limit: so many requests a minute for each name, and so many tokens a day.
//
//   rate_limit limit;
//   const rate_state now = limit.ask("anna", 60.0, clock_seconds());      one request
//   limit.spend("anna", 512, day)                                        tokens of an answer
//
// A token bucket: it holds a minute's worth, fills evenly, and each request takes one. A full
// bucket is one that nobody used for a minute: it is forgotten, so that memory is bounded by a
// minute's clients, and by most_names besides.
// Errors: none.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct rate_state {
  bool allowed = true;
  double limit = 0.0, left = 0.0;  // requests
  double retry = 0.0, full = 0.0;  // seconds until the next is allowed; until all are
};

class rate_limit {
 public:
  static constexpr std::size_t most_names = 65'536;

  // a_minute: requests; 0: no limit. now: seconds of a clock that only goes forward.
  rate_state ask(const std::string& name, double a_minute, double now) {
    if (a_minute <= 0.0) return {};
    const std::lock_guard hold(mutex_);
    if (buckets_.size() >= most_names) forget_full(now);
    bucket& one = buckets_.try_emplace(name, bucket{a_minute, a_minute, now}).first->second;
    const double rate = a_minute / 60.0;
    one.size = a_minute;
    one.held = std::min(a_minute, one.held + std::max(0.0, now - one.at) * rate);
    one.at = now;
    const bool allowed = one.held >= 1.0;
    if (allowed) one.held -= 1.0;
    return {allowed, a_minute, std::floor(one.held), std::max(0.0, (1.0 - one.held) / rate),
            (a_minute - one.held) / rate};
  }

  // Tokens that a name has used on a day (any number that a day has alone).
  isize used(const std::string& name, std::int64_t day) {
    const std::lock_guard hold(mutex_);
    return of_day(day)[name];
  }
  void spend(const std::string& name, isize tokens, std::int64_t day) {
    const std::lock_guard hold(mutex_);
    of_day(day)[name] += tokens;
  }

 private:
  struct bucket {
    double size, held, at;
  };
  // All of them where none is full: better that some clients get a minute's worth anew than that
  // addresses by the million fill the memory.
  void forget_full(double now) {
    std::erase_if(buckets_, [now](const auto& each) {
      const bucket& one = each.second;
      return one.held + (now - one.at) * one.size / 60.0 >= one.size;
    });
    if (buckets_.size() >= most_names) buckets_.clear();
  }
  std::unordered_map<std::string, isize>& of_day(std::int64_t day) {
    if (day != day_) spent_.clear();
    day_ = day;
    return spent_;
  }

  std::mutex mutex_;
  std::unordered_map<std::string, bucket> buckets_;
  std::unordered_map<std::string, isize> spent_;  // on day_, by keys' names alone
  std::int64_t day_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
