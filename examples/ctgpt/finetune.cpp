// The verb `finetune`; train.cpp compiles the models, tokenizer.cpp the opening of tokenizers.
#include "ctgpt/text/tokenizer.hpp"

extern template ctgpt::text::tokenizer ctgpt::text::tokenizer::load<void>(const std::string&,
                                                                          std::string_view);

#include "ctgpt/app/finetune.hpp"
