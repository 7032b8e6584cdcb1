// Directories that Hugging Face transformers wrote (golden/make_hugging_face.py): their losses, and
// the same directories in every other form that transformers gives them.
#include <filesystem>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/model/any.hpp"
#include "ctgpt/model/directory.hpp"
#include "io/python.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

// Two of the golden directories as types whose sizes are constants.
constexpr config tanh_config{.vocab = 256,
                             .context = 24,
                             .layers = 2,
                             .heads = 3,
                             .width = 24,
                             .mlp = activation::gelu_tanh};
struct tanh_model : gpt<tanh_config> {};
constexpr config grouped_config = [] {
  config c = llama_type({.vocab = 256, .context = 24, .layers = 2, .heads = 4, .width = 24});
  c.kv_heads = 2;
  c.hidden = 40;
  c.norm_epsilon = 1e-6f;
  return c;
}();
struct grouped_model : gpt<grouped_config> {};

const char* const cases[] = {"gpt2-tanh", "gpt2-exact", "llama-grouped", "llama-tied"};

std::string golden_directory(const std::string& name) { return golden("hugging_face/" + name); }

ids golden_tokens(const std::string& name) {
  const io::json text = io::read_json(golden_directory(name) + "/loss.json");
  const io::json_field tokens = io::json_field(text, name)["tokens"];
  ids list;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    list.push_back(static_cast<std::int32_t>(tokens[i].integer()));
  }
  return list;
}
double golden_loss(const std::string& name) {
  const io::json text = io::read_json(golden_directory(name) + "/loss.json");
  return io::json_field(text, name)["loss"].number();
}

// The mean loss over windows of 24 inputs, as the script takes them.
template <class Model>
double loss_of(const network<Model>& net, const ids& tokens) {
  double total = 0.0;
  const auto last = static_cast<isize>(tokens.size()) - 1;
  for (isize begin = 0; begin < last; begin += 24) {
    const isize time = std::min<isize>(24, last - begin);
    workspace work(net, 1, time, false);
    ids both(tokens.begin() + begin, tokens.begin() + begin + time);
    both.insert(both.end(), tokens.begin() + begin + 1, tokens.begin() + begin + 1 + time);
    work.upload(both);
    work.clear_loss();
    work.evaluate();
    total += work.loss_sum();
  }
  return total / static_cast<double>(last);
}

double loss_of(const std::string& directory, const ids& tokens,
               const backend& where = cpu{isa::best, 1}) {
  const saved_model from = open_directory(directory);
  double loss = 0.0;
  visit_kinds(from.settings, [&](const auto& model) {
    loss = loss_of(load_model(model, where, from, f32_precision), tokens);
  });
  return loss;
}

// A copy of a golden directory whose files can be damaged.
class copy_of {
 public:
  explicit copy_of(const std::string& name) {
    std::filesystem::copy(golden_directory(name), made_.path(),
                          std::filesystem::copy_options::recursive);
  }
  const std::string& path() const { return made_.path(); }
  std::string file(const std::string& name) const { return made_.file(name); }
  // Replaces one piece of a text file.
  const copy_of& change(const std::string& name, const std::string& from,
                        const std::string& to) const {
    std::string text = read_file(file(name));
    const std::size_t at = text.find(from);
    REQUIRE_MESSAGE(at != text.npos, from);
    write_file_atomic(file(name), text.replace(at, from.size(), to));
    return *this;
  }
  // Rewrites the weights through a change of the list of tensors.
  void rewrite(const std::string& to,
               const std::function<void(std::vector<io::tensor_source>&)>& edit,
               bool keep = false) const {
    const std::string text = read_file(file("model.safetensors"));
    const auto whole = io::safetensors::parse(std::as_bytes(std::span(text)), "weights");
    std::vector<io::tensor_source> sources;
    for (const io::tensor_info& info : whole.tensors()) {
      sources.push_back({info.name, info.type, info.shape, whole.bytes(info), {}});
    }
    edit(sources);
    io::write_safetensors(file(to), sources);
    if (!keep && to != "model.safetensors") std::filesystem::remove(file("model.safetensors"));
  }
  std::string sentence() const {
    return sentence_of([&] { loss_of(path(), {1, 2, 3}); });
  }

