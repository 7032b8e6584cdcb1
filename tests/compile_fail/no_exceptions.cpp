// Compiling with -fno-exceptions undefines this macro.
// expect: ctgpt reports errors by exceptions: compile without -fno-exceptions
#ifdef MUST_FAIL
#undef __cpp_exceptions
#endif
#include "ctgpt/base/version.hpp"
static_assert(CTGPT_VERSION_MAJOR >= 0);
