// ctgpt train: the files that it leaves, and the settings that it obeys.
#include "app/runs.hpp"
#include "base/terminal.hpp"
#include "ctgpt/base/hash.hpp"
#include "ctgpt/io/event_file.hpp"
#include "ctgpt/train/schedule.hpp"
#include "io/python.hpp"

using namespace ctgpt_test;

TEST_CASE("train: a run leaves its description, lines, events, checkpoints and relative links") {
  const playground here;
  const std::string run = here.trained("run", {"--steps", "9", "--eval-every", "3", "--keep", "2"});
  const words files{"best",          "events.out.tfevents.SECONDS.ctgpt",
                    "last",          "lock",
                    "metrics.jsonl", "run.json",
                    "samples.jsonl", "step-6",
                    "step-9"};
  words found;
  for (const auto& entry : std::filesystem::directory_iterator(run)) {
    std::string name = entry.path().filename().string();
    if (name.starts_with("events.")) {  // its name carries the time
      const std::size_t digits = name.find_first_of("0123456789");
      name.replace(digits, name.find(".ctgpt") - digits, "SECONDS");
    }
    found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  CHECK(found == files);
  CHECK(link_of(run + "/last") == "step-9");
  CHECK(link_of(run + "/best") == "step-9");
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json",
                           "generation_config.json", "trainer_state.safetensors"}) {
    CHECK(ctgpt::is_file(run + "/step-9/" + name));
  }
}

TEST_CASE("train: run.json holds command, versions, settings and the data's SHA-256") {
  const playground here;
  const std::string run = here.trained("run");
  const ctgpt::io::json json = ctgpt::io::read_json(run + "/run.json");
  CHECK(contains(text_of(json, "command"), "--preset quickstart --batch 2 --context 32"));
  CHECK(text_of(json, "ctgpt") == CTGPT_VERSION);
  CHECK(text_of(json, "data_sha256") == ctgpt::sha256_hex(contents(here.data())));
  CHECK(number(json, "data_bytes") == 60000);
  CHECK(number(json, "threads") == 1);
  const ctgpt::io::json& settings = *json.find("settings");
  CHECK(text_of(settings, "data") == here.data());
  CHECK(text_of(settings, "tokenizer") == "char");
  CHECK(number(settings, "steps") == 6);
  CHECK(number(settings, "lr") == 0.003);    // the preset's own
  CHECK(number(settings, "beta2") == 0.95);  // likewise
  CHECK(number(settings, "warmup") == 2);    // a flag's
  CHECK(number(settings, "seed") == 1337);
}

TEST_CASE("train: with closed standard streams its words go nowhere, least of all into its files") {
  const playground here;
  const words flags = here.small("run", {"--steps", "2"});
  std::string line = "exec " + std::string(CTGPT_PROGRAM);
  for (const std::string& word : flags) line += " '" + word + "'";
  const outcome result = running({"-c", line + " <&- >&- 2>&-"}, {}, "/bin/bash").wait();
  CHECK(result.code == 0);
  const std::vector<std::string> lines = metrics_lines(here.file("run"));
  REQUIRE(lines.size() == 2);
  for (const std::string& each : lines) CHECK(each.starts_with("{\"step\":"));
  CHECK_FALSE(contains(contents(here.file("run/lock")), "Training"));
}

TEST_CASE("train: metrics.jsonl has one object a step from step 1, val_loss at evaluations alone") {
  const playground here;
  const std::string run = here.trained("run");
  const std::vector<std::string> lines = metrics_lines(run);
  REQUIRE(lines.size() == 6);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const ctgpt::io::json line = parsed(lines[i]);
    const bool looks = (i + 1) % 3 == 0;
    const words keys = words{"step", "loss"} + (looks ? words{"val_loss"} : words{}) +
                       words{"lr", "grad_norm", "tokens_per_second", "seconds"};
    CHECK(keys_of(line) == keys);
    CHECK(number(line, "step") == static_cast<double>(i + 1));
    CHECK(number(line, "tokens_per_second") > 0.0);
  }
  // An untrained model of 71 characters or so is as good as chance.
  const double chance = std::log(number(ctgpt::io::read_json(run + "/run.json"), "vocab"));
  CHECK(std::fabs(number(parsed(lines[0]), "loss") - chance) < 0.2);
}

