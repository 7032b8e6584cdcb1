// The verbs that make and use tokenizers: tokenizer train, encode, decode, count.
#include "ctgpt/app/tokenizer.hpp"
#include "ctgpt/app/tokenizer_train.hpp"