 private:
  temporary_directory made_;
};

}  // namespace

TEST_CASE("interchange: a directory of transformers has the loss that transformers computes") {
  for (const char* name : cases) {
    CAPTURE(name);
    const ids tokens = golden_tokens(name);
    const double want = golden_loss(name);
    CHECK(want > 1.0);
    CHECK(loss_of(golden_directory(name), tokens) == doctest::Approx(want).epsilon(1e-5));
    CHECK(loss_of(golden_directory(name), tokens, eigen{1}) == doctest::Approx(want).epsilon(1e-5));
  }
  // Controls: exact and tanh GELU (which differ by 5e-6 of this loss) and the base of rope are told
  // apart.
  CHECK(std::fabs(loss_of(golden_directory("gpt2-exact"), golden_tokens("gpt2-exact")) /
                      golden_loss("gpt2-exact") -
                  1.0) < 1e-6);
  const copy_of exact("gpt2-exact"), grouped("llama-grouped");
  exact.change("config.json", "\"gelu\"", "\"gelu_new\"");
  grouped.change("config.json", "500000.0", "10000.0");
  const double other_act = loss_of(exact.path(), golden_tokens("gpt2-exact"));
  CHECK(std::fabs(other_act / golden_loss("gpt2-exact") - 1.0) > 3e-6);
  const double other_base = loss_of(grouped.path(), golden_tokens("llama-grouped"));
  CHECK(std::fabs(other_base / golden_loss("llama-grouped") - 1.0) > 1e-4);
}

TEST_CASE("interchange: rope_scaling is the whole of rope_parameters, as transformers takes it") {
  const std::string parameters =
      "\"rope_parameters\": {\n    \"rope_theta\": 500000.0,\n    \"rope_type\": \"default\"\n  }";
  const ids tokens = golden_tokens("llama-grouped");
  const double want = golden_loss("llama-grouped");
  const auto rope = [&](const std::string& fields) {
    const copy_of changed("llama-grouped");
    changed.change("config.json", parameters, fields);
    return read_config(changed.path()).rope_base;
  };
  const copy_of scaling("llama-grouped");
  scaling.change("config.json", parameters,
                 "\"rope_scaling\": {\"rope_type\": \"default\", \"rope_theta\": 500000.0}");
  CHECK(loss_of(scaling.path(), tokens) == doctest::Approx(want).epsilon(1e-5));
  // It wins over rope_parameters, also where it has no base; null and {} say nothing.
  CHECK(rope(parameters + ", \"rope_scaling\": {\"rope_theta\": 700.0}") == 700.0f);
  CHECK(rope(parameters + ", \"rope_scaling\": {\"type\": \"default\"}, \"rope_theta\": 800.0") ==
        800.0f);
  CHECK(rope(parameters + ", \"rope_scaling\": {\"type\": \"default\"}") == 10000.0f);
  CHECK(rope(parameters + ", \"rope_scaling\": {}") == 500000.0f);
  CHECK(rope(parameters + ", \"rope_scaling\": null") == 500000.0f);
  CHECK(rope("\"rope_theta\": 900.0") == 900.0f);
  for (const char* key : {"type", "rope_type"}) {
    const copy_of linear("llama-grouped");
    linear.change("config.json", parameters,
                  "\"rope_scaling\": {\"" + std::string(key) +
                      "\": \"linear\", \"factor\": 2.0, \"rope_theta\": 500000.0}");
    const std::string said = linear.sentence();
    CAPTURE(said);
    CHECK(said.find("config.json: rope_scaling." + std::string(key) + " must be \"default\": " +
                    "scaled rotary positions are not supported") != said.npos);
  }
}

TEST_CASE("interchange: sizes known at run time give the bits of sizes that are constants") {
  const auto same = [](auto model, const char* name) {
    const saved_model from = open_directory(golden_directory(name));
    const auto constants = load_model(model, cpu{}, from, f32_precision);
    visit_kinds(from.settings, [&](const auto& sized) {
      CHECK(loss_of(load_model(sized, cpu{}, from, f32_precision), golden_tokens(name)) ==
            loss_of(constants, golden_tokens(name)));
    });
  };
  same(tanh_model{}, "gpt2-tanh");
  same(grouped_model{}, "llama-grouped");
}

