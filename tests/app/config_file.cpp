// --config FILE, --init-from DIR and presets of one's own: a run's settings from elsewhere.
#include <sys/resource.h>

#include "app/runs.hpp"
#include "ctgpt/text/tokenizer.hpp"
#include "io/python.hpp"

using namespace ctgpt_test;

namespace {

ctgpt::io::json settings_of(const std::string& run) {
  return *ctgpt::io::read_json(run + "/run.json").find("settings");
}

}  // namespace

TEST_CASE("config: a TOML file gives flags, and the command line wins") {
  const playground here;
  const std::string file = here.file("settings.toml");
  ctgpt::write_file_atomic(
      file,
      "# a small run\n"
      "data = \"" +
          here.data() +
          "\"\n"
          "tokenizer = \"char\"\npreset = 'quickstart'\nbatch = 2\ncontext = 32\n"
          "eval_batches = 1\nsteps = 4\nlr = 0.002\nthreads = 1\nresume = false\n"
          "[train]\nmin-lr = 1e-4\n[sample]\ntemperature = 0\n");
  const std::string run = here.file("run");
  output_of({"train", "--config", file, "--steps", "3", "--out", run});
  const ctgpt::io::json settings = settings_of(run);
  CHECK(number(settings, "steps") == 3);
  CHECK(number(settings, "batch") == 2);
  CHECK(number(settings, "lr") == 0.002);
  CHECK(number(settings, "min_lr") == 1e-4);
  CHECK(number(settings, "threads") == 1);
  ctgpt::write_file_atomic(file, "[sample]\ntemperature = 0\ntokens = 7\n");
  const words sampling{"sample", "-m", run, "--config=" + file, "-p", "A"};
  CHECK(output_of(sampling) == output_of(sampling + words{"--seed", "9"}));  // greedy
  CHECK(output_of(sampling).size() == 1 + 7 + 1);
}

TEST_CASE("config: the run.json of a run repeats it bit for bit, and may be changed by flags") {
  const playground here;
  const std::string run = here.trained("run"), again = here.file("again");
  output_of({"train", "--config", run + "/run.json", "--out", again});
  check_same_runs(run, again);
  const std::string other = here.file("other");
  output_of({"train", "--config", run + "/run.json", "--seed", "5", "--out", other});
  CHECK(tensors_of(other + "/last/model.safetensors") !=
        tensors_of(run + "/last/model.safetensors"));
  CHECK(number(settings_of(other), "seed") == 5);
}

TEST_CASE("config: a run of epochs is repeated bit for bit, and steps or epochs may be changed") {
  const playground here;
  const std::string run = here.trained("run", {"--epochs", "0.02", "--eval-every", "100"});
  const std::string json = run + "/run.json", again = here.file("again");
  const auto steps = static_cast<std::size_t>(number(settings_of(run), "steps"));
  REQUIRE(steps > 2);
  output_of({"train", "--config", json, "--out", again});
  check_same_runs(run, again);
  output_of({"train", "--config", json, "--steps", "2", "--out", here.file("steps")});
  CHECK(metrics_lines(here.file("steps")).size() == 2);
  output_of({"train", "--config", json, "--epochs=0.04", "--out", here.file("epochs")});
  const std::size_t twice = metrics_lines(here.file("epochs")).size();
  CHECK(twice >= 2 * steps - 1);
  CHECK(twice <= 2 * steps);
  // The same choice in a TOML file; both in it contradict each other.
  const std::string file = here.file("settings.toml");
  ctgpt::write_file_atomic(file, "epochs = 0.02\n");
  output_of(here.small("toml", {"--config", file, "--steps", "2"}));
  CHECK(metrics_lines(here.file("toml")).size() == 2);
  ctgpt::write_file_atomic(file, "epochs = 0.02\nsteps = 3\n");
  CHECK(contains(sentence(result_of(here.small("both", {"--config", file})), 2),
                 "give --steps or --epochs, not both"));
}

