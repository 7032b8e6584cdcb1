// A model with more rows of vocabulary than its tokenizer has tokens, as other programs pad them:
// every row counts in the loss and stays through training, none beyond the tokenizer's is sampled.
#include "app/runs.hpp"
#include "ctgpt/base/random.hpp"
#include "ctgpt/io/safetensors_writer.hpp"
#include "ctgpt/text/tokenizer.hpp"
#include "io/python.hpp"

using namespace ctgpt_test;

namespace {

std::string changed(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE_MESSAGE(at != text.npos, from);
  return text.replace(at, from.size(), to);
}

// A golden model of 256 rows, with a tokenizer; and the same with `rows`, the new ones drawn from
// value(row, column, old values).
class padded {
 public:
  template <class Value>
  padded(const std::string& golden_name, int rows, Value value) {
    const std::string original = golden("hugging_face/" + golden_name);
    std::filesystem::copy(original, plain());
    ctgpt::text::tokenizer(ctgpt::text::bytes{}).save(plain() + "/tokenizer.json");
    std::filesystem::copy(plain(), path());
    ctgpt::write_file_atomic(path() + "/config.json",
                             changed(contents(path() + "/config.json"), "\"vocab_size\": 256",
                                     "\"vocab_size\": " + std::to_string(rows)));
    const auto file = ctgpt::io::safetensors::open(plain() + "/model.safetensors");
    std::vector<ctgpt::io::tensor_source> sources;
    std::vector<std::vector<float>> grown;
    grown.reserve(2);  // the sources look into them
    for (const auto& info : file.tensors()) {
      sources.push_back({info.name, info.type, info.shape, file.bytes(info), {}});
      if (info.shape[0] != 256) continue;
      const auto width = static_cast<int>(info.shape[1]);
      std::vector<float>& all = grown.emplace_back(static_cast<std::size_t>(rows * width));
      std::memcpy(all.data(), file.bytes(info).data(), file.bytes(info).size());
      for (int i = 256 * width; i < rows * width; ++i) {
        all[static_cast<std::size_t>(i)] = value(i / width, i % width, all);
      }
      sources.back().shape[0] = rows;
      sources.back().bytes = std::as_bytes(std::span(all));
    }
    REQUIRE(!grown.empty());
    ctgpt::io::write_safetensors(path() + "/model.safetensors", sources);
  }

  std::string plain() const { return made_.file("plain"); }
  std::string path() const { return made_.file("padded"); }

 private:
  temporary_directory made_;
};

// Every row a second time: twice the sum of exponentials, so ln 2 more loss.
padded doubled(const std::string& name) {
  return padded(name, 512, [](int row, int column, const std::vector<float>& all) {
    const std::size_t width = all.size() / 512;
    return all[static_cast<std::size_t>(row - 256) * width + static_cast<std::size_t>(column)];
  });
}
padded with_random_rows(const std::string& name) {
  ctgpt::random_stream random(3);
  return padded(name, 320, [&](int, int, const std::vector<float>&) {
    return static_cast<float>(0.5 * random.normal());
  });
}

double loss_of(const std::string& model, const std::string& text) {
  return number(parsed(output_of({"eval", "-m", model, "--data", text, "-t", "1", "--json"})),
                "loss");
}

std::vector<ctgpt::isize> shape_in(const std::string& directory, const char* tensor) {
  const auto file = ctgpt::io::safetensors::open(directory + "/model.safetensors");
  const auto* info = file.find(tensor);
  REQUIRE(info != nullptr);
  return info->shape;
}

}  // namespace

TEST_CASE("padded vocabulary: every row of the file counts in the loss") {
  const playground here(20000);
  for (const char* name : {"gpt2-tanh", "llama-grouped", "llama-tied"}) {
    CAPTURE(name);
    const padded model = doubled(name);
    const double plain = loss_of(model.plain(), here.data());
    CHECK(loss_of(model.path(), here.data()) ==
          doctest::Approx(plain + std::log(2.0)).epsilon(1e-6));
  }
}

