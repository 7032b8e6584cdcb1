// A case that forgot to say what its author should read.
#ifdef MUST_FAIL
static_assert(false, "the width must be positive");
#endif
static_assert(true, "assertions hold in the good half");
