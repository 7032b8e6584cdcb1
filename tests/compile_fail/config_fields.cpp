// Every wrong field of a configuration gets its own sentence, in one compilation.
// expect: ctgpt::config: vocab must be between 1 and 16,777,216
// expect: ctgpt::config: context must be between 1 and 1,048,576
// expect: ctgpt::config: layers must be between 1 and 4,096
// expect: ctgpt::config: hidden must be between 0 and 4,194,304
// expect: ctgpt::config: window must not be negative
// expect: ctgpt::config: mlp must name an activation
// expect: ctgpt::config: rope_base must be above 1 and at most 1e30
// expect: ctgpt::config: softcap must be from 0 (none) to 1e30
// expect: ctgpt::config: norm_epsilon must be between 0 and 1
#include "ctgpt/core/config.hpp"

#ifdef MUST_FAIL
constexpr ctgpt::config wrong{.vocab = 0,
                              .context = 0,
                              .layers = 5000,
                              .hidden = -1,
                              .window = -1,
                              .mlp = ctgpt::activation::none,
                              .rope_base = 1.0f,
                              .softcap = -1.0f,
                              .norm_epsilon = 0.0f};
#else
constexpr ctgpt::config wrong{};
#endif
static_assert(ctgpt::checked<wrong>::value == wrong);
