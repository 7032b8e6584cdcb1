// ctgpt: build, train and sample a GPT whose sizes are template arguments. Everything but the
// program (app/), the Eigen table (backend/eigen.hpp) and what needs a third-party library.
//
// One source file of a program compiles the CPU kernels: the build system does (link ctgpt::ctgpt),
// or that file says `#define CTGPT_IMPLEMENTATION` before this include and is linked with -lhwy.
#pragma once

#if defined(CTGPT_IMPLEMENTATION)
#include "ctgpt/backend/cpu/impl.hpp"
#endif

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/data/world.hpp"
#include "ctgpt/infer/generate.hpp"
#include "ctgpt/layer/activation.hpp"
#include "ctgpt/model/presets.hpp"
#include "ctgpt/text/bytes.hpp"
#include "ctgpt/text/characters.hpp"
#include "ctgpt/train/progress.hpp"
#include "ctgpt/train/trainer.hpp"