TEST_CASE("interchange: the public GPT-2's names: no prefix, and buffers that are no weights") {
  const copy_of public_form("gpt2-tanh");
  const std::vector<std::byte> mask(24 * 24 * 4);
  public_form.rewrite("model.safetensors", [&](auto& sources) {
    for (io::tensor_source& each : sources) each.name = each.name.substr(12);  // "transformer."
    CHECK(std::any_of(sources.begin(), sources.end(),
                      [](const auto& each) { return each.name == "wte.weight"; }));
    for (const char* name : {"h.0.attn.bias", "h.1.attn.bias"}) {
      sources.push_back({name, io::dtype::f32, {1, 1, 24, 24}, mask, {}});
    }
  });
  CHECK(loss_of(public_form.path(), golden_tokens("gpt2-tanh")) ==
        loss_of(golden_directory("gpt2-tanh"), golden_tokens("gpt2-tanh")));
}

TEST_CASE("interchange: other names of the same thing, and buffers of older versions") {
  const struct {
    const char *name, *from, *to;
  } same[] = {{"gpt2-tanh", "\"gelu_new\"", "\"gelu_fast\""},
              {"gpt2-tanh", "\"gelu_new\"", "\"gelu_pytorch_tanh\""},
              {"llama-grouped", "\"silu\"", "\"swish\""},
              {"llama-grouped", "\"rope_type\"", "\"partial_rotary_factor\": 1.0, \"rope_type\""}};
  for (const auto& each : same) {
    CAPTURE(each.to);
    const copy_of named(each.name);
    named.change("config.json", each.from, each.to);
    CHECK(loss_of(named.path(), golden_tokens(each.name)) ==
          loss_of(golden_directory(each.name), golden_tokens(each.name)));
  }
  const std::vector<std::byte> bytes(12);
  const auto with_buffer = [&](const char* name, const char* buffer, std::vector<isize> shape) {
    const copy_of more(name);
    more.rewrite("model.safetensors", [&](auto& sources) {
      const auto size = static_cast<std::size_t>(shape.empty() ? 4 : 4 * shape[0]);
      sources.push_back({buffer, io::dtype::f32, shape, std::span(bytes).first(size), {}});
    });
    CHECK(loss_of(more.path(), golden_tokens(name)) ==
          loss_of(golden_directory(name), golden_tokens(name)));
  };
  with_buffer("gpt2-tanh", "transformer.h.0.attn.masked_bias", {});
  with_buffer("llama-grouped", "model.layers.1.self_attn.rotary_emb.inv_freq", {3});
}

TEST_CASE("interchange: several files with an index are one model, wherever a tensor lies") {
  const copy_of shards("llama-grouped");
  std::string map;
  for (int part = 0; part < 3; ++part) {
    shards.rewrite(
        "part-" + std::to_string(part) + ".safetensors",
        [&](auto& sources) {
          std::vector<io::tensor_source> some;
          for (std::size_t i = 0; i < sources.size(); ++i) {
            if (static_cast<int>(i) % 3 != part) continue;
            some.push_back(sources[i]);
            map += (map.empty() ? "" : ",") + io::quote_json(sources[i].name) + ":\"part-" +
                   std::to_string(part) + ".safetensors\"";
          }
          sources = some;
        },
        true);
  }
  std::filesystem::remove(shards.file("model.safetensors"));
  const std::string index = shards.file("model.safetensors.index.json");
  write_file_atomic(index, "{\"metadata\":{},\"weight_map\":{" + map + "}}");
  CHECK(loss_of(shards.path(), golden_tokens("llama-grouped")) ==
        loss_of(golden_directory("llama-grouped"), golden_tokens("llama-grouped")));

  shards.change("model.safetensors.index.json", "part-1", "part-0");
  CHECK(shards.sentence().find("weight_map says that " + shards.file("part-0.safetensors")) !=
        std::string::npos);
  write_file_atomic(index, "{\"weight_map\":{\"a\":\"../part-0.safetensors\"}}");
  CHECK(shards.sentence() == index + ": weight_map.a must be the name of a file in the same " +
                                 "directory, found the string \"../part-0.safetensors\"");
  write_file_atomic(index, "{\"weight_map\":{}}");
  CHECK(shards.sentence() == index + ": weight_map names no file");
  write_file_atomic(index, "{\"weight_map\":[]}");
  CHECK(shards.sentence().find("weight_map must be an object") != std::string::npos);
  std::filesystem::remove(shards.file("part-2.safetensors"));
  write_file_atomic(index, "{\"metadata\":{},\"weight_map\":{" + map + "}}");
  CHECK(shards.sentence().find(shards.file("part-2.safetensors")) != std::string::npos);
}

