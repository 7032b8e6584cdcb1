// lora: gradients against the complex step, merged against unmerged, the files, and Hugging Face's
// PEFT in both directions.
#include "ctgpt/model/lora.hpp"

#include <cmath>
#include <complex>
#include <filesystem>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/model/any.hpp"
#include "ctgpt/model/decoder.hpp"
#include "io/python.hpp"
#include "layer/layers.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config tiny{.vocab = 19, .context = 16, .layers = 2, .heads = 2, .width = 8};
struct gpt2_model : gpt<gpt2_type(tiny)> {};
struct llama_model : gpt<[] {
  config c = llama_type(tiny);
  c.kv_heads = 1;
  return c;
}()> {};
struct own_model : gpt<nanochat_type(tiny)> {};

// Adapters begin without effect; these do not.
void draw(lora& other, double scale = 0.3) {
  for (int i = 0; i < other.layout().count(); ++i) {
    random_stream random(8, static_cast<std::uint64_t>(i));
    other.write(
        i, [&](isize) { return static_cast<double>(static_cast<float>(scale * random.normal())); });
  }
}

std::vector<float> logits_of(const any_network& net, isize batch = 1, isize time = 16) {
  workspace work(net, batch, time, false);
  ids both(static_cast<std::size_t>(2 * batch * time));
  for (std::size_t i = 0; i < both.size(); ++i) both[i] = static_cast<std::int32_t>(i * 7 % 19);
  work.upload(both);
  return work.logits(0, batch * time);
}
double apart(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return most;
}

// Analytic gradients of every adapter weight against the complex step, through the fused loss.
template <class Model>
void check_gradients(const std::string& targets) {
  using complex = std::complex<double>;
  network<Model> real = spread_network<Model>(reference<double>{});
  network<Model> step(reference<complex>{}, {element::complex128, element::complex128});
  spread(step);
  const lora_options options{.rank = 3, .alpha = 6.0f, .targets = targets};
  lora real_part(real, options, {1}), step_part(step, options, {1});
  draw(real_part), draw(step_part);
  real.attach(&real_part), step.attach(&step_part);
  workspace real_work(real, 2, 5, true), step_work(step, 2, 5, true);
  gradients found(real);
  const ids tokens = random_ids(20, Model::settings.vocab);
  for (workspace* each : {&real_work, &step_work}) {
    each->upload(tokens);
    each->set_scale(0.1);
    each->clear_loss();
  }
  real_work.accumulate(found);
  CHECK(found.arena().count() == real_part.layout().parameters);  // of nothing else
  auto* weights = static_cast<complex*>(step_part.arena().data());
  for (int i = 0; i < real_part.layout().count(); ++i) {
    CAPTURE(real_part.layout().name(i));
    const auto got = real_part.read_arena<double>(found.arena(), i);
    double difference = 0.0, largest = 0.0;
    for (std::size_t j = 0; j < got.size(); ++j) {
      complex& weight = weights[static_cast<std::size_t>(real_part.layout().offset(i)) + j];
      weight += complex(0.0, 1e-20);
      step_work.clear_loss();
      step_work.evaluate();
      weight -= complex(0.0, 1e-20);
      const auto loss = *static_cast<const complex*>(step_work.loss().data());
      const double want = loss.imag() / 1e-20 * 0.1;
      difference = std::max(difference, std::fabs(want - got[j]));
      largest = std::max(largest, std::fabs(want));
    }
    CHECK(largest > 1e-6);
    CHECK(difference / largest < 1e-12);
  }
}

std::vector<std::string> modules(const model_layout& layout, const std::string& list) {
  std::vector<std::string> names;
  for (const lora_target& each : lora_targets(layout, list)) names.push_back(each.module);
  return names;
}

template <class Model>
double merged_against_unmerged(const backend& where, precision numbers, isize batch = 1) {
  network<Model> net(where, numbers), whole(where, numbers);
  spread(net), spread(whole);
  lora part(net, {.rank = 4, .alpha = 8.0f}, {1});
  draw(part, 0.1);
  const std::vector<float> before = logits_of(net, batch);
  net.attach(&part);
  const std::vector<float> unmerged = logits_of(net, batch);
  CHECK(apart(before, unmerged) > 0.1);
  lora::merge(whole, part);
  double scale = 1.0;
  for (const float value : unmerged) scale = std::max(scale, std::fabs(static_cast<double>(value)));
  return apart(logits_of(whole, batch), unmerged) / scale;
}

std::string golden_base(const char* name) { return golden(std::string("hugging_face/") + name); }

// Opens a golden directory as whatever it is.
template <class Use>
void with_golden(const char* name, Use use) {
  const saved_model from = open_directory(golden_base(name));
  visit_kinds(from.settings, [&](const auto& model) {
    auto net = load_model(model, cpu{isa::best, 1}, from, f32_precision);
    use(net);
  });
}
std::vector<float> golden_logits(const any_network& net) {
  workspace work(net, 1, 16, false);
  ids both(32);
  for (int i = 0; i < 16; ++i) both[static_cast<std::size_t>(i)] = i;
  work.upload(both);
  return work.logits(0, 16);
}
std::vector<float> numbers_of(const io::json& text, const char* key) {
  std::vector<float> values;
  const io::json_field field = io::json_field(text, "peft_adapter.py")[key];
  for (std::size_t i = 0; i < field.size(); ++i) {
    values.push_back(static_cast<float>(field[i].number()));
  }
  return values;
}

}  // namespace

