// describe: the facts of a model as numbers and as a table.
#include "ctgpt/model/describe.hpp"

#include <sstream>

#include "ctgpt/model/presets.hpp"
#include "ctgpt/train/adamw.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

struct gpt2_small : gpt<presets::find("gpt2-124m")->model> {};
struct char_model : gpt<presets::find("shakespeare-char-cpu")->model> {};
struct gpt3 : gpt<presets::find("gpt3-175b")->model> {};

constexpr config size{.vocab = 40, .context = 8, .layers = 2, .heads = 2, .width = 8};
struct tied : gpt<gpt2_type(size)> {};
struct untied : gpt<llama_type(size)> {};

}  // namespace

TEST_CASE("describe: parameters and work are those of the formulas") {
  const model_facts large = facts_of<gpt2_small>(4, 1024, 50257, f32_precision);
  CHECK(large.parameters == 124'439'808);
  CHECK(large.parameter_bytes == 4 * 124'439'808);
  // 6 (12 * 12 * 768^2 + 50257 * 768) + 6 * 12 * 768 * 1024
  CHECK(large.flops_per_token == 6.0 * 123'532'032 + 6.0 * 9'437'184);
  // With the 65 characters of the text in use: 6 * 794,752 + 6 * 4 * 128 * 64.
  CHECK(facts_of<char_model>(12, 64, 65, f32_precision).flops_per_token ==
        6.0 * 794'752 + 6.0 * 32'768);
  CHECK(facts_of<gpt2_small>(1, 8, 50257, bf16_precision).parameter_bytes == 2 * 124'439'808);
}

TEST_CASE("describe: rows of the vocabulary out of use do not count") {
  CHECK(facts_of<tied>(1, 8, 30, f32_precision).parameters == tied::parameter_count - 10 * 8);
  CHECK(facts_of<untied>(1, 8, 30, f32_precision).parameters ==
        untied::parameter_count - 2 * 10 * 8);
  CHECK(facts_of<untied>(1, 8, 40, f32_precision).parameters == untied::parameter_count);
}

TEST_CASE("describe: training bytes are what a training run allocates") {
  for (const precision numbers : {f32_precision, bf16_precision}) {
    const backend where = counted_memory::around(cpu{isa::best, 1});
    counted_memory::bytes = 0;
    const network<untied> net(where, numbers, 30);
    const workspace work(net, 3, 8, true);
    const gradients into(net);
    const adamw_state state(net);
    const double told = facts_of<untied>(3, 8, 30, numbers).training_bytes;
    // Tables of positions and a few numbers come on top.
    CHECK(static_cast<double>(counted_memory::bytes) >= told);
    CHECK(static_cast<double>(counted_memory::bytes) < told + 1024.0);
  }
}

TEST_CASE("describe: a model too large to be run can be described") {
  const model_facts facts = facts_of<gpt3>(1600, 2048, 50257, f32_precision);
  CHECK(facts.parameters == gpt3::parameter_count);
  CHECK(facts.training_bytes > 1e12);
  CHECK(facts.flops_per_token == doctest::Approx(6.0 * 175e9).epsilon(0.05));
  CHECK(describe<gpt3>().find("174604259328") != std::string::npos);
}

TEST_CASE("describe: the table's elements add up to its total, in one column") {
  for (const std::string& text :
       {describe<tied>(), describe<untied>(3, 8), describe<gpt2_small>()}) {
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    const std::size_t column = line.size();
    double sum = 0.0;
    while (std::getline(lines, line) && line.find("  total ") != 0) {
      CHECK(line.size() == column);
      sum += std::stod(line.substr(line.rfind(' ')));
    }
    CHECK(line.size() == column);
    CHECK(std::stod(line.substr(line.rfind(' '))) == sum);
  }
  CHECK(describe<gpt2_small>().find("12 x (2304, 768)") != std::string::npos);
  CHECK(describe<tied>().find("block.*.attention.heads.qkv.weight") != std::string::npos);
}
