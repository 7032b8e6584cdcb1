// ctgpt train --optimizer: Muon learns more a step than AdamW, its runs go on bit for bit, and its
// flags are refused where they mean nothing.
#include "app/runs.hpp"

using namespace ctgpt_test;

namespace {

const words with_muon{"--optimizer", "muon", "--schedule", "constant", "--lr", "0.003"};

double last_loss(const std::string& run) {
  return number(parsed(metrics_lines(run).back()), "loss");
}

}  // namespace

TEST_CASE("optimizer: a run with muon says so, and goes on bit for bit with other threads") {
  const playground here;
  const std::string whole =
      here.trained("whole", with_muon + words{"--steps", "8", "--eval-every", "4"});
  const std::string half =
      here.trained("half", with_muon + words{"--steps", "4", "--eval-every", "4"});
  output_of(resume(half, {"--steps", "8", "--threads", "2"}));
  check_same_runs(whole, half);
  const ctgpt::io::json settings = *ctgpt::io::read_json(half + "/run.json").find("settings");
  CHECK(text_of(settings, "optimizer") == "muon");
  CHECK(number(settings, "muon_rate") == 0.02);
  CHECK(number(settings, "muon_momentum") == 0.95);

  const auto said = [&](const words& flags) { return sentence(result_of(resume(half, flags)), 2); };
  CHECK(contains(said({"--optimizer", "adamw"}),
                 "optimizer = \"muon\", which --resume cannot change to null"));
  CHECK(contains(said({"--muon-rate", "0.1"}), "muon_rate = 0.02, which --resume cannot"));
  CHECK(contains(said({"--muon-momentum", "0.5"}), "muon_momentum = 0.95, which --resume cannot"));
}

TEST_CASE("optimizer: forty steps of muon learn more than forty of AdamW, whatever the seed") {
  const playground here(200000);
  for (const char* seed : {"1", "2", "3"}) {
    const words usual{"--steps", "40", "--eval-every", "40", "--batch", "8", "--seed", seed};
    const std::string run = std::string("muon") + seed, other = std::string("adamw") + seed;
    const double muon = last_loss(here.trained(run, with_muon + usual));
    const double adamw = last_loss(
        here.trained(other, words{"--optimizer", "adamw", "--schedule", "constant"} + usual));
    INFO("seed " << seed << ": muon " << muon << ", adamw " << adamw);
    CHECK(muon < adamw);
    // The control: the same AdamW, with the matrices standing still, learns less than either.
    const double still = last_loss(here.trained(
        "still" + run, with_muon + usual + words{"--muon-rate", "0", "--weight-decay", "0"}));
    CHECK(still > adamw);
  }
}

TEST_CASE("optimizer: unknown names and flags without their optimizer are refused") {
  const playground here;
  const auto said = [&](const words& flags) {
    return sentence(result_of(here.small("run", flags)), 2);
  };
  CHECK(said({"--optimizer", "lion"}) == "unknown optimizer \"lion\"; choose adamw or muon");
  const words adamw{"--optimizer", "adamw"};
  CHECK(said(adamw + words{"--muon-rate", "0.1"}) == "--muon-rate is for --optimizer muon");
  CHECK(said(adamw + words{"--muon-momentum", "0.9"}) == "--muon-momentum is for --optimizer muon");
  CHECK(said({"--schedule", "linear", "--decay-from", "0.5"}) ==
        "--decay-from is for --schedule warmup-stable-decay");
  CHECK_FALSE(std::filesystem::exists(here.file("run")));
  const std::string help = output_of({"train", "--help"});
  for (const char* part : {"--optimizer NAME", "muon for the blocks' matrices", "--muon-rate X",
                           "--muon-momentum X", "--decay-from X"}) {
    CHECK(contains(help, part));
  }
}

TEST_CASE("optimizer: muon's rate follows a trapezoid: warm-up, flat, then linear to the least") {
  const playground here;
  const std::string run =
      here.trained("run", {"--optimizer", "muon", "--steps", "20", "--schedule",
                           "warmup-stable-decay", "--decay-from", "0.44", "--lr", "0.003",
                           "--min-lr", "0.00006", "--warmup", "2", "--eval-every", "20"});
  const std::vector<std::string> lines = metrics_lines(run);
  const auto rate = [&](std::size_t step) { return number(parsed(lines[step]), "lr"); };
  CHECK(rate(0) == doctest::Approx(0.001));
  for (const std::size_t step : {2u, 5u, 9u}) CHECK(rate(step) == doctest::Approx(0.003));
  // From step 9 of 20 (44 % rounded up) in equal parts to 2 %.
  CHECK(rate(10) == doctest::Approx(0.003 - 0.00294 / 11));
  CHECK(rate(19) == doctest::Approx(0.003 - 0.00294 * 10 / 11));
}
