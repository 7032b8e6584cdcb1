// ctgpt finetune: what a run writes and says, that it resumes bit for bit, and what it refuses.
#include <cmath>
#include <random>

#include "app/talks.hpp"

using namespace ctgpt_test;
using ctgpt::io::json_field;

namespace {

// A conversation of so many exchanges of so many letters, as OpenAI messages.
std::string talk_line(int exchanges, std::size_t letters) {
  std::string line = "{\"messages\":[";
  for (int i = 0; i < exchanges; ++i) {
    line += std::string(i > 0 ? "," : "") + "{\"role\":\"user\",\"content\":\"" +
            std::string(letters, 'q') + "\"},{\"role\":\"assistant\",\"content\":\"" +
            std::string(letters, static_cast<char>('a' + i % 26)) + "\"}";
  }
  return line + "]}\n";
}

}  // namespace

TEST_CASE("finetune: a run directory as train's, whose model knows its template") {
  const talk_ground here;
  const outcome result = result_of(here.finetune("chat"));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(result.out.empty());
  for (const char* part : {"Fine-tuning the model of ", "120 conversations in 120 records",
                           "chatml, 2 new tokens", "108 conversations, ", "12 conversations, ",
                           "12 steps of 1,024 tokens", "memory", "time", "chat --model"}) {
    CHECK_MESSAGE(contains(result.err, part), part);
  }
  const std::string run = here.file("chat"), model = run + "/last";
  CHECK(metrics_lines(run).size() == 12);
  const std::vector<double> losses = validations(run);
  REQUIRE(losses.size() == 3);
  CHECK(losses[2] < losses[0]);

  const ctgpt::io::json facts = ctgpt::io::read_json(run + "/run.json");
  const json_field talks = json_field(facts, "run.json")["conversations"];
  CHECK(talks["records"].integer() == 120);
  CHECK(talks["train"]["conversations"].integer() == 108);
  CHECK(talks["validation"]["conversations"].integer() == 12);
  CHECK(talks["train"]["answer_tokens"].integer() > 1000);
  CHECK(talks["train"]["dropped"].integer() == 0);
  const json_field settings = json_field(facts, "run.json")["settings"];
  CHECK(settings["template"].string() == "chatml");
  CHECK(settings["data"][0].string() == here.talks());

  const ctgpt::io::json tokens = ctgpt::io::read_json(model + "/tokenizer_config.json");
  CHECK(contains(text_of(tokens, "chat_template"), "{% generation %}"));
  CHECK(number(ctgpt::io::read_json(model + "/config.json"), "vocab_size") == 258);
  const ctgpt::io::json sampling = ctgpt::io::read_json(model + "/generation_config.json");
  CHECK(json_field(sampling, "it")["eos_token_id"][0].integer() == 257);  // <|im_end|>
  CHECK(contains(contents(run + "/samples.jsonl"), "<|im_start|>assistant"));
  CHECK(contains(contents(model + "/tokenizer.json"), "<|im_end|>"));
  // A model that has a template keeps it, and has nothing to add.
  const outcome again = result_of(here.finetune("again", {"--model", run, "--steps", "2"}));
  CHECK(again.code == 0);
  CHECK(contains(again.err, "template  chatml; vocabulary of 258"));
  // So does one that is trained on.
  output_of({"train", "--init-from", run, "--data", here.data(), "--steps", "1", "--batch", "1",
             "--out", here.file("on")});
  for (const char* name : {"tokenizer_config.json", "generation_config.json"}) {
    CHECK(contents(here.file("on/last/") + name) == contents(model + "/" + name));
  }
  // And the other template is a flag away.
  const outcome other = result_of(here.finetune("other", {"--template", "nanochat"}));
  CHECK(other.code == 0);
  CHECK(contains(other.err, "nanochat, 5 new tokens; vocabulary of 261"));
}

