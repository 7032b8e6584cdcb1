// The verbs that run a trained model: sample, chat, eval, and the engine that serves; tokenizer.cpp
// compiles the opening of tokenizers.
#include "ctgpt/text/tokenizer.hpp"

extern template ctgpt::text::tokenizer ctgpt::text::tokenizer::load<void>(const std::string&,
                                                                          std::string_view);

#include "ctgpt/app/chat.hpp"
#include "ctgpt/app/eval.hpp"
#include "ctgpt/app/make_engine.hpp"
