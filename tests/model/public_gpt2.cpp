// The directory of the public GPT-2 with 124M parameters: its tensors' names and shapes, written
// out here, are what the library asks for. The numbers are a hole in the file, so nothing is read.
#include <filesystem>
#include <fstream>

#include "base/temporary.hpp"
#include "ctgpt/model/any.hpp"
#include "ctgpt/model/directory.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

struct named_shape {
  std::string name;
  std::vector<std::int64_t> shape;
};

// As safetensors lists them for openai-community/gpt2: without the prefix, with the masks.
std::vector<named_shape> public_tensors() {
  std::vector<named_shape> all = {{"wte.weight", {50257, 768}}, {"wpe.weight", {1024, 768}}};
  for (int layer = 0; layer < 12; ++layer) {
    const std::string h = "h." + std::to_string(layer) + ".";
    for (const named_shape& each : std::vector<named_shape>{{"ln_1.weight", {768}},
                                                            {"ln_1.bias", {768}},
                                                            {"attn.bias", {1, 1, 1024, 1024}},
                                                            {"attn.c_attn.weight", {768, 2304}},
                                                            {"attn.c_attn.bias", {2304}},
                                                            {"attn.c_proj.weight", {768, 768}},
                                                            {"attn.c_proj.bias", {768}},
                                                            {"ln_2.weight", {768}},
                                                            {"ln_2.bias", {768}},
                                                            {"mlp.c_fc.weight", {768, 3072}},
                                                            {"mlp.c_fc.bias", {3072}},
                                                            {"mlp.c_proj.weight", {3072, 768}},
                                                            {"mlp.c_proj.bias", {768}}}) {
      all.push_back({h + each.name, each.shape});
    }
  }
  all.push_back({"ln_f.weight", {768}});
  all.push_back({"ln_f.bias", {768}});
  return all;
}

// A safetensors file whose data are a hole.
void write_hollow(const std::string& path, const std::vector<named_shape>& tensors) {
  std::string header = "{";
  std::uint64_t offset = 0;
  for (const named_shape& each : tensors) {
    std::uint64_t bytes = 4;
    std::string shape;
    for (const std::int64_t size : each.shape) {
      bytes *= static_cast<std::uint64_t>(size);
      shape += (shape.empty() ? "" : ",") + std::to_string(size);
    }
    header += (header.size() > 1 ? "," : "") + ("\"" + each.name) +
              "\":{\"dtype\":\"F32\",\"shape\":[" + shape + "],\"data_offsets\":[" +
              std::to_string(offset) + "," + std::to_string(offset + bytes) + "]}";
    offset += bytes;
  }
  header += "}";
  std::ofstream file(path, std::ios::binary);
  const std::uint64_t size = header.size();
  file.write(reinterpret_cast<const char*>(&size), 8);
  file << header;
  file.close();
  std::filesystem::resize_file(path, 8 + header.size() + offset);
}

// The config.json of openai-community/gpt2, without what generation alone uses.
constexpr const char* public_config = R"({
  "activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.1,
  "bos_token_id": 50256, "embd_pdrop": 0.1, "eos_token_id": 50256, "initializer_range": 0.02,
  "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12,
  "n_layer": 12, "n_positions": 1024, "resid_pdrop": 0.1, "summary_activation": null,
  "summary_first_dropout": 0.1, "summary_proj_to_labels": true, "summary_type": "cls_index",
  "summary_use_proj": true, "vocab_size": 50257
})";

std::string problem_of(const std::vector<named_shape>& tensors) {
  const temporary_directory made;
  write_file_atomic(made.file("config.json"), public_config);
  write_hollow(made.file("model.safetensors"), tensors);
  try {
    const saved_model from = open_directory(made.path());
    CHECK(canonical(from.settings) == canonical(presets::find("gpt2-124m")->model));
    visit_kinds(from.settings, [&](const auto& model) {
      const model_layout layout = make_layout(model);
      CHECK(layout.parameters == 124'439'808);
      detail::check_tensors(from.files, layout, 50257);
    });
  } catch (const error& problem) {
    return problem.what();
  }
  return "";
}

}  // namespace

TEST_CASE("public GPT-2: every tensor has its name and shape") {
  CHECK(public_tensors().size() == 160);
  CHECK(problem_of(public_tensors()) == "");
  std::vector<named_shape> prefixed = public_tensors();
  for (named_shape& each : prefixed) each.name = "transformer." + each.name;
  prefixed.push_back({"lm_head.weight", {50257, 768}});  // as save_pretrained of older versions
  CHECK(problem_of(prefixed) == "");
}

TEST_CASE("public GPT-2: one wrong shape, one tensor less, one more are named") {
  const auto holds = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != text.npos);
  };
  std::vector<named_shape> wrong = public_tensors();
  wrong[5].shape = {2304, 768};
  holds(problem_of(wrong),
        "h.0.attn.c_attn.weight\" has the shape (2304, 768), but this model needs (768, 2304)");
  wrong = public_tensors();
  wrong.erase(wrong.begin() + 1);
  holds(problem_of(wrong), "wpe.weight\" is missing");
  wrong = public_tensors();
  wrong.push_back({"h.12.ln_1.weight", {768}});
  holds(problem_of(wrong), "\"h.12.ln_1.weight\" has no place");
}
