// What the program trained, in transformers itself where Python has it, and back again.
#include "app/talks.hpp"
#include "ctgpt/align/chat_template.hpp"
#include "ctgpt/ctgpt.hpp"
#include "ctgpt/model/any.hpp"
#include "ctgpt/model/directory.hpp"
#include "ctgpt/text/tokenizer.hpp"
#include "io/python.hpp"

using namespace ctgpt_test;

namespace {

std::string script(const std::string& arguments) {
  const auto printed = python(quoted_for_shell(golden("make_hugging_face.py")) + " " + arguments);
  REQUIRE(printed.has_value());
  return *printed;
}

// ctgpt's loss over a text.
double loss_here(const std::string& model, const std::string& text) {
  return number(parsed(output_of({"eval", "-m", model, "--data", text, "-t", "1", "--json"})),
                "loss");
}
// That of transformers, from the same directory as it is; and the class that opened it. The ids
// of AutoTokenizer are those of the tokenizer here.
std::pair<double, std::string> loss_there(const std::string& model, const std::string& text) {
  const ctgpt::io::json result =
      parsed(script("--loss " + quoted_for_shell(model) + " " + quoted_for_shell(text)));
  const auto ids = ctgpt::text::tokenizer::load(model + "/tokenizer.json").encode(contents(text));
  const ctgpt::io::json_field there(result, "what transformers says");
  CHECK(there["tokens"].integer() == static_cast<std::int64_t>(ids.size()));
  REQUIRE(there["ids"].size() == std::min<std::size_t>(ids.size(), 200));
  for (std::size_t i = 0; i < there["ids"].size(); ++i) {
    REQUIRE(there["ids"][i].integer() == ids[i]);
  }
  return {number(result, "loss"), text_of(result, "class")};
}
std::string resaved(const playground& here, const std::string& model, const std::string& how) {
  const std::string out = here.file("resaved-" + how);
  script("--resave " + quoted_for_shell(model) + " " + quoted_for_shell(out) + " " + how);
  return out;
}

}  // namespace

TEST_CASE("interchange: transformers opens a trained directory as it is, with equal ids and loss" *
          doctest::timeout(240)) {
  if (!python_has("transformers") || !python_has("torch")) return;
  const playground here(30000);
  const std::string text = here.file("text");
  ctgpt::write_file_atomic(text, contents(here.data()).substr(0, 2000));
  const struct {
    const char *preset, *tokenizer, *class_name;
  } kinds[] = {{"shakespeare-char-cpu", "char", "GPT2LMHeadModel"},
               {"shakespeare-char-cpu", "bytes", "GPT2LMHeadModel"},
               {"llama-small", "bytes", "LlamaForCausalLM"}};
  for (const auto& kind : kinds) {
    CAPTURE(kind.preset);
    CAPTURE(kind.tokenizer);
    const std::string run =
        here.trained(std::string(kind.preset) + kind.tokenizer,
                     {"--preset", kind.preset, "--tokenizer", kind.tokenizer, "--steps", "3"});
    const auto [loss, name] = loss_there(run + "/last", text);
    CHECK(name == kind.class_name);
    CHECK(loss == doctest::Approx(loss_here(run + "/last", text)).epsilon(1e-5));
  }
}

// Tanh GELU and exact, with biases; grouped heads with a free head and a base of 500,000; tied.
TEST_CASE("interchange: what the library saves has the same loss in transformers" *
          doctest::timeout(240)) {
  if (!python_has("transformers") || !python_has("torch")) return;
  const playground here(30000);
  const std::string text = here.file("text");
  ctgpt::write_file_atomic(text, contents(here.data()).substr(0, 500));
  for (const char* name : {"gpt2-tanh", "gpt2-exact", "llama-grouped", "llama-tied"}) {
    CAPTURE(name);
    const std::string saved = here.file(name);
    std::filesystem::create_directory(saved);
    const ctgpt::saved_model from =
        ctgpt::open_directory(golden(std::string("hugging_face/") + name));
    ctgpt::visit_kinds(from.settings, [&](const auto& model) {
      const auto net = ctgpt::load_model(model, ctgpt::cpu{}, from, ctgpt::f32_precision);
      ctgpt::save_model(net, ctgpt::text::bytes{}, saved);
    });
    const double loss = loss_there(saved, text).first;
    CHECK(loss == doctest::Approx(loss_here(saved, text)).epsilon(1e-5));
  }
}

