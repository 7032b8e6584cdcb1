// Names of saved tensors: transformers' own for the families that it knows, paths for the rest.
#include "ctgpt/model/names.hpp"

#include <map>
#include <set>

#include "ctgpt/io/json.hpp"
#include "io/python.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

using shapes = std::map<std::string, std::vector<isize>>;

template <class Model>
shapes saved(isize vocab = Model::settings.vocab) {
  shapes found;
  for (const saved_tensor& item : saved_tensors(layout_of<Model>(), vocab)) {
    CHECK_MESSAGE(found.count(item.name) == 0, item.name);
    found[item.name] = item.shape();
  }
  return found;
}

// What transformers has for a model of this shape: make_gpt.py --names.
shapes golden_names(const char* family) {
  const io::json text = io::read_json(golden("gpt/names.json"));
  shapes found;
  for (const io::json_member& each : io::json_field(text, "names.json")[family].members()) {
    const io::json_field sizes(each.value, each.key);
    for (std::size_t i = 0; i < sizes.size(); ++i) found[each.key].push_back(sizes[i].integer());
  }
  return found;
}

constexpr config gpt2{.vocab = 61, .context = 16, .layers = 2, .heads = 5, .width = 20};
constexpr config llama = [] {
  config c = llama_type({.vocab = 61, .context = 16, .layers = 2, .heads = 6, .width = 24});
  c.kv_heads = 2;
  c.hidden = 40;
  return c;
}();
constexpr config changed(config c, void (*change)(config&)) {
  change(c);
  return c;
}
struct gpt2_model : gpt<gpt2> {};
struct gpt2_without_bias : gpt<changed(gpt2, [](config& c) { c.bias = false; })> {};
struct gpt2_free_head : gpt<changed(gpt2, [](config& c) { c.tied = false; })> {};
struct llama_model : gpt<llama> {};
struct llama_tied : gpt<changed(llama, [](config& c) { c.tied = true; })> {};
struct chat_model : gpt<nanochat_type(gpt2)> {};
template <config C>
struct own_block : transformer_block<C> {};
struct own_model : gpt<gpt2, own_block> {};

}  // namespace

TEST_CASE("names: a GPT-2-type model has the tensors of GPT2LMHeadModel") {
  CHECK(saved<gpt2_model>() == golden_names("gpt2"));
  CHECK(saved<gpt2_without_bias>() == golden_names("gpt2"));  // zeros take the biases' place
  shapes with_head = golden_names("gpt2");
  with_head["lm_head.weight"] = {61, 20};
  CHECK(saved<gpt2_free_head>() == with_head);
}

TEST_CASE("names: a Llama-type model has the tensors of LlamaForCausalLM") {
  CHECK(saved<llama_model>() == golden_names("llama"));
  shapes without_head = golden_names("llama");
  without_head.erase("lm_head.weight");
  CHECK(saved<llama_tied>() == without_head);
}

TEST_CASE("names: only the vocabulary in use is saved") {
  shapes fewer = golden_names("llama");
  fewer["lm_head.weight"] = fewer["model.embed_tokens.weight"] = {50, 24};
  CHECK(saved<llama_model>(50) == fewer);
}

TEST_CASE("names: every other model has its slots' paths") {
  shapes paths;
  const model_layout& layout = layout_of<chat_model>();
  for (int i = 0; i < layout.count(); ++i) {
    paths[layout.name(i)] = {layout.at(i).rows, layout.at(i).cols};
  }
  CHECK(saved<chat_model>() == paths);
  CHECK(paths.count("token_embedding.weight") == 1);
  CHECK(paths.count("block.0.attention.heads.qkv.weight") == 1);
  CHECK(paths.count("block.1.mlp.gate.down.weight") == 1);
  CHECK(paths.count("head.weight") == 1);
  CHECK(saved<own_model>().count("block.1.attention.normalize.bias") == 1);
}

TEST_CASE("names: the family is that of the architecture, whatever its size") {
  const auto family_with = [](config c, auto change) {
    change(c);
    return family_of(c);
  };
  static_assert(family_of(gpt2) == family::gpt2 && family_of(llama) == family::llama);
  static_assert(family_of_model<own_model>() == family::own);  // a block of one's own
  CHECK(family_of(nanochat_type(gpt2)) == family::own);
  CHECK(family_of(alibi_type(gpt2)) == family::own);
  // Each of these is something that the family's program would compute differently.
  CHECK(family_with(gpt2, [](config& c) { c.mlp = activation::gelu_tanh; }) == family::gpt2);
  CHECK(family_with(gpt2, [](config& c) { c.kv_heads = 1; }) == family::own);
  CHECK(family_with(gpt2, [](config& c) { c.window = 8; }) == family::own);
  CHECK(family_with(gpt2, [](config& c) { c.softcap = 8.0f; }) == family::own);
  CHECK(family_with(gpt2, [](config& c) { c.qk_norm = true; }) == family::own);
  CHECK(family_with(gpt2, [](config& c) { c.gain = false; }) == family::own);
  CHECK(family_with(gpt2, [](config& c) { c.head_size = 8; }) == family::own);
  CHECK(family_with(gpt2, [](config& c) { c.norm = normalization::rms; }) == family::own);
  CHECK(family_with(gpt2, [](config& c) { c.mlp = activation::swiglu; }) == family::own);
  CHECK(family_with(llama, [](config& c) { c.head_size = 8; }) == family::llama);
  CHECK(family_with(llama, [](config& c) { c.bias = true; }) == family::own);
  CHECK(family_with(llama, [](config& c) { c.qk_norm = true; }) == family::own);
  CHECK(family_with(llama, [](config& c) { c.mlp = activation::gelu; }) == family::own);
  CHECK(family_with(llama, [](config& c) { c.position = positions::alibi; }) == family::own);
}
