// ctgpt: build, train and sample a GPT whose sizes are template arguments.
//
// What costs compile time or needs a third-party library is included by name: the other backends
// (backend/eigen.hpp, backend/reference.hpp), saved models (model/directory.hpp), checkpoints
// (train/checkpoint.hpp), facts (model/describe.hpp), train/check_gradient.hpp, the other
// tokenizers (text/tokenizer.hpp), questions about the world (data/world/questions.hpp).
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
#include "ctgpt/layer/repeat.hpp"
#include "ctgpt/model/presets.hpp"
#include "ctgpt/text/bytes.hpp"
#include "ctgpt/text/characters.hpp"
#include "ctgpt/train/progress.hpp"
#include "ctgpt/train/trainer.hpp"