TEST_CASE("interchange: what transformers saves again is evaluated to the loss it has there" *
          doctest::timeout(240)) {
  if (!python_has("transformers") || !python_has("torch")) return;
  const playground here(30000);
  const std::string text = here.file("text");
  ctgpt::write_file_atomic(text, contents(here.data()).substr(0, 2000));
  const std::string run =
      here.trained("run", {"--preset", "shakespeare-char-cpu", "--steps", "3"}) + "/last";
  const double before = loss_here(run, text);
  for (const char* how : {"plain", "shards", "half", "bfloat16", "biases"}) {
    CAPTURE(how);
    const std::string again = resaved(here, run, how);
    const double here_now = loss_here(again, text), there = loss_there(again, text).first;
    CHECK(here_now == doctest::Approx(there).epsilon(1e-5));
    const bool same = std::string_view(how) == "plain" || std::string_view(how) == "shards";
    if (same) CHECK(here_now == before);
    if (std::string_view(how) == "biases") CHECK(std::fabs(here_now / before - 1.0) > 1e-3);
  }
  CHECK(ctgpt::is_file(here.file("resaved-shards/model.safetensors.index.json")));
  // Biases that are not zero make it a model with biases, of the same size otherwise.
  const auto facts = [&](const std::string& model) {
    return number(parsed(output_of({"describe", "-m", model, "--json"})), "parameters");
  };
  CHECK(facts(here.file("resaved-plain")) == facts(run));
  CHECK(facts(here.file("resaved-biases")) ==
        facts(run) + 4 * (2 * 128 + 384 + 128 + 512 + 128) + 128);
}

TEST_CASE("interchange: a vocabulary that transformers made larger goes there and back" *
          doctest::timeout(240)) {
  if (!python_has("transformers") || !python_has("torch")) return;
  const playground here(30000);
  const std::string text = here.file("text");
  ctgpt::write_file_atomic(text, contents(here.data()).substr(0, 2000));
  for (const char* preset : {"shakespeare-char-cpu", "llama-small"}) {
    CAPTURE(preset);
    const std::string name = preset;
    const std::string run = here.trained(name, {"--preset", preset, "--steps", "3"}) + "/last";
    const double rows = number(ctgpt::io::read_json(run + "/config.json"), "vocab_size");
    const std::string larger = here.file(name + "-larger");
    script("--resave " + quoted_for_shell(run) + " " + quoted_for_shell(larger) + " padded");
    CHECK(loss_here(larger, text) == doctest::Approx(loss_there(larger, text).first).epsilon(1e-5));
    CHECK(loss_here(larger, text) > loss_here(run, text));
    const std::string again = here.file(name + "-again");
    output_of({"train", "--init-from", larger, "--data", here.data(), "--steps", "2", "--batch",
               "2", "--context", "32", "--threads", "1", "--out", again});
    CHECK(number(ctgpt::io::read_json(again + "/last/config.json"), "vocab_size") == rows + 64);
    CHECK(loss_here(again + "/last", text) ==
          doctest::Approx(loss_there(again + "/last", text).first).epsilon(1e-5));
  }
}

