// ctgpt train --resume: a run that was killed, stopped or finished goes on bit for bit, and refuses
// what would make it another run.
#include <random>

#include "app/runs.hpp"

using namespace ctgpt_test;

namespace {

// Long enough to be interrupted.
const words long_run{"--batch",      "4",  "--context", "64", "--steps", "120",
                     "--eval-every", "60", "--dropout", "0.1"};

}  // namespace

TEST_CASE("resume: after SIGKILL at any moment a run ends in the bits of an uninterrupted one") {
  const playground here;
  const words often = long_run + words{"--save-every", "12"};
  const std::string whole = here.trained("whole", often);
  const std::string killed = here.file("killed");
  std::mt19937 random(20);
  int interrupted = 0;
  for (int kill = 0; kill < 9; ++kill) {
    const words threads{"--threads", kill % 2 == 0 ? "1" : "2"};
    const bool begun = ctgpt::is_file(killed + "/run.json");
    running run(begun ? resume(killed, threads) : here.small("killed", often + threads));
    const std::size_t wanted = metrics_lines(killed).size() + random() % 14;
    // Some die while they start, the others some steps on, in a step or in a save.
    if (kill % 3 != 0) run.until([&] { return metrics_lines(killed).size() > wanted; });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30000));
    run.send(SIGKILL);
    interrupted += run.wait().signal == SIGKILL ? 1 : 0;
  }
  CHECK(interrupted >= 5);
  output_of(ctgpt::is_file(killed + "/run.json") ? resume(killed) : here.small("killed", often));
  check_same_runs(whole, killed);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(killed)) {
    CHECK_FALSE(contains(entry.path().filename().string(), ".tmp-"));
  }
}

TEST_CASE("resume: SIGTERM and Ctrl-C save, say how to go on, and exit with 128 + the signal") {
  const playground here;
  const std::string whole = here.trained("whole", long_run);
  for (const int signal : {SIGTERM, SIGINT}) {
    const std::string name = "stopped" + std::to_string(signal), run = here.file(name);
    running stopped(here.small(name, long_run));
    REQUIRE(stopped.until([&] { return metrics_lines(run).size() >= 3; }));
    stopped.send(signal);
    const outcome end = stopped.wait();
    INFO(end.err);
    CHECK(end.code == 128 + signal);
    CHECK(contains(end.err, "train --resume --out " + run));
    const std::size_t done = metrics_lines(run).size();
    CHECK(done < 120);
    CHECK(link_of(run + "/last") == "step-" + std::to_string(done));
    const outcome rest = result_of(resume(run));
    CHECK(rest.code == 0);
    CHECK(contains(rest.err, "Resuming after step " + std::to_string(done) + "."));
    check_same_runs(whole, run);
  }
}

