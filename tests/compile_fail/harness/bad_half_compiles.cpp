// expect: the width must be positive
constexpr int width = 1;
static_assert(width > 0, "the width must be positive");
