// config: what a size left at 0 stands for, and the sentence for every field that is wrong.
#include "ctgpt/core/config.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace ctgpt;

namespace {

constexpr bool zero_stands_for_the_usual_choice() {
  constexpr config c{.heads = 6, .width = 48};
  constexpr config own{.heads = 6, .width = 48, .kv_heads = 2, .head_size = 16, .hidden = 100};
  return kv_heads_of(c) == 6 && head_size_of(c) == 8 && hidden_of(c) == 192 &&
         kv_heads_of(own) == 2 && head_size_of(own) == 16 && hidden_of(own) == 100;
}
static_assert(zero_stands_for_the_usual_choice());

constexpr bool windows_are_per_layer() {
  constexpr config none{}, always{.window = 8}, mixed{.window = 8, .full_every = 3};
  for (isize layer = 0; layer < 7; ++layer) {
    if (window_of(none, layer) != 0 || window_of(always, layer) != 8) return false;
    if (window_of(mixed, layer) != (layer == 2 || layer == 5 ? 0 : 8)) return false;
  }
  return true;
}
static_assert(windows_are_per_layer());

constexpr config any{};
static_assert(checked<any>::value == any);  // a template argument
static_assert(problem(any) == nullptr);

// The first rule that a config breaks when `change` is made to a sound one.
template <class Change>
std::string_view sentence(Change change) {
  config c{.vocab = 64, .context = 32, .layers = 2, .heads = 4, .width = 32};
  REQUIRE(problem(c) == nullptr);
  change(c);
  const char* found = problem(c);
  return found == nullptr ? "" : found;
}

}  // namespace

TEST_CASE("config: a size of 0 stands for the usual choice, a window for one layer") {
  CHECK(zero_stands_for_the_usual_choice());
  CHECK(windows_are_per_layer());
}

TEST_CASE("config: sizes outside their range are named with the range") {
  const std::string_view vocab = "vocab must be between 1 and 16,777,216";
  CHECK(sentence([](config& c) { c.vocab = 0; }) == vocab);
  CHECK(sentence([](config& c) { c.vocab = (1 << 24) + 1; }) == vocab);
  CHECK(sentence([](config& c) { c.vocab = 1 << 24; }) == "");
  const std::string_view context = "context must be between 1 and 1,048,576";
  CHECK(sentence([](config& c) { c.context = 0; }) == context);
  CHECK(sentence([](config& c) { c.context = (1 << 20) + 1; }) == context);
  CHECK(sentence([](config& c) { c.context = 1 << 20; }) == "");
  const std::string_view layers = "layers must be between 1 and 4,096";
  CHECK(sentence([](config& c) { c.layers = 0; }) == layers);
  CHECK(sentence([](config& c) { c.layers = 4097; }) == layers);
  const std::string_view heads = "heads must be between 1 and 4,096";
  CHECK(sentence([](config& c) { c.heads = 0; }) == heads);
  CHECK(sentence([](config& c) { c.heads = -4; }) == heads);
  const std::string_view width = "width must be between 1 and 1,048,576";
  CHECK(sentence([](config& c) { c.width = 0; }) == width);
  CHECK(sentence([](config& c) { c.width = (1 << 20) + 4; }) == width);
  const std::string_view head_size = "head_size must be between 0 and 1,024";
  CHECK(sentence([](config& c) { c.head_size = -1; }) == head_size);
  CHECK(sentence([](config& c) { c.head_size = 1025; }) == head_size);
  const std::string_view hidden = "hidden must be between 0 and 4,194,304";
  CHECK(sentence([](config& c) { c.hidden = -1; }) == hidden);
  CHECK(sentence([](config& c) { c.hidden = (1 << 22) + 1; }) == hidden);
}

TEST_CASE("config: heads divide the width unless their size is given") {
  const std::string_view rule = "width must be a multiple of heads, or head_size be given";
  CHECK(sentence([](config& c) { c.heads = 5; }) == rule);
  CHECK(sentence([](config& c) { c.heads = 5, c.head_size = 6; }) == "");
}

TEST_CASE("config: kv_heads divide heads") {
  const std::string_view rule = "kv_heads must divide heads";
  CHECK(sentence([](config& c) { c.kv_heads = 3; }) == rule);
  CHECK(sentence([](config& c) { c.kv_heads = 8; }) == rule);
  CHECK(sentence([](config& c) { c.kv_heads = -1; }) == rule);
  for (const isize good : {1, 2, 4}) CHECK(sentence([&](config& c) { c.kv_heads = good; }) == "");
}

TEST_CASE("config: windows, positions and numbers have their rules") {
  CHECK(sentence([](config& c) { c.window = -1; }) == "window must not be negative");
  CHECK(sentence([](config& c) { c.full_every = 2; }) == "full_every needs a window");
  CHECK(sentence([](config& c) { c.full_every = -1; }) == "full_every needs a window");
  CHECK(sentence([](config& c) { c.full_every = 2, c.window = 4; }) == "");
  const std::string_view even = "rotary positions need an even head size";
  CHECK(sentence([](config& c) { c.position = positions::rotary, c.head_size = 7; }) == even);
  CHECK(sentence([](config& c) { c.position = positions::learned, c.head_size = 7; }) == "");
  CHECK(sentence([](config& c) { c.mlp = activation::none; }) == "mlp must name an activation");
  const std::string_view base = "rope_base must be above 1 and at most 1e30";
  CHECK(sentence([](config& c) { c.rope_base = 1.0f; }) == base);
  CHECK(sentence([](config& c) { c.rope_base = 1e31f; }) == base);
  CHECK(sentence([](config& c) { c.softcap = -1.0f; }) == "softcap must be from 0 (none) to 1e30");
  const std::string_view epsilon = "norm_epsilon must be between 0 and 1";
  CHECK(sentence([](config& c) { c.norm_epsilon = 0.0f; }) == epsilon);
  CHECK(sentence([](config& c) { c.norm_epsilon = 1.0f; }) == epsilon);
}

TEST_CASE("config: numbers that are none are refused") {
  const float nan = __builtin_nanf("");
  CHECK(sentence([&](config& c) { c.rope_base = nan; }) ==
        "rope_base must be above 1 and at most 1e30");
  CHECK(sentence([&](config& c) { c.softcap = nan; }) == "softcap must be from 0 (none) to 1e30");
  CHECK(sentence([&](config& c) { c.norm_epsilon = nan; }) ==
        "norm_epsilon must be between 0 and 1");
}

TEST_CASE("config: every kind has a name") {
  CHECK(std::string_view(positions_name(positions::none)) == "none");
  CHECK(std::string_view(positions_name(positions::learned)) == "learned");
  CHECK(std::string_view(positions_name(positions::sinusoidal)) == "sinusoidal");
  CHECK(std::string_view(positions_name(positions::rotary)) == "rotary");
  CHECK(std::string_view(positions_name(positions::alibi)) == "alibi");
  CHECK(std::string_view(activation_name(activation::gelu)) == "gelu");
  CHECK(std::string_view(activation_name(activation::swiglu)) == "swiglu");
  CHECK(std::string_view(normalization_name(normalization::rms)) == "rms");
}
