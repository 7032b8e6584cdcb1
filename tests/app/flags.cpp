// The program's options: every number within its bounds, the nearest name for an unknown one.
#include "app/runs.hpp"
#include "ctgpt/app/foreign_names.hpp"

using namespace ctgpt_test;

namespace {

const words train_usage{"train", "--data", "none.txt", "--preset", "quickstart", "--out", "none"};
const words sample_usage{"sample", "--model", "none"};

struct numeric {
  const words* usage;
  std::string flag;
  bool whole, zero_is_wrong;
};

const std::vector<numeric>& numbers() {
  static const words chat{"chat", "--model", "none"}, eval{"eval", "--model", "none"},
      describe{"describe", "--preset", "quickstart"}, world{"data", "world", "--out", "none"};
  static const std::vector<numeric> all{
      {&train_usage, "--steps", true, true},
      {&train_usage, "--epochs", false, true},
      {&train_usage, "--batch", true, true},
      {&train_usage, "--accumulate", true, true},
      {&train_usage, "--context", true, true},
      {&train_usage, "--lr", false, true},
      {&train_usage, "--min-lr", false, false},
      {&train_usage, "--warmup", true, false},
      {&train_usage, "--dropout", false, false},
      {&train_usage, "--weight-decay", false, false},
      {&train_usage, "--beta1", false, false},
      {&train_usage, "--beta2", false, false},
      {&train_usage, "--clip", false, false},
      {&train_usage, "--seed", true, false},
      {&train_usage, "--eval-every", true, true},
      {&train_usage, "--eval-batches", true, true},
      {&train_usage, "--patience", true, true},
      {&train_usage, "--save-every", true, true},
      {&train_usage, "--keep", true, true},
      {&train_usage, "--val-fraction", false, true},
      {&train_usage, "--threads", true, true},
      {&sample_usage, "--tokens", true, true},
      {&sample_usage, "--samples", true, true},
      {&sample_usage, "--temperature", false, false},
      {&sample_usage, "--top-k", true, false},
      {&sample_usage, "--top-p", false, false},
      {&sample_usage, "--min-p", false, false},
      {&sample_usage, "--repetition-penalty", false, true},
      {&sample_usage, "--seed", true, false},
      {&sample_usage, "--threads", true, true},
      {&chat, "--tokens", true, true},
      {&chat, "--temperature", false, false},
      {&eval, "--stride", true, true},
      {&eval, "--world-questions", true, false},
      {&eval, "--threads", true, true},
      {&describe, "--batch", true, true},
      {&describe, "--context", true, true},
      {&world, "--bytes", true, true},
      {&world, "--seed", true, false},
  };
  return all;
}

}  // namespace

TEST_CASE("flags: a number that is none, or out of its bounds, is one sentence with exit code 2") {
  for (const numeric& each : numbers()) {
    words bad{"-1", "99999999999999999999999", "1e999", "nan", "inf", "abc", "3x", "0x10", "1,5",
              " 1"};
    if (each.whole) bad = bad + words{"1.5", "1e3", "2."};
    if (each.zero_is_wrong) bad = bad + words{"0"};
    for (const std::string& value : bad) {
      const std::string said = sentence(result_of(*each.usage + words{each.flag, value}), 2);
      INFO(said);
      CHECK(said.starts_with(each.flag + " must be a " + (each.whole ? "whole " : "") +
                             "number from "));
      CHECK(said.ends_with("not \"" + value + "\""));
    }
    const std::string empty = sentence(result_of(*each.usage + words{each.flag, ""}), 2);
    CHECK(contains(empty, each.flag));
    const std::string none = sentence(result_of(*each.usage + words{each.flag}), 2);
    CHECK(none.starts_with(each.flag + " needs a value"));
  }
}

