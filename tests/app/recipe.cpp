// The long recipes: a model is trained to its end and must be as good as it was measured to be.
//
// Seed 1337 for nanoGPT's recipe, seed 1 for the quickstart's; with CTGPT_ALL_SEEDS=1 three seeds
// of each. Under two minutes a seed; the result does not depend on the number of threads.
#include <algorithm>
#include <cstdlib>

#include "app/runs.hpp"
#include "base/corpora.hpp"

using namespace ctgpt_test;

namespace {

std::vector<int> seeds_from(int first) {
  if (std::getenv("CTGPT_ALL_SEEDS") == nullptr) return {first};
  return {first, first + 1, first + 2};
}

// The lowest validation loss of a run, and how often it was measured.
struct validation {
  double best = 1e9;
  int evaluations = 0;
};

validation validation_of(const std::string& run) {
  validation found;
  for (const std::string& line : metrics_lines(run)) {
    if (!contains(line, "\"val_loss\":")) continue;
    found.best = std::min(found.best, number(parsed(line), "val_loss"));
    ++found.evaluations;
  }
  return found;
}

}  // namespace

TEST_SUITE("recipe") {
  // Tolerance: three seeds gave 1.887 to 1.90, nanoGPT itself 1.88. A wrong mask, batch order or
  // rate leaves the range on either side.
  TEST_CASE("nanoGPT's CPU recipe reaches its validation loss" * doctest::timeout(1200)) {
    const std::string text = corpus("text/tinyshakespeare.txt");
    if (text.empty()) return;
    const temporary_directory made;
    for (const int seed : seeds_from(1337)) {
      const std::string run = made.file(std::to_string(seed));
      output_of({"train", "--data", text, "--tokenizer", "char", "--preset", "shakespeare-char-cpu",
                 "--seed", std::to_string(seed), "--keep", "1", "--out", run},
                {.seconds = 600});
      const validation end = validation_of(run);
      MESSAGE("seed " << seed << ": best validation loss " << end.best);
      CHECK(end.best >= 1.86);
      CHECK(end.best <= 1.92);
      CHECK(end.evaluations == 8);
      CHECK(metrics_lines(run).size() == 2000);
    }
  }

  // Tolerance: seeds gave 79 to 86 % (stated), 81 to 97 % (two facts), 45 to 97 % (sums). Controls:
  // the majority's answers and an untrained model of the same size. To look something up in a
  // story is not learned in minutes, so that kind has no mark here.
  TEST_CASE("the quickstart's model answers questions that it never saw" * doctest::timeout(2400)) {
    const temporary_directory made;
    const std::string data = made.file("world.txt");
    const double wanted[] = {0.85, 0.90, 0.0, 0.85};
    for (const int seed : seeds_from(1)) {
      const std::string name = std::to_string(seed), run = made.file(name);
      const std::string tokens = made.file("tokens" + name);
      output_of({"data", "world", "--bytes", "8000000", "--seed", name, "--out", data});
      output_of({"tokenizer", "train", "--data", data, "--vocab", "1024", "--out", tokens});
      output_of({"train", "--data", data, "--tokenizer", tokens, "--preset", "quickstart", "--seed",
                 name, "--out", run},
                {.seconds = 800});
      const ctgpt::io::json list =
          parsed(output_of({"eval", "--model", run, "--world-questions", name, "--json"}));
      const auto* kinds = list.get_if<ctgpt::io::json_array>();
      REQUIRE(kinds != nullptr);
      REQUIRE(kinds->size() == 4);
      for (std::size_t i = 0; i < 4; ++i) {
        const ctgpt::io::json& kind = (*kinds)[i];
        const double reached = number(kind, "exact_match");
        MESSAGE("seed " << seed << ", " << text_of(kind, "kind") << ": " << reached);
        CHECK(number(kind, "untrained") < 0.05);
        CHECK(reached >= wanted[i]);
        if (wanted[i] > 0.0) CHECK(reached > 2.0 * number(kind, "baseline"));
      }
      REQUIRE(std::remove(data.c_str()) == 0);
    }
  }
}
