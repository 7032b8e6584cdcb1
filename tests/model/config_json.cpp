// config.json: other programs' fields, and every field of ours back exactly.
#include "ctgpt/model/config_json.hpp"

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/model/presets.hpp"
#include "io/python.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

config round_trip(const config& c) {
  const std::string text = io::write_json(config_to_json(c, family_of(c), c.vocab));
  return config_from_json(io::parse_json(text, "config.json"), "config.json");
}

constexpr config gpt2{
    .vocab = 61, .context = 16, .layers = 2, .heads = 4, .width = 32, .mlp = activation::gelu_tanh};

// What reading says after `change` was made to a good text's "ctgpt" object.
template <class Change>
std::string sentence_with(Change change) {
  io::json text = config_to_json(gpt2, family::gpt2, 50);
  io::json own = *text.find("ctgpt");
  change(own);
  text.set("ctgpt", own);
  return sentence_of([&] { config_from_json(text, "config.json"); });
}

}  // namespace

TEST_CASE("config_json: every field comes back exactly") {
  for (const preset& each : presets::all) CHECK(round_trip(each.model) == each.model);
  // Every field away from its default, with floats that no short decimal equals.
  const config odd{.vocab = 100,
                   .context = 77,
                   .layers = 3,
                   .heads = 6,
                   .width = 30,
                   .kv_heads = 2,
                   .head_size = 10,
                   .hidden = 99,
                   .window = 13,
                   .full_every = 3,
                   .position = positions::rotary,
                   .norm = normalization::rms,
                   .mlp = activation::relu_squared,
                   .bias = false,
                   .gain = false,
                   .tied = false,
                   .qk_norm = true,
                   .rope_base = 1234567.9f,
                   .softcap = 0.1f,
                   .norm_epsilon = 3.3333333e-6f};
  REQUIRE(problem(odd) == nullptr);
  CHECK(round_trip(odd) == odd);
  for (const positions kind : {positions::none, positions::learned, positions::sinusoidal,
                               positions::rotary, positions::alibi}) {
    config c = gpt2;
    c.position = kind;
    CHECK(round_trip(c) == c);
  }
  for (const activation kind :
       {activation::gelu, activation::gelu_tanh, activation::relu_squared, activation::swiglu}) {
    config c = gpt2;
    c.mlp = kind;
    CHECK(round_trip(c) == c);
  }
}

TEST_CASE("config_json: a GPT-2-type model has GPT2Config's fields") {
  const io::json text = config_to_json(gpt2, family::gpt2, 50);
  const io::json_field at(text, "config.json");
  CHECK(at["model_type"].string() == "gpt2");
  CHECK(at["architectures"][0].string() == "GPT2LMHeadModel");
  CHECK(at["vocab_size"].integer() == 50);  // what is saved, not the upper bound
  CHECK(at["n_positions"].integer() == 16);
  CHECK(at["n_embd"].integer() == 32);
  CHECK(at["n_layer"].integer() == 2);
  CHECK(at["n_head"].integer() == 4);
  CHECK(at["n_inner"].integer() == 128);
  CHECK(at["activation_function"].string() == "gelu_new");
  CHECK(at["layer_norm_epsilon"].number() == 1e-5);
  CHECK(at["tie_word_embeddings"].boolean());
  config exact = gpt2;
  exact.mlp = activation::gelu;
  const io::json other = config_to_json(exact, family::gpt2, 50);
  CHECK(io::json_field(other, "config.json")["activation_function"].string() == "gelu");
}

TEST_CASE("config_json: a Llama-type model has LlamaConfig's fields") {
  config c = llama_type(gpt2);
  c.kv_heads = 2;
  c.hidden = 96;
  const io::json text = config_to_json(c, family::llama, 61);
  const io::json_field at(text, "config.json");
  CHECK(at["model_type"].string() == "llama");
  CHECK(at["architectures"][0].string() == "LlamaForCausalLM");
  CHECK(at["max_position_embeddings"].integer() == 16);
  CHECK(at["hidden_size"].integer() == 32);
  CHECK(at["num_hidden_layers"].integer() == 2);
  CHECK(at["num_attention_heads"].integer() == 4);
  CHECK(at["num_key_value_heads"].integer() == 2);
  CHECK(at["head_dim"].integer() == 8);
  CHECK(at["intermediate_size"].integer() == 96);
  CHECK(at["hidden_act"].string() == "silu");
  CHECK(at["rms_norm_eps"].number() == 1e-5);
  CHECK(at["rope_theta"].number() == 500000.0);
  CHECK_FALSE(at["tie_word_embeddings"].boolean());
  CHECK_FALSE(at["attention_bias"].boolean());
}

TEST_CASE("config_json: another architecture claims no other program's type") {
  const config c = nanochat_type(gpt2);
  const io::json text = config_to_json(c, family_of(c), 61);
  CHECK(io::json_field(text, "config.json")["model_type"].string() == "ctgpt");
}

