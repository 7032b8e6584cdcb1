// ctgpt finetune --lora and ctgpt lora merge: what they leave, that a run resumes bit for bit, that
// Hugging Face's PEFT opens it, and what they refuse.
#include "app/talks.hpp"
#include "io/python.hpp"

using namespace ctgpt_test;
using ctgpt::io::json_field;

namespace {

const words adapted{"--lora", "4"};

}  // namespace

TEST_CASE("lora: a run leaves its base, merged models that every verb opens, and adapters") {
  const talk_ground here;
  const outcome result = result_of(here.finetune("chat", adapted));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "adapters  rank 4, alpha 8, beside 12 matrices: 24,576 weights"));
  const std::string run = here.file("chat");
  const std::vector<double> losses = validations(run);
  REQUIRE(losses.size() == 3);
  CHECK(losses[2] < losses[0]);
  for (const char* name : {"base/config.json", "base/model.safetensors", "base/tokenizer.json",
                           "last/model.safetensors", "last/adapter/adapter_config.json",
                           "last/adapter/adapter_model.safetensors"}) {
    CHECK_MESSAGE(ctgpt::is_file(run + "/" + name), name);
  }
  const ctgpt::io::json file = ctgpt::io::read_json(run + "/run.json");
  const json_field settings = json_field(file, "run.json")["settings"];
  CHECK(settings["lora"].integer() == 4);
  CHECK(settings["lora_alpha"].number() == 8.0);
  CHECK(settings["lora_targets"].string() == "all-linear");
  CHECK(result_of({"sample", "-m", run, "-n", "5", "-t", "1"}).code == 0);

  // Merged by hand it is the checkpoint's model, bit for bit.
  const std::string merged = here.file("merged");
  const outcome made =
      result_of({"lora", "merge", "-m", run + "/base", "--adapter", run, "--out", merged});
  INFO(made.err);
  REQUIRE(made.code == 0);
  for (const char* name : {"model.safetensors", "config.json", "tokenizer.json",
                           "tokenizer_config.json", "generation_config.json"}) {
    INFO(name);
    const bool same = contents(merged + "/" + name) == contents(run + "/best/" + name);
    CHECK(same);
  }
  // Two new tokens that nothing trains are told apart from the beginning.
  CHECK(contains(result.err, "2 new tokens"));
}

TEST_CASE("lora: a run goes on bit for bit, also without the model that it began with") {
  const talk_ground here;
  const words flat{"--schedule", "constant", "--warmup", "2", "--dropout", "0.1"};
  const std::string whole = here.tuned("whole", adapted + flat);
  const std::string half = here.tuned("half", adapted + flat + words{"--steps", "8"});
  std::filesystem::rename(here.base(), here.file("elsewhere"));
  output_of({"finetune", "--resume", "--out", half, "--steps", "12", "--threads", "2"});
  check_same_runs(whole, half);
  const bool same = contents(whole + "/last/adapter/adapter_model.safetensors") ==
                    contents(half + "/last/adapter/adapter_model.safetensors");
  CHECK(same);
  const auto said = [&](const words& flags) {
    return sentence(result_of(words{"finetune", "--resume", "--out", half} + flags), 2);
  };
  CHECK(contains(said({"--lora", "8"}), "lora = 4, which --resume cannot change to 8"));
  CHECK(contains(said({"--lora-alpha", "9"}), "lora_alpha = 8.0, which --resume cannot"));
  CHECK(contains(said({"--lora-targets", "mlp"}), "lora_targets = \"all-linear\", which --resume"));
}

TEST_CASE("lora: what makes no sense is refused before a directory is made") {
  const talk_ground here(40);
  const auto said = [&](const words& flags, int code) {
    return sentence(result_of(here.finetune("run", flags)), code);
  };
  CHECK(said({"--lora-alpha", "4"}, 2) == "--lora-alpha is for --lora RANK");
  CHECK(said({"--lora-targets", "mlp"}, 2) == "--lora-targets is for --lora RANK");
  CHECK(contains(said({"--lora", "0"}, 2), "--lora must be a whole number from 1 to 4,096"));
  CHECK(contains(said(adapted + words{"--lora-targets", "c_attn"}, 1),
                 "no matrix of this model is called c_attn; it has all-linear, "
                 "attention.heads.qkv"));
  CHECK_FALSE(std::filesystem::exists(here.file("run")));
  const auto merging = [&](const words& flags, int code) {
    return sentence(result_of(words{"lora", "merge"} + flags), code);
  };
  CHECK(contains(merging({"--adapter", "x", "--out", "y"}, 2), "--model DIR"));
  CHECK(contains(merging({"-m", here.base(), "--out", "y"}, 2), "--adapter DIR"));
  CHECK(contains(merging({"-m", here.base(), "--adapter", "x"}, 2), "--out DIR"));
  CHECK(contains(merging({"-m", here.base(), "--adapter", here.base(), "--out", "y"}, 1),
                 "holds no adapter: it has no adapter_config.json"));
}

TEST_CASE("lora: PEFT opens a run's adapter on its base, and computes what the merged model does") {
  if (!python_has("peft") || !python_has("transformers")) return;
  const talk_ground here(40);
  // A preset whose files transformers knows.
  const std::string base =
      here.trained("gpt2", {"--preset", "shakespeare-char-cpu", "--steps", "3", "--tokenizer",
                            "bytes", "--context", "64", "--eval-every", "3"});
  const std::string run =
      here.tuned("run", adapted + words{"--model", base, "--steps", "3", "--lora-targets",
                                        "attention,c_fc", "--lr", "0.05"});
  const std::string script = quoted_for_shell(golden("peft_adapter.py")) + " --logits ";
  const auto adapted_by = [&](const std::string& arguments, const char* key) {
    const auto printed = python(script + arguments);
    REQUIRE(printed.has_value());
    const ctgpt::io::json text = ctgpt::io::parse_json(*printed, "peft_adapter.py");
    const json_field list = json_field(text, "peft_adapter.py")[key];
    std::vector<double> values;
    for (std::size_t i = 0; i < list.size(); ++i) values.push_back(list[i].number());
    return values;
  };
  const std::string part = quoted_for_shell(run + "/last/adapter");
  const std::string arguments = quoted_for_shell(run + "/base") + " " + part;
  const std::vector<double> apart = adapted_by(arguments, "adapted");
  const std::vector<double> before = adapted_by(arguments, "base");
  // transformers' own reading of the merged model.
  const std::vector<double> merged =
      adapted_by(quoted_for_shell(run + "/last") + " " + part, "base");
  REQUIRE(apart.size() == merged.size());
  double difference = 0.0, change = 0.0;
  for (std::size_t i = 0; i < apart.size(); ++i) {
    difference = std::max(difference, std::abs(apart[i] - merged[i]));
    change = std::max(change, std::abs(before[i] - merged[i]));
  }
  CHECK(difference < 1e-6);
  CHECK(change > 0.01);
}
