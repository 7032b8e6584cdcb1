// The verb `train`, compiled for every preset.
#include "ctgpt/app/train.hpp"