TEST_CASE("lora: gradients of every A and B agree with the complex step") {
  check_gradients<gpt2_model>("all-linear");
  check_gradients<llama_model>("all-linear");
  check_gradients<own_model>("all-linear");
  check_gradients<llama_model>("k_proj,down_proj");
}

TEST_CASE("lora: merged equals unmerged") {
  // The factor is f32 and exact here; the rest is rounding.
  CHECK(merged_against_unmerged<gpt2_model>(reference<double>{}, {element::f64, element::f64}) <
        1e-7);  // logits are read as f32
  for (const named_backend& each : f32_backends()) {
    CAPTURE(each.name);
    CHECK(merged_against_unmerged<gpt2_model>(each.where, f32_precision) < 1e-6);
    CHECK(merged_against_unmerged<llama_model>(each.where, f32_precision) < 1e-6);
    CHECK(merged_against_unmerged<own_model>(each.where, f32_precision) < 1e-6);
  }
  // More tokens than the adapter treats at once, the worst of 21,280 logits.
  CHECK(merged_against_unmerged<llama_model>(cpu{isa::best, 2}, f32_precision, 70) < 2e-6);
  CHECK(merged_against_unmerged<llama_model>(cpu{isa::best, 2}, bf16_precision) < 0.05);
}

TEST_CASE("lora: a new adapter changes no bit, whatever its seed draws; taken off it is gone") {
  network<llama_model> net = spread_network<llama_model>(cpu{isa::best, 1});
  const std::vector<float> before = logits_of(net);
  lora part(net, {}, {1}), other(net, {}, {2});
  CHECK(part.read(0) != other.read(0));
  for (const float value : part.read(lora::a_of(0))) {  // kaiming_uniform, as PEFT draws
    CHECK(std::fabs(value) <= 1.0f / std::sqrt(8.0f));
  }
  net.attach(&part);
  CHECK(logits_of(net) == before);
  draw(part);
  CHECK(logits_of(net) != before);
  net.attach(nullptr);
  CHECK(logits_of(net) == before);
}

TEST_CASE("lora: decoding computes with the adapter too") {
  network<gpt2_model> net = spread_network<gpt2_model>(cpu{isa::best, 1});
  lora part(net, {.rank = 2}, {1});
  draw(part);
  net.attach(&part);
  decoder run(net);
  ids tokens(16);
  for (int i = 0; i < 16; ++i) tokens[static_cast<std::size_t>(i)] = i * 7 % 19;
  run.feed(tokens, 0, 0);
  const std::vector<float> all = logits_of(net);
  CHECK(std::equal(run.logits().begin(), run.logits().end(), all.end() - 19));
  CHECK(sentence_of([&] { net.pack(); }) ==
        "a network with an adapter cannot be packed; merge it first");
}

TEST_CASE("lora: targets are named as PEFT, transformers or ctgpt name them") {
  const model_layout& gpt2 = layout_of<gpt2_model>();
  const model_layout& llama = layout_of<llama_model>();
  using names = std::vector<std::string>;
  CHECK(modules(gpt2, "c_attn") ==
        names{"transformer.h.0.attn.c_attn", "transformer.h.1.attn.c_attn"});
  CHECK(modules(gpt2, "c_proj").size() == 4);  // both, as PEFT takes it
  CHECK(modules(gpt2, "attn.c_proj").size() == 2);
  CHECK(modules(gpt2, "projection") == modules(gpt2, "attn.c_proj"));
  CHECK(modules(gpt2, "attention") == modules(gpt2, "attn.c_proj, c_attn"));
  CHECK(modules(gpt2, "mlp") == modules(gpt2, "c_fc,mlp.c_proj"));
  CHECK(modules(gpt2, "all-linear").size() == 8);
  CHECK(modules(llama, "all-linear").size() == 14);
  CHECK(modules(llama, "q_proj,v_proj").size() == 4);
  CHECK(modules(llama, "qkv") == modules(llama, "q_proj,k_proj,v_proj"));
  CHECK(modules(layout_of<own_model>(), "qkv,down").size() == 4);
  CHECK(sentence_of([&] { lora_targets(llama, "q_proj,c_attn"); }) ==
        "no matrix of this model is called c_attn; it has all-linear, self_attn.q_proj, "
        "self_attn.k_proj, self_attn.v_proj, self_attn.o_proj, mlp.gate_proj, mlp.up_proj, "
        "mlp.down_proj");
  CHECK(sentence_of([&] { lora_targets(gpt2, " , "); }).starts_with("an adapter needs a matrix"));
  network<gpt2_model> net(cpu{isa::best, 1}, f32_precision);
  CHECK_THROWS_AS(lora(net, {.rank = 0}, {1}), error);
  CHECK_THROWS_AS(lora(net, {.alpha = 0.0f}, {1}), error);
}