TEST_CASE("resume: a second Ctrl-C ends at once, in the middle of a step") {
  const playground here;
  // A step of this takes many seconds.
  running slow(here.small("run", {"--backend", "reference", "--batch", "32", "--context", "256"}));
  REQUIRE(slow.until([&] { return ctgpt::is_file(here.file("run") + "/metrics.jsonl"); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  slow.send(SIGINT);
  // A second one that came before the first was noticed would be one with it.
  REQUIRE(slow.until([&] { return contains(slow.said(), "Finishing this step"); }));
  slow.send(SIGINT);
  const outcome end = slow.wait();
  CHECK(end.signal == SIGINT);
  CHECK(contains(end.err, "the same signal again ends at once"));
  CHECK(metrics_lines(here.file("run")).empty());
}

TEST_CASE("resume: a run goes on from its directory alone, from any working directory") {
  const playground here;
  const words start{"--steps", "8", "--eval-every", "4", "--data", "world.txt"};
  REQUIRE(result_of(here.small("run", start), {.directory = here.path()}).code == 0);
  const std::string run = here.file("run");
  REQUIRE(result_of(resume(run, {"--steps", "12"}), {.directory = "/"}).code == 0);
  CHECK(metrics_lines(run).size() == 12);
  CHECK(link_of(run + "/last") == "step-12");
  const ctgpt::io::json json = ctgpt::io::read_json(run + "/run.json");
  CHECK(contains(text_of(json, "command"), "--data world.txt"));
  CHECK(contains(ctgpt::io::write_json(*json.find("resumed")), "--steps 12"));
  CHECK(number(*json.find("settings"), "steps") == 12);
  // What was raised stays raised.
  CHECK(contains(result_of(resume(run)).err, "The run is complete: 12 of 12 steps."));
}

TEST_CASE("resume: threads, instruction set, intervals, keep and more steps may change") {
  const playground here;
  const std::string run = here.trained("run");
  const words changes{"--threads",    "2", "--isa",  "baseline", "--eval-every", "5",
                      "--save-every", "1", "--keep", "9",        "--steps",      "10"};
  const outcome result = result_of(resume(run, changes));
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(contains(result.err, "on baseline (2 threads)"));
  CHECK(steps_of(run) == std::vector<int>{3, 6, 7, 8, 9, 10});
  const ctgpt::io::json settings = *ctgpt::io::read_json(run + "/run.json").find("settings");
  CHECK(number(settings, "eval_every") == 5);
  CHECK(text_of(settings, "isa") == "baseline");
}

TEST_CASE("resume: every other change is refused, with old and new shown") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string before = contents(run + "/run.json");
  const std::vector<std::pair<words, std::string>> changes{
      {{"--lr", "0.1"}, "lr = 0.003, which --resume cannot change to 0.1"},
      {{"--min-lr", "0.0"}, "min_lr = 6e-05, which --resume cannot change to 0.0"},
      {{"--batch", "3"}, "batch = 2, which --resume cannot change to 3"},
      {{"--accumulate", "2"}, "accumulate = 1, which --resume cannot change to 2"},
      {{"--context", "16"}, "context = 32, which --resume cannot change to 16"},
      {{"--warmup", "3"}, "warmup = 2, which --resume cannot change to 3"},
      {{"--schedule", "cosine"},
       "schedule = \"warmup-stable-decay\", which --resume cannot change to \"cosine\""},
      {{"--optimizer", "adamw"}, "optimizer = \"muon\", which --resume cannot change to null"},
      {{"--dropout", "0.5"}, "dropout = 0.0, which --resume cannot change to 0.5"},
      {{"--weight-decay", "0"}, "weight_decay = 0.1, which --resume cannot change to 0.0"},
      {{"--beta1", "0.5"}, "beta1 = 0.9, which --resume cannot change to 0.5"},
      {{"--beta2", "0.5"}, "beta2 = 0.95, which --resume cannot change to 0.5"},
      {{"--clip", "0"}, "clip = 1.0, which --resume cannot change to 0.0"},
      {{"--precision", "bf16"}, "precision = \"f32\", which --resume cannot change to \"bf16\""},
      {{"--seed", "4"}, "seed = 1337, which --resume cannot change to 4"},
      {{"--val-fraction", "0.2"}, "val_fraction = 0.1, which --resume cannot change to 0.2"},
      {{"--tokenizer", "bytes"}, "tokenizer = \"char\", which --resume cannot change to \"bytes\""},
      {{"--backend", "eigen"}, "backend = \"cpu\", which --resume cannot change to \"eigen\""},
      {{"--preset", "shakespeare-char-cpu"}, "preset = \"quickstart\", which --resume cannot"},
      {{"--data", run + "/run.json"}, "data = \"" + here.data() + "\", which --resume cannot"},
      {{"--eval-batches", "1"}, "eval_batches = 2, which --resume cannot change to 1"},
      {{"--steps", "5"}, "steps = 6, which --resume can raise but not lower to 5"},
  };
  for (const auto& [flags, part] : changes) {
    const std::string said = sentence(result_of(resume(run, flags)), 2);
    INFO(said);
    CHECK(contains(said, "this run was started with " + part));
  }
  CHECK(contents(run + "/run.json") == before);
  // Telling it again what it is changes nothing.
  CHECK(result_of(here.small("run", {"--resume", "--steps", "6", "--lr", "0.003"})).code == 0);
}

TEST_CASE("resume: without a checkpoint it starts afresh; without a run it says so") {
  const playground here;
  const std::string whole = here.trained("whole"), run = here.trained("run");
  for (const char* name : {"step-3", "step-6", "last", "best"}) {
    std::filesystem::remove_all(run + "/" + name);
  }
  const outcome afresh = result_of(resume(run));
  CHECK(afresh.code == 0);
  CHECK(contains(afresh.err, "starting afresh"));
  check_same_runs(whole, run);
  CHECK(contains(sentence(result_of(resume(here.file("none"))), 1), "there is no directory"));
  CHECK_FALSE(std::filesystem::exists(here.file("none")));
  std::filesystem::create_directory(here.file("empty"));
  CHECK(contains(sentence(result_of(resume(here.file("empty"))), 1), "holds no run to resume"));
}

TEST_CASE("resume: metrics past the restored step and half a line are dropped, links are mended") {
  const playground here;
  const std::string whole = here.trained("whole"), run = here.trained("run");
  // As a kill would leave it after step 5: the state of step 3, `last` not moved yet.
  std::filesystem::remove_all(run + "/step-6");
  std::filesystem::remove(run + "/last");
  std::filesystem::remove(run + "/best");
  std::string metrics = contents(run + "/metrics.jsonl");
  metrics.resize(metrics.size() - 40);
  ctgpt::write_file_atomic(run + "/metrics.jsonl", metrics);
  std::string samples = contents(run + "/samples.jsonl");
  samples.resize(samples.size() - 40);
  ctgpt::write_file_atomic(run + "/samples.jsonl", samples);
  std::filesystem::create_directory(run + "/step-6.tmp-99999");
  REQUIRE(result_of(resume(run)).code == 0);
  check_same_runs(whole, run);
  CHECK_FALSE(std::filesystem::exists(run + "/step-6.tmp-99999"));
  // A kill between the last checkpoint and its links.
  std::filesystem::remove(run + "/last");
  std::filesystem::create_symlink("step-3", run + "/last");
  REQUIRE(result_of(resume(run)).code == 0);
  CHECK(link_of(run + "/last") == "step-6");
}

TEST_CASE("resume: a directory that holds a run is refused without --resume, never overwritten") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string json = contents(run + "/run.json"), metrics = contents(run + "/metrics.jsonl");
  const std::string said = sentence(result_of(here.small("run", {"--steps", "3"})), 1);
  CHECK(contains(said, "already holds a run"));
  CHECK(contains(said, "--resume"));
  CHECK(contents(run + "/run.json") == json);
  CHECK(contents(run + "/metrics.jsonl") == metrics);
  // Nor one that holds anything else.
  std::filesystem::create_directory(here.file("other"));
  ctgpt::write_file_atomic(here.file("other") + "/letter.txt", "Dear Ann");
  CHECK(contains(sentence(result_of(here.small("other", {"--steps", "3"})), 1), "letter.txt"));
}

TEST_CASE("resume: a second process in the same directory is refused while the first one runs") {
  const playground here;
  running first(here.small("run", {"--steps", "100000", "--eval-every", "100000"}));
  const std::string run = here.file("run");
  REQUIRE(first.until([&] { return !metrics_lines(run).empty(); }));
  for (const words& second : {here.small("run"), resume(run)}) {
    CHECK(contains(sentence(result_of(second), 1), "another run holds the directory"));
  }
  first.send(SIGKILL);
  CHECK(first.wait().signal == SIGKILL);
  // The lock died with its holder.
  CHECK(contains(sentence(result_of(here.small("run")), 1), "already holds a run"));
}

TEST_CASE("resume: data that changed are refused, with both hashes") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string hash = text_of(ctgpt::io::read_json(run + "/run.json"), "data_sha256");
  std::string text = contents(here.data());
  text[100] = text[100] == 'e' ? 'a' : 'e';
  ctgpt::write_file_atomic(here.data(), text);
  const std::string said = sentence(result_of(resume(run, {"--steps", "8"})), 1);
  CHECK(contains(said, "has changed since this run was started"));
  CHECK(contains(said, hash));
  std::filesystem::remove(here.data());
  CHECK(contains(sentence(result_of(resume(run)), 1), "cannot read " + here.data()));
}

