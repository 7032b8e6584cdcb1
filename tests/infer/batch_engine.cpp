// batch_engine: answers are those of generate(), bit for bit the same alone, in a batch, in any
// chunks, with pages found in the cache and with pages lost to others.
#include "ctgpt/infer/batch_engine.hpp"

#include "ctgpt/infer/generate.hpp"
#include "infer/engine_models.hpp"

using namespace ctgpt_test;

namespace {

template <class Model>
void check_same_in_every_company(const backend& where, precision numbers) {
  const std::vector<completion_request> requests = many_requests(24);
  const std::vector<answer> alone = answers_alone<Model>(where, numbers, requests);
  struct company {
    isize pages, parallel, chunk;
  };
  for (const company with : {company{200, 24, 128}, {4, 24, 7}, {9, 5, 64}, {30, 24, 1000}}) {
    const isize pages = with.pages;
    CAPTURE(pages);
    auto net = engine_net<Model>(where, numbers);
    const isize bytes = bytes_of_pages(*net, pages);
    batch_engine engine(std::move(net), byte_table(),
                        {.cache_bytes = bytes, .parallel = with.parallel, .chunk = with.chunk});
    for (const bool again : {false, true}) {  // the second time much is in the cache
      CAPTURE(again);
      std::vector<std::shared_ptr<collector>> asked;
      for (const completion_request& each : requests) asked.push_back(ask(engine, each));
      isize found = 0;
      for (std::size_t i = 0; i < asked.size(); ++i) {
        CAPTURE(i);
        const answer got = asked[i]->wait();
        CHECK(got == alone[i]);
        CHECK(got.end.reason != completion_ending::failed);
        found += got.end.cached_tokens;
      }
      if (pages == 200) CHECK(found > (again ? 800 : 200));
    }
    engine.drain();
    CHECK(engine.load().running == 0);
    CHECK(engine.load().cache_tokens == 0);
    CHECK(engine.load().cache_total == pages * attention_tile);
  }
}

}  // namespace

TEST_CASE("batch_engine: an answer is generate()'s, with the same options") {
  const network<gpt2_like> net = [] {
    network<gpt2_like> made(cpu{}, f32_precision);
    spread(made);
    return made;
  }();
  auto packed = engine_net<gpt2_like>(cpu{});
  batch_engine engine(std::move(packed), byte_table());
  std::vector<std::shared_ptr<collector>> asked;
  std::vector<std::string> wanted;
  decoder run(net);
  for (const completion_request& each : many_requests(30, 100)) {
    completion_request plain{.prompt = each.prompt, .tokens = each.tokens, .stop = each.stop};
    plain.prompt.push_back('.');  // an unfinished character is another's: see answer_text
    plain.choose = each.choose;
    plain.choose.typical_p = 1.0f;  // generate() has none
    generation options{.tokens = plain.tokens,
                       .temperature = plain.choose.temperature,
                       .top_k = plain.choose.top_k,
                       .top_p = plain.choose.top_p,
                       .min_p = plain.choose.min_p,
                       .repetition_penalty = plain.choose.repetition_penalty,
                       .seed = plain.choose.seed,
                       .stop = plain.stop};
    std::string text;
    generate(run, text::bytes{}, plain.prompt, options,
             [&](std::string_view piece) { text += piece; });
    wanted.push_back(text);
    asked.push_back(ask(engine, std::move(plain)));
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    CAPTURE(i);
    CHECK(asked[i]->wait().text == wanted[i]);
  }
}

TEST_CASE("batch_engine: an answer is the same in every company, GPT-2-type in f32") {
  check_same_in_every_company<gpt2_like>(cpu{.threads = 2}, f32_precision);
}
TEST_CASE("batch_engine: an answer is the same in every company, nanochat-type in f32") {
  check_same_in_every_company<nanochat_like>(cpu{.threads = 2}, f32_precision);
}
TEST_CASE("batch_engine: an answer is the same in every company, nanochat-type in bf16") {
  check_same_in_every_company<nanochat_like>(cpu{.threads = 1}, bf16_precision);
}
TEST_CASE("batch_engine: an answer is the same in every company, on the plainest loops") {
  check_same_in_every_company<gpt2_like>(reference<float>{}, f32_precision);
}

TEST_CASE("batch_engine: whatever many threads ask and cancel, what is answered is right") {
  const std::vector<completion_request> requests = many_requests(16);
  const std::vector<answer> alone =
      answers_alone<gpt2_like>(cpu{.threads = 1}, f32_precision, requests);
  const ids read = random_ids(150, 256, 8);
  auto net = engine_net<gpt2_like>(cpu{.threads = 2});
  const isize bytes = bytes_of_pages(*net, 6);
  batch_engine engine(std::move(net), byte_table(),
                      {.cache_bytes = bytes, .parallel = 7, .chunk = 20});
  const std::vector<float> embedded = engine.embed(read);
  std::atomic<int> cancelled{0}, whole{0}, wrong{0};
  std::vector<std::thread> people;
  for (std::uint64_t person = 0; person < 4; ++person) {
    people.emplace_back([&, person] {
      random_stream random(person, 4);
      std::vector<std::pair<std::size_t, std::shared_ptr<collector>>> asked;
      for (int i = 0; i < 30; ++i) {
        const auto which = random.below(requests.size());
        const auto who = std::make_shared<collector>();
        const std::uint64_t id = engine.submit(requests[which], who);
        asked.emplace_back(which, who);
        if (random.below(3) == 0) {
          for (auto n = random.below(8); n > 0; --n) std::this_thread::yield();
          engine.cancel(id);
        }
        if (random.below(6) == 0 && engine.embed(read) != embedded) ++wrong;
      }
      for (const auto& [which, who] : asked) {
        const answer got = who->wait();
        if (got.end.reason == completion_ending::cancelled) {
          ++cancelled;
          if (!alone[which].text.starts_with(got.text)) ++wrong;
        } else {
          ++whole;
          if (!(got == alone[which])) ++wrong;
        }
      }
    });
  }
  for (std::thread& each : people) each.join();
  CHECK(wrong.load() == 0);
  CHECK(cancelled.load() > 0);
  CHECK(whole.load() > 60);
  engine.drain();
  CHECK(engine.load().cache_tokens == 0);
}