TEST_CASE("train: samples.jsonl has one text an evaluation, of 200 characters, the same again") {
  const playground here;
  const std::string run = here.trained("run");
  const std::vector<std::string> lines = lines_of(contents(run + "/samples.jsonl"));
  REQUIRE(lines.size() == 2);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const ctgpt::io::json line = parsed(lines[i]);
    CHECK(keys_of(line) == words{"step", "text"});
    CHECK(number(line, "step") == static_cast<double>(3 * (i + 1)));
    CHECK(text_of(line, "text").size() == 200);  // every character of the world is one byte
  }
  // The verb sample draws the same from the same weights.
  CHECK(output_of({"sample", "-m", run + "/step-6"}) ==
        "\n" + text_of(parsed(lines[1]), "text") + "\n");
  // Where the data has no newline, from its first character.
  std::string text = contents(here.data());
  std::replace(text.begin(), text.end(), '\n', ' ');
  text[0] = 'Z';
  ctgpt::write_file_atomic(here.file("flat.txt"), text);
  const std::string flat = here.trained("flat", {"--data", here.file("flat.txt"), "--steps", "2"});
  const ctgpt::io::json only = parsed(contents(flat + "/samples.jsonl"));
  CHECK(text_of(only, "text").size() == 201);
  CHECK(text_of(only, "text").front() == 'Z');
}

TEST_CASE("train: evaluating and sampling leave no trace in what is learnt") {
  const playground here;
  const words how{"--steps", "8", "--dropout", "0.2", "--eval-every"};
  const std::string often = here.trained("often", how + words{"1"});
  const std::string once = here.trained("once", how + words{"8"});
  CHECK(lines_of(contents(often + "/samples.jsonl")).size() == 8);
  CHECK(lines_of(contents(once + "/samples.jsonl")).size() == 1);
  CHECK(
      (contents(often + "/last/model.safetensors") == contents(once + "/last/model.safetensors")));
  const std::string state = "/last/trainer_state.safetensors";
  CHECK((tensors_of(often + state) == tensors_of(once + state)));
}

TEST_CASE("train: TensorBoard's own reader finds the run's numbers and samples, also resumed") {
  if (!python_has("tensorboard")) return;
  const playground here;
  const std::string run = here.trained("run");
  output_of(resume(run, {"--steps", "9"}));
  const auto read =
      python(quoted_for_shell(golden("read_events.py")) + " " + quoted_for_shell(run));
  REQUIRE(read.has_value());
  const ctgpt::io::json json = parsed(*read);
  const ctgpt::io::json_field found(json, "what TensorBoard read");
  for (const char* tag : {"loss", "val_loss", "lr", "grad_norm", "tokens_per_second"}) {
    INFO(tag);
    const auto values = found["scalars"][tag];
    std::size_t next = 0;
    for (const std::string& text : metrics_lines(run)) {
      const ctgpt::io::json line = parsed(text);
      if (line.find(tag) == nullptr) continue;
      REQUIRE(next < values.size());
      CHECK(static_cast<double>(values[next][std::size_t{0}].integer()) == number(line, "step"));
      CHECK(values[next][1].number() == doctest::Approx(number(line, tag)).epsilon(1e-6));
      ++next;
    }
    CHECK(next == values.size());
  }
  const auto samples = found["texts"]["sample"];
  const std::vector<std::string> lines = lines_of(contents(run + "/samples.jsonl"));
  REQUIRE(samples.size() == lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(samples[i][1].string() ==
          ctgpt::io::verbatim_markdown(text_of(parsed(lines[i]), "text")));
  }
}

TEST_CASE("train: it says before it starts what it will do and need, and afterwards what is next") {
  const playground here;
  const outcome result = result_of(here.small("run", {"--steps", "4"}));
  REQUIRE(result.code == 0);
  CHECK(result.out.empty());
  for (const std::string& part :
       words{"Training quickstart", "parameters", "1 thread)", "4 steps of 64 tokens", "about ",
             " MB", here.data(), "step 1/4", "tokens/s", "best validation loss", "sample --model",
             "chat --model"}) {
    INFO(result.err);
    CHECK_MESSAGE(contains(result.err, part), part);
  }
}

