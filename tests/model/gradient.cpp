// The gradient of whole models, through the fused loss, against the complex step.
#include "layer/layers.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config tiny{.vocab = 9, .context = 5, .layers = 3, .heads = 2, .width = 8, .hidden = 12};
constexpr config with(config c, isize kv_heads, isize window, isize full_every) {
  c.kv_heads = kv_heads;
  c.window = window;
  c.full_every = full_every;
  return c;
}
struct gpt2_model : gpt<gpt2_type(tiny)> {};
struct llama_model : gpt<with(llama_type(tiny), 1, 0, 0)> {};
struct nanochat_model : gpt<with(nanochat_type(tiny), 0, 2, 2)> {};
struct alibi_model : gpt<alibi_type(tiny)> {};
struct sinusoidal_model : gpt<sinusoidal_type(tiny)> {};

constexpr gradient_options plain{.batch = 2, .time = 4};
constexpr gradient_options dropping{.batch = 2, .time = 5, .dropout = 0.2f, .seed = 3};

template <class Model>
void check_model(const gradient_options& options, isize vocab = 0) {
  const gradient_report report = check_model_gradient<Model>(options, vocab);
  CHECK(report.entries.size() == static_cast<std::size_t>(Model::slot_count));
  check_report(report);
}

}  // namespace

TEST_CASE("gradient: a GPT-2-type model") {
  check_model<gpt2_model>(plain);
  check_model<gpt2_model>(dropping);
}

TEST_CASE("gradient: a Llama-type model with grouped heads") {
  check_model<llama_model>(plain);
  check_model<llama_model>(dropping);
}

TEST_CASE("gradient: a nanochat-type model with a window, query-key norm and soft cap") {
  check_model<nanochat_model>(plain);
  check_model<nanochat_model>(dropping);
}

TEST_CASE("gradient: models with alibi and with sinusoidal positions") {
  check_model<alibi_model>(plain);
  check_model<alibi_model>(dropping);
  check_model<sinusoidal_model>(plain);
  check_model<sinusoidal_model>(dropping);
}

TEST_CASE("gradient: a vocabulary in use that is smaller than the model's") {
  check_model<gpt2_model>(plain, 6);
  check_model<llama_model>(dropping, 6);

  network<llama_model> net = spread_network<llama_model>(reference<double>{}, 6);
  workspace work(net, 1, 5, true);
  gradients found(net);
  work.upload(random_ids(10, 6));
  work.set_scale(1.0);
  work.accumulate(found);
  for (const int vocabulary : {0, llama_model::head_slot}) {
    const std::vector<double> values = net.read_arena<double>(found.arena(), vocabulary);
    for (std::size_t i = 6 * 8; i < values.size(); ++i) CHECK(values[i] == 0.0);
  }
}
