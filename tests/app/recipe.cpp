// The long recipes: a model is trained to its end and must be as good as it was measured to be.
//
// Seed 1337; with CTGPT_ALL_SEEDS=1 three seeds. Under a minute a seed; the result does not depend
// on the number of threads.
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
}
