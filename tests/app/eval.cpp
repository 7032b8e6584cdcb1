// ctgpt eval: the loss it prints is the loss computed here from the logits, window by window.
#include <cmath>

#include "app/runs.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/model/directory.hpp"
#include "ctgpt/model/presets.hpp"
#include "ctgpt/model/workspace.hpp"

using namespace ctgpt_test;

namespace {

constexpr const ctgpt::preset& quickstart = *ctgpt::presets::find("quickstart");
struct model : ctgpt::gpt<quickstart.model> {};

// -log softmax(logits)[target], in double.
double loss_at(const float* logits, std::ptrdiff_t vocab, std::int32_t target) {
  double largest = -1e300, sum = 0.0;
  for (std::ptrdiff_t i = 0; i < vocab; ++i) {
    largest = std::fmax(largest, static_cast<double>(logits[i]));
  }
  for (std::ptrdiff_t i = 0; i < vocab; ++i) {
    sum += std::exp(static_cast<double>(logits[i]) - largest);
  }
  return largest + std::log(sum) - static_cast<double>(logits[target]);
}

// Every token but the first, in the first window that holds it as a target.
double loss_of(const std::string& directory, const std::string& text, std::ptrdiff_t stride) {
  constexpr std::ptrdiff_t context = quickstart.model.context;
  const auto tokens = ctgpt::text::tokenizer::load(directory + "/tokenizer.json");
  const auto net = ctgpt::load_model<model>(ctgpt::cpu{ctgpt::isa::best, 1}, directory);
  const std::vector<std::int32_t> ids = tokens.encode(text);
  const auto count = static_cast<std::ptrdiff_t>(ids.size());
  std::vector<bool> scored(ids.size(), false);
  double total = 0.0;
  for (std::ptrdiff_t begin = 0; begin < count - 1; begin += stride) {
    const std::ptrdiff_t size = std::min(context, count - 1 - begin);
    ctgpt::workspace work(net, 1, size, false);
    std::vector<std::int32_t> window(ids.begin() + begin, ids.begin() + begin + size);
    window.resize(static_cast<std::size_t>(2 * size), -1);
    work.upload(window);
    const std::vector<float> logits = work.logits(0, size);
    for (std::ptrdiff_t i = 0; i < size; ++i) {
      const auto target = static_cast<std::size_t>(begin + i + 1);
      if (scored[target]) continue;
      scored[target] = true;
      total += loss_at(logits.data() + i * net.vocab(), net.vocab(), ids[target]);
    }
  }
  return total / static_cast<double>(count - 1);
}

}  // namespace

TEST_CASE("eval: loss, perplexity and bits per byte equal an independent computation") {
  const playground here;
  const std::string run = here.trained("run", {"--steps", "40"});
  const std::string text = contents(here.data()).substr(50000, 700);
  ctgpt::write_file_atomic(here.file("held.txt"), text);
  for (const std::ptrdiff_t stride : {256, 100, 37}) {
    words flags{"eval", "--model", run, "--data", here.file("held.txt"), "--json"};
    if (stride != 256) flags = flags + words{"--stride", std::to_string(stride)};
    const std::string out = output_of(flags);
    CHECK(lines_of(out).size() == 1);
    const ctgpt::io::json json = parsed(out);
    const words keys{"loss", "perplexity", "bits_per_byte", "tokens", "bytes", "context", "stride"};
    CHECK(keys_of(json) == keys);
    const double loss = number(json, "loss");
    CHECK(loss == doctest::Approx(loss_of(run + "/best", text, stride)).epsilon(1e-6));
    CHECK(number(json, "perplexity") == doctest::Approx(std::exp(loss)));
    CHECK(number(json, "tokens") == 699);
    CHECK(number(json, "bytes") == 699);
    CHECK(number(json, "bits_per_byte") == doctest::Approx(loss * 699.0 / (std::log(2.0) * 699.0)));
    CHECK(number(json, "context") == 256);
    CHECK(number(json, "stride") == static_cast<double>(stride));
  }
}

TEST_CASE("eval: bytes are those of the characters that were scored") {
  const playground here;
  std::string text;
  for (int i = 0; i < 1500; ++i)
    text +=
        "\xE2\x82\xAC"
        "a\xC3\xA9";  // 3 + 1 + 2 bytes
  ctgpt::write_file_atomic(here.data(), text);
  const std::string run = here.trained("run", {"--steps", "4"});
  ctgpt::write_file_atomic(here.file("held.txt"), text.substr(0, 60));
  const ctgpt::io::json json =
      parsed(output_of({"eval", "-m", run, "--data", here.file("held.txt"), "--json"}));
  CHECK(number(json, "tokens") == 29);
  CHECK(number(json, "bytes") == 57);  // all but those of the first character
  CHECK(number(json, "bits_per_byte") ==
        doctest::Approx(number(json, "loss") * 29.0 / (std::log(2.0) * 57.0)));
}

