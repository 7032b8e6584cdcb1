// expect: the height must be positive
#ifdef MUST_FAIL
constexpr int width = 0;
#else
constexpr int width = 1;
#endif
static_assert(width > 0, "the width must be positive");
