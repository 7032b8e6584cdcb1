// gpt: facts of a model as constants, and its places for dropout and gradients.
#include "ctgpt/model/gpt.hpp"

#include <array>
#include <set>

#include "ctgpt/model/presets.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

// Slots follow each other from 0 to parameter_count; the sum of sizes is that of the formula.
template <class Model>
constexpr bool slots_cover_the_arena() {
  isize reached = 0;
  for (int i = 0; i < Model::slot_count; ++i) {
    if (Model::slot_offset(i) != reached) return false;
    reached += Model::slot_at(i).size();
  }
  return reached == Model::parameter_count;
}

template <int Index>
using preset_model = gpt<presets::all[Index].model>;

constexpr int preset_index(std::string_view name) {
  for (int i = 0; i < presets::count; ++i) {
    if (presets::all[i].name == name) return i;
  }
  return -1;
}
template <int Index>
constexpr isize parameters = preset_model<Index>::parameter_count;

// As transformers counts them.
static_assert(parameters<preset_index("gpt2-124m")> == 124'439'808);
static_assert(parameters<preset_index("gpt2-355m")> == 354'823'168);
static_assert(parameters<preset_index("gpt2-774m")> == 774'030'080);
static_assert(parameters<preset_index("gpt2-1558m")> == 1'557'611'200);
// 96 blocks of 12 C^2 + 13 C, the embeddings, the last norm.
static_assert(parameters<preset_index("gpt3-175b")> ==
              96 * (12 * isize{12288} * 12288 + 13 * 12288) + (50257 + 2048) * isize{12288} +
                  2 * 12288);
static_assert(parameters<preset_index("llama-small")> ==
              2 * isize{32000} * 512 +
                  8 * ((512 + 2 * 256) * isize{512} + 512 * 512 + 3 * 1376 * 512 + 2 * 512) + 512);
static_assert(parameters<preset_index("nanochat-small")> ==
              2 * isize{32768} * 512 + 8 * 12 * isize{512} * 512);
// nanoGPT without biases; its own count has a vocabulary of 65 and leaves out the positions.
static_assert(parameters<preset_index("shakespeare-char")> ==
              (256 + 256) * 384 + 6 * (12 * isize{384} * 384 + 2 * 384) + 384);
static_assert(parameters<preset_index("shakespeare-char-cpu")> ==
              (256 + 64) * 128 + 4 * (12 * 128 * 128 + 2 * 128) + 128);
static_assert(parameters<preset_index("quickstart")> ==
              1024 * 128 + 3 * (12 * 128 * 128 + 2 * 128) + 128);

// The blocks are equal, so two of them tell all that ninety-six would. One constant for each
// preset: compilers bound the steps of a single one.
template <int Index>
constexpr config preset_of_two_blocks = [] {
  config c = presets::all[Index].model;
  c.layers = 2;
  return c;
}();
template <int Index>
constexpr bool covers_its_arena = slots_cover_the_arena<gpt<preset_of_two_blocks<Index>>>();
template <int... Index>
constexpr bool all_cover(std::integer_sequence<int, Index...>) {
  return (covers_its_arena<Index> && ...);
}
static_assert(all_cover(std::make_integer_sequence<int, presets::count>{}));

constexpr config base{.vocab = 11, .context = 6, .layers = 3, .heads = 2, .width = 4};
struct model : gpt<base> {};
struct free_head : gpt<llama_type(base)> {};
struct bare : gpt<nanochat_type(base)> {};

constexpr bool facts_are_constants() {
  static_assert(slots_cover_the_arena<model>() && slots_cover_the_arena<free_head>());
  return slots_cover_the_arena<bare>() && model::head_slot == 0 &&
         free_head::head_slot == free_head::slot_count - 1 && bare::norm_type::slot_count == 0 &&
         free_head::head_offset == free_head::parameter_count - 11 * 4 &&
         model::slot_at(1).path.has(part::position_embedding) &&
         free_head::slot_at(1).path.has(part::block) &&
         // norm, q k v, o; stream; norm, z, h of each block, the streams between, x, y and h
         model::tape(true) == 3 * ((4 + 12 + 4) + 4 + (4 + 16 + 16)) + 2 * 4 + 3 * 4 &&
         model::tape(false) == (4 + 12 + 4) + 4 + (4 + 16 + 16) + 2 * 4 + 3 * 4;
}
static_assert(facts_are_constants());

// 6 a product weight and 6 L C T for attention.
static_assert(gpt<base>::flops_per_token(6) == 6.0 * (11 * 4 + 3 * 12 * 16) + 6.0 * 3 * 4 * 6);

// The sites that a pass over Model draws masks for, in the order of the calls.
std::vector<std::uint32_t>& seen_sites() {
  static std::vector<std::uint32_t> sites;
  return sites;
}
backend watching_sites() {
  static const kernel_table table = [] {
    kernel_table t = reference_table<float>();
    t.dropout = [](context* state, const dropout_args& args) {
      seen_sites().push_back(args.site);
      reference_table<float>().dropout(state, args);
    };
    t.attention = [](context* state, const attention_args& args) {
      seen_sites().push_back(args.site);
      reference_table<float>().attention(state, args);
    };
    t.attention_backward = [](context* state, const attention_backward_args& args) {
      seen_sites().push_back(args.forward.site);
      reference_table<float>().attention_backward(state, args);
    };
    return t;
  }();
  auto state = std::make_shared<host_context>(1);
  context* opaque = state->opaque();
  return backend(table, opaque, std::move(state));
}

constexpr config deep{.vocab = 5, .context = 4, .layers = 40, .heads = 1, .width = 2, .hidden = 2};
struct deep_model : gpt<deep> {};

}  // namespace