TEST_CASE("lora: its files hold every bit, and say what it is") {
  network<llama_model> net = spread_network<llama_model>(cpu{isa::best, 1});
  lora part(net, {.rank = 2, .alpha = 3.5f, .targets = "q_proj,mlp"}, {1});
  draw(part);
  const temporary_directory made;
  part.save(made.path());
  const std::unique_ptr<lora> again = open_lora(net, made.path());
  CHECK(bits(again->arena()) == bits(part.arena()));
  CHECK(again->options().factor() == part.options().factor());
  const io::json text = io::read_json(made.file("adapter_config.json"));
  const io::json_field config(text, "config");
  CHECK(config["r"].integer() == 2);
  CHECK(config["lora_alpha"].number() == 3.5);
  CHECK(config["target_modules"].size() == 4);
  CHECK(config["target_modules"][0].string() == "self_attn.q_proj");
  CHECK(*text.find("fan_in_fan_out") == io::json(false));

  const auto changed = [&](const char* key, io::json value) {
    const temporary_directory copy;
    std::filesystem::copy(made.path(), copy.path(), std::filesystem::copy_options::recursive);
    io::json other = text;
    other.set(key, std::move(value));
    write_file_atomic(copy.file("adapter_config.json"), io::write_json(other));
    return sentence_of([&] { open_lora(net, copy.path()); });
  };
  CHECK(changed("peft_type", "IA3").find("peft_type must be \"LORA\"") != std::string::npos);
  CHECK(changed("use_dora", true).find("use_dora asks for more than plain LoRA") !=
        std::string::npos);
  CHECK(changed("modules_to_save", io::json::array().push("lm_head"))
            .find("modules_to_save asks for more") != std::string::npos);
  CHECK(changed("bias", "all").find("bias \"none\"") != std::string::npos);
  CHECK(changed("r", 3).find("has the shape (2, 8), but this model needs (3, 8)") !=
        std::string::npos);
  CHECK_NOTHROW(open_lora(net, made.path()));

  network<gpt2_model> other(cpu{isa::best, 1}, f32_precision);
  CHECK(sentence_of([&] {
          open_lora(other, made.path());
        }).ends_with("adapter_model.safetensors adapts no matrix that this model has"));
  lora wider(net, {.rank = 2, .targets = "all-linear"}, {1});
  CHECK(sentence_of([&] { wider.load(made.path()); }).find("k_proj.lora_A.weight\" is missing") !=
        std::string::npos);
}

TEST_CASE("lora: PEFT opens the adapter on the base, and computes the same logits") {
  if (!python_has("peft") || !python_has("transformers")) return;
  for (const char* name : {"gpt2-tanh", "llama-grouped"}) {
    CAPTURE(name);
    with_golden(name, [&](auto& net) {
      for (const char* targets : {"all-linear", "attention"}) {
        lora part(net, {.rank = 4, .alpha = 12.0f, .targets = targets}, {3});
        draw(part, 0.2);
        net.attach(&part);
        const temporary_directory made;
        part.save(made.path());
        const auto printed =
            python(quoted_for_shell(golden("peft_adapter.py")) + " --logits " +
                   quoted_for_shell(golden_base(name)) + " " + quoted_for_shell(made.path()));
        REQUIRE(printed.has_value());
        const io::json theirs = io::parse_json(*printed, "peft_adapter.py");
        const std::vector<float> ours = golden_logits(net);
        CHECK(apart(ours, numbers_of(theirs, "adapted")) < 1e-4);
        CHECK(apart(ours, numbers_of(theirs, "base")) > 0.1);
        net.attach(nullptr);
        CHECK(apart(golden_logits(net), numbers_of(theirs, "base")) < 1e-4);
      }
    });
  }
}

TEST_CASE("lora: an adapter that PEFT made is opened, and computes the same logits") {
  if (!python_has("peft") || !python_has("transformers")) return;
  struct trial {
    const char *name, *modules;
  };
  for (const trial& each :
       {trial{"gpt2-tanh", "c_attn,c_proj"}, {"llama-grouped", "q_proj,up_proj"}}) {
    CAPTURE(each.name);
    const temporary_directory made;
    const std::string script = quoted_for_shell(golden("peft_adapter.py"));
    const std::string places =
        quoted_for_shell(golden_base(each.name)) + " " + quoted_for_shell(made.path());
    REQUIRE(python(script + " --make " + places + " " + each.modules).has_value());
    const auto printed = python(script + " --logits " + places);
    REQUIRE(printed.has_value());
    const std::vector<float> theirs =
        numbers_of(io::parse_json(*printed, "peft_adapter.py"), "adapted");
    with_golden(each.name, [&](auto& net) {
      const std::unique_ptr<lora> part = open_lora(net, made.path());
      CHECK(part->options().alpha == 6.0f);
      lora::merge(net, *part);
      CHECK(apart(golden_logits(net), theirs) < 1e-4);
    });
  }
}
