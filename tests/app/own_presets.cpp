// -DCTGPT_PRESETS=FILE: sizes of one's own beside the library's.
#define CTGPT_PRESETS "app/own_presets.inc"
#include <doctest/doctest.h>

#include "base/child.hpp"
#include "ctgpt/app/models.hpp"
#include "ctgpt/ctgpt.hpp"

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

TEST_CASE("own presets: their kinds run at other sizes too, in the bits of the compiled type") {
  config other = find_preset("mine")->model;
  other.context = 24;
  REQUIRE(preset_of(other) == nullptr);
  CHECK(ctgpt_test::sentence_of([&] { visit_kinds(other, [](const auto&) {}); }) != "");
  const std::vector<std::int32_t> tokens{3, 1, 4, 1, 5, 9, 2, 6};
  std::vector<std::vector<float>> logits;
  for (const config& c : {other, find_preset("mine")->model}) {
    visit_model(c, [&](const auto& model) {
      CHECK(model.actual().context == c.context);
      network net(model, cpu{.threads = 1}, f32_precision, c.vocab);
      net.initialize(seed{4});
      decoder run(net);
      run.feed(tokens, 0, 0);
      logits.emplace_back(run.logits().begin(), run.logits().end());
    });
  }
  REQUIRE(logits.size() == 2);
  CHECK(logits[0] == logits[1]);
}

TEST_CASE("own presets: two of one name are seen, whoever's they are") {
  constexpr preset own = known_presets[presets::count], built_in = known_presets[0];
  static_assert(names_differ(std::array{own, built_in}));
  static_assert(!names_differ(std::array{own, built_in, own}));
  static_assert(!names_differ(std::array{built_in, own, preset{built_in.name, "another", {}, {}}}));
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
