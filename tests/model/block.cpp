// transformer_block: the block of a GPT, as its configuration describes it.
#include "ctgpt/model/block.hpp"

#include "layer/layers.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config small{.vocab = 7, .context = 8, .layers = 2, .heads = 2, .width = 8, .hidden = 12};
constexpr config grouped = [] {
  config c = llama_type(small);
  c.kv_heads = 1;
  return c;
}();
constexpr config chat = nanochat_type(small);

constexpr bool sizes_are_constants() {
  constexpr transformer_block<small> block{};
  constexpr auto slots = block.slots();
  static_assert(slots.count == 12 && transformer_block<grouped>::slot_count == 6 &&
                transformer_block<chat>::slot_count == 4);
  // norm 16, qkv 24 * 8 + 24, projection 64 + 8, norm 16, up 96 + 12, down 96 + 8
  return slots.size() == 16 + 216 + 72 + 16 + 108 + 104 && block.input() == 8 &&
         block.output() == 8 &&
         // norm's output, q k v and o; the stream between; norm's output, z and h
         block.tape() == (8 + 24 + 8) + 8 + (8 + 12 + 12) && block.statistics() == (2 + 2) + 2;
}
static_assert(sizes_are_constants());

constexpr bool paths_are_those_of_the_paper() {
  constexpr auto slots = transformer_block<small>{}.slots();
  const auto path = [&](int i, part outer, part inner) {
    return slots[i].path[0] == outer && slots[i].path[1] == inner;
  };
  return path(0, part::attention, part::normalize) && path(2, part::attention, part::heads) &&
         path(6, part::mlp, part::normalize) && path(8, part::mlp, part::gate) &&
         slots[2].path[2] == part::qkv && slots[4].path[2] == part::projection &&
         slots[8].path[2] == part::up && slots[10].path[2] == part::down;
}
static_assert(paths_are_those_of_the_paper());

static_assert(std::is_empty_v<transformer_block<small>>);
static_assert(std::is_empty_v<transformer_block<grouped>>);

}  // namespace

TEST_CASE("block: its sizes and paths are constants") {
  CHECK(sizes_are_constants());
  CHECK(paths_are_those_of_the_paper());
}

TEST_CASE("block: the gradient equals the complex step for every type, with dropout too") {
  const gradient_options options{.batch = 2, .time = 4, .head_size = 4, .heads = 2};
  const gradient_options dropping{
      .batch = 1, .time = 5, .head_size = 4, .heads = 2, .dropout = 0.25f};
  check_layer<transformer_block<small>>(options);
  check_layer<transformer_block<small>>(dropping);
  check_layer<transformer_block<grouped>>(options);
  check_layer<transformer_block<grouped>>(dropping);
  check_layer<transformer_block<chat>>(options);
  check_layer<transformer_block<chat>>(dropping);
  check_layer<transformer_block<alibi_type(small)>>(options);
}
