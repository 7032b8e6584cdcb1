// presets: the closed list of sizes and the settings that each is known by.
#include "ctgpt/model/presets.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace ctgpt;

namespace {

constexpr bool every_preset_can_be_built() {
  for (const preset& each : presets::all) {
    if (problem(each.model) != nullptr || each.name.empty() || each.summary.empty()) return false;
    if (each.training.steps < 1 || each.training.batch < 1 || each.training.rate <= 0.0f) {
      return false;
    }
    if (each.training.min_rate > each.training.rate) return false;
  }
  return true;
}
static_assert(every_preset_can_be_built());

// nanoGPT's README and config/train_shakespeare_char.py.
constexpr bool characters_are_nanogpts() {
  constexpr const preset& cpu = *presets::find("shakespeare-char-cpu");
  constexpr const preset& gpu = *presets::find("shakespeare-char");
  for (const preset* each : {&cpu, &gpu}) {
    const config& m = each->model;
    const recipe& r = each->training;
    if (m.bias || !m.tied || m.position != positions::learned || m.mlp != activation::gelu ||
        m.norm != normalization::layer || hidden_of(m) != 4 * m.width) {
      return false;
    }
    if (r.rate != 1e-3f || r.min_rate != 1e-4f || r.warmup != 100 || r.beta1 != 0.9f ||
        r.beta2 != 0.99f || r.weight_decay != 0.1f || r.clip != 1.0f || r.accumulate != 1 ||
        r.schedule != schedule_kind::cosine || r.eval_every != 250) {
      return false;
    }
  }
  return cpu.model.layers == 4 && cpu.model.heads == 4 && cpu.model.width == 128 &&
         cpu.model.context == 64 && cpu.training.batch == 12 && cpu.training.steps == 2000 &&
         cpu.training.dropout == 0.0f && cpu.training.eval_batches == 20 && gpu.model.layers == 6 &&
         gpu.model.heads == 6 && gpu.model.width == 384 && gpu.model.context == 256 &&
         gpu.training.batch == 64 && gpu.training.steps == 5000 && gpu.training.dropout == 0.2f &&
         gpu.training.eval_batches == 200;
}
static_assert(characters_are_nanogpts());

}  // namespace

TEST_CASE("presets: every one can be built and trained") { CHECK(every_preset_can_be_built()); }

TEST_CASE("presets: the character models carry nanoGPT's settings") {
  CHECK(characters_are_nanogpts());
}

TEST_CASE("presets: names are unique, found, and lead to their types") {
  std::set<std::string_view> names;
  for (const preset& each : presets::all) {
    CAPTURE(each.name);
    CHECK(names.insert(each.name).second);
    CHECK(presets::find(each.name) == &each);
    std::string_view visited;
    const bool known = visit_preset(each.name, [&](auto chosen) {
      visited = decltype(chosen)::value.name;
      static_assert(decltype(chosen)::value.runs);
    });
    CHECK(known == each.runs);  // what only describe knows has no program
    CHECK(visited == (each.runs ? each.name : ""));
  }
  for (const char* name : {"quickstart", "shakespeare-char-cpu", "shakespeare-char", "gpt2-124m",
                           "gpt2-355m", "gpt2-774m", "gpt2-1558m", "gpt3-175b"}) {
    CHECK_MESSAGE(names.count(name) == 1, name);
  }
  CHECK(presets::find("gpt5") == nullptr);
  CHECK_FALSE(visit_preset("gpt5", [](auto) { FAIL("there is no such preset"); }));
}