TEST_CASE("config_json: wrong fields are named with what is there") {
  CHECK(sentence_with([](io::json&) {}) == "(no error)");
  CHECK(sentence_with([](io::json& own) { own.set("layers", "twelve"); }) ==
        "config.json: ctgpt.layers must be an integer from 1 to 16777216, found the string "
        "\"twelve\"");
  CHECK(sentence_with([](io::json& own) {
          own.set("width", io::json());
        }).find("config.json: ctgpt.width must be") == 0);
  CHECK(sentence_with([](io::json& own) {
          own.set("vocab", std::int64_t{1} << 40);
        }).find("config.json: ctgpt.vocab must be an integer from 1 to 16777216") == 0);
  CHECK(sentence_with([](io::json& own) {
          own.set("heads", 0);
        }).find("config.json: ctgpt.heads must be") == 0);
  CHECK(sentence_with([](io::json& own) {
          own.set("kv_heads", -1);
        }).find("config.json: ctgpt.kv_heads must be") == 0);
  CHECK(sentence_with([](io::json& own) { own.set("bias", 1); }) ==
        "config.json: ctgpt.bias must be true or false, found 1");
  CHECK(sentence_with([](io::json& own) {
          own.set("rope_base", "big");
        }).find("config.json: ctgpt.rope_base must be a number") == 0);
  CHECK(sentence_with([](io::json& own) { own.set("rope_base", 1e300); }) ==
        "config.json: ctgpt.rope_base must be above 1 and at most 1e30");
  CHECK(sentence_with([](io::json& own) { own.set("position", "circular"); }) ==
        "config.json: ctgpt.position must be one of none, learned, sinusoidal, rotary, alibi, "
        "found the string \"circular\"");
  // Fields that fit alone but not together, by config's own rules.
  CHECK(sentence_with([](io::json& own) { own.set("heads", 5); }) ==
        "config.json: ctgpt.width must be a multiple of heads, or head_size be given");
  CHECK(sentence_with([](io::json& own) { own.set("mlp", "none"); }) ==
        "config.json: ctgpt.mlp must name an activation");
  CHECK(sentence_with([](io::json& own) { own.set("norm_epsilon", 0); }) ==
        "config.json: ctgpt.norm_epsilon must be between 0 and 1");
}

TEST_CASE("config_json: a field that is missing has the value of transformers") {
  const auto saved = [](const char* text) {
    const io::json parsed = io::parse_json(text, "c.json");
    return std::pair(config_from_json(parsed, "c.json"), vocab_from_json(parsed, "c.json"));
  };
  const config gpt2_defaults{.vocab = 50257,
                             .context = 1024,
                             .layers = 12,
                             .heads = 12,
                             .width = 768,
                             .mlp = activation::gelu_tanh};
  config llama_defaults{.vocab = 32000,
                        .context = 2048,
                        .layers = 32,
                        .heads = 32,
                        .width = 4096,
                        .hidden = 11008,
                        .position = positions::rotary,
                        .norm = normalization::rms,
                        .mlp = activation::swiglu,
                        .bias = false,
                        .tied = false};
  llama_defaults.norm_epsilon = 1e-6f;
  CHECK(saved(R"({"model_type": "gpt2"})") == std::pair(gpt2_defaults, isize{50257}));
  CHECK(saved(R"({"model_type": "llama"})") == std::pair(llama_defaults, isize{32000}));
  CHECK(saved(R"({"model_type": "gpt2", "vocab_size": 7})").second == 7);
  CHECK(saved(R"({"model_type": "gpt2", "n_ctx": 24})").first.context == 1024);
}

TEST_CASE("config_json: every name that transformers has for a GELU of ours") {
  const auto kind = [](const std::string& name) {
    const std::string text = R"({"model_type": "gpt2", "activation_function": ")" + name + "\"}";
    return config_from_json(io::parse_json(text, "c"), "c").mlp;
  };
  for (const char* name : {"gelu", "gelu_python"}) CHECK(kind(name) == activation::gelu);
  for (const char* name :
       {"gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh", "gelu_python_tanh"}) {
    CHECK(kind(name) == activation::gelu_tanh);
  }
  for (const char* name : {"gelu_10", "quick_gelu", "relu"}) {
    CHECK(sentence_of([&] { kind(name); }).find("c: activation_function must be gelu, ") == 0);
  }
}