TEST_CASE("finetune: new tokens begin as the mean of the others, also where the preset is full") {
  const talk_ground here(40);
  // As many tokens as the preset has room for.
  const std::string tokens = here.file("tokens");
  output_of({"tokenizer", "train", "--data", here.data(), "--vocab", "1024", "--out", tokens});
  const std::string full =
      here.trained("full", {"--tokenizer", tokens, "--steps", "2", "--context", "128"});
  const words still{"--model", full, "--steps", "1", "--lr", "1e-12", "--weight-decay", "0"};
  const std::string run = here.tuned("more", still);
  const auto rows = [](const std::string& path) {
    const auto file = ctgpt::io::safetensors::open(path + "/last/model.safetensors");
    for (const auto& info : file.tensors()) {
      if (!contains(info.name, "token_embedding") && !contains(info.name, "wte")) continue;
      std::vector<float> values(static_cast<std::size_t>(info.shape[0] * info.shape[1]));
      std::memcpy(values.data(), file.bytes(info).data(), values.size() * sizeof(float));
      return std::pair(values, info.shape);
    }
    FAIL("no embedding in " << path);
    return std::pair(std::vector<float>(), file.tensors()[0].shape);
  };
  const auto [before, old_shape] = rows(full);
  const auto [after, shape] = rows(run);
  const ctgpt::isize known = old_shape[0], width = shape[1];
  CHECK(shape[0] == known + 2);
  for (ctgpt::isize c = 0; c < width; ++c) {
    double sum = 0.0;
    for (ctgpt::isize r = 0; r < known; ++r) {
      const auto at = static_cast<std::size_t>(r * width + c);
      sum += static_cast<double>(before[at]);
      REQUIRE(after[at] == doctest::Approx(before[at]).epsilon(1e-5));
    }
    const auto at = static_cast<std::size_t>(known * width + c);
    const auto next = static_cast<std::size_t>((known + 1) * width + c);
    const double mean = sum / static_cast<double>(known);
    CHECK(std::fabs(static_cast<double>(after[at]) - mean) < 1e-6);
    CHECK(std::fabs(static_cast<double>(after[next]) - mean) < 1e-6);
  }
  // It goes on as any model.
  CHECK(result_of({"eval", "-m", run, "--data", here.data(), "-t", "1"}).code == 0);
}

TEST_CASE("finetune: after SIGKILL a run ends in the bits of an uninterrupted one") {
  const talk_ground here;
  const words often{"--steps", "60", "--eval-every", "20", "--save-every", "6", "--dropout", "0.1"};
  const std::string whole = here.tuned("whole", often);
  const std::string killed = here.file("killed");
  std::mt19937 random(4);
  int interrupted = 0;
  for (int kill = 0; kill < 5; ++kill) {
    const words threads{"--threads", kill % 2 == 0 ? "1" : "2"};
    const bool begun = ctgpt::is_file(killed + "/run.json");
    running run(begun ? words{"finetune", "--resume", "--out", killed} + threads
                      : here.finetune("killed", often + threads));
    const std::size_t wanted = metrics_lines(killed).size() + random() % 14;
    if (kill % 3 != 0) run.until([&] { return metrics_lines(killed).size() > wanted; });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30000));
    run.send(SIGKILL);
    interrupted += run.wait().signal == SIGKILL ? 1 : 0;
  }
  CHECK(interrupted >= 3);
  output_of(ctgpt::is_file(killed + "/run.json") ? words{"finetune", "--resume", "--out", killed}
                                                 : here.finetune("killed", often));
  check_same_runs(whole, killed);
  CHECK(contents(whole + "/last/tokenizer_config.json") ==
        contents(killed + "/last/tokenizer_config.json"));
}

TEST_CASE("finetune: Ctrl-C saves and says how to go on; what was decided cannot change") {
  const talk_ground here;
  running stopped(here.finetune("stopped", {"--steps", "2000", "--eval-every", "500"}));
  const std::string run = here.file("stopped");
  REQUIRE(stopped.until([&] { return metrics_lines(run).size() >= 2; }));
  stopped.send(SIGINT);
  const outcome end = stopped.wait();
  CHECK(end.code == 130);
  CHECK(contains(end.err, "finetune --resume --out " + run));
  const auto refused = [&](const words& more) {
    return sentence(result_of(words{"finetune", "--resume", "--out", run} + more), 2);
  };
  CHECK(contains(refused({"--lr", "1"}), "this run was started with lr = "));
  CHECK(contains(refused({"--template", "nanochat"}), "template = \"chatml\""));
  CHECK(contains(refused({"--data", here.data()}), "data = "));
  CHECK(contains(refused({"--model", here.base() + "/last"}), "model = "));
  CHECK(contains(refused({"--steps", "3"}), "can raise but not lower"));
  CHECK(contains(sentence(result_of({"train", "--resume", "--out", run}), 1), "run.json"));
  CHECK(contains(sentence(result_of({"finetune", "--resume", "--out", here.base()}), 1),
                 "this run is not one of ctgpt finetune"));
  ctgpt::write_file_atomic(here.talks(), contents(here.talks()) + talk_line(1, 3));
  CHECK(contains(sentence(result_of({"finetune", "--resume", "--out", run}), 1),
                 "has changed since this run was started"));
}

TEST_CASE("finetune: --patience ends a run that gets no better, and again where it is resumed") {
  const talk_ground here;
  const words hopeless{"--steps", "400", "--eval-every", "2", "--patience", "3",
                       "--lr",    "0.5", "--warmup",     "0", "--schedule", "constant"};
  const outcome result = result_of(here.finetune("run", hopeless));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "the last 3 evaluations were no better"));
  const std::string run = here.file("run");
  const std::vector<double> losses = validations(run);
  CHECK(losses.size() < 200);
  const auto best = std::min_element(losses.begin(), losses.end());
  CHECK(losses.end() - best == 4);
  const std::size_t lines = metrics_lines(run).size();
  CHECK(link_of(run + "/last") == "step-" + std::to_string(lines));
  CHECK(result_of({"finetune", "--resume", "--out", run}).code == 0);
  CHECK(metrics_lines(run).size() == lines);
}

