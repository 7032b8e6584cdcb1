// decoder: the cached logits are those of an uncached pass, bit for bit.
#include "ctgpt/model/decoder.hpp"

#include "base/child.hpp"
#include "ctgpt/layer/repeat.hpp"
#include "model/models.hpp"

using namespace ctgpt_test;

namespace {

// More than two tiles of keys, no size a multiple of another.
constexpr config size{.vocab = 37, .context = 150, .layers = 3, .heads = 3, .width = 24};
constexpr config with(config c, isize kv_heads, isize window, isize full_every) {
  c.kv_heads = kv_heads;
  c.window = window;
  c.full_every = full_every;
  return c;
}
struct gpt2_model : gpt<gpt2_type(size)> {};
struct llama_model : gpt<with(llama_type(size), 1, 0, 0)> {};
struct chat_model : gpt<with(nanochat_type(size), 3, 70, 3)> {};
struct alibi_model : gpt<with(alibi_type(size), 0, 40, 0)> {};
struct sinusoidal_model : gpt<sinusoidal_type(size)> {};

// A block of one's own with three attentions, of two shapes.
using namespace ctgpt::parts;
template <config C>
using reads =
    residual<named<normalize, rms_norm<C.width>>, named<heads, causal_attention<C, rope>>>;
template <config C>
struct three_attentions : chain<named<attention, repeat<2, reads<C>>>,
                                named<extra, residual<causal_attention<with(C, 1, 20, 0)>>>,
                                named<mlp, residual<named<normalize, rms_norm<C.width>>,
                                                    named<gate, swiglu<C.width, 40>>>>> {};
struct own_model : gpt<llama_type(size), three_attentions> {};

constexpr isize vocab = 31;

template <class Model>
std::vector<std::vector<float>> uncached(const network<Model>& net, const ids& tokens) {
  const auto count = static_cast<isize>(tokens.size());
  workspace work(net, 1, count, false);
  ids both = tokens;
  both.insert(both.end(), tokens.begin(), tokens.end());
  work.upload(both);
  const std::vector<float> all = work.logits(0, count);
  std::vector<std::vector<float>> rows;
  for (isize i = 0; i < count; ++i) {
    rows.emplace_back(all.begin() + i * net.vocab(), all.begin() + (i + 1) * net.vocab());
  }
  return rows;
}

std::vector<float> feed(decoder& run, const ids& tokens, isize sequence, isize start, isize count) {
  run.feed(
      std::span(tokens).subspan(static_cast<std::size_t>(start), static_cast<std::size_t>(count)),
      sequence, start);
  return {run.logits().begin(), run.logits().end()};
}

// Every bit, or within a bound of the largest: Eigen's order of sums depends on the shape.
void check_same(const std::vector<float>& got, const std::vector<float>& want, float bound) {
  if (bound == 0.0f) {
    CHECK(got == want);
    return;
  }
  REQUIRE(got.size() == want.size());
  float largest = 0.0f;
  for (const float value : want) largest = std::max(largest, std::fabs(value));
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(std::fabs(got[i] - want[i]) < bound * largest);
  }
}

// Two sequences that take turns, fed in pieces of many lengths. Returns the first one's last
// logits.
template <class Model>
std::vector<float> check_decoder(const network<Model>& net, isize chunk = 128, float bound = 0.0f) {
  const ids one = random_ids(150, vocab, 5), two = random_ids(150, vocab, 6);
  const auto want_one = uncached(net, one), want_two = uncached(net, two);
  decoder run(net, 2, chunk);
  CHECK(run.vocab() == vocab);
  std::vector<float> last;
  isize at_one = 0, at_two = 0;
  for (const isize piece : {1, 60, 1, 1, 1, 1, 1, 62, 1, 20, 1}) {  // 150 in all
    last = feed(run, one, 0, at_one, piece);
    at_one += piece;
    CAPTURE(at_one);
    check_same(last, want_one[static_cast<std::size_t>(at_one - 1)], bound);
    const isize other = at_two == 0 ? 129 : 1;
    if (at_two + other > 150) continue;
    const std::vector<float> second = feed(run, two, 1, at_two, other);
    at_two += other;
    check_same(second, want_two[static_cast<std::size_t>(at_two - 1)], bound);
  }
  CHECK(at_one == 150);
  return last;
}

