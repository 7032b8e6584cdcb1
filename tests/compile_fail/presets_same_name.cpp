// A preset of one's own under the name of one of the library's.
// expect: two presets have the same name; give each of CTGPT_PRESETS one of its own
#define CTGPT_PRESETS "compile_fail/presets_same_name.inc"
#include "ctgpt/app/models.hpp"

static_assert(ctgpt::app::find_preset("mine") != nullptr);
