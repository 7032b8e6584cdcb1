// The verbs that make and use tokenizers: tokenizer train, encode, decode, count.
#include "ctgpt/app/tokenizer.hpp"
#include "ctgpt/app/tokenizer_train.hpp"

// For the other units, which only refer to it.
template ctgpt::text::tokenizer ctgpt::text::tokenizer::load<void>(const std::string&,
                                                                   std::string_view);