TEST_CASE("config: a wrong file or key is one sentence with file and key") {
  const temporary_directory here;
  const std::string file = here.file("f");
  const auto said = [&](const std::string& text) {
    ctgpt::write_file_atomic(file, text);
    return sentence(result_of({"train", "--config", file, "--out", here.file("run")}), 2);
  };
  CHECK(contains(said("stepps = 3\n"),
                 file + ":1: there is no option stepps of ctgpt train; did you mean steps?"));
  CHECK(contains(said("max_iters = 3\n"), "did you mean steps?"));
  CHECK(contains(said("{\"settings\": {\"steps\": [1]}}"), file + ": steps takes one value"));
  CHECK(contains(said("{\"resume\": \"yes\"}"),
                 file + ": resume must be true or false, not \"yes\""));
  CHECK(contains(said("{\"steps\": \"many\"}"), file + ": --steps must be a whole number"));
  CHECK(contains(said("{\"settings\": 3}"), file + ": settings must be an object"));
  CHECK(contains(said("{\"settings\": 3"), file + ": line 1"));
  CHECK(contains(said("{\"steps\": null}"), "--data FILE"));  // null: not given
  CHECK(contains(sentence(result_of({"train", "--config", here.file("none")}), 2), "cannot read"));
  CHECK(contains(sentence(result_of({"train", "--config", here.path()}), 2), "cannot read"));
  CHECK_FALSE(std::filesystem::exists(here.file("run")));
}

TEST_CASE("init-from: starts from a model's weights and tokenizer, with a fresh optimiser") {
  const playground here;
  const std::string first = here.trained("first", {"--steps", "8", "--eval-every", "4"});
  const std::string second = here.file("second");
  const words flags{"train",   "--init-from", first,     "--data",   here.data(),
                    "--batch", "2",           "--steps", "2",        "--eval-batches",
                    "2",       "--threads",   "1",       "--warmup", "1"};
  output_of(flags + words{"--out", second});
  const double start = number(parsed(metrics_lines(second).front()), "loss");
  const double end = number(parsed(metrics_lines(first).back()), "val_loss");
  const double fresh = number(parsed(metrics_lines(first).front()), "loss");
  CHECK(std::fabs(start - end) < 0.5 * (fresh - end));
  CHECK(text_of(settings_of(second), "init_from") == first);
  CHECK(contents(second + "/last/tokenizer.json") == contents(first + "/last/tokenizer.json"));
  // A run that was started so is resumed like any other, also when its start is gone.
  const std::string whole = here.file("whole"), cut = here.file("cut");
  const words longer = flags + words{"--eval-every", "2"};
  words four = longer;
  *(std::find(four.begin(), four.end(), "--steps") + 1) = "4";
  output_of(four + words{"--out", whole});
  output_of(four + words{"--out", cut});
  std::filesystem::remove_all(cut + "/step-4");
  std::filesystem::remove(cut + "/last");
  std::filesystem::rename(first, here.file("moved"));
  output_of(resume(cut));
  CHECK(tensors_of(cut + "/last/model.safetensors") ==
        tensors_of(whole + "/last/model.safetensors"));
}

TEST_CASE("init-from: a shorter context cuts learned positions, a longer one is refused") {
  const playground here;
  const std::string first = here.trained(
      "first", {"--preset", "shakespeare-char-cpu", "--context", "64", "--steps", "2"});
  const words flags{"train",   "--init-from", first,     "--data", here.data(),
                    "--batch", "2",           "--steps", "1",      "--eval-batches",
                    "1",       "--threads",   "1"};
  const std::string cut = here.file("cut");
  output_of(flags + words{"--context", "48", "--out", cut});
  const ctgpt::io::json config = ctgpt::io::read_json(cut + "/last/config.json");
  CHECK(number(config, "n_positions") == 48);
  CHECK(output_of({"sample", "-m", cut, "-p", "A", "-n", "100", "-t", "1"}).size() == 102);
  const std::string said =
      sentence(result_of(flags + words{"--context", "65", "--out", here.file("long")}), 2);
  CHECK(contains(said, "--context 65 is longer than the 64 learned positions of "));
  // Rotary positions can grow.
  const std::string rotary = here.trained("rotary");
  words grown = flags + words{"--context", "300", "--out", here.file("grown")};
  *(std::find(grown.begin(), grown.end(), "--init-from") + 1) = rotary;
  output_of(grown);
  CHECK(number(*ctgpt::io::read_json(here.file("grown/last/config.json")).find("ctgpt"),
               "context") == 300);
}

TEST_CASE("init-from: weights of transformers train on, and what does not fit is refused") {
  const playground here(30000);
  const std::string model = here.file("model");
  std::filesystem::copy(golden("hugging_face/gpt2-tanh"), model);
  const std::string bytes = here.trained("bytes", {"--tokenizer", "bytes", "--steps", "1"});
  const words flags{"train",   "--init-from", model,     "--data", here.data(),
                    "--batch", "2",           "--steps", "3",      "--eval-batches",
                    "1",       "--threads",   "1"};
  const std::string none = sentence(result_of(flags + words{"--out", here.file("a")}), 1);
  CHECK(contains(none, model + "/tokenizer.json"));
  std::filesystem::copy(bytes + "/last/tokenizer.json", model + "/tokenizer.json");
  output_of(flags + words{"--out", here.file("run")});
  CHECK(metrics_lines(here.file("run")).size() == 3);
  CHECK(contains(
      sentence(result_of(flags + words{"--tokenizer", "char", "--out", here.file("b")}), 2),
      "--tokenizer char is not that of "));
  words missing = flags + words{"--out", here.file("c")};
  missing[2] = here.file("nowhere");
  CHECK(contains(sentence(result_of(missing), 1), "there is no directory"));
}