TEST_CASE("padded vocabulary: transformers computes the same loss" * doctest::timeout(120)) {
  if (!python_has("transformers") || !python_has("torch")) return;
  const playground here(20000);
  const std::string text = here.file("text");
  ctgpt::write_file_atomic(text, contents(here.data()).substr(0, 2000));
  for (const char* name : {"gpt2-tanh", "llama-grouped"}) {
    CAPTURE(name);
    const padded model = with_random_rows(name);
    const auto printed = python(quoted_for_shell(golden("make_hugging_face.py")) + " --loss " +
                                quoted_for_shell(model.path()) + " " + quoted_for_shell(text));
    REQUIRE(printed.has_value());
    CHECK(loss_of(model.path(), text) ==
          doctest::Approx(number(parsed(*printed), "loss")).epsilon(1e-5));
  }
}

TEST_CASE("padded vocabulary: sample and chat draw from the tokenizer's tokens alone") {
  const words hot{"-n", "300", "--temperature", "3", "--top-k", "0", "-t", "1"};
  for (const char* name : {"gpt2-tanh", "llama-grouped"}) {
    CAPTURE(name);
    const padded model = doubled(name);
    const words how = words{"-p", "Once"} + hot;
    const std::string text = output_of(words{"sample", "-m", model.path()} + how);
    CHECK(text.size() > 100);
    CHECK(text == output_of(words{"sample", "-m", model.plain()} + how));
    const run_options lines{.input = "Once\n"};
    CHECK(output_of(words{"chat", "-m", model.path()} + hot, lines) ==
          output_of(words{"chat", "-m", model.plain()} + hot, lines));
  }
}

TEST_CASE("padded vocabulary: training from it keeps its rows, and so does going on") {
  const playground here(20000);
  const padded model = with_random_rows("gpt2-tanh");
  const std::string run = here.file("run");
  const words flags{"--init-from", model.path(), "--context", "24", "--lr",    "1e-3",
                    "--data",      here.data(),  "--batch",   "4",  "--steps", "2",
                    "--threads",   "1",          "--out",     run};
  output_of(words{"train"} + flags);
  const auto check = [&](const std::string& path) {
    CHECK(number(ctgpt::io::read_json(path + "/config.json"), "vocab_size") == 320);
    CHECK(shape_in(path, "transformer.wte.weight") == std::vector<ctgpt::isize>{320, 24});
    CHECK(loss_of(path, here.data()) < loss_of(model.path(), here.data()));
  };
  check(run + "/last");
  CHECK(number(ctgpt::io::read_json(run + "/run.json"), "vocab") == 320);
  output_of(resume(run, {"--steps", "4"}));
  CHECK(link_of(run + "/last") == "step-4");
  check(run + "/last");
  const auto facts = [](const std::string& path) {
    return number(parsed(output_of({"describe", "-m", path, "--json"})), "parameters");
  };
  CHECK(facts(run + "/last") == facts(model.path()));
  CHECK(facts(model.path()) == facts(model.plain()) + 64 * 24);
}

TEST_CASE("padded vocabulary: a tokenizer with more tokens than rows is refused") {
  const playground here(20000);
  const padded model = with_random_rows("gpt2-tanh");
  std::string letters;
  for (char32_t letter = 0x4E00; letter < 0x4E00 + 321; ++letter) {
    ctgpt::utf8_append(letters, letter);
  }
  ctgpt::text::tokenizer(ctgpt::text::characters::of(letters, "the test"))
      .save(model.path() + "/tokenizer.json");
  const std::string expected =
      model.path() + "/tokenizer.json has 321 tokens, but config.json says 320";
  const std::string text = here.file("text");
  ctgpt::write_file_atomic(text, letters);
  CHECK(sentence(result_of({"eval", "-m", model.path(), "--data", text}), 1) == expected);
  CHECK(sentence(result_of({"train", "--init-from", model.path(), "--data", text, "--out",
                            here.file("run")}),
                 1) == expected);
}