TEST_CASE("resume: a damaged run.json is one sentence, and nothing is touched") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string good = contents(run + "/run.json");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::pair<std::string, std::string>> damages{
      {"", "run.json"},
      {good.substr(0, good.size() / 2), "run.json: line "},
      {"[]", "run.json"},
      {"{}", "settings is missing"},
      {with("\"lr\": 0.003", "\"lr\": 1e300"), "settings.lr must be a number from"},
      {with("\"lr\": 0.003", "\"lr\": \"fast\""), "settings.lr must be a number"},
      {with("\"batch\": 2", "\"batch\": -2"), "settings.batch must be an integer from 1"},
      {with("\"batch\": 2", "\"batch\": 1e9"), "settings.batch must be an integer"},
      {with("\"beta1\": 0.9,", ""), "settings.beta1 is missing"},
      {with("\"context\": 32", "\"context\": 4096"), "longer than the context"},
      {with("\"schedule\": \"warmup-stable-decay\"", "\"schedule\": \"zigzag\""), "zigzag"},
      {with("\"quickstart\"", "\"slowstart\""), "slowstart"},
      {with("\"precision\": \"f32\"", "\"precision\": \"f31\""), "f31"},
      {with("\"min_lr\": 6e-05", "\"min_lr\": 0.5"), "above"},
      {with("\"data_sha256\": \"", "\"data_sha255\": \""), "data_sha256 is missing"},
  };
  for (const auto& [text, part] : damages) {
    ctgpt::write_file_atomic(run + "/run.json", text);
    const std::string said = sentence(result_of(resume(run, {"--steps", "8"})), 1);
    INFO(said);
    CHECK(contains(said, part));
    CHECK(contents(run + "/run.json") == text);
  }
  ctgpt::write_file_atomic(run + "/run.json", good);
  CHECK(result_of(resume(run, {"--steps", "8"})).code == 0);
}
