// muon: ten steps against torch.optim.Muon in f64 (golden/make_muon.py), what it treats as one
// matrix and what it leaves to AdamW, and the bits of a run on other threads and after a resume.
#include "ctgpt/train/muon.hpp"

#include <cmath>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/text/characters.hpp"
#include "ctgpt/train/checkpoint.hpp"
#include "io/python.hpp"
#include "train/golden_models.hpp"

using namespace ctgpt_test;

namespace {

struct gpt2_model : gpt<golden_gpt2> {};
struct llama_model : gpt<golden_llama> {};

constexpr muon golden_muon{
    .rate = 0x1p-5f, .momentum = 0.9375f, .weight_decay = 0.125f, .others = golden_adamw};

std::vector<double> numbers(const io::json& golden, const char* model, const char* what) {
  std::vector<double> found;
  const io::json_field field = io::json_field(golden, "muon.json")[model][what];
  for (std::size_t i = 0; i < 10; ++i) found.push_back(field[i].number());
  return found;
}

// The largest difference of ten losses from the golden ones.
template <class Model>
double distance_from_golden(const char* model, const backend& where) {
  const io::json file = io::read_json(golden("gpt/muon.json"));
  const std::vector<double> losses = numbers(file, model, "losses");
  const std::vector<double> norms = numbers(file, model, "norms");
  network<Model> net(where, where.natural());
  set_golden_weights(net);
  workspace work(net, golden_batch, golden_context, true);
  gradients found(net);
  muon_state state(net, golden_muon);
  ids tokens, targets;
  for (isize b = 0; b < golden_batch; ++b) {
    for (isize t = 0; t < golden_context; ++t) {
      const auto at = static_cast<std::uint32_t>(b * (golden_context + 1) + t);
      tokens.push_back(static_cast<std::int32_t>(hash32(1000, at) % 61));
      targets.push_back(static_cast<std::int32_t>(hash32(1000, at + 1) % 61));
    }
  }
  tokens.insert(tokens.end(), targets.begin(), targets.end());
  work.upload(tokens);
  work.set_scale(1.0 / static_cast<double>(work.tokens()));
  double worst = 0.0;
  for (isize step = 1; step <= 10; ++step) {
    work.clear_loss();
    work.accumulate(found);
    state.prepare(step, golden_adamw.rate);
    state.measure(found);
    const auto at = static_cast<std::size_t>(step - 1);
    const double loss = work.loss_sum() / static_cast<double>(work.tokens());
    worst =
        std::max({worst, std::fabs(loss - losses[at]), 0.1 * std::fabs(state.norm() - norms[at])});
    state.update(found);
    for (isize i = 0; i < Model::parameter_count; ++i) {  // ready for the next step
      REQUIRE(detail::load_value(found.arena().data(), found.arena().type(), i) == 0.0);
    }
  }
  return worst;
}

// The change of slot `index` that one step makes, for a gradient of random numbers times scale(i).
template <class Scale>
std::vector<double> change(int index, const muon& settings, Scale scale) {
  network<llama_model> net = spread_network<llama_model>(reference<double>{});
  gradients found(net);
  auto* values = static_cast<double*>(found.arena().data());
  for (int s = 0; s < llama_model::slot_count; ++s) {
    random_stream random(9, static_cast<std::uint64_t>(s));
    for (isize i = 0; i < llama_model::slot_at(s).size(); ++i) {
      values[llama_model::slot_offset(s) + i] = random.normal() * (s == index ? scale(i) : 1.0);
    }
  }
  std::vector<double> difference = net.read<double>(index);
  muon_state state(net, settings);
  state.prepare(1, settings.others.rate);
  state.measure(found);
  state.update(found);
  const std::vector<double> after = net.read<double>(index);
  for (std::size_t i = 0; i < after.size(); ++i) difference[i] = after[i] - difference[i];
  return difference;
}
constexpr muon plain{.rate = 0.25f, .weight_decay = 0.0f, .others = {.rate = 0.5f, .clip = 0.0f}};
// Slots of block 0 of llama_model: its norm, qkv, projection, norm, up, down.
constexpr int qkv = 2, projection = 3, up = 5;

template <class Model>
struct session {
  network<Model> net;
  trainer run;
  session(const backend& where, precision numbers)
      : net(where, numbers, 61),
        run((net.initialize({5}), net), muon{}, batches(random_ids(900, 61), {.batch = 3}),
            {.accumulate = 2,
             .dropout = 0.1f,
             .rates = {schedule_kind::cosine, 3e-3f, 3e-4f, 2, 10}}) {}
  std::vector<double> losses(isize steps) {
    std::vector<double> found;
    run.steps(steps, [&](const step_report& report) { found.push_back(report.loss); });
    return found;
  }
  std::vector<std::vector<std::byte>> state() const {
    return {bits(net.truth()), bits(net.arena()), bits(*run.state().moments()[0].values),
            bits(*run.state().moments()[1].values)};
  }
};

}  // namespace