TEST_CASE("interchange: a tensor in two shards, twice under two names, or without a place") {
  const copy_of twice("llama-tied");
  twice.rewrite(
      "a.safetensors", [](auto&) {}, true);
  twice.rewrite("b.safetensors", [](auto& sources) { sources.resize(2); });
  write_file_atomic(twice.file("model.safetensors.index.json"),
                    "{\"weight_map\":{\"model.embed_tokens.weight\":\"a.safetensors\","
                    "\"model.layers.0.input_layernorm.weight\":\"b.safetensors\"}}");
  CHECK(twice.sentence() == "the tensor \"model.embed_tokens.weight\" is there twice, in " +
                                twice.file("a.safetensors") + " and in " +
                                twice.file("b.safetensors"));
  const copy_of both("llama-tied");
  both.rewrite("model.safetensors", [](auto& sources) {
    io::tensor_source again = sources.front();
    again.name = again.name.substr(6);  // "model."
    sources.push_back(again);
  });
  CHECK(both.sentence().find("is there twice, with and without model.") != std::string::npos);
  const copy_of more("llama-tied");
  more.rewrite("model.safetensors", [](auto& sources) {
    io::tensor_source bias = sources.front();
    bias.name = "model.layers.0.self_attn.q_proj.bias";
    sources.push_back(bias);
  });
  CHECK(
      more.sentence().find("\"model.layers.0.self_attn.q_proj.bias\" has no place in the model") !=
      std::string::npos);
  const copy_of less("llama-tied");
  less.rewrite("model.safetensors", [](auto& sources) { sources.erase(sources.begin()); });
  CHECK(less.sentence().find("is missing; the file does not belong to a model of this shape") !=
        std::string::npos);
}

TEST_CASE("interchange: a table of positions out of all proportion to the weights is refused") {
  const copy_of wide("llama-tied");
  const auto set = [&](const std::string& name, const std::string& from, const std::string& to) {
    wide.change("config.json", "\"" + name + "\": " + from + ",", "\"" + name + "\": " + to + ",");
  };
  set("hidden_size", "16", "2");
  set("num_attention_heads", "2", "1");
  set("num_key_value_heads", "2", "1");
  set("head_dim", "12", "512");
  const std::vector<std::byte> zeros(1 << 16);
  visit_kinds(read_config(wide.path()), [&](const auto& model) {
    wide.rewrite("model.safetensors", [&](auto& sources) {
      sources.clear();
      for (const saved_tensor& item : saved_tensors(make_layout(model), 256)) {
        const auto bytes = static_cast<std::size_t>(4 * item.size());
        sources.push_back(
            {item.name, io::dtype::f32, item.shape(), std::span(zeros).first(bytes), {}});
      }
    });
  });
  CHECK(loss_of(wide.path(), {1, 2, 3}) == doctest::Approx(std::log(256.0)));
  set("max_position_embeddings", "24", "1048576");
  const saved_model from = open_directory(wide.path());
  visit_kinds(from.settings, [&](const auto& model) {
    const backend counted = counted_memory::around(cpu{isa::best, 1});
    counted_memory::bytes = 0;
    CHECK(sentence_of([&] { load_model(model, counted, from, f32_precision); }) ==
          "the table of 1048576 positions takes 2048 MiB, but the weights of this model only 0 "
          "MiB; a context as long as that belongs to a larger model");
    CHECK(counted_memory::bytes == 0);
  });
}

