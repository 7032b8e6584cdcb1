// The verbs that need no backend: describe, report, data world.
#include "ctgpt/app/describe.hpp"
#include "ctgpt/app/report.hpp"
#include "ctgpt/app/world.hpp"
