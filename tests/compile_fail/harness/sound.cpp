// expect: the width must be positive
// expect g++: static assertion failed
// expect clang++: static_assert failed
#ifdef MUST_FAIL
constexpr int width = 0;
#else
constexpr int width = 1;
#endif
static_assert(width > 0, "the width must be positive");
