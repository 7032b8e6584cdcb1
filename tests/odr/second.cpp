#include "shared.hpp"

addresses seen_by_second() { return look(); }

ctgpt::network<model> built_by_second() {
  return ctgpt::build<model>(ctgpt::cpu{.threads = 1}, ctgpt::seed{1});
}

void fail_in_second() { throw ctgpt::usage_error("thrown in one unit, caught in the other"); }