TEST_CASE("interchange: every reason for which a directory cannot be opened is named") {
  const auto said = [](const char* name, const std::string& from, const std::string& to) {
    const copy_of damaged(name);
    return damaged.change("config.json", from, to).sentence();
  };
  const auto holds = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != text.npos);
  };
  holds(said("gpt2-tanh", "\"model_type\": \"gpt2\"", "\"model_type\": \"bert\""),
        "config.json: model_type must be gpt2 or llama");
  holds(said("gpt2-tanh", "\"gelu_new\"", "\"relu\""), "activation_function must be gelu");
  holds(said("gpt2-tanh", "\"n_head\": 3", "\"n_head\": 5"),
        "config.json: n_embd (width) must be a multiple of n_head (heads)");
  holds(said("gpt2-tanh", "\"n_embd\": 24", "\"n_embd\": \"24\""), "n_embd must be an integer");
  holds(said("gpt2-tanh", "\"n_layer\": 2", "\"n_layer\": 0"), "n_layer must be an integer from 1");
  holds(said("gpt2-tanh", "\"n_layer\": 2", "\"n_layer\": 3"), "h.2.");
  holds(said("gpt2-tanh", "\"n_positions\": 24", "\"n_positions\": 25"), "has the shape (24, 24)");
  holds(said("gpt2-tanh", "\"scale_attn_weights\": true", "\"scale_attn_weights\": false"),
        "scale_attn_weights must be true: attention is scaled by 1/sqrt(head size)");
  holds(said("gpt2-tanh", "\"scale_attn_by_inverse_layer_idx\": false",
             "\"scale_attn_by_inverse_layer_idx\": true"),
        "scale_attn_by_inverse_layer_idx must be false");
  holds(said("llama-grouped", "\"rope_type\": \"default\"", "\"rope_type\": \"llama3\""),
        "scaled rotary positions are not supported");
  holds(said("llama-grouped", "\"attention_bias\": false", "\"attention_bias\": true"),
        "attention_bias must be false");
  holds(said("llama-grouped", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\""),
        "hidden_act must be silu");
  const copy_of uneven("llama-grouped");
  uneven.change("config.json", "\"head_dim\": 6,", "");
  uneven.change("config.json", "\"hidden_size\": 24", "\"hidden_size\": 25");
  holds(uneven.sentence(), "hidden_size (width) must be a multiple of num_attention_heads (heads)");
  holds(said("llama-grouped", "\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"),
        "num_key_value_heads (kv_heads) must divide num_attention_heads (heads)");
  holds(said("llama-grouped", "\"vocab_size\": 256",
             "\"quantization_config\": {}, \"vocab_size\": 256"),
        "quantised weights cannot be read");
  holds(said("llama-grouped", "\"mlp_bias\": false", "\"mlp_bias\": true"),
        "mlp_bias must be false");
  holds(said("gpt2-tanh", "\"add_cross_attention\": false", "\"add_cross_attention\": true"),
        "add_cross_attention must be false");
  holds(said("llama-grouped", "\"rope_theta\": 500000.0",
             "\"rope_theta\": 500000.0, \"partial_rotary_factor\": 0.5"),
        "rope_parameters.partial_rotary_factor must be 1");
  holds(said("gpt2-tanh", "\"n_positions\": 24", "\"n_ctx\": 25"), "has the shape (24, 24)");
  // Terabytes on paper: nothing is allocated before the tensors are compared.
  holds(said("gpt2-tanh", "\"n_embd\": 24", "\"n_embd\": 1000002"), "has the shape");
  holds(said("gpt2-tanh", "\"vocab_size\": 256", "\"vocab_size\": 16777216"), "has the shape");
  holds(said("gpt2-tanh", "\"n_embd\": 24", "\"n_embd\": 99999999"), "n_embd must be");
  const copy_of pickled("gpt2-tanh");
  std::filesystem::rename(pickled.file("model.safetensors"), pickled.file("pytorch_model.bin"));
  holds(pickled.sentence(), "holds its weights as a pickle");
  std::filesystem::remove(pickled.file("pytorch_model.bin"));
  holds(pickled.sentence(), "model.safetensors");
  std::filesystem::remove(pickled.file("config.json"));
  holds(pickled.sentence(), "config.json");
}
