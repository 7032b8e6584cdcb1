// lora: a trainer of a network with an adapter trains the adapter alone, with the bits of a run on
// other threads and after a resume, and takes no memory for the rest.
#include "ctgpt/model/lora.hpp"

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/text/characters.hpp"
#include "ctgpt/train/checkpoint.hpp"
#include "ctgpt/train/muon.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

constexpr config size{.vocab = 61, .context = 24, .layers = 2, .heads = 4, .width = 32};
constexpr config llama = [] {
  config c = llama_type(size);
  c.kv_heads = 2;
  return c;
}();
struct gpt2_model : gpt<size> {};
struct llama_model : gpt<llama> {};

// Something to learn.
ids counting(int count) {
  ids all;
  for (int i = 0; i < count; ++i) all.push_back(i * 7 % 61);
  return all;
}

template <class Model, class Optimizer = adamw>
struct session {
  network<Model> net;
  lora part;
  trainer run;
  session(const backend& where, precision numbers, std::uint64_t start = 3)
      : net(where, numbers),
        part((net.initialize({5}), net), {.rank = 4, .alpha = 8.0f}, {start}),
        run((net.attach(&part), net), Optimizer{}, batches(counting(900), {.batch = 3}),
            {.accumulate = 2,
             .dropout = 0.1f,
             .rates = {schedule_kind::cosine, 1e-2f, 1e-3f, 2, 10}}) {}
  std::vector<double> losses(isize steps) {
    std::vector<double> found;
    run.steps(steps, [&](const step_report& report) { found.push_back(report.loss); });
    return found;
  }
  std::vector<std::vector<std::byte>> state() const {
    return {bits(part.truth()), bits(part.arena()), bits(*run.state().moments()[0].values),
            bits(*run.state().moments()[1].values)};
  }
};

// A tokenizer of no more tokens than the model has.
text::tokenizer tokens() { return text::characters::of("abcdefgh", "eight"); }

template <class Model>
void check_resume(precision numbers) {
  const backend one = cpu{isa::best, 1}, two = cpu{isa::best, 2};
  session<Model> whole(one, numbers);
  const auto base = bits(whole.net.truth());
  const std::vector<double> all = whole.losses(6);
  CHECK(all[5] < all[0]);
  CHECK(bits(whole.net.truth()) == base);  // frozen
  CHECK(whole.part.read(lora::b_of(0)) !=
        std::vector<float>(whole.part.read(lora::b_of(0)).size()));
  const temporary_directory made;
  {
    session<Model> first(two, numbers);
    first.losses(3);
    save_checkpoint(first.run, first.net, tokens(), made.file("step-3"), {3, 1.25, 3});
  }
  session<Model> second(two, numbers, 9);  // an adapter that begins elsewhere
  load_checkpoint(second.run, second.net, made.file("step-3"));
  CHECK(second.losses(3) == std::vector<double>(all.begin() + 3, all.end()));
  CHECK(second.state() == whole.state());
}

}  // namespace

TEST_CASE("lora: a run trains the adapter alone, and goes on bit for bit on other threads") {
  for (const precision numbers : {f32_precision, bf16_precision}) {
    check_resume<gpt2_model>(numbers);
    check_resume<llama_model>(numbers);
  }
}

TEST_CASE("lora: muon trains an adapter too") {
  session<llama_model, muon> run(cpu{isa::best, 1}, f32_precision);
  const std::vector<double> losses = run.losses(6);
  CHECK(losses[5] < losses[0]);
}

TEST_CASE("lora: a checkpoint is the merged model, with the adapter beside it") {
  session<llama_model> at(cpu{isa::best, 1}, f32_precision);
  at.losses(4);
  const temporary_directory made;
  const std::string path = made.file("step-4");
  save_checkpoint(at.run, at.net, tokens(), path, {4, 1.0, 4});
  const network<llama_model> merged = load_model<llama_model>(cpu{isa::best, 1}, path);
  workspace whole(merged, 3, 24, false), apart(at.net, 3, 24, false);
  const ids some = random_ids(2 * 3 * 24, 61, 8);
  double losses[2] = {};
  for (int i = 0; i < 2; ++i) {
    workspace& work = i == 0 ? whole : apart;
    work.upload(some);
    work.clear_loss();
    work.evaluate();
    losses[i] = work.loss_sum() / 72.0;
  }
  CHECK(std::fabs(losses[0] - losses[1]) < 1e-6);

  // The adapter of another step does not belong to this state.
  at.losses(1);
  at.part.save(path + "/adapter");
  CHECK(sentence_of([&] {
          load_checkpoint(at.run, at.net, path);
        }).find("belongs to another adapter than that in ") != std::string::npos);
}

TEST_CASE("lora: gradients and moments are of the adapter's weights alone") {
  const backend where = counted_memory::around(cpu{isa::best, 1});
  network<llama_model> net(where, f32_precision);
  lora part(net, {.rank = 2, .targets = "q_proj"}, {1});
  const isize own = part.layout().parameters;
  CHECK(own == 2 * 2 * (32 + 32));
  net.attach(&part);
  counted_memory::bytes = 0;
  const gradients found(net);
  const adamw_state state(net.trained());
  CHECK(counted_memory::bytes < 3 * 4 * own + 512);  // and a few numbers
}