TEST_CASE("muon: ten losses agree with torch.optim.Muon") {
  // The factors of a step are f32 on every backend.
  CHECK(distance_from_golden<gpt2_model>("gpt2", reference<double>{}) < 2e-6);
  CHECK(distance_from_golden<llama_model>("llama", reference<double>{}) < 2e-6);
  for (const named_backend& each : f32_backends()) {
    CAPTURE(each.name);
    CHECK(distance_from_golden<gpt2_model>("gpt2", each.where) < 1e-4);
    CHECK(distance_from_golden<llama_model>("llama", each.where) < 1e-4);
  }
}

TEST_CASE("muon: the script still gives the committed numbers") {
  if (!python_has("torch")) return;
  if (!python("-c 'import torch.optim._muon'")) {
    MESSAGE("left out: this PyTorch has no torch.optim.Muon (2.9 or later has)");
    return;
  }
  const auto printed = python(quoted_for_shell(golden("make_muon.py")));
  REQUIRE(printed.has_value());
  const io::json fresh = io::parse_json(*printed, "make_muon.py");
  const io::json committed = io::read_json(golden("gpt/muon.json"));
  for (const char* model : {"gpt2", "llama"}) {
    for (const char* what : {"losses", "norms"}) {
      const std::vector<double> a = numbers(fresh, model, what);
      const std::vector<double> b = numbers(committed, model, what);
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::fabs(a[i] - b[i]) < 1e-9);
    }
  }
}

TEST_CASE("muon: the gradient's length does not matter, and every direction moves by the rate") {
  const auto one = [](isize) { return 1.0; };
  for (const int index : {qkv, projection, up}) {
    const std::vector<double> moved = change(index, plain, one);
    const std::vector<double> again = change(index, plain, [](isize) { return 1e4; });
    for (std::size_t i = 0; i < moved.size(); ++i) {
      CHECK(again[i] == doctest::Approx(moved[i]).epsilon(1e-5));
    }
  }
  // Singular values of the step, all near 1: their squares are the diagonal of x x^T on average.
  const std::vector<double> moved = change(projection, plain, one);
  double squares = 0.0;
  for (const double value : moved) squares += value / 0.25 * (value / 0.25);
  CHECK(squares / 24.0 > 0.6);
  CHECK(squares / 24.0 < 1.3);
}

TEST_CASE("muon: queries, keys, values, gate and up side are orthogonalised each on its own") {
  const auto one = [](isize) { return 1.0; };
  struct trial {
    int slot;
    isize first, last;  // rows whose gradient is a hundred times longer
  };
  // (24 + 8 + 8, 24) and (40 + 40, 24)
  for (const trial& each : {trial{qkv, 0, 24}, trial{qkv, 24, 32}, trial{up, 40, 80}}) {
    const std::vector<double> even = change(each.slot, plain, one);
    const std::vector<double> uneven = change(each.slot, plain, [&](isize i) {
      return i / 24 >= each.first && i / 24 < each.last ? 100.0 : 1.0;
    });
    for (std::size_t i = 0; i < even.size(); ++i) {
      CHECK(uneven[i] == doctest::Approx(even[i]).epsilon(1e-5));
    }
  }
  // Rows that are not a matrix of their own do count: otherwise the above says nothing.
  const std::vector<double> even = change(qkv, plain, one);
  const std::vector<double> uneven =
      change(qkv, plain, [](isize i) { return i / 24 < 12 ? 100.0 : 1.0; });
  double apart = 0.0;
  for (std::size_t i = 0; i < even.size(); ++i) {
    apart = std::max(apart, std::fabs(even[i] - uneven[i]));
  }
  CHECK(apart > 0.01);
}