TEST_CASE(
    "flags: wrong names of presets, backends and the like are refused before anything is made") {
  const temporary_directory here;
  ctgpt::write_file_atomic(here.file("text.txt"), std::string(5000, 'a'));
  const words good{"train", "--data", here.file("text.txt"), "--out", here.file("run")};
  const auto said = [&](const words& flags) { return sentence(result_of(good + flags), 2); };
  CHECK(contains(said({"--preset", "gpt5"}),
                 "there is no preset \"gpt5\"; choose one of the table above, or build the program "
                 "with -DCTGPT_PRESETS=FILE"));
  CHECK(contains(said({"--preset", "gpt3-175b"}), "too large to train"));
  CHECK(contains(said({}), "--preset"));
  const words preset{"--preset", "quickstart"};
  CHECK(contains(said(preset + words{"--context", "257"}), "longer than the context of 256"));
  CHECK(contains(said(preset + words{"--tokenizer", "bpe"}), "there is no tokenizer 'bpe'"));
  CHECK(contains(said(preset + words{"--schedule", "zigzag"}), "unknown schedule \"zigzag\""));
  CHECK(contains(said(preset + words{"--precision", "fp16"}), "must be f32 or bf16"));
  CHECK(contains(said(preset + words{"--backend", "gpu"}), "there is no backend \"gpu\""));
  CHECK(contains(said(preset + words{"--isa", "avx9"}), "unknown instruction set 'avx9'"));
  CHECK(contains(said(preset + words{"--isa", "neon"}), "it can run baseline"));
  CHECK(contains(said(preset + words{"--isa", "avx2", "--backend", "eigen"}), "--backend cpu"));
  CHECK(contains(said(preset + words{"--min-lr", "1", "--lr", "0.5"}),
                 "--min-lr 1 is above --lr 0.5"));
  CHECK(contains(said(preset + words{"--steps", "3", "--epochs", "1"}), "not both"));
  CHECK(contains(said(preset + words{"--epochs", "1e9"}), "--epochs"));
  CHECK(contains(said(preset + words{"--beta2", "1"}), "from 0 to 0.9999999, not \"1\""));
  CHECK(contains(said(preset + words{"--data", "\xFF.txt"}), "more than once"));
  CHECK(contains(sentence(result_of({"train", "--preset", "quickstart", "--data", "\xFF", "--out",
                                     here.file("run")}),
                          2),
                 "the path of --data is not UTF-8"));
  CHECK(contains(sentence(result_of({"train", "--preset", "quickstart", "--out", "x"}), 2),
                 "--data FILE"));
  CHECK(contains(sentence(result_of({"train", "--preset", "quickstart", "--data", "x"}), 2),
                 "--out DIR"));
  const words huge{"--preset", "gpt2-1558m", "--batch", "65536"};
  CHECK(contains(sentence(result_of(good + huge), 1), "each part needs at least"));
  ctgpt::write_file_atomic(here.file("text.txt"), std::string(50000, 'a'));
  CHECK(contains(sentence(result_of(good + huge), 1), "of memory, but the machine has"));
  CHECK_FALSE(std::filesystem::exists(here.file("run")));
}

TEST_CASE("flags: an unknown option suggests the nearest, in any spelling") {
  const std::vector<std::pair<words, std::string>> cases{
      {{"train", "--step", "5"}, "--steps"},
      {{"train", "--eval_every", "5"}, "--eval-every"},
      {{"train", "--eval_every=5"}, "--eval-every"},
      {{"train", "--drop-out", "5"}, "--dropout"},
      {{"train", "--weight_decay", "5"}, "--weight-decay"},
      {{"train", "--Batch", "5"}, "--batch"},
      {{"train", "-data", "5"}, "--data"},
      {{"train", "--LR", "5"}, "--lr"},
      {{"train", "--outdir", "5"}, "--out"},
      {{"train", "--num_hidden_layers", "5"}, "--preset"},
      {{"sample", "--checkpoint", "5"}, "--model"},
      {{"sample", "--temprature", "5"}, "--temperature"},
      {{"sample", "--modle", "5"}, "--model"},
      {{"sample", "--promt", "5"}, "--prompt"},
      {{"eval", "--strid", "5"}, "--stride"},
      {{"describe", "--presets", "5"}, "--preset"},
      {{"data", "world", "--byte", "5"}, "--bytes"},
  };
  for (const auto& [arguments, ours] : cases) {
    const std::string said = sentence(result_of(arguments), 2);
    INFO(said);
    CHECK(said.starts_with("there is no option -"));
    CHECK(contains(said, "did you mean " + ours + "?"));
  }
  CHECK(contains(sentence(result_of({"train", "--temp", "5"}), 2), "no option --temp (see"));
  CHECK(contains(sentence(result_of({"sample", "-s", "5"}), 2), "no option -s (see"));
  const std::string far = sentence(result_of({"train", "--quaternion", "5"}), 2);
  CHECK(contains(far, "there is no option --quaternion (see ctgpt train --help)"));
}