// nanochat's CPU recipe gives NaN here: every row becomes padding.
TEST_CASE(
    "finetune: conversations longer than the context are cut or dropped, and nothing is NaN") {
  const talk_ground here(8);
  std::string text;
  for (int i = 0; i < 30; ++i) text += talk_line(6, 20 + static_cast<std::size_t>(i % 5));
  for (int i = 0; i < 5; ++i) text += talk_line(1, 200 + static_cast<std::size_t>(i));
  ctgpt::write_file_atomic(here.file("long.jsonl"), text);
  const words flags{"--data", here.file("long.jsonl"), "--val-data", here.file("long.jsonl")};
  const outcome result = result_of(here.finetune("long", flags));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "30 cut to fit; 5 too long, dropped"));
  for (const double loss : validations(here.file("long"))) CHECK(std::isfinite(loss));
  const ctgpt::io::json facts = ctgpt::io::read_json(here.file("long/run.json"));
  const json_field train = json_field(facts, "run.json")["conversations"]["train"];
  CHECK(train["cut"].integer() == 30);
  CHECK(train["dropped"].integer() == 5);
  CHECK(contains(sentence(result_of(here.finetune("none", flags + words{"--context", "16"})), 1),
                 "none of the 35 conversations to learn from has a first exchange that fits"));
}

TEST_CASE("finetune: four formats at once; rows that are none are counted and the first is said") {
  const talk_ground here(8);
  const auto write = [&](const char* name, const std::string& text) {
    ctgpt::write_file_atomic(here.file(name), text);
    return here.file(name);
  };
  const std::string alpaca =
      write("alpaca.json", R"([{"instruction":"Hi","input":"","output":"Hello"},
                               {"instruction":"Bye","input":"now","output":"Bye"}])");
  const std::string shared =
      write("shared.jsonl",
            R"({"conversations":[{"from":"human","value":"Hi"},{"from":"gpt","value":"Yes?"}]})"
            "\n{broken\n{\"messages\":[]}\n");
  const std::string tree =
      write("tree.jsonl", R"({"prompt":{"role":"prompter","text":"Hi","replies":[)"
                          R"({"role":"assistant","text":"Hey","replies":[]}]}})");
  const outcome result = result_of(
      here.finetune("mixed", {"--data", alpaca, shared, tree, here.talks(), "--val-fraction", "0.2",
                              "--steps", "2", "--format", "auto"}));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "12 conversations in 14 records; 2 left out"));
  CHECK(contains(result.err, "shared.jsonl: line 2"));
  CHECK(contains(
      sentence(result_of(here.finetune("none", {"--data", alpaca, "--format", "oasst"})), 1),
      "there is no conversation in " + alpaca + "; the first that was left out: "));
}

TEST_CASE("finetune: what cannot be is said in one sentence before a directory is made") {
  const talk_ground here(8);
  const auto said = [&](const words& more, int code) {
    return sentence(result_of(here.finetune("none", more)), code);
  };
  CHECK(contains(sentence(result_of({"finetune", "--out", here.file("none")}), 2), "--model DIR"));
  CHECK(contains(sentence(result_of({"finetune", "-m", here.base(), "--out", "none"}), 2),
                 "say what to learn from by --data FILE"));
  CHECK(contains(said({"--data", here.file("absent")}, 1), "there is no file "));
  CHECK(contains(said({"--model", here.file("absent")}, 1), "there is no directory "));
  CHECK(contains(said({"--template", "llama"}, 2), "choose chatml or nanochat"));
  CHECK(contains(said({"--format", "csv"}, 2), "choose auto, alpaca, sharegpt, openai or oasst"));
  CHECK(contains(said({"--data", here.data()}, 1), "there is no conversation in "));
  CHECK(contains(said({"--steps", "3", "--epochs", "1"}, 2), "not both"));
  const std::string letters =
      here.trained("letters", {"--tokenizer", "char", "--steps", "1", "--context", "128"});
  CHECK(contains(said({"--model", letters}, 1),
                 "a tokenizer of char cannot hold the special tokens of a chat template"));
  ctgpt::write_file_atomic(here.file("one.jsonl"), talk_line(1, 3) + talk_line(1, 3));
  CHECK(contains(said({"--data", here.file("one.jsonl")}, 1), "name others by --val-data"));
  CHECK_FALSE(std::filesystem::exists(here.file("none")));
}