TEST_CASE("init-from: a preset beside it must be of the model's size") {
  const playground here;
  const std::string first = here.trained("first", {"--steps", "2"});
  const auto flags = [&](const std::string& preset, const std::string& out) {
    return here.small(out, {"--init-from", first, "--preset", preset, "--steps", "1"});
  };
  output_of(flags("quickstart", "same"));  // at a shorter context
  CHECK(text_of(settings_of(here.file("same")), "preset") == "quickstart");
  CHECK(sentence(result_of(flags("gpt2-124m", "other")), 2)
            .starts_with("--preset gpt2-124m (layers 12, heads 12, width 768, position "));
  const std::string said = sentence(result_of(flags("shakespeare-char-cpu", "other")), 2);
  CHECK(
      contains(said, "--preset shakespeare-char-cpu (vocab 256, layers 4, position \"learned\", "));
  CHECK(contains(
      said, " is not the model of --init-from " + first + " (vocab 1024, layers 3, position "));
  CHECK(said.ends_with("; leave --preset out"));
  CHECK_FALSE(std::filesystem::exists(here.file("other")));
}

TEST_CASE("init-from: nanoGPT's values say what to give here") {
  const playground here(30000);
  const auto said = [&](const std::string& value) {
    words flags = here.small("run", {"--init-from", value, "--steps", "1"});
    const auto preset = std::find(flags.begin(), flags.end(), "--preset");
    flags.erase(preset, preset + 2);
    return sentence(result_of(flags, {.directory = here.path()}), 1);
  };
  CHECK(said("scratch").ends_with("/scratch; for fresh weights leave --init-from out"));
  CHECK(said("resume").ends_with("/resume; to go on with a run give --resume --out DIR"));
  for (const char* name : {"gpt2", "gpt2-xl"}) {
    CHECK(contains(said(name), "; give a directory that holds the weights"));
  }
  CHECK(said("scratches").ends_with("/scratches"));
  std::filesystem::create_directory(here.file("scratch"));
  CHECK(contains(said("scratch"), "holds no model"));
}

TEST_CASE("init-from: wrong weights are named before memory is asked for or a directory made") {
  const playground here(30000);
  const std::string model = here.file("model");
  std::filesystem::copy(golden("hugging_face/gpt2-tanh"), model);
  ctgpt::text::tokenizer(ctgpt::text::bytes{}).save(model + "/tokenizer.json");
  const std::string config = contents(model + "/config.json");
  const std::string weights = contents(model + "/model.safetensors");
  const auto changed = [](std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  run_options little;  // what the program itself needs, and not a model
  little.before = [] {
    const rlimit most{1u << 30, 1u << 30};
    ::setrlimit(RLIMIT_AS, &most);
  };
  const auto said = [&](const std::string& config_text, const std::string& tensors) {
    ctgpt::write_file_atomic(model + "/config.json", config_text);
    ctgpt::write_file_atomic(model + "/model.safetensors", tensors);
    const words flags{"train",   "--init-from", model,     "--data", here.data(),
                      "--batch", "2",           "--steps", "1",      "--eval-batches",
                      "1",       "--threads",   "1",       "--out",  here.file("run")};
    const std::string text = sentence(result_of(flags, little), 1);
    CHECK_FALSE(std::filesystem::exists(here.file("run")));
    return text;
  };
  const std::string huge = changed(changed(config, "\"n_embd\": 24", "\"n_embd\": 300000"),
                                   "\"n_layer\": 2", "\"n_layer\": 90");
  CHECK(contains(said(huge, weights),
                 "model.safetensors: the tensor \"transformer.wte.weight\" has "
                 "the shape (256, 24), but this model needs (256, 300000)"));
  CHECK(contains(said(changed(config, "\"n_layer\": 2", "\"n_layer\": 3"), weights),
                 "model.safetensors: the tensor \"transformer.h.2."));
  const std::string missing =
      said(config, changed(weights, "\"transformer.wpe.weight\"", "\"transformer.xpe.weight\""));
  CHECK(contains(missing, "model.safetensors: the tensor \"transformer.wpe.weight\" is missing"));
}