TEST_CASE("eval: without --json it says the same, with the protocol") {
  const playground here;
  const std::string run = here.trained("run");
  const std::string out = output_of({"eval", "-m", run, "--data", here.data()});
  for (const char* part : {"nats a token", "perplexity", "bits per byte", "59,999 tokens",
                           "windows of 256 tokens, 256 apart", "tokenizer char"}) {
    CHECK_MESSAGE(contains(out, part), std::string(part));
  }
  // Backends agree.
  const auto loss = [&](const words& more) {
    return number(parsed(output_of(
                      words{"eval", "-m", run, "--data", here.file("short.txt"), "--json"} + more)),
                  "loss");
  };
  ctgpt::write_file_atomic(here.file("short.txt"), contents(here.data()).substr(0, 100));
  const double cpu = loss({});
  CHECK(loss({"--backend", "eigen"}) == doctest::Approx(cpu).epsilon(1e-5));
  CHECK(loss({"--backend", "reference"}) == doctest::Approx(cpu).epsilon(1e-5));
  CHECK(loss({"--precision", "bf16"}) == doctest::Approx(cpu).epsilon(1e-2));
}

TEST_CASE("eval: --world-questions prints every kind's score beside baseline and untrained model") {
  const playground here;
  const std::string run = here.trained("run", {"--steps", "4"});
  const words flags{"eval", "-m", run, "--world-questions", "1", "-t", "1"};
  const ctgpt::io::json list = parsed(output_of(flags + words{"--json"}));
  const auto* kinds = list.get_if<ctgpt::io::json_array>();
  REQUIRE(kinds != nullptr);
  CHECK(kinds->size() == 4);
  double asked = 0.0, in_forms = 0.0;
  const std::string table = output_of(flags);
  for (const ctgpt::io::json& kind : *kinds) {
    const words keys{"kind", "asked", "exact_match", "baseline", "untrained", "forms"};
    CHECK(keys_of(kind) == keys);
    asked += number(kind, "asked");
    for (const ctgpt::io::json& form : *kind.find("forms")->get_if<ctgpt::io::json_array>()) {
      CHECK(keys_of(form) == words{"form", "asked", "exact_match"});
      CHECK(contains(table, text_of(form, "form")));
      in_forms += number(form, "asked");
    }
    for (const char* key : {"exact_match", "baseline", "untrained"}) {
      CHECK(number(kind, key) >= 0.0);
      CHECK(number(kind, key) <= 1.0);
    }
    CHECK(contains(table, text_of(kind, "kind")));
  }
  CHECK(output_of(flags + words{"--out", here.file("scores.json")}) == table);
  CHECK(contents(here.file("scores.json")) == ctgpt::io::write_json(list) + "\n");
  CHECK(asked >= 500);
  CHECK(in_forms == 256);  // of stated facts and sums
  CHECK(contains(table, "exact match"));
}

TEST_CASE("eval: wrong usage and texts that cannot be scored are one sentence") {
  const playground here;
  const std::string run = here.trained("run");
  const words eval{"eval", "--model", run};
  CHECK(contains(sentence(result_of(eval), 2), "--data FILE or --world-questions"));
  CHECK(contains(sentence(result_of({"eval", "--data", here.data()}), 2), "--model DIR"));
  const words both = eval + words{"--data", here.data(), "--world-questions", "1"};
  CHECK(contains(sentence(result_of(both), 2), "--data FILE or --world-questions"));
  const words wide = eval + words{"--data", here.data(), "--stride", "257"};
  CHECK(contains(sentence(result_of(wide), 2), "--stride 257 is longer"));
  const auto said = [&](const std::string& text) {
    ctgpt::write_file_atomic(here.file("text.txt"), text);
    return sentence(result_of(eval + words{"--data", here.file("text.txt")}), 1);
  };
  CHECK(contains(said(""), "is empty"));
  CHECK(contains(said("A"), "at least 2 are needed"));
  CHECK(contains(said("A\xC3\x87"), "does not know the character"));
  CHECK(contains(said("A\xFF"), "not UTF-8"));
  CHECK(contains(sentence(result_of(eval + words{"--data", here.path()}), 1), "Is a directory"));
}
