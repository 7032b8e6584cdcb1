// The verb `lora merge`.
#include "ctgpt/text/tokenizer.hpp"

extern template ctgpt::text::tokenizer ctgpt::text::tokenizer::load<void>(const std::string&,
                                                                          std::string_view);

#include "ctgpt/app/extra_verbs.hpp"
#include "ctgpt/app/lora.hpp"

namespace {

const ctgpt::app::extra_verb merge(
    "lora", "merge", "Make one model of a model and an adapter",
    "The adapter is one of ctgpt finetune --lora, or of Hugging Face's PEFT.\n"
    "Example:\n"
    "  ctgpt lora merge -m runs/chat/base --adapter runs/chat --out merged",
    ctgpt::app::lora_merge_command);

}  // namespace
