// Logits, every gradient and ten AdamW losses of a GPT-2-type and a Llama-type model against
// PyTorch in f64 (golden/make_gpt.py), on every backend; and the script itself where PyTorch is
// installed.
#include <cmath>
#include <cstring>

#include "base/temporary.hpp"
#include "ctgpt/io/safetensors.hpp"
#include "io/python.hpp"
#include "train/golden_models.hpp"

using namespace ctgpt_test;

namespace {

struct gpt2_model : gpt<golden_gpt2> {};
struct llama_model : gpt<golden_llama> {};

constexpr isize batch = golden_batch, context = golden_context;

class golden_file {
 public:
  explicit golden_file(const std::string& path) : file_(io::safetensors::open(path)) {}
  template <class T>
  std::vector<T> read(const std::string& name) const {
    const io::tensor_info* info = file_.find(name);
    REQUIRE_MESSAGE(info != nullptr, name);
    const std::span<const std::byte> bytes = file_.bytes(*info);
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  std::vector<double> numbers(const std::string& name) const { return read<double>(name); }
  std::vector<std::string> names() const { return file_.names(); }
  // Tokens, then targets.
  ids batch_ids() const {
    ids all;
    for (const char* name : {"tokens", "targets"}) {
      for (const std::int64_t id : read<std::int64_t>(name)) {
        all.push_back(static_cast<std::int32_t>(id));
      }
    }
    return all;
  }

 private:
  io::safetensors file_;
};

// |got - want| / |want|
template <class Got>
double distance(const std::vector<Got>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  double difference = 0.0, norm = 0.0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double apart = static_cast<double>(got[i]) - want[i];
    difference += apart * apart;
    norm += want[i] * want[i];
  }
  return std::sqrt(difference / norm);
}

// logits, gradients and losses of Model on a backend within `bound` of the golden numbers.
template <class Model>
void check_golden(const golden_file& golden, const backend& where, double bound) {
  network<Model> net(where, where.natural());
  set_golden_weights(net);
  workspace work(net, batch, context, true);
  gradients found(net);
  adamw_state state(net, golden_adamw);
  work.upload(golden.batch_ids());
  work.set_scale(1.0 / static_cast<double>(work.tokens()));
  CHECK(distance(work.logits(0, work.tokens()), golden.numbers("logits")) < std::max(bound, 1e-7));

  const std::vector<double> losses = golden.numbers("losses"), norms = golden.numbers("norms");
  REQUIRE(losses.size() == 10);
  for (isize step = 1; step <= 10; ++step) {
    CAPTURE(step);
    work.clear_loss();
    work.accumulate(found);
    state.prepare(step, golden_adamw.rate);
    state.measure(found);
    const double loss = work.loss_sum() / static_cast<double>(work.tokens());
    const auto at = static_cast<std::size_t>(step - 1);
    // The optimiser's numbers, the clip factor among them, are f32 on every backend.
    const double after_updates = step == 1 ? bound : std::max(bound, 1e-8);
    CHECK(std::fabs(loss - losses[at]) < after_updates);
    CHECK(std::fabs(state.norm() - norms[at]) < 10.0 * after_updates);
    if (step == 1) {
      for (int s = 0; s < Model::slot_count; ++s) {
        const std::string name = "gradient." + net.layout().name(s);
        CAPTURE(name);
        const auto got = net.template read_arena<double>(found.arena(), s);
        const std::vector<double> want = golden.numbers(name);
        CHECK(distance(got, want) < bound);
        // What truly is zero: the keys' biases (a softmax does not see a shift), and tokens of a
        // free head's embedding that do not occur.
        for (std::size_t i = 0; i < want.size(); ++i) {
          if (std::fabs(want[i]) < 1e-15) REQUIRE(std::fabs(got[i]) < 0.1 * bound);
        }
      }
    }
    state.update(found);
  }
}

std::string path_of(const char* model) {
  return golden(std::string("gpt/") + model + ".safetensors");
}

}  // namespace

TEST_CASE("golden: the reference in f64 agrees with PyTorch to rounding") {
  check_golden<gpt2_model>(golden_file(path_of("gpt2")), reference<double>{}, 1e-9);
  check_golden<llama_model>(golden_file(path_of("llama")), reference<double>{}, 1e-9);
}

TEST_CASE("golden: every backend in f32 agrees with PyTorch") {
  for (const named_backend& each : f32_backends()) {
    CAPTURE(each.name);
    check_golden<gpt2_model>(golden_file(path_of("gpt2")), each.where, 1e-5);
    check_golden<llama_model>(golden_file(path_of("llama")), each.where, 1e-5);
  }
}

TEST_CASE("golden: the gradients that are zero are those that must be") {
  const auto zeros = [](const std::vector<double>& values, std::size_t begin, std::size_t end) {
    std::size_t count = 0;
    for (std::size_t i = begin; i < end; ++i) count += std::fabs(values[i]) < 1e-15 ? 1 : 0;
    return count;
  };
  const golden_file gpt2_golden(path_of("gpt2")), llama_golden(path_of("llama"));
  const std::vector<double> bias = gpt2_golden.numbers("gradient.block.0.attention.heads.qkv.bias");
  CHECK(zeros(bias, 0, 20) == 0);
  CHECK(zeros(bias, 20, 40) == 20);  // the keys'
  CHECK(zeros(bias, 40, 60) == 0);
  const std::vector<double> embedding = llama_golden.numbers("gradient.token_embedding.weight");
  std::size_t unseen = 61;
  const ids tokens = llama_golden.batch_ids();
  for (std::int32_t token = 0; token < 61; ++token) {
    if (std::find(tokens.begin(), tokens.begin() + 48, token) != tokens.begin() + 48) --unseen;
  }
  CHECK(unseen > 0);
  CHECK(zeros(embedding, 0, embedding.size()) == 24 * unseen);
}

TEST_CASE("golden: the script still gives the committed numbers") {
  if (!python_has("torch")) return;
  const temporary_directory made;
  REQUIRE(python(quoted_for_shell(golden("make_gpt.py")) + " " + quoted_for_shell(made.path())));
  for (const char* model : {"gpt2", "llama"}) {
    const golden_file committed(path_of(model));
    const golden_file fresh(made.file(std::string(model) + ".safetensors"));
    REQUIRE(fresh.names() == committed.names());
    CHECK(fresh.batch_ids() == committed.batch_ids());
    for (const std::string& name : fresh.names()) {
      if (name == "tokens" || name == "targets") continue;
      CAPTURE(name);
      CHECK(distance(fresh.numbers(name), committed.numbers(name)) < 1e-12);
    }
  }
}
