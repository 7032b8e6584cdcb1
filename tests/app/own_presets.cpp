// -DCTGPT_PRESETS=FILE: sizes of one's own beside the library's.
#define CTGPT_PRESETS "app/own_presets.inc"
#include <doctest/doctest.h>

#include "base/child.hpp"
#include "ctgpt/app/models.hpp"

using namespace ctgpt;
using namespace ctgpt::app::with_presets;

TEST_CASE("own presets: they stand after the library's and run as compiled types") {
  static_assert(known_presets.size() == presets::count + 2);
  REQUIRE(find_preset("mine") != nullptr);
  CHECK(find_preset("mine")->training.steps == 30);
  CHECK(find_preset("gpt2-124m") != nullptr);
  CHECK(find_preset("nobody's") == nullptr);
  CHECK(preset_of(find_preset("mine")->model)->name == "mine");
  CHECK(preset_table().find("  mine                  a size of one's own\n") != std::string::npos);
  bool constant = false;
  visit_model(find_preset("mine")->model, [&](const auto& model) {
    using type = std::remove_cvref_t<decltype(model)>;
    constant = std::is_empty_v<type> && type::width == 20;
  });
  CHECK(constant);
}

TEST_CASE("own presets: other sizes run as before, and what no type runs is one sentence") {
  isize width = 0;
  visit_model({.width = 12, .mlp = activation::gelu_tanh},
              [&](const auto& model) { width = model.actual().width; });
  CHECK(width == 12);
  CHECK(ctgpt_test::sentence_of([] {
          visit_model({.width = 12, .position = positions::sinusoidal}, [](const auto&) {});
        }) ==
        "no compiled type runs this combination of layers; it takes a program with the model's "
        "own type");
}
