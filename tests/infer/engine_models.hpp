// Models and requests for the tests of engines.
#pragma once

#include "ctgpt/infer/batch_engine.hpp"
#include "ctgpt/text/bytes.hpp"
#include "infer/engine_listener.hpp"
#include "model/models.hpp"

namespace ctgpt_test {

// More than three pages of context; the types differ in all that positions touch.
inline constexpr config engine_size{
    .vocab = 256, .context = 210, .layers = 2, .heads = 2, .width = 16};
struct gpt2_like : gpt<gpt2_type(engine_size)> {};
struct nanochat_like : gpt<[] {
  config c = nanochat_type(engine_size);
  c.window = 70;
  c.full_every = 2;
  return c;
}()> {};

template <class Model>
std::unique_ptr<network<Model>> engine_net(const backend& where, precision numbers = f32_precision,
                                           std::uint64_t start = 1) {
  auto net = std::make_unique<network<Model>>(where, numbers, 0);
  spread(*net, start);
  net->pack();
  return net;
}
inline token_table byte_table() { return token_table(text::bytes{}, 256); }

// Bytes of a cache of so many pages.
inline isize bytes_of_pages(const any_network& net, isize pages) {
  return pages * paged_runner::page_bytes(net, attention_tile);
}

// Requests of every kind; several begin with the same text.
inline std::vector<completion_request> many_requests(std::size_t count, isize longest = 150) {
  random_stream random(77);
  const ids common = random_ids(200, 256, 3);
  std::vector<completion_request> all;
  for (std::size_t i = 0; i < count; ++i) {
    completion_request r;
    const auto length = static_cast<std::ptrdiff_t>(1 + random.below(std::uint64_t(longest)));
    const auto shared = static_cast<std::ptrdiff_t>(random.below(200));
    r.prompt.assign(common.begin(), common.begin() + std::min(length, shared));
    for (auto n = std::min(length, shared); n < length; ++n) {
      r.prompt.push_back(static_cast<std::int32_t>(random.below(256)));
    }
    r.tokens = static_cast<isize>(1 + random.below(60));
    r.choose.seed = random.next();
    r.choose.temperature = i % 4 == 0 ? 0.0f : 1.0f;
    if (i % 3 == 0) r.choose.top_p = 0.9f;
    if (i % 5 == 0) r.choose.repetition_penalty = 1.3f;
    if (i % 5 == 1) r.choose.typical_p = 0.8f;
    if (i % 5 == 2) r.choose.min_p = 0.05f;
    if (i % 5 == 3) r.frequency_penalty = 0.7f, r.presence_penalty = 0.3f;
    if (i % 4 == 1) r.logit_bias = {{'a', 4.0f}, {'b', -100.0f}};
    if (i % 2 == 0) r.likeliest = static_cast<int>(random.below(6));
    if (i % 7 == 3) r.echo = true;
    if (i % 3 == 1) r.stop = {"a", "\xc3\xa9"};
    if (i % 6 == 5) r.stop_tokens = {'z', 200};
    all.push_back(std::move(r));
  }
  return all;
}

// One after another, each on an engine that has seen nothing.
template <class Model>
std::vector<answer> answers_alone(const backend& where, precision numbers,
                                  const std::vector<completion_request>& requests) {
  std::vector<answer> all;
  for (const completion_request& each : requests) {
    auto net = engine_net<Model>(where, numbers);
    const isize bytes = bytes_of_pages(*net, 8);
    batch_engine engine(std::move(net), byte_table(), {.cache_bytes = bytes, .parallel = 1});
    all.push_back(ask(engine, each)->wait());
  }
  return all;
}

}  // namespace ctgpt_test
