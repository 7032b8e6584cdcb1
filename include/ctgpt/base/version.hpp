// The library's version and the few macros it needs.
//
// CTGPT_ABI names the inline namespace that every declaration lives in, so that two translation
// units compiled against different versions fail to link instead of sharing a type by accident.
// Errors: a compiler without C++20 or without exceptions stops here with a sentence.
#pragma once

#define CTGPT_VERSION_MAJOR 0
#define CTGPT_VERSION_MINOR 1
#define CTGPT_VERSION_PATCH 0
#define CTGPT_VERSION "0.1.0"
#define CTGPT_ABI v0_1

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "ctgpt needs C++20: compile with -std=c++20"
#endif
#if !defined(__cpp_exceptions)
#error "ctgpt reports errors by exceptions: compile without -fno-exceptions"
#endif
