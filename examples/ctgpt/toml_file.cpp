// The TOML reader of --config.
#include "ctgpt/app/toml_file.hpp"