TEST_CASE("train: a terminal shows a bar with rate and time left, within its width") {
  const playground here;
  for (const std::uint16_t width : {std::uint16_t{60}, std::uint16_t{80}, std::uint16_t{200}}) {
    terminal screen(width);
    const std::string name = "run" + std::to_string(width);
    const outcome result = result_of(here.small(name, {"--steps", "4", "--eval-every", "2"}),
                                     {.before = [&screen] { ::dup2(screen.end(), 2); }});
    CHECK(result.code == 0);
    const std::string text = screen.shown();
    int drawn = 0;
    for (std::size_t at = 0; (at = text.find("\r\033[K", at)) != std::string::npos; ++drawn) {
      at += 4;
      const std::string line = text.substr(at, text.find('\r', at) - at);
      INFO(line);
      CHECK(line.size() < width);
      CHECK(contains(line, "step "));
      if (width < 80) continue;
      CHECK(line.starts_with("["));
      CHECK(contains(line, "loss "));
      CHECK((contains(line, " tok/s") || contains(line, " tokens/s")));
      CHECK((contains(line, " left ") || contains(line, " took ")));
    }
    CHECK(drawn >= 2);
  }
}

TEST_CASE("train: two runs of the same flags leave the same bytes, for files carry no time") {
  const playground here;
  const std::string one = here.trained("one"), two = here.trained("two");
  check_same_runs(one, two);
  const std::string other =
      here.trained("other", {"--steps", "6", "--eval-every", "3", "--seed", "7"});
  CHECK(contents(one + "/last/model.safetensors") != contents(other + "/last/model.safetensors"));
}

TEST_CASE("train: 1 and 2 threads, avx2 and avx512 compute the same bits") {
  const playground here;
  const words steps{"--steps", "12", "--eval-every", "6", "--dropout", "0.1"};
  const std::string one = here.trained("one", steps + words{"--threads", "1"});
  const std::string two = here.trained("two", steps + words{"--threads", "2"});
  check_same_runs(one, two);
  std::vector<std::string> wide;
  for (const char* isa : {"avx2", "avx512"}) {
    const outcome result = result_of(here.small(isa, steps + words{"--isa", isa}));
    if (result.code == 2 && contains(result.err, "this machine does not have")) continue;
    REQUIRE(result.code == 0);
    wide.push_back(here.file(isa));
  }
  if (wide.size() < 2) return;  // nothing to compare on this machine
  for (const char* name : {"/last/model.safetensors", "/last/trainer_state.safetensors"}) {
    const bool same = tensors_of(wide[0] + name) == tensors_of(wide[1] + name);
    CHECK_MESSAGE(same, name);
  }
  CHECK(metrics_without_time(wide[0]) == metrics_without_time(wide[1]));
}

TEST_CASE("train: every backend and bf16 storage train the same model") {
  const playground here;
  std::vector<double> losses;
  for (const words& flags : {words{"--backend", "cpu"}, words{"--backend", "eigen"},
                             words{"--backend", "reference"}, words{"--precision", "bf16"}}) {
    const std::string name = "run" + flags[1];
    const std::string run =
        here.trained(name, flags + words{"--steps", "3", "--batch", "1", "--context", "16"});
    losses.push_back(number(parsed(metrics_lines(run)[2]), "val_loss"));
    CHECK(output_of({"sample", "--model", run, "-n", "4", "-p", "A"}).size() == 6);
  }
  CHECK(losses[1] == doctest::Approx(losses[0]).epsilon(1e-4));
  CHECK(losses[2] == doctest::Approx(losses[0]).epsilon(1e-4));
  CHECK(losses[3] == doctest::Approx(losses[0]).epsilon(1e-2));
}

TEST_CASE("train: micro-batches add up, so 2 of 2 sequences are a step of 4") {
  const playground here;
  const std::string run = here.trained("run", {"--steps", "2", "--accumulate", "3"});
  const std::vector<std::string> lines = metrics_lines(run);
  REQUIRE(lines.size() == 2);
  // tokens_per_second * seconds is the tokens of a step: 3 x 2 x 32.
  const ctgpt::io::json line = parsed(lines[1]);
  CHECK(number(line, "tokens_per_second") * number(line, "seconds") == doctest::Approx(192.0));
}

