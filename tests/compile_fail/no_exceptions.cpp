// expect: ctgpt reports errors by exceptions: compile without -fno-exceptions
// bad half's flags: -fno-exceptions
#include "ctgpt/base/version.hpp"
static_assert(CTGPT_VERSION_MAJOR >= 0);
