// engine_options: how much an engine may hold and do at once.
//
// A position of the cache takes 2 layers * (width of the keys) elements; a cache smaller than one
// context is refused, and one larger than `parallel` contexts keeps what was said for later turns.
// Errors: none; batch_engine checks.
#pragma once

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct engine_options {
  // Of keys and values, at most. 0: for 2 contexts a request that runs, but not over 256 MiB,
  // unless two contexts in all need more.
  isize cache_bytes = 0;
  isize parallel = 64;  // requests that run at once, at most
  isize chunk = 128;    // tokens of prompts a step, at most
};

}  // namespace ctgpt::inline CTGPT_ABI
