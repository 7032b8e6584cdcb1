// Training, sampling and checkpoints on the guarded backend, whose memory the host cannot touch and
// whose calls run later: what a GPU needs of everything above the kernel table.
#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/infer/generate.hpp"
#include "ctgpt/train/checkpoint.hpp"
#include "model/models.hpp"
#include "support/guarded_backend.hpp"

using namespace ctgpt_test;

namespace {

constexpr config size{.vocab = 260, .context = 14, .layers = 2, .heads = 2, .width = 16};
constexpr config windowed(config c) {
  c.window = 5;
  c.full_every = 2;
  return c;
}
struct gpt2_model : gpt<size> {};
struct llama_model : gpt<llama_type(size)> {};
struct chat_model : gpt<windowed(nanochat_type(size))> {};
constexpr isize vocab = 256;

// The guarded backend, unable to record: every step makes its calls anew.
backend without_recording(const backend& guarded_one) {
  struct kept {
    backend inner;
    kernel_table table;
  };
  auto both = std::make_shared<kept>(kept{guarded_one, guarded_one.table()});
  both->table.record_begin = nullptr;
  const kernel_table& table = both->table;
  return backend(table, guarded_one.state(), std::move(both), guarded_one.natural());
}

struct outcome {
  std::vector<double> losses;
  std::vector<std::byte> weights, moment1, moment2;
  bool operator==(const outcome&) const = default;
};

template <class Model>
outcome trained(const backend& where, precision numbers = f32_precision) {
  network<Model> net(where, numbers, vocab);
  net.initialize({4});
  // Everything that may change between steps does: rate, masks, data, clip factor.
  trainer run{
      net,
      adamw{.rate = 1e-2f, .clip = 0.5f},
      batches(random_ids(900, vocab), {.batch = 2}),
      {.accumulate = 2, .dropout = 0.2f, .rates = {schedule_kind::cosine, 1e-2f, 0.0f, 2, 8}}};
  outcome found;
  for (int i = 0; i < 5; ++i) {
    found.losses.push_back(run.step().loss);
    if (i % 2 == 0) found.losses.push_back(run.evaluate(run.data(), 2, 77));
  }
  found.weights = bits(net.arena());
  found.moment1 = bits(*run.state().moments()[0].values);
  found.moment2 = bits(*run.state().moments()[1].values);
  return found;
}

template <class Model>
void check_training(const backend& inner, precision numbers) {
  const outcome plain = trained<Model>(inner, numbers);
  const guarded recording(inner), fresh(inner);
  CHECK(trained<Model>(recording, numbers) == plain);
  CHECK(trained<Model>(without_recording(fresh), numbers) == plain);
  // Ten micro-batches, five norms and updates, six evaluations: all of them replays.
  CHECK(recording.state().replays == 10 + 5 + 5 + 6);
  CHECK(fresh.state().replays == 0);
  // A recorded step makes each call once; fresh ones make them again at every step.
  CHECK(recording.state().calls * 4 < fresh.state().calls);
}

template <class Model>
std::string sampled(const backend& where) {
  const network<Model> net = spread_network<Model>(where, vocab);
  return generate(net, text::bytes{}, "Once upon a time there was",
                  {.tokens = 60, .temperature = 0.9f, .top_k = 50, .seed = 11});
}

}  // namespace

TEST_CASE("guarded: training gives the plain table's bits, recorded and fresh") {
  check_training<gpt2_model>(reference<float>{}, f32_precision);
  check_training<llama_model>(cpu{isa::best, 2}, f32_precision);
  check_training<chat_model>(cpu{isa::best, 1}, f32_precision);
  check_training<gpt2_model>(cpu{isa::best, 1}, bf16_precision);
}

TEST_CASE("guarded: sampling gives the plain table's text, past the context too") {
  CHECK(sampled<gpt2_model>(guarded{reference<float>{}}) ==
        sampled<gpt2_model>(reference<float>{}));
  for (const int threads : {1, 2}) {
    const cpu inner{isa::best, threads};
    CHECK(sampled<llama_model>(guarded{inner}) == sampled<llama_model>(inner));
    CHECK(sampled<chat_model>(guarded{inner}) == sampled<chat_model>(inner));
  }
}

TEST_CASE("guarded: packed weights sample the same text") {
  const backend where = guarded{cpu{isa::best, 1}};
  network<llama_model> net = spread_network<llama_model>(where, vocab);
  net.pack();
  CHECK(generate(net, text::bytes{}, "Once upon a time there was",
                 {.tokens = 60, .temperature = 0.9f, .top_k = 50, .seed = 11}) ==
        sampled<llama_model>(cpu{isa::best, 1}));
}

TEST_CASE("guarded: a checkpoint has the plain table's weights and resumes to its bits") {
  const temporary_directory made;
  const auto run_of = [](network<gpt2_model>& net) {
    net.initialize({4});
    return std::make_unique<trainer>(net, adamw{.rate = 1e-2f},
                                     batches(random_ids(900, vocab), {.batch = 2}),
                                     train_options{.dropout = 0.1f});
  };
  const cpu inner{isa::best, 1};
  network<gpt2_model> plain_net(inner, f32_precision, vocab);
  const auto plain = run_of(plain_net);
  plain->steps(3);
  save_checkpoint(*plain, plain_net, text::bytes{}, made.file("plain"), {3, 0.0, 0});
  plain->steps(3);
  {
    network<gpt2_model> net(guarded{inner}, f32_precision, vocab);
    const auto run = run_of(net);
    run->steps(3);
    save_checkpoint(*run, net, text::bytes{}, made.file("guarded"), {3, 0.0, 0});
  }
  CHECK(read_file(made.file("guarded/model.safetensors")) ==
        read_file(made.file("plain/model.safetensors")));
  network<gpt2_model> net(guarded{inner}, f32_precision, vocab);
  const auto resumed = run_of(net);
  resumed->step();  // already recorded when the state arrives
  load_checkpoint(*resumed, net, made.file("guarded"));
  resumed->steps(3);
  for (int i = 0; i < gpt2_model::slot_count; ++i) {
    const auto used =
        static_cast<std::ptrdiff_t>(net.layout().used_rows(i, vocab) * net.layout().at(i).cols);
    const std::vector<float> got = net.read(i), want = plain_net.read(i);
    CHECK(std::equal(got.begin(), got.begin() + used, want.begin()));
  }
}

TEST_CASE("guarded: what is no number is found and named there too") {
  network<gpt2_model> net = spread_network<gpt2_model>(guarded{reference<float>{}}, vocab);
  trainer run{net, adamw{}, batches(random_ids(900, vocab), {.batch = 2})};
  run.step();
  net.write(1, [](isize) { return std::nan(""); });
  CHECK(sentence_of([&] { run.step(); })
            .find("step 2: the loss is not a finite number; first bad tensor: the weight "
                  "position_embedding.weight") == 0);
}