// What the names mean, in transformers itself.
TEST_CASE("config_json: transformers' GELUs are ours" * doctest::timeout(120)) {
  if (!python_has("transformers") || !python_has("torch")) return;
  const auto printed = python(
      "-c " + quoted_for_shell(
                  "import torch\n"
                  "from transformers.activations import ACT2FN\n"
                  "x = torch.linspace(-6, 6, 2001, dtype=torch.float64)\n"
                  "exact = torch.nn.functional.gelu(x)\n"
                  "tanh = torch.nn.functional.gelu(x, approximate='tanh')\n"
                  "for name in ['gelu', 'gelu_python']:\n"
                  "  assert (ACT2FN[name](x) - exact).abs().max() < 1e-9\n"
                  "for name in ['gelu_new', 'gelu_fast', 'gelu_accurate', 'gelu_pytorch_tanh',\n"
                  "             'gelu_python_tanh']:\n"
                  "  if name in ACT2FN: assert (ACT2FN[name](x) - tanh).abs().max() < 1e-9\n"));
  CHECK(printed.has_value());
}

TEST_CASE("config_json: rules are said with the names of the file's fields") {
  const auto sentence = [](const std::string& fields) {
    return sentence_of([&] { config_from_json(io::parse_json("{" + fields + "}", "c"), "c"); });
  };
  const auto gpt2_with = [&](const std::string& field) {
    return sentence("\"model_type\": \"gpt2\", " + field);
  };
  const auto llama_with = [&](const std::string& field) {
    return sentence("\"model_type\": \"llama\", " + field);
  };
  CHECK(gpt2_with("\"n_embd\": 16000000") == "c: n_embd (width) must be between 1 and 1,048,576");
  CHECK(gpt2_with("\"n_positions\": 16000000") ==
        "c: n_positions (context) must be between 1 and 1,048,576");
  CHECK(gpt2_with("\"n_layer\": 5000") == "c: n_layer (layers) must be between 1 and 4,096");
  CHECK(gpt2_with("\"n_head\": 5000") == "c: n_head (heads) must be between 1 and 4,096");
  CHECK(gpt2_with("\"n_head\": 7") == "c: n_embd (width) must be a multiple of n_head (heads)");
  CHECK(gpt2_with("\"n_inner\": 16000000") ==
        "c: n_inner (hidden) must be between 0 and 4,194,304");
  CHECK(gpt2_with("\"layer_norm_epsilon\": 2") ==
        "c: layer_norm_epsilon (norm_epsilon) must be between 0 and 1");
  CHECK(llama_with("\"hidden_size\": 16000000") ==
        "c: hidden_size (width) must be between 1 and 1,048,576");
  CHECK(llama_with("\"max_position_embeddings\": 16000000") ==
        "c: max_position_embeddings (context) must be between 1 and 1,048,576");
  CHECK(llama_with("\"num_hidden_layers\": 5000") ==
        "c: num_hidden_layers (layers) must be between 1 and 4,096");
  CHECK(llama_with("\"num_key_value_heads\": 5") ==
        "c: num_key_value_heads (kv_heads) must divide num_attention_heads (heads)");
  CHECK(llama_with("\"head_dim\": 5000") == "c: head_dim (head_size) must be between 0 and 1,024");
  CHECK(llama_with("\"intermediate_size\": 16000000") ==
        "c: intermediate_size (hidden) must be between 0 and 4,194,304");
  CHECK(llama_with("\"rope_theta\": 0.5") ==
        "c: rope_theta (rope_base) must be above 1 and at most 1e30");
  CHECK(llama_with("\"rms_norm_eps\": 0") ==
        "c: rms_norm_eps (norm_epsilon) must be between 0 and 1");
}

TEST_CASE("config_json: texts that are no description are refused") {
  const auto sentence = [](const char* text) {
    return sentence_of([&] { config_from_json(io::parse_json(text, "c.json"), "c.json"); });
  };
  CHECK(
      sentence("{}") ==
      "c.json: model_type is missing; it must be gpt2 or llama (or a directory that ctgpt wrote)");
  CHECK(sentence("[]").find("c.json: the whole text must be an object") == 0);
  CHECK(sentence("{\"ctgpt\": 3}").find("c.json: ctgpt must be an object") == 0);
  CHECK(sentence("{\"ctgpt\": {}}").find("c.json: ctgpt.vocab is missing") == 0);
}

TEST_CASE("config_json: files are read with their path in every sentence") {
  const temporary_directory made;
  const std::string path = made.file("config.json");
  CHECK(sentence_of([&] { read_config(made.path()); }).find(path) != std::string::npos);
  write_file_atomic(path, io::write_json(config_to_json(gpt2, family::gpt2, 50)));
  CHECK(read_config(made.path()) == gpt2);
  CHECK(read_vocab(made.path()) == 50);
  write_file_atomic(path, "{\"vocab_size\": 0}");
  CHECK(sentence_of([&] { read_vocab(made.path()); }).find(path + ": vocab_size must be") == 0);
  write_file_atomic(path, R"({"ctgpt": {}})");  // ours has no usual size
  CHECK(sentence_of([&] { read_vocab(made.path()); }).find(path + ": vocab_size is missing") == 0);
  write_file_atomic(path, "{\"vocab_size\": ");
  CHECK(sentence_of([&] { read_config(made.path()); }).find(path + ": line 1, column") == 0);
}
