// The backends that --backend names.
#include "ctgpt/app/backends.hpp"
