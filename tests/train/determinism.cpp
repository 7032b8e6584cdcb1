// Training gives the same bits on any number of threads, and on AVX2 and AVX-512.
#include "ctgpt/model/any.hpp"
#include "ctgpt/train/trainer.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

// Sequences of more than two attention tiles, no size a multiple of a vector.
constexpr config size{
    .vocab = 83, .context = 140, .layers = 2, .heads = 3, .width = 42, .hidden = 100};
constexpr config with(config c, isize kv_heads, isize window, isize full_every) {
  c.kv_heads = kv_heads;
  c.window = window;
  c.full_every = full_every;
  return c;
}
struct gpt2_model : gpt<gpt2_type(size)> {};
struct llama_model : gpt<with(llama_type(size), 1, 0, 0)> {};
struct chat_model : gpt<with(nanochat_type(size), 3, 70, 2)> {};
struct alibi_model : gpt<alibi_type(size)> {};

struct outcome {
  std::vector<double> losses, norms;
  std::vector<std::byte> weights, moment1, moment2;
  bool operator==(const outcome&) const = default;
};

template <class Model>
outcome trained(const Model& model, const backend& where, precision numbers) {
  network<Model> net(model, where, numbers, 77);
  spread(net);
  trainer run{
      net,
      adamw{.rate = 1e-2f},
      batches(random_ids(1000, 77), {.batch = 3}),
      {.accumulate = 2, .dropout = 0.1f, .rates = {schedule_kind::cosine, 1e-2f, 0.0f, 1, 9}}};
  outcome found;
  run.steps(2, [&](const step_report& report) {
    found.losses.push_back(report.loss);
    found.norms.push_back(report.gradient_norm);
  });
  CHECK(found.losses[0] != found.losses[1]);  // it does learn
  found.losses.push_back(run.evaluate(run.data(), 1, 50));
  found.weights = bits(numbers.needs_master() ? net.master() : net.arena());
  found.moment1 = bits(*run.state().moments()[0].values);
  found.moment2 = bits(*run.state().moments()[1].values);
  return found;
}

// The same config as a type whose sizes are constants and as one whose sizes are values.
template <class Model>
void check_run_time_sizes() {
  const backend where = cpu{isa::best, 1};
  for (const precision numbers : {f32_precision, bf16_precision}) {
    const outcome compiled = trained(Model{}, where, numbers);
    bool visited = false;
    visit_kinds(Model::settings, [&](const auto& model) {
      using other = std::remove_cvref_t<decltype(model)>;
      static_assert(!std::is_same_v<other, Model> && !std::is_empty_v<other>);
      CHECK(trained(model, where, numbers) == compiled);
      visited = true;
    });
    CHECK(visited);
  }
}

template <class Model>
void check_bits() {
  for (const isa target : {isa::baseline, isa::sse4, isa::avx2, isa::avx512}) {
    for (const precision numbers : {f32_precision, bf16_precision}) {
      std::vector<outcome> found;
      for (const named_backend& each : cpus({target}, {1, 2})) {
        CAPTURE(each.name);
        found.push_back(trained(Model{}, each.where, numbers));
        CHECK(found.back() == found.front());
      }
    }
  }
  std::vector<outcome> fused;
  for (const named_backend& each : cpus({isa::avx2, isa::avx512}, {1, 2, 3})) {
    CAPTURE(each.name);
    fused.push_back(trained(Model{}, each.where, f32_precision));
    CHECK(fused.back() == fused.front());
  }
}

}  // namespace

TEST_CASE("determinism: a GPT-2-type model") { check_bits<gpt2_model>(); }
TEST_CASE("determinism: a Llama-type model with grouped heads") { check_bits<llama_model>(); }
TEST_CASE("determinism: a nanochat-type model with a window") { check_bits<chat_model>(); }
TEST_CASE("determinism: a model with alibi") { check_bits<alibi_model>(); }

TEST_CASE("determinism: sizes known at run time train the same bits as compiled ones") {
  check_run_time_sizes<gpt2_model>();
  check_run_time_sizes<llama_model>();
  check_run_time_sizes<chat_model>();
}
