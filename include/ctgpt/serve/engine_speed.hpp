// engine_speed: how many tokens a second an engine writes, for one person and for several together.
//
//   const engine_speed speed = measure_speed(engine, 1.0);         in about a second
//
// Errors: none: an engine that fails has speed 0.
#pragma once

#include <algorithm>

#include "ctgpt/base/clock.hpp"
#include "ctgpt/serve/answer_box.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct engine_speed {
  double alone = 0.0, together = 0.0;  // tokens a second, of all
  isize people = 1;                    // who write together
};

// Tokens a second of so many requests in so many seconds at most.
inline double tokens_per_second(completion_engine& engine, isize people, double seconds) {
  const auto box = std::make_shared<answer_box>();
  std::vector<std::uint64_t> ids;
  for (isize i = 0; i < people; ++i) {
    completion_request request;
    request.prompt = {static_cast<std::int32_t>(i % 16)};
    request.tokens = std::max<isize>(1, engine.context() - 2);
    request.choose.seed = static_cast<std::uint64_t>(i);
    request.likeliest = 0;  // so that pieces tell their tokens
    ids.push_back(engine.submit(std::move(request), box->listener(static_cast<std::size_t>(i))));
  }
  double begun = 0.0, last = 0.0;
  isize tokens = 0, ended = 0;
  const double until = clock_seconds() + seconds;
  std::vector<answer_event> events;
  while (ended < people && clock_seconds() < until) {
    box->take(events, 0.05);
    for (const answer_event& each : events) {
      if (each.end) ++ended;
      tokens += static_cast<isize>(each.piece.tokens.size());
    }
    last = clock_seconds();
    if (begun == 0.0 && tokens > 0) {  // the first come after the prompts
      begun = last;
      tokens = 0;
    }
  }
  for (const std::uint64_t id : ids) engine.cancel(id);
  while (ended < people && box->take(events, 5.0)) {
    for (const answer_event& each : events) ended += each.end ? 1 : 0;
  }
  return last > begun && begun > 0.0 ? static_cast<double>(tokens) / (last - begun) : 0.0;
}

inline engine_speed measure_speed(completion_engine& engine, double seconds) {
  engine_speed speed;
  const isize fit =
      std::max<isize>(1, engine.load().cache_total / std::max<isize>(1, engine.context()));
  speed.people = std::min<isize>(16, fit);
  speed.alone = tokens_per_second(engine, 1, seconds / 2.0);
  speed.together = tokens_per_second(engine, speed.people, seconds / 2.0);
  return speed;
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
