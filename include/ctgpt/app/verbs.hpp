// verbs: the options of every verb of the program, and the functions that run them.
//
// Each function is defined in the header of its verb (train.hpp, sample.hpp, eval.hpp, describe.hpp,
// world.hpp). Returns the exit code. Errors: usage_error (2) or error (1), one sentence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctgpt/app/flags.hpp"
#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// What every verb that runs a model takes.
struct machine_options {
  std::optional<std::string> backend, isa;
  std::optional<int> threads;

  void add_to(flags& given) {
    given.text("--backend", "cpu (default), eigen or reference", backend);
    given.text("--isa", "instruction set of the cpu backend: baseline, sse4, avx2, avx512, neon",
               isa);
    given.integer("-t,--threads", "threads (default: all processors)", threads, 1, 1024);
  }
};

struct train_flags {
  std::optional<std::string> data, tokenizer, preset, schedule, precision, out;
  std::optional<isize> steps, batch, accumulate, context, warmup, eval_every, eval_batches,
      save_every, keep;
  std::optional<double> epochs;
  std::optional<float> lr, min_lr, dropout, weight_decay, beta1, beta2, clip, val_fraction;
  std::optional<std::uint64_t> seed;
  bool resume = false;

  void add_to(flags& f) {
    constexpr long long many = 1'000'000'000;
    f.text("--data", "text file to learn from", data);
    f.text("--tokenizer", "bytes or char", tokenizer);
    f.text("--preset", "size of the model (see ctgpt describe)", preset);
    f.text("--out", "directory of the run", out);
    f.integer("--steps", "training steps", steps, 1, many);
    f.number("--epochs", "passes over the training data, instead of --steps", epochs, 1e-6, 1e9);
    f.integer("--batch", "sequences a micro-batch", batch, 1, 65536);
    f.integer("--accumulate", "micro-batches a step", accumulate, 1, 1'000'000);
    f.integer("--context", "tokens a sequence, at most the preset's", context, 1, 1 << 20);
    f.number("--lr", "peak learning rate", lr, 0.0, 1000.0);
    f.number("--min-lr", "learning rate at the end", min_lr, 0.0, 1000.0);
    f.integer("--warmup", "steps of linear warm-up", warmup, 0, many);
    f.text("--schedule", "cosine, linear, constant or warmup-stable-decay", schedule);
    f.number("--dropout", "probability of dropping", dropout, 0.0, 0.99);
    f.number("--weight-decay", "of matrices and embeddings", weight_decay, 0.0, 1000.0);
    f.number("--beta1", "AdamW's first decay", beta1, 0.0, 0.999999);
    f.number("--beta2", "AdamW's second decay", beta2, 0.0, 0.9999999);
    f.number("--clip", "largest gradient norm, 0: none", clip, 0.0, 1e9);
    f.text("--precision", "f32 or bf16: storage of weights and activations", precision);
    f.integer("--seed", "of weights, batches and dropout", seed, 0, 9'000'000'000'000'000'000);
    f.integer("--eval-every", "steps between evaluations", eval_every, 1, many);
    f.integer("--eval-batches", "batches an evaluation", eval_batches, 1, 1'000'000);
    f.integer("--save-every", "steps between checkpoints (default: at evaluations)", save_every, 1,
              many);
    f.integer("--keep", "newest checkpoints to keep; the best is kept besides", keep, 1, 1'000'000);
    f.number("--val-fraction", "last part of the data, for validation", val_fraction, 0.001, 0.9);
    f.yes("--resume", "go on with the run in --out", resume);
  }
};

struct sample_flags {
  std::optional<std::string> model, prompt, prompt_file;
  std::optional<isize> tokens;
  std::optional<int> samples, top_k;
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> stop;
  bool json = false;

  void add_sampling(flags& f) {
    f.text("-m,--model", "run directory (its best, else its last) or model directory", model);
    f.integer("-n,--tokens", "tokens to sample at most (default 200)", tokens, 0, 1'000'000'000);
    f.number("--temperature", "0: greedy", temperature, 0.0, 1e6);
    f.integer("--top-k", "sample among the k likeliest tokens; 0: all", top_k, 0, 1 << 24);
    f.number("--top-p", "sample among the likeliest tokens of this mass", top_p, 0.0, 1.0);
    f.number("--min-p", "drop tokens below this fraction of the likeliest", min_p, 0.0, 1.0);
    f.number("--repetition-penalty", "above 1 avoids what the window holds", repetition_penalty,
             0.01, 100.0);
    f.texts("--stop", "end before this text (may be repeated)", stop);
    f.integer("--seed", "same seed, same text", seed, 0, 9'000'000'000'000'000'000);
  }
  void add_to(flags& f) {
    add_sampling(f);
    f.text("-p,--prompt", "text to continue (default: a newline)", prompt);
    f.text("--prompt-file", "file with the text to continue", prompt_file);
    f.integer("--samples", "how many continuations", samples, 1, 1'000'000);
    f.yes("--json", "one JSON object with `text` a sample", json);
  }
};

struct eval_flags {
  std::optional<std::string> model, data, precision;
  std::optional<isize> stride;
  std::optional<std::uint64_t> world_questions;
  bool json = false;

  void add_to(flags& f) {
    f.text("-m,--model", "run directory (its best, else its last) or model directory", model);
    f.text("--data", "text file to measure the loss on", data);
    f.integer("--stride", "tokens from one window to the next (default: the context)", stride, 1,
              1 << 20);
    f.integer("--world-questions", "ask the held-out questions of the embedded world of this seed",
              world_questions, 0, 9'000'000'000'000'000'000);
    f.text("--precision", "f32 or bf16: storage of weights and activations", precision);
    f.yes("--json", "print JSON", json);
  }
};

struct describe_flags {
  std::optional<std::string> preset, model;
  std::optional<isize> batch, context;
  bool json = false;

  void add_to(flags& f) {
    f.text("--preset", "a named size", preset);
    f.text("-m,--model", "run or model directory", model);
    f.integer("--batch", "sequences, for the memory of training (default: the preset's)", batch, 1,
              1 << 20);
    f.integer("--context", "tokens a sequence (default: the model's)", context, 1, 1 << 20);
    f.yes("--json", "print JSON", json);
  }
};

struct world_flags {
  std::optional<isize> bytes;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> out;

  void add_to(flags& f) {
    f.integer("--bytes", "size of the text (default 8388608)", bytes, 4096, isize{1} << 32);
    f.integer("--seed", "which world (default 1)", seed, 0, 9'000'000'000'000'000'000);
    f.text("--out", "file to write", out);
  }
};

int train_command(const train_flags& given, const machine_options& machine,
                  const std::string& command);
int sample_command(const sample_flags& given, const machine_options& machine);
int chat_command(const sample_flags& given, const machine_options& machine);
int eval_command(const eval_flags& given, const machine_options& machine);
int describe_command(const describe_flags& given);
int world_command(const world_flags& given);

}  // namespace ctgpt::inline CTGPT_ABI::app