TEST_CASE("gpt: parameters, offsets and memory are constants") {
  CHECK(facts_are_constants());
  CHECK(all_cover(std::make_integer_sequence<int, presets::count>{}));
  CHECK(parameters<preset_index("gpt2-124m")> == 124'439'808);
}

TEST_CASE("gpt: every place of a deep model draws its own mask, the same in both directions") {
  const backend where = watching_sites();
  network<deep_model> net = spread_network<deep_model>(where);
  workspace work(net, 1, 4, true);
  gradients into(net);
  work.upload(random_ids(8, 5));
  work.set_scale(0.25);
  work.set_random({1}, 1);
  seen_sites().clear();
  work.accumulate(into, 0.5f);
  const std::vector<std::uint32_t> sites = seen_sites();
  constexpr std::size_t places = 1 + 40 * 3;  // the embedding; a block's attention and residuals
  REQUIRE(sites.size() == 2 * places);
  const std::set<std::uint32_t> forward(sites.begin(), sites.begin() + places);
  const std::set<std::uint32_t> backward(sites.begin() + places, sites.end());
  CHECK(forward.size() == places);
  CHECK(backward == forward);
}

namespace {

// What backward announces.
template <class Model>
std::vector<std::array<isize, 2>> announced_ranges() {
  network<Model> net = spread_network<Model>(reference<float>{});
  workspace work(net, 1, 6, true);
  gradients into(net);
  work.upload(random_ids(12, 11));
  work.set_scale(1.0);
  struct notes {
    const float* arena;
    std::vector<std::array<isize, 2>> ranges;
    std::vector<float> values;
  } seen{static_cast<const float*>(into.arena().data()), {}, {}};
  work.accumulate(
      into, 0.0f,
      [](void* owner, isize begin, isize end) {
        auto& at = *static_cast<notes*>(owner);
        at.ranges.push_back({begin, end});
        at.values.insert(at.values.end(), at.arena + begin, at.arena + end);
      },
      &seen);
  // Nothing was changed after it had been announced.
  std::vector<float> now;
  for (const auto& [begin, end] : seen.ranges) {
    now.insert(now.end(), seen.arena + begin, seen.arena + end);
  }
  CHECK(now == seen.values);
  return seen.ranges;
}

}  // namespace

TEST_CASE("gpt: gradients are announced when they are final, from the last to the first") {
  const auto check = [](const std::vector<std::array<isize, 2>>& ranges, isize all) {
    REQUIRE(ranges.size() == 1 + 3 + 1);  // the last norm and head, three blocks, the embeddings
    isize end = all;
    for (const auto& range : ranges) {
      CHECK(range[1] == end);
      end = range[0];
    }
    CHECK(end == 0);
  };
  check(announced_ranges<model>(), model::parameter_count);
  check(announced_ranges<free_head>(), free_head::parameter_count);
  check(announced_ranges<bare>(), bare::parameter_count);
}
