// finetune_flags: the options of `ctgpt finetune`, and its function (app/finetune.hpp).
//
// They are those of train (app/verbs.hpp) but for where the data and the model come from.
// Errors: usage_error (2) or error (1), one sentence.
#pragma once

#include "ctgpt/app/verbs.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct finetune_flags : train_flags {
  std::optional<std::string> model, format, chat_template;
  std::vector<std::string> files, val_files;
  std::optional<isize> lora;
  std::optional<float> lora_alpha;
  std::optional<std::string> lora_targets;

  template <class Visitor>
  void describe_settings(Visitor& v) {
    v.text("-m,--model DIR", "run or model directory to start from", model);
    v.paths("--data FILE...", "conversations to learn from: JSON lines, or one JSON array", files);
    v.paths("--val-data FILE...", "conversations to validate with (default: a share of --data)",
            val_files);
    v.text("--format NAME", "auto (default), alpaca, sharegpt, openai or oasst", format);
    v.text("--template NAME", "chatml or nanochat (default: the model's own, else chatml)",
           chat_template);
    v.integer("--lora RANK",
              "train adapters of this rank beside the matrices, which stay as they are", lora, 1,
              4096);
    v.number("--lora-alpha X", "adapters count by this over the rank (default: twice the rank)",
             lora_alpha, 1e-6, 1e6);
    v.text("--lora-targets LIST",
           "all-linear (default), or names with commas: qkv, mlp, c_attn, q_proj", lora_targets);
    v.number("--val-fraction X", "share of the conversations, for validation (default 0.1)",
             val_fraction, 0.001, 0.9);
    describe_recipe(v);
  }
  template <class Visitor>
  void describe(Visitor& v) {
    v.text("--out DIR", "directory of the run", out);
    v.yes("--resume", "go on with the run in --out", resume);
    describe_settings(v);
  }
};

int finetune_command(const finetune_flags& given, const machine_options& machine,
                     const invocation& called);

}  // namespace ctgpt::inline CTGPT_ABI::app