TEST_CASE("train: the learning rate follows each schedule") {
  const playground here;
  for (const ctgpt::schedule_kind kind :
       {ctgpt::schedule_kind::cosine, ctgpt::schedule_kind::linear, ctgpt::schedule_kind::constant,
        ctgpt::schedule_kind::warmup_stable_decay}) {
    const std::string name(ctgpt::schedule_name(kind));
    const std::string run = here.trained(
        name, {"--steps", "10", "--schedule", name, "--lr", "0.01", "--min-lr", "0.001"});
    ctgpt::schedule expected{kind, 0.01f, 0.001f, 2, 10};
    expected.decay_from = ctgpt::presets::find("quickstart")->training.decay_from;
    const std::vector<std::string> lines = metrics_lines(run);
    REQUIRE(lines.size() == 10);
    for (int i = 0; i < 10; ++i) {
      INFO(name << " " << i);
      CHECK(number(parsed(lines[static_cast<std::size_t>(i)]), "lr") ==
            doctest::Approx(static_cast<double>(expected.at(i))));
    }
  }
}

TEST_CASE("train: --epochs counts passes over the training part") {
  const playground here;
  // 60000 characters, 54000 of them to learn from; a step has 64.
  const std::string run = here.trained("run", {"--epochs", "0.02", "--eval-every", "100"});
  CHECK(metrics_lines(run).size() == 17);  // 1080 / 64, rounded up
  const ctgpt::io::json settings = *ctgpt::io::read_json(run + "/run.json").find("settings");
  CHECK(number(settings, "epochs") == 0.02);
  CHECK(number(settings, "steps") == 17);
  CHECK(contains(result_of(resume(run)).err, "The run is complete: 17 of 17 steps."));
}

TEST_CASE("train: no more checkpoints stay than --keep, the best and the last among them") {
  const playground here;
  const std::string run = here.trained(
      "run", {"--steps", "12", "--eval-every", "4", "--save-every", "1", "--keep", "3"});
  const std::vector<int> steps = steps_of(run);
  CHECK(steps.size() == 3);
  CHECK(steps.back() == 12);
  CHECK(link_of(run + "/last") == "step-12");
  const std::string best = link_of(run + "/best");
  CHECK(std::filesystem::exists(run + "/" + best + "/model.safetensors"));
  double least = 1e9;
  std::string at;
  for (const std::string& line : metrics_lines(run)) {
    const ctgpt::io::json step = parsed(line);
    if (step.find("val_loss") == nullptr || number(step, "val_loss") >= least) continue;
    least = number(step, "val_loss");
    at = "step-" + std::to_string(static_cast<int>(number(step, "step")));
  }
  CHECK(best == at);
}

TEST_CASE("train: a loss that is not a number stops with the step and the first bad tensor") {
  const playground here;
  const words wild{"--lr",           "1000", "--warmup", "0",  "--clip",       "0",
                   "--weight-decay", "1000", "--steps",  "60", "--eval-every", "60",
                   "--save-every",   "2"};
  const std::string said = sentence(result_of(here.small("run", wild)), 1);
  CHECK(said.starts_with("step "));
  CHECK(contains(said, "not a finite number"));
  CHECK(contains(said, "token_embedding.weight"));
  // What was saved before is still a model.
  const std::vector<int> steps = steps_of(here.file("run"));
  REQUIRE(!steps.empty());
  CHECK(
      output_of({"sample", "--model", here.file("run"), "-n", "3", "--temperature", "0"}).size() >=
      2);
}

TEST_CASE("train: a vocabulary above the tokenizer's is neither trained nor saved") {
  const playground here;
  const std::string run = here.trained("run");
  const auto file = ctgpt::io::safetensors::open(run + "/last/model.safetensors");
  const auto* table = file.find("token_embedding.weight");
  REQUIRE(table != nullptr);
  const double vocab = number(ctgpt::io::read_json(run + "/run.json"), "vocab");
  CHECK(vocab < 256);
  CHECK(static_cast<double>(table->shape[0]) == vocab);
}
