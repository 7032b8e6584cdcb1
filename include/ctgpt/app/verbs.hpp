// verbs: the options of every verb of the program, and the functions that run them.
//
// Options are declared once, by describe(visitor): the program's flags (app/flags.hpp) and the
// settings in run.json (app/train_settings.hpp) are two visitors of the same names and bounds.
// Every option is optional<T>: empty means not given. Each function is defined in the header of its
// verb (train.hpp, sample.hpp, eval.hpp, describe.hpp, report.hpp, world.hpp, tokenizer.hpp,
// tokenizer_train.hpp) and returns the exit code.
// Errors: usage_error (2) or error (1), one sentence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline constexpr long long largest_seed = 9'000'000'000'000'000'000;
inline constexpr isize most_steps = 1'000'000'000;

// What every verb that runs a model takes.
struct machine_options {
  std::optional<std::string> backend, isa;
  std::optional<int> threads;

  template <class Visitor>
  void describe(Visitor& v) {
    v.text("--backend NAME", "cpu (default), eigen or reference", backend);
    v.text("--isa NAME", "instruction set of the cpu backend: baseline, sse4, avx2, avx512, neon",
           isa);
    v.integer("-t,--threads N", "threads (default: all processors)", threads, 1, 1024);
  }
};

struct train_flags {
  std::optional<std::string> data, tokenizer, preset, init_from, order, schedule, optimizer,
      precision, out;
  std::optional<isize> steps, batch, accumulate, context, warmup, eval_every, eval_batches,
      patience, save_every, keep;
  std::optional<double> epochs, val_fraction, decay_from;
  std::optional<float> lr, min_lr, muon_rate, muon_momentum, dropout, weight_decay, beta1, beta2,
      clip;
  std::optional<std::uint64_t> seed;
  bool resume = false;

