// The verbs that need no backend: describe, data world.
#include "ctgpt/app/describe.hpp"
#include "ctgpt/app/world.hpp"
