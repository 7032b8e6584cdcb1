// causal_attention in all its forms, against the complex step and against plain loops.
#include "ctgpt/layer/attention.hpp"

#include "layer/layers.hpp"

using namespace ctgpt_test;
using namespace ctgpt::parts;

namespace {

constexpr config plain{.vocab = 7, .context = 8, .layers = 3, .heads = 4, .width = 8};
constexpr config grouped{.heads = 4, .width = 8, .kv_heads = 2, .bias = false};
constexpr config multi_query{.heads = 4, .width = 8, .kv_heads = 1};
constexpr config own_head{.heads = 2, .width = 6, .kv_heads = 1, .head_size = 4, .bias = false};
constexpr config windowed{.heads = 2, .width = 8, .window = 3, .full_every = 2};
constexpr config normed{.heads = 4, .width = 16, .kv_heads = 2, .bias = false, .qk_norm = true};

using simple = causal_attention<plain>;

constexpr bool sizes_are_constants() {
  constexpr simple with{};
  constexpr causal_attention<grouped, rope> without{};
  constexpr causal_attention<normed, rope> wide{};
  static_assert(with.slots().count == 4 && without.slots().count == 2);
  return with.slots().size() == 24 * 8 + 24 + 8 * 8 + 8 && with.slots()[0].rows == 24 &&
         with.slots()[0].path[0] == part::qkv && with.slots()[2].path[0] == part::projection &&
         with.slots()[2].start == initializer::residual && with.tape() == 24 + 8 &&
         with.statistics() == 4 && with.scratch() == 8 + 24 && without.slots().size() == 128 + 64 &&
         without.tape() == 16 + 8 && wide.tape() == (32 + 16) + (16 + 8) &&
         wide.statistics() == 4 + 4 + 2 && with.input() == 8 && with.output() == 8;
}
static_assert(sizes_are_constants());
static_assert(std::is_empty_v<simple> && std::is_empty_v<causal_attention<normed, rope>>);
static_assert(causal_attention<own_head>{}.slots()[0].rows == (2 + 2) * 4);
static_assert(causal_attention<own_head>{}.slots()[1].cols == 2 * 4);

// Options for a layer of config C: angles for rope, slopes for alibi.
constexpr gradient_options with_positions(const config& c, gradient_options options = {}) {
  options.head_size = head_size_of(c);
  options.heads = c.heads;
  return options;
}

// The layer as the papers write it: full score matrices, one sequence after the other.
template <config C, class Positions>
std::vector<double> attended(layer_run<causal_attention<C, Positions>>& run,
                             const gradient_options& o) {
  constexpr auto head = static_cast<std::size_t>(head_size_of(C));
  constexpr auto heads = static_cast<std::size_t>(C.heads);
  constexpr auto kv = static_cast<std::size_t>(kv_heads_of(C)), all = (heads + 2 * kv) * head;
  constexpr auto width = static_cast<std::size_t>(C.width);
  const auto time = static_cast<std::size_t>(o.time);
  const std::vector<double> w = run.numbers(run.weights), x = run.numbers(run.x);
  const double* out_weight = w.data() + all * width + (C.bias ? all : 0);
  std::vector<double> qkv =
      affine(x, w.data(), C.bias ? w.data() + all * width : nullptr, all, width);
  for (std::size_t row = 0; row < qkv.size() / all; ++row) {
    for (std::size_t h = 0; h < heads + kv; ++h) {  // queries, then keys
      double* part = qkv.data() + row * all + h * head;
      double square = 0.0;
      for (std::size_t d = 0; d < head; ++d) square += part[d] * part[d];
      const double mean = square / static_cast<double>(head) + static_cast<double>(1e-5f);
      for (std::size_t d = 0; C.qk_norm && d < head; ++d) part[d] /= std::sqrt(mean);
      for (std::size_t d = 0; std::is_same_v<Positions, rope> && d < head / 2; ++d) {
        const double angle = static_cast<double>(row % time) *
                             std::pow(10000.0, -2.0 * static_cast<double>(d) / head);
        const auto cosine = static_cast<double>(static_cast<float>(std::cos(angle)));
        const auto sine = static_cast<double>(static_cast<float>(std::sin(angle)));
        const double low = part[d], high = part[d + head / 2];
        part[d] = low * cosine - high * sine;
        part[d + head / 2] = high * cosine + low * sine;
      }
    }
  }
  std::vector<double> mixed(x.size() / width * heads * head);
  const auto window = static_cast<std::size_t>(window_of(C, o.layer_index));
  const double scale = static_cast<double>(static_cast<float>(1.0 / std::sqrt(head)));
  for (std::size_t row = 0; row < x.size() / width; ++row) {
    const std::size_t i = row % time, base = row - i;
    for (std::size_t h = 0; h < heads; ++h) {
      const double slope = std::is_same_v<Positions, alibi>
                               ? std::exp2(-8.0 * static_cast<double>(h + 1) / heads)
                               : 0.0;
      const std::size_t key = (heads + h * kv / heads) * head, value = key + kv * head;
      std::vector<double> p;
      double total = 0.0;
      for (std::size_t j = 0; j <= i; ++j) {
        double score = slope * (static_cast<double>(j) - static_cast<double>(i));
        for (std::size_t d = 0; d < head; ++d) {
          score += scale * qkv[row * all + h * head + d] * qkv[(base + j) * all + key + d];
        }
        const bool seen = window == 0 || j + window > i;
        p.push_back(seen ? std::exp(score) : 0.0);
        total += p.back();
      }
      for (std::size_t j = 0; j <= i; ++j) {
        for (std::size_t d = 0; d < head; ++d) {
          mixed[(row * heads + h) * head + d] += p[j] / total * qkv[(base + j) * all + value + d];
        }
      }
    }
  }
  return affine(mixed, out_weight, C.bias ? out_weight + width * heads * head : nullptr, width,
                heads * head);
}

template <config C, class Positions = absolute>
void check_forms(gradient_options options = {}) {
  options = with_positions(C, options);
  check_layer<causal_attention<C, Positions>>(options);
  if (options.dropout > 0.0f) return;
  layer_run<causal_attention<C, Positions>> run(options);
  const std::vector<double> want = attended<C, Positions>(run, options);
  check_close(run.output(), want, 1e-11);
}

}  // namespace