  // What decides the numbers that a run computes, and how often it looks and saves.
  template <class Visitor>
  void describe_settings(Visitor& v) {
    v.text("--data PATH", "text file, or directory of tokens (ctgpt data shard), to learn from",
           data);
    v.text("--tokenizer NAME", "bytes (default), char, or the file or directory of a tokenizer",
           tokenizer);
    v.text("--preset NAME", "size of the model; ctgpt describe lists them", preset);
    v.text("--init-from DIR", "start from this model: its weights and tokenizer", init_from);
    v.text("--order NAME",
           "of windows: random (default), sequential, shuffled, or documents, packed whole", order);
    v.number("--val-fraction X", "last part of the data, for validation (default 0.1)",
             val_fraction, 0.001, 0.9);
    describe_recipe(v);
  }
  // What fine-tuning takes too.
  template <class Visitor>
  void describe_recipe(Visitor& v) {
    constexpr long long many = most_steps;
    v.integer("--steps N", "training steps", steps, 1, many);
    v.number("--epochs X", "passes over the training data, instead of --steps", epochs, 1e-6, 1e9);
    v.integer("--batch N", "sequences in a micro-batch", batch, 1, 65536);
    v.integer("--accumulate N", "micro-batches in a step", accumulate, 1, 1'000'000);
    v.integer("--context N", "tokens in a sequence; learned positions are cut to it, never grown",
              context, 1, 1 << 20);
    v.text("--optimizer NAME", "adamw, or muon for the blocks' matrices (default: the preset's)",
           optimizer);
    v.number("--lr X", "highest learning rate; with muon that of AdamW's part", lr, 1e-12, 1000.0);
    v.number("--muon-rate X", "muon's highest rate (default 0.02), by the schedule of --lr",
             muon_rate, 0.0, 1000.0);
    v.number("--muon-momentum X", "muon's decay of the momentum (default 0.95)", muon_momentum, 0.0,
             0.999999);
    v.number("--min-lr X", "learning rate at the end", min_lr, 0.0, 1000.0);
    v.integer("--warmup N", "steps of linear warm-up", warmup, 0, many);
    v.text("--schedule NAME", "cosine, linear, constant or warmup-stable-decay", schedule);
    v.number("--decay-from X",
             "share of the steps at which warmup-stable-decay begins to decay (default 0.8)",
             decay_from, 0.0, 1.0);
    v.number("--dropout X", "share of activations to drop", dropout, 0.0, 0.99);
    v.number("--weight-decay X", "of matrices and embeddings", weight_decay, 0.0, 1000.0);
    v.number("--beta1 X", "AdamW's decay of the first moment", beta1, 0.0, 0.999999);
    v.number("--beta2 X", "AdamW's decay of the second moment", beta2, 0.0, 0.9999999);
    v.number("--clip X", "largest norm of the gradient, 0: no limit", clip, 0.0, 1e9);
    v.text("--precision NAME", "storage of weights and activations: f32 (default) or bf16",
           precision);
    v.integer("--seed N", "of weights, batches and dropout (default 1337)", seed, 0, largest_seed);
    v.integer("--eval-every N", "steps from one evaluation to the next", eval_every, 1, many);
    v.integer("--eval-batches N", "batches in an evaluation", eval_batches, 1, 1'000'000);
    v.integer("--patience N", "end after N evaluations without a better one (default: never)",
              patience, 1, 1'000'000);
    v.integer("--save-every N", "steps from one checkpoint to the next (default: --eval-every)",
              save_every, 1, many);
    v.integer("--keep N", "checkpoints to keep (default 2); the last and the best always stay",
              keep, 1, 1'000'000);
  }
  template <class Visitor>
  void describe(Visitor& v) {
    v.text("--out DIR", "directory of the run", out);
    v.yes("--resume", "go on with the run in --out", resume);
    describe_settings(v);
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

  template <class Visitor>
  void describe_sampling(Visitor& v) {
    v.text("-m,--model DIR", "run directory (its best, else its last) or model directory", model);
    v.integer("-n,--tokens N", "tokens to sample at most (default 200)", tokens, 1, 1'000'000'000);
    v.number("--temperature X", "0: always the likeliest token", temperature, 0.0, 1e6);
    v.integer("--top-k N", "sample among the N likeliest tokens; 0: all", top_k, 0, 1 << 24);
    v.number("--top-p X", "sample among the likeliest tokens of this mass", top_p, 0.0, 1.0);
    v.number("--min-p X", "drop tokens below this share of the likeliest", min_p, 0.0, 1.0);
    v.number("--repetition-penalty X", "above 1 avoids what the window holds", repetition_penalty,
             0.01, 100.0);
    v.texts("--stop TEXT", "end before this text (may be given again)", stop);
    v.integer("--seed N", "same seed, same text (default 1337)", seed, 0, largest_seed);
  }
  template <class Visitor>
  void describe(Visitor& v) {
    describe_sampling(v);
    v.text("-p,--prompt TEXT", "text to continue (default: a newline)", prompt);
    v.text("--prompt-file FILE", "file with the text to continue", prompt_file);
    v.integer("--samples N", "continuations, of seeds that follow each other (default 1)", samples,
              1, 1'000'000);
    v.yes("--json", "print one JSON object a sample, with `text`", json);
  }
};

// The verb chat takes those of sampling.
struct chat_flags : sample_flags {
  std::optional<std::string> system;

  template <class Visitor>
  void describe(Visitor& v) {
    describe_sampling(v);
    v.text("--system TEXT", "tell the model how to answer", system);
  }
};

struct eval_flags {
  std::optional<std::string> model, data, precision, out;
  std::optional<isize> stride;
  std::optional<std::uint64_t> world_questions;
  bool json = false;

  template <class Visitor>
  void describe(Visitor& v) {
    v.text("-m,--model DIR", "run directory (its best, else its last) or model directory", model);
    v.text("--data FILE", "text file to measure the loss on", data);
    v.integer("--stride N", "tokens from one window to the next (default: the context)", stride, 1,
              1 << 20);
    v.integer("--world-questions SEED",
              "instead of --data: ask the held-out questions of the embedded world",
              world_questions, 0, largest_seed);
    v.text("--precision NAME", "storage of weights and activations: f32 (default) or bf16",
           precision);
    v.yes("--json", "print JSON", json);
    v.text("--out FILE", "write the JSON to this file too", out);
  }
};

struct describe_flags {
  std::optional<std::string> preset, model;
  std::optional<isize> batch, context;
  bool json = false;

  template <class Visitor>
  void describe(Visitor& v) {
    v.text("--preset NAME", "a named size", preset);
    v.text("-m,--model DIR", "run or model directory", model);
    v.integer("--batch N", "sequences, for the memory of training (default: the preset's)", batch,
              1, 1 << 20);
    v.integer("--context N", "tokens in a sequence (default: the model's)", context, 1, 1 << 20);
    v.yes("--json", "print JSON", json);
  }
};

struct report_flags {
  std::vector<std::string> runs;
  std::optional<std::string> out;

  template <class Visitor>
  void describe(Visitor& v) {
    v.words("RUN", "directories of runs", runs);
    v.text("--out FILE", "page to write (default: report.html in the first run's directory)", out);
  }
};

struct world_flags {
  std::optional<isize> bytes, conversations;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> out;

  template <class Visitor>
  void describe(Visitor& v) {
    v.integer("--bytes N", "size of the text (default 8388608)", bytes, 4096, isize{1} << 32);
    v.integer("--conversations N",
              "instead of a text, N conversations about it, as JSON lines for ctgpt finetune",
              conversations, 1, 100'000'000);
    v.integer("--seed N", "which world (default 1)", seed, 0, largest_seed);
    v.text("--out FILE", "file to write", out);
  }
};

struct tokenizer_train_flags {
  std::vector<std::string> data, special;
  std::optional<isize> vocab, least;
  std::optional<std::string> kind, pattern, format, field, out;
  std::optional<int> threads;

  template <class Visitor>
  void describe(Visitor& v) {
    v.paths("--data FILE...", "texts to learn from: files of text or documents, directories", data);
    v.text("--format NAME", "auto (default), text, jsonl, csv, html, wet or wikipedia", format);
    v.text("--field NAME", "member of a JSON object, or column, with the text (text)", field);
    v.integer("--vocab N", "tokens in all, with bytes and special tokens", vocab, 2, 1 << 27);
    v.text("--kind NAME", "bpe (default), words or chars", kind);
    v.text("--pattern NAME", "how bpe cuts a text: gpt2 (default), cl100k, o200k or nanochat",
           pattern);
    v.paths("--special TEXT...", "special tokens, which no text becomes by itself", special);
    v.integer("--least N", "how often a pair must be there to become a token (default 1)", least, 1,
              largest_seed);
    v.text("--out DIR", "directory to make", out);
    v.integer("-t,--threads N", "threads (default: all processors)", threads, 1, 1024);
  }
};

// What encode, decode and count take.
struct tokenizer_flags {
  std::optional<std::string> tokenizer, pattern;

  template <class Visitor>
  void describe_source(Visitor& v) {
    v.text("--tokenizer PATH", "model directory, tokenizer.json or .tiktoken file", tokenizer);
    v.text("--pattern NAME", "gpt2, cl100k, o200k or nanochat, for files that do not say theirs",
           pattern);
  }
  template <class Visitor>
  void describe_special(Visitor& v, std::vector<std::string>& allowed) {
    v.paths("--allow-special NAME...",
            "special tokens that the text may hold; any other is an error", allowed);
  }
};
struct tokenizer_encode_flags : tokenizer_flags {
  std::vector<std::string> allow_special;
  std::optional<std::string> format;

  template <class Visitor>
  void describe(Visitor& v) {
    describe_source(v);
    describe_special(v, allow_special);
    v.text("--format NAME", "json (default), u16 or u32 (little-endian numbers)", format);
  }
};
struct tokenizer_decode_flags : tokenizer_flags {
  std::optional<std::string> format;

  template <class Visitor>
  void describe(Visitor& v) {
    describe_source(v);
    v.text("--format NAME", "json (default), u16 or u32 (little-endian numbers)", format);
  }
};
struct tokenizer_count_flags : tokenizer_flags {
  std::vector<std::string> allow_special;
  bool json = false;

  template <class Visitor>
  void describe(Visitor& v) {
    describe_source(v);
    describe_special(v, allow_special);
    v.yes("--json", "print one JSON object with tokens, bytes and bytes_per_token", json);
  }
};

// How the program was called.
struct invocation {
  std::string program, command;
};

int train_command(const train_flags& given, const machine_options& machine,
                  const invocation& called);
int sample_command(const sample_flags& given, const machine_options& machine);
int chat_command(const chat_flags& given, const machine_options& machine);
int eval_command(const eval_flags& given, const machine_options& machine);
int describe_command(const describe_flags& given);
int report_command(const report_flags& given);
int world_command(const world_flags& given);
int tokenizer_train_command(const tokenizer_train_flags& given);
int tokenizer_encode_command(const tokenizer_encode_flags& given);
int tokenizer_decode_command(const tokenizer_decode_flags& given);
int tokenizer_count_command(const tokenizer_count_flags& given);

}  // namespace ctgpt::inline CTGPT_ABI::app
