// foreign_names: what nanoGPT, transformers and llama.cpp call the options of this program.
//
// Names without dashes in front, with dashes inside; an underscore counts as a dash. A name with a
// value is meant with that one alone. The first entry whose option the verb has is suggested.
// Errors: none.
// Reference: karpathy/nanoGPT, train.py and sample.py; transformers, TrainingArguments and
// GenerationConfig; ggml-org/llama.cpp, common/arg.cpp.
#pragma once

#include <string_view>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct foreign_name {
  std::string_view theirs, ours;
};

inline constexpr foreign_name foreign_names[] = {
    // training
    {"max-iters", "--steps"},
    {"max-steps", "--steps"},
    {"lr-decay-iters", "--steps"},
    {"num-train-epochs", "--epochs"},
    {"batch-size", "--batch"},
    {"train-batch-size", "--batch"},
    {"per-device-train-batch-size", "--batch"},
    {"per-device-eval-batch-size", "--batch"},
    {"gradient-accumulation-steps", "--accumulate"},
    {"block-size", "--context"},
    {"ctx-size", "--context"},
    {"n-ctx", "--context"},
    {"max-seq-length", "--context"},
    {"max-length", "--context"},
    {"learning-rate", "--lr"},
    {"min-learning-rate", "--min-lr"},
    {"warmup-iters", "--warmup"},
    {"warmup-steps", "--warmup"},
    {"warmup-ratio", "--warmup"},
    {"lr-scheduler-type", "--schedule"},
    {"decay-lr", "--schedule"},
    {"grad-clip", "--clip"},
    {"max-grad-norm", "--clip"},
    {"gradient-accumulation", "--accumulate"},
    {"grad-accum", "--accumulate"},
    {"accum", "--accumulate"},
    {"wd", "--weight-decay"},
    {"adam-beta1", "--beta1"},
    {"adam-beta2", "--beta2"},
    {"eval-interval", "--eval-every"},
    {"eval-steps", "--eval-every"},
    {"eval-strategy", "--eval-every"},
    {"evaluation-strategy", "--eval-every"},
    {"eval-iters", "--eval-batches"},
    {"logging-steps", "--eval-every"},
    {"log-interval", "--eval-every"},
    {"save-interval", "--save-every"},
    {"save-steps", "--save-every"},
    {"save-strategy", "--save-every"},
    {"always-save-checkpoint", "--save-every"},
    {"save-total-limit", "--keep"},
    {"out-dir", "--out"},
    {"outdir", "--out"},
    {"output-dir", "--out"},
    {"overwrite-output-dir", "--out"},
    {"dataset", "--data"},
    {"dataset-name", "--data"},
    {"train-file", "--data"},
    {"train-data", "--data"},
    {"validation-file", "--val-fraction"},
    {"validation-split-percentage", "--val-fraction"},
    {"val-split", "--val-fraction"},
    {"vocab-size", "--tokenizer"},
    {"tokenizer-name", "--tokenizer"},
    {"config-name", "--preset"},
    {"model-type", "--preset"},
    {"n-layer", "--preset"},
    {"n-head", "--preset"},
    {"n-embd", "--preset"},
    {"num-hidden-layers", "--preset"},
    {"num-attention-heads", "--preset"},
    {"hidden-size", "--preset"},
    {"intermediate-size", "--preset"},
    {"max-position-embeddings", "--context"},
    {"model-name-or-path", "--preset"},
    {"dtype", "--precision"},
    {"torch-dtype", "--precision"},
    {"bf16", "--precision"},
    {"fp16", "--precision"},
    {"data-seed", "--seed"},
    {"init-from=resume", "--resume"},
    {"init-from", "--init-from"},
    {"resume-from-checkpoint", "--resume"},
    // sampling
    {"max-new-tokens", "--tokens"},
    {"max-tokens", "--tokens"},
    {"max-length", "--tokens"},
    {"n-predict", "--tokens"},
    {"predict", "--tokens"},
    {"num-samples", "--samples"},
    {"num-return-sequences", "--samples"},
    {"start", "--prompt"},
    {"file", "--prompt-file"},
    {"temp", "--temperature"},
    {"do-sample", "--temperature"},
    {"repeat-penalty", "--repetition-penalty"},
    {"reverse-prompt", "--stop"},
    {"stop-strings", "--stop"},
    {"stop-sequence", "--stop"},
    {"stop-sequences", "--stop"},
    // every verb that opens a model
    {"model-name-or-path", "--model"},
    {"model-path", "--model"},
    {"checkpoint", "--model"},
    {"ckpt", "--model"},
    {"out-dir", "--model"},
    {"init-from", "--model"},
    {"device", "--backend"},
    {"n-threads", "--threads"},
    // data
    {"size", "--bytes"},
    {"output", "--out"},
};

// The length of the context, which the verbs that open a model take from it.
inline constexpr std::string_view names_of_the_context[] = {
    "--context", "--ctx-size", "-c", "--n-ctx", "--block-size", "--max-seq-length"};

// What --init-from is given in nanoGPT, and what to do here; theirs: how the value begins.
inline constexpr foreign_name foreign_starts[] = {
    {"scratch", "for fresh weights leave --init-from out"},
    {"resume", "to go on with a run give --resume --out DIR"},
    {"gpt2",
     "give a directory that holds the weights: config.json, model.safetensors and "
     "tokenizer.json"},
};

}  // namespace ctgpt::inline CTGPT_ABI::app