TEST_CASE("attention: its sizes are constants") { CHECK(sizes_are_constants()); }

TEST_CASE("attention: plain, grouped and multi-query heads are right, forward and backward") {
  check_forms<plain>();
  check_forms<plain>({.batch = 1, .time = 1});
  check_forms<grouped>();
  check_forms<multi_query>();
  check_forms<own_head>();
}

TEST_CASE("attention: rotary positions and alibi are right, forward and backward") {
  check_forms<plain, rope>();
  check_forms<grouped, rope>();
  check_forms<own_head, rope>();
  check_forms<plain, alibi>();
  check_forms<multi_query, alibi>();
}

TEST_CASE("attention: the window follows the layer's number") {
  for (const isize layer : {0, 1}) {  // layer 1 sees everything
    check_forms<windowed>({.batch = 2, .time = 7, .layer_index = layer});
    check_forms<windowed, alibi>({.batch = 1, .time = 7, .layer_index = layer});
  }
}

TEST_CASE("attention: query-key norm is right, forward and backward") {
  check_forms<normed>({.batch = 2, .time = 4});
  check_forms<normed, rope>({.batch = 2, .time = 4});
}

TEST_CASE("attention: dropout of probabilities has the gradient of the complex step") {
  check_forms<plain>({.dropout = 0.3f});
  check_forms<grouped, rope>({.dropout = 0.3f});
  check_forms<windowed, alibi>({.batch = 1, .time = 6, .dropout = 0.5f});
  check_forms<normed, rope>({.batch = 1, .time = 4, .dropout = 0.2f});
}

TEST_CASE("attention: a token sees itself and what came before it, nothing else") {
  const gradient_options options = with_positions(grouped, {.batch = 2, .time = 6});
  layer_run<causal_attention<grouped, rope>> run(options);
  const std::vector<double> before = run.output();
  constexpr std::size_t changed = 3, width = 8;
  for (std::size_t i = 0; i < width; ++i) run.values(run.x)[changed * width + i] += 1.0;
  const std::vector<double> after = run.output();
  for (std::size_t row = 0; row < 12; ++row) {
    bool same = true;
    for (std::size_t i = 0; i < width; ++i) {
      same = same && before[row * width + i] == after[row * width + i];
    }
    CHECK(same == (row < changed || row >= 6));  // the second sequence begins at row 6
  }
}