TEST_CASE("flags: nanoGPT's and transformers' names lead to ours") {
  const std::vector<std::pair<std::string, std::string>> training{
      {"--max_iters", "--steps"},
      {"--batch_size", "--batch"},
      {"--block_size", "--context"},
      {"--learning_rate", "--lr"},
      {"--min_lr", "--min-lr"},
      {"--warmup_iters", "--warmup"},
      {"--grad_clip", "--clip"},
      {"--gradient_accumulation_steps", "--accumulate"},
      {"--eval_interval", "--eval-every"},
      {"--eval_iters", "--eval-batches"},
      {"--out_dir", "--out"},
      {"--dataset", "--data"},
      {"--init_from=resume", "--resume"},
      {"--init_from=gpt2", "--init-from"},
      {"--init_from", "--init-from"},
      {"--n_layer=4", "--preset"},
      {"--max_steps", "--steps"},
      {"--num_train_epochs", "--epochs"},
      {"--per_device_train_batch_size", "--batch"},
      {"--lr_scheduler_type", "--schedule"},
      {"--max_grad_norm", "--clip"},
      {"--save_total_limit", "--keep"},
      {"--output_dir", "--out"},
      {"--resume_from_checkpoint", "--resume"},
      {"--adam-beta1", "--beta1"},
      {"--bf16", "--precision"}};
  for (const auto& [theirs, ours] : training) {
    CHECK(contains(sentence(result_of({"train", theirs}), 2), "did you mean " + ours + "?"));
  }
  CHECK(contains(sentence(result_of({"train", "--init_from", "resume"}), 2), "mean --resume?"));
  CHECK(contains(sentence(result_of({"train", "--init_from", "out"}), 2), "mean --init-from?"));
  const std::vector<std::pair<std::string, std::string>> sampling{
      {"--max_new_tokens", "--tokens"},
      {"--num_samples", "--samples"},
      {"--start", "--prompt"},
      {"--num_return_sequences", "--samples"},
      {"--top_k", "--top-k"},
      {"--n-predict", "--tokens"},
      {"--repeat-penalty", "--repetition-penalty"},
      {"--temp", "--temperature"},
      {"--out_dir", "--model"},
      {"--max_length", "--tokens"}};
  for (const auto& [theirs, ours] : sampling) {
    CHECK(contains(sentence(result_of({"sample", theirs}), 2), "did you mean " + ours + "?"));
  }
  for (const char* name : {"--ctx-size", "-c", "--n_ctx=64", "--block_size"}) {
    CHECK(contains(sentence(result_of({"sample", name, "64"}), 2),
                   "; the context is the model's own"));
  }
  // Every entry of the list leads to an option of the program's help.
  std::string help;
  for (const words& verb : {words{"train"}, words{"sample"}, words{"data", "world"}}) {
    help += output_of(verb + words{"--help"});
  }
  for (const auto& [theirs, ours] : ctgpt::app::foreign_names) {
    CHECK(contains(help, std::string(ours) + " "));
    CHECK(theirs.find('_') == theirs.npos);
  }
}

TEST_CASE("flags: forgotten, repeated and unexpected words") {
  const auto said = [](const words& arguments) { return sentence(result_of(arguments), 2); };
  CHECK(contains(said({"train", "--data", "--steps", "3"}),
                 "--data needs a value, but --steps follows"));
  CHECK(contains(said({"train", "--data"}), "--data needs a value"));
  CHECK(contains(said({"train", "--data", ""}), "--data needs a value, not an empty text"));
  CHECK(
      contains(said({"train", "--steps", "3", "--steps", "4"}), "--steps is given more than once"));
  CHECK(contains(said({"train", "--resume=maybe"}), "--resume takes no value"));
  CHECK(contains(said({"train", "steps"}), "\"steps\" is not expected here"));
  CHECK(contains(said({"sample", "-m", "x", "--stop", ""}), "--stop needs a value"));
}