TEST_CASE("muon: embeddings, head, gains and biases move as AdamW moves them") {
  const auto check = [](auto model) {
    using type = decltype(model);
    network<type> by_muon = spread_network<type>(cpu{isa::best, 1});
    network<type> by_adamw = spread_network<type>(cpu{isa::best, 1});
    muon_state one(by_muon, {.others = golden_adamw});
    adamw_state other(by_adamw, golden_adamw);
    gradients of_muon(by_muon), of_adamw(by_adamw);
    for (isize step = 1; step <= 3; ++step) {
      random_stream random(4, static_cast<std::uint64_t>(step));
      for (isize i = 0; i < type::parameter_count; ++i) {
        const auto value = static_cast<float>(random.normal());
        static_cast<float*>(of_muon.arena().data())[i] = value;
        static_cast<float*>(of_adamw.arena().data())[i] = value;
      }
      one.prepare(step, 0.01f), other.prepare(step, 0.01f);
      one.measure(of_muon), other.measure(of_adamw);
      one.update(of_muon), other.update(of_adamw);
    }
    int left = 0;
    for (int i = 0; i < type::slot_count; ++i) {
      CAPTURE(by_muon.layout().name(i));
      if (is_hidden_matrix(by_muon.layout(), i)) {
        CHECK(by_muon.read(i) != by_adamw.read(i));
        continue;
      }
      CHECK(by_muon.read(i) == by_adamw.read(i));
      ++left;
    }
    CHECK(left == type::slot_count - 8);  // four matrices in each of two blocks
  };
  check(gpt2_model{});
  check(llama_model{});
}

TEST_CASE("muon: the same bits on any number of threads, and after a resume") {
  for (const precision numbers : {f32_precision, bf16_precision}) {
    session<llama_model> whole(cpu{isa::best, 1}, numbers), other(cpu{isa::best, 3}, numbers);
    const std::vector<double> all = whole.losses(6);
    CHECK(all[5] < all[0]);
    CHECK(other.losses(6) == all);
    CHECK(other.state() == whole.state());

    const temporary_directory made;
    {
      session<llama_model> first(cpu{isa::best, 1}, numbers);
      first.losses(3);
      // A tokenizer of no more tokens than the model has.
      save_checkpoint(first.run, first.net, text::characters::of("abcdefgh", "eight"),
                      made.file("step-3"), {3, 1.25, 3});
    }
    session<llama_model> second(cpu{isa::best, 2}, numbers);
    second.losses(1);  // whatever it did before is gone
    load_checkpoint(second.run, second.net, made.file("step-3"));
    CHECK(second.losses(3) == std::vector<double>(all.begin() + 3, all.end()));
    CHECK(second.state() == whole.state());

    network<llama_model> net(cpu{isa::best, 1}, numbers, 61);
    trainer by_adamw{net, adamw{}, batches(random_ids(900, 61), {.batch = 3})};
    const std::string said =
        sentence_of([&] { load_checkpoint(by_adamw, net, made.file("step-3")); });
    CHECK(
        said.ends_with("trainer_state.safetensors is the state of the optimiser muon, but this "
                       "run uses adamw"));
  }
}

TEST_CASE("muon: its memory is AdamW's without second moments of matrices, and scratch") {
  for (const precision numbers : {f32_precision, bf16_precision}) {
    const backend where = counted_memory::around(cpu{isa::best, 1});
    const network<llama_model> net(where, numbers);
    counted_memory::bytes = 0;
    const muon_state of_muon(net);
    const auto beyond = static_cast<double>(counted_memory::bytes);
    counted_memory::bytes = 0;
    const adamw_state of_adamw(net);
    const double difference = beyond - static_cast<double>(counted_memory::bytes);
    CHECK(std::fabs(difference - muon_bytes_beyond_adamw(net.layout(), numbers)) < 512.0);
  }
}

TEST_CASE("muon: settings that make no sense are refused") {
  network<llama_model> net(cpu{isa::best, 1}, f32_precision);
  CHECK_THROWS_AS(muon_state(net, {.iterations = 0}), error);
  CHECK_THROWS_AS(muon_state(net, {.others = {.rate = 0.0f}}), error);
  CHECK_THROWS_AS(muon_state(net, {.rate = -1.0f}), error);
}