TEST_CASE("interchange: a directory of no preset's size is evaluated, sampled and described") {
  const std::string tiny = golden("hugging_face/llama-grouped");
  const temporary_directory made;
  const std::string model = made.file("model");
  std::filesystem::copy(tiny, model);
  const playground here(20000);
  const std::string bytes = here.trained("run", {"--tokenizer", "bytes", "--steps", "1"});
  std::filesystem::copy(bytes + "/last/tokenizer.json", model + "/tokenizer.json");
  CHECK(loss_here(model, here.data()) > 0.0);
  CHECK(output_of({"sample", "-m", model, "-p", "Q", "-n", "5", "-t", "1"}).starts_with("Q"));
  const ctgpt::io::json facts = parsed(output_of({"describe", "-m", model, "--json"}));
  CHECK(text_of(facts, "name") == "no preset");
  // 256 x 24 twice, the final norm, and two layers of norms, qkv, projection, gate, up and down.
  CHECK(number(facts, "parameters") ==
        2 * 256 * 24 + 24 + 2 * (2 * 24 + 48 * 24 + 24 * 24 + 3 * 40 * 24));
}

TEST_CASE("interchange: transformers opens a chat model: equal ids, masks, loss and ends" *
          doctest::timeout(240)) {
  if (!python_has("transformers") || !python_has("torch") || !python_has("jinja2")) return;
  const talk_ground here(60);
  // Conversations with what templates and tokenizers stumble over, no special token's name.
  ctgpt::io::json talks = ctgpt::io::read_json(golden("align/talks.json"));
  ctgpt::io::json list = ctgpt::io::json::array();
  const ctgpt::io::json_field all(talks, "talks.json");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i != 2) list.push(*all[i].value());
  }
  const std::string path = here.file("validation.json");
  ctgpt::write_file_atomic(path, ctgpt::io::write_json(list));
  const struct {
    const char *preset, *chat, *class_name;
  } kinds[] = {{"shakespeare-char", "chatml", "GPT2LMHeadModel"},
               {"llama-small", "nanochat", "LlamaForCausalLM"}};
  for (const auto& kind : kinds) {
    CAPTURE(kind.preset);
    const std::string name = kind.preset;
    const std::string base = here.trained(
        name, {"--preset", name, "--tokenizer", "bytes", "--steps", "1", "--context", "64"});
    const std::string run = here.tuned(
        name + "-chat", {"--model", base, "--template", kind.chat, "--steps", "3", "--eval-every",
                         "3", "--batch", "2", "--context", "192", "--val-data", path});
    const std::string model = run + "/last";
    const ctgpt::io::json result = parsed([&] {
      const auto printed = python(quoted_for_shell(golden("make_chat.py")) + " --check " +
                                  quoted_for_shell(model) + " " + quoted_for_shell(path));
      REQUIRE(printed.has_value());
      return *printed;
    }());
    const ctgpt::io::json_field there(result, "what transformers says");
    CHECK(there["class"].string() == kind.class_name);
    const auto tokens = ctgpt::text::tokenizer::load(model);
    const auto chat = ctgpt::align::find_chat_template(model);
    REQUIRE(chat.has_value());
    CHECK(chat->name() == kind.chat);
    const std::vector<std::int32_t> ends = chat->ends(tokens);
    REQUIRE(there["ends"].size() == ends.size());
    for (std::size_t i = 0; i < ends.size(); ++i) CHECK(there["ends"][i].integer() == ends[i]);
    const ctgpt::io::json_field said(list, path);
    REQUIRE(there["talks"].size() == said.size());
    for (std::size_t i = 0; i < said.size(); ++i) {
      ctgpt::align::conversation talk;
      for (std::size_t j = 0; j < said[i].size(); ++j) {
        talk.push_back({said[i][j]["role"].string(), said[i][j]["content"].string()});
      }
      const auto made = chat->encode(tokens, talk);
      const ctgpt::io::json_field one = there["talks"][i];
      REQUIRE(one["ids"].size() == made.ids.size());
      for (std::size_t t = 0; t < made.ids.size(); ++t) {
        REQUIRE(one["ids"][t].integer() == made.ids[t]);
        REQUIRE(one["mask"][t].integer() == made.mask[t]);
      }
    }
    // The validation loss of the run is that of transformers over the same conversations.
    const std::vector<double> losses = validations(run);
    REQUIRE(losses.size() == 1);
    CHECK(losses[0] == doctest::Approx(number(result, "mean")).epsilon(1e-5));
  }
}
