// ctgpt describe and ctgpt data world.
#include "app/runs.hpp"
#include "ctgpt/data/world.hpp"
#include "ctgpt/model/presets.hpp"

using namespace ctgpt_test;

TEST_CASE("describe: GPT-2 124M has 124,439,808 parameters and 797,815,296 operations a token") {
  const std::string out = output_of({"describe", "--preset", "gpt2-124m", "--json"});
  CHECK(lines_of(out).size() == 1);
  const ctgpt::io::json json = parsed(out);
  CHECK(number(json, "parameters") == 124439808);
  CHECK(number(json, "parameter_bytes") == 4.0 * 124439808);
  // 6 N + 6 L C T; N without positions, biases and norms.
  const double products = 12.0 * 12 * 768 * 768 + 50257.0 * 768;
  CHECK(number(json, "flops_per_token") == 6 * products + 6.0 * 12 * 768 * 1024);
  CHECK(number(json, "flops_per_token") == 797815296);
  const ctgpt::io::json brief = parsed(output_of(
      {"describe", "--preset", "gpt2-124m", "--json", "--batch", "4", "--context", "64"}));
  CHECK(number(brief, "flops_per_token") == 6 * products + 6.0 * 12 * 768 * 64);
  // Weights, gradients and two moments, and then the activations.
  CHECK(number(brief, "training_bytes") > 16.0 * 124439808);
  CHECK(number(brief, "training_bytes") < number(json, "training_bytes"));
}

TEST_CASE("describe: every preset can be described, as a table and as JSON") {
  const std::string list = output_of({"describe"});
  for (const ctgpt::preset& each : ctgpt::presets::all) {
    const std::string name(each.name);
    CHECK(contains(list, name));
    const ctgpt::io::json json = parsed(output_of({"describe", "--preset", name, "--json"}));
    for (const char* key : {"parameters", "parameter_bytes", "training_bytes", "flops_per_token"}) {
      CHECK(number(json, key) > 0.0);
    }
    const std::string table = output_of({"describe", "--preset", name});
    CHECK(contains(table, std::to_string(static_cast<long long>(number(json, "parameters")))));
    CHECK(contains(table, "training memory"));
    for (const std::string& line : lines_of(table)) CHECK(line.size() <= 110);
  }
  const ctgpt::io::json large = parsed(output_of({"describe", "--preset", "gpt3-175b", "--json"}));
  CHECK(number(large, "parameters") > 174e9);
  CHECK(number(large, "parameters") < 176e9);
}

TEST_CASE("describe: a saved model is described with the vocabulary that it has") {
  const playground here;
  const std::string run = here.trained("run");
  const double vocab = number(ctgpt::io::read_json(run + "/run.json"), "vocab");
  const double parameters = number(ctgpt::io::read_json(run + "/run.json"), "parameters");
  const ctgpt::io::json json = parsed(output_of({"describe", "--model", run, "--json"}));
  CHECK(text_of(json, "name") == "quickstart");
  CHECK(number(json, "parameters") == parameters);
  const auto file = ctgpt::io::safetensors::open(run + "/last/model.safetensors");
  double held = 0.0;
  for (const auto& info : file.tensors()) held += static_cast<double>(info.end - info.begin);
  CHECK(number(json, "parameter_bytes") == held);
  CHECK(contains(output_of({"describe", "-m", run + "/last"}),
                 "(" + std::to_string(static_cast<int>(vocab)) + ", 128)"));
}

TEST_CASE("describe: wrong usage is one sentence") {
  CHECK(contains(sentence(result_of({"describe", "--preset", "gpt5"}), 2), "no preset \"gpt5\""));
  const words both{"describe", "--preset", "gpt2-124m", "--model", "x"};
  CHECK(contains(sentence(result_of(both), 2), "not both"));
  const words wide{"describe", "--preset", "gpt2-124m", "--context", "1025"};
  CHECK(contains(sentence(result_of(wide), 2), "longer than the model's context of 1024"));
  CHECK(contains(sentence(result_of({"describe", "--model", "nowhere"}), 1), "no directory"));
  CHECK(contains(sentence(result_of({"describe", "--json"}), 2), "--preset NAME or --model DIR"));
}

TEST_CASE("data world: writes exactly the bytes of the library's world of that seed") {
  const temporary_directory here;
  for (const char* seed : {"1", "77"}) {
    const std::string path = here.file(seed);
    const outcome result =
        result_of({"data", "world", "--bytes", "50001", "--seed", seed, "--out", path});
    CHECK(result.code == 0);
    CHECK(result.out.empty());
    CHECK(contains(result.err, "50,001 bytes"));
    const std::string text = contents(path);
    CHECK(text.size() == 50001);
    const bool same = text == ctgpt::data::world({.bytes = 50001, .seed = std::stoull(seed)});
    CHECK(same);
  }
  CHECK(contents(here.file("1")) != contents(here.file("77")));
}

TEST_CASE("data world: wrong sizes and places are one sentence, and leave nothing") {
  const temporary_directory here;
  const words world{"data", "world"};
  CHECK(contains(sentence(result_of(world), 2), "--out FILE"));
  const words out{"--out", here.file("w.txt")};
  for (const char* bytes : {"0", "-5", "4095", "1e6", "99999999999999999999", "many"}) {
    const outcome result = result_of(world + out + words{"--bytes", bytes});
    CHECK(contains(sentence(result, 2), "--bytes must be a whole number from 4,096"));
  }
  const words nowhere = world + words{"--out", here.file("none/w.txt")};
  CHECK(contains(sentence(result_of(nowhere), 1), "No such file or directory"));
  const words directory = world + words{"--out", here.path()};
  CHECK(contains(sentence(result_of(directory), 1), "Is a directory"));
  CHECK(here.names().empty());
}