template <class Model>
void check_everywhere(float eigen_bound = 1e-5f) {
  check_decoder(spread_network<Model>(reference<float>{}, vocab));
  check_decoder(spread_network<Model>(eigen{2}, vocab), 128, eigen_bound);
  std::vector<std::vector<float>> fused;
  for (const named_backend& each :
       cpus({isa::baseline, isa::sse4, isa::avx2, isa::avx512}, {1, 2})) {
    CAPTURE(each.name);
    network<Model> net = spread_network<Model>(each.where, vocab);
    const std::vector<float> plain = check_decoder(net);
    const std::string_view name = each.where.name();
    if (name == "avx2" || name == "avx512") fused.push_back(plain);
    net.pack();
    CHECK(check_decoder(net) == plain);
  }
  for (const std::vector<float>& each : fused) CHECK(each == fused.front());
}

}  // namespace

TEST_CASE("decoder: equals an uncached pass, a GPT-2-type model") {
  check_everywhere<gpt2_model>();
}
TEST_CASE("decoder: equals an uncached pass, a Llama-type model") {
  check_everywhere<llama_model>();
}
TEST_CASE("decoder: equals an uncached pass, a nanochat-type model") {
  check_everywhere<chat_model>();
}
TEST_CASE("decoder: equals an uncached pass, alibi with a window") {
  check_everywhere<alibi_model>();
}
TEST_CASE("decoder: equals an uncached pass, sinusoidal positions") {
  check_everywhere<sinusoidal_model>();
}

TEST_CASE("decoder: equals an uncached pass, a block of one's own with three attentions") {
  CHECK(own_model::cache_count == 3);
  check_everywhere<own_model>(1e-4f);  // three times as deep
}

TEST_CASE("decoder: weights and cache in bf16 give the bits of the uncached pass too") {
  for (const named_backend& each : fused_cpus()) {
    CAPTURE(each.name);
    network<chat_model> net(each.where, bf16_precision, vocab);
    spread(net);
    const std::vector<float> plain = check_decoder(net);
    net.pack();
    CHECK(check_decoder(net) == plain);
  }
}

TEST_CASE("decoder: the length of a chunk changes no bit") {
  const network<gpt2_model> net = spread_network<gpt2_model>(cpu{}, vocab);
  const std::vector<float> whole = check_decoder(net, 150);
  for (const isize chunk : {1, 7, 64, 100000}) CHECK(check_decoder(net, chunk) == whole);
}

TEST_CASE("decoder: positions can be computed again with other tokens") {
  const network<gpt2_model> net = spread_network<gpt2_model>(cpu{}, vocab);
  const ids first = random_ids(100, vocab, 5);
  ids second = first;
  for (std::size_t i = 40; i < second.size(); ++i)
    second[i] = (second[i] + 1) % static_cast<std::int32_t>(vocab);
  decoder run(net);
  feed(run, first, 0, 0, 100);
  CHECK(feed(run, second, 0, 40, 60) == uncached(net, second).back());
}

TEST_CASE("decoder: no sequence, and no token at a time, is refused") {
  const network<gpt2_model> net = spread_network<gpt2_model>(reference<float>{}, vocab);
  CHECK(sentence_of([&] { decoder(net, 0); }) ==
        "a decoder of 0 sequences, 128 tokens at a time, cannot run; both must be at least 1");
  CHECK(sentence_of([&] { decoder(net, 1, 0); }) ==
        "a decoder of 1 sequences, 0 tokens at a time, cannot run; both must be at least 1");
}

TEST_CASE("decoder: positions past the context and sequences that are not there are refused") {
  const network<gpt2_model> net = spread_network<gpt2_model>(reference<float>{}, vocab);
  decoder run(net, 2);
  const ids tokens = random_ids(151, vocab);
  CHECK(sentence_of([&] { run.feed(tokens, 0, 0); }) ==
        "position 151 is past the model's context of 150");
  CHECK(sentence_of([&] { run.feed(std::span(tokens).first(1), 0, 150); }) ==
        "position 151 is past the model's context of 150");
  CHECK(sentence_of([&] { run.feed(std::span(tokens).first(1), 2, 0); }) ==
        "sequence 2 does not exist");
  CHECK(sentence_of([&] { run.feed(std::span(tokens).first(1), -1, 0); }) ==
        "sequence -1 does not exist");
  CHECK(sentence_of([&] { run.feed(std::span(tokens).first(1), 0, -1); }) != "(no error)");
}
