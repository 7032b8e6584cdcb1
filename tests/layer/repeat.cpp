// repeat: a layer like any other, so it stands wherever a layer does.
#include "ctgpt/layer/repeat.hpp"

#include "ctgpt/layer/activation.hpp"
#include "ctgpt/layer/attention.hpp"
#include "ctgpt/layer/mlp.hpp"
#include "ctgpt/layer/norm.hpp"
#include "layer/layers.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

constexpr config tiny{.heads = 2, .width = 8, .position = positions::rotary};
using unit = residual<layer_norm<4>, feed_forward<4, 6, activation::gelu>>;
using heads_of_tiny = causal_attention<tiny, rope>;
using reads_and_thinks =
    chain<residual<named<attention, heads_of_tiny>>,
          residual<named<mlp, feed_forward<8, 6, activation::gelu>>>>;

struct notes_its_site : linear<4, 4, false> {
  static constexpr int slot_count = 0;
  constexpr slot_list<0> slots() const { return {}; }
  void forward(ops& run, const frame& f, rows<4> x, rows<4> y) const {
    seen.push_back(f.site);
    run.copy(y, x);
  }
  void backward(ops& run, const frame& f, rows<4>, rows<4> dy, rows<4> dx) const {
    seen.push_back(f.site);
    run.copy(dx, dy);
  }
  static inline std::vector<std::uint32_t> seen;
};

constexpr bool is_a_layer_like_any_other() {
  using three = repeat<3, unit>;
  constexpr three layers{};
  return layer<three> && layer<chain<linear<5, 4>, three>> && three::in_width == 4 &&
         three::slot_count == 3 * unit::slot_count &&
         layers.slots().size() == 3 * unit{}.slots().size() &&
         layers.tape() == 3 * unit{}.tape() + 2 * 4 && layers.scratch() == 8 + unit{}.scratch();
}
static_assert(is_a_layer_like_any_other());
static_assert(std::is_empty_v<repeat<3, unit>>);

}  // namespace

TEST_CASE("repeat: is an empty layer whose sizes are constants") {
  CHECK(is_a_layer_like_any_other());
}

TEST_CASE("repeat: the gradient equals the complex step, alone and inside others") {
  check_layer<repeat<1, unit>>({.batch = 2, .time = 3});
  check_layer<repeat<3, unit>>({.batch = 2, .time = 3, .dropout = 0.3f});
  check_layer<chain<linear<3, 4>, repeat<2, unit>, linear<4, 2>>>({.batch = 2, .time = 3});
  check_layer<residual<repeat<2, unit>>>({.batch = 2, .time = 3, .dropout = 0.2f});
  check_layer<repeat<2, repeat<2, unit>>>({.batch = 1, .time = 3, .dropout = 0.2f});
}

TEST_CASE("repeat: equals the chain of its layers, under other names") {
  check_same_bits<repeat<3, unit>, chain<unit, unit, unit>>();
}

TEST_CASE("repeat: every layer's parameters carry its number") {
  const auto slots = repeat<12, named<up, linear<2, 2>>>{}.slots();
  CHECK(path_text(slots[0].path) == "0.up.weight");
  CHECK(path_text(slots[1].path) == "0.up.bias");
  CHECK(path_text(slots[23].path) == "11.up.bias");
  CHECK(part_name(numbered_part(100)) == "100");
  CHECK(part_name(numbered_part(127)) == "127");
}

TEST_CASE("repeat: dropout has a site of its own in each layer, the same in backward") {
  notes_its_site::seen.clear();
  layer_run<chain<repeat<20, notes_its_site>, repeat<2, repeat<3, notes_its_site>>>> run;
  run.forward();
  run.backward();
  const std::vector<std::uint32_t>& seen = notes_its_site::seen;
  REQUIRE(seen.size() == 2 * 26);
  for (std::size_t i = 0; i < 26; ++i) {
    CHECK(seen[i] == seen[51 - i]);
    for (std::size_t j = 0; j < i; ++j) CHECK(seen[i] != seen[j]);
  }
}

TEST_CASE("repeat: every attention in it has a cache of its own") {
  using block = chain<repeat<2, reads_and_thinks>, named<extra, heads_of_tiny>>;
  static_assert(cache_count_of<unit> == 0);
  static_assert(cache_count_of<reads_and_thinks> == 1);
  static_assert(cache_count_of<block> == 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(cache_of(block{}, i).kv_heads == 2);
    CHECK(cache_of(block{}, i).head_size == 4);
  }
  check_report(check_gradient<block>(tiny, {.batch = 1, .time = 3}));
}
