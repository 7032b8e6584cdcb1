// Generation: text leaves whole (characters, stop strings), tokens are those of an uncached
// computation, and a token costs no allocation.
#include "ctgpt/infer/generate.hpp"

#include <doctest/doctest.h>

#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/backend/reference.hpp"
#include "ctgpt/model/workspace.hpp"
#include "ctgpt/text/tokenizer.hpp"
#include "infer/allocations.hpp"
#include "infer/scripted_decoder.hpp"
#include "support/guarded_backend.hpp"

using namespace ctgpt;
using ctgpt_test::ids;
using ctgpt_test::scripted_decoder;

namespace {

using strings = std::vector<std::string>;

constexpr config tiny{.vocab = 256, .context = 20, .layers = 2, .heads = 2, .width = 16};
struct model : gpt<tiny> {};

template <class Model = model>
network<Model> spread(const backend& where, isize vocab = 0, std::uint64_t start = 4) {
  network<Model> net(where, f32_precision, vocab);
  random_stream random(start);
  for (int i = 0; i < Model::slot_count; ++i) {
    const double scale = Model::slot_at(i).vector ? 0.1 : 0.4;
    const double shift = Model::slot_at(i).start == initializer::ones ? 1.0 : 0.0;
    net.write(i, [&](isize) { return shift + scale * random.normal(); });
  }
  return net;
}

// Token i is pieces[i].
struct pieces_tokenizer {
  strings pieces;
  std::string decode(std::span<const std::int32_t> tokens) const {
    std::string text;
    for (const std::int32_t token : tokens) text += pieces[static_cast<std::size_t>(token)];
    return text;
  }
};

struct continuation {
  strings pieces;
  generated end;
  std::string text() const {
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    return all;
  }
};

template <class Decoder, class Tokenizer>
continuation collect(Decoder& run, const Tokenizer& tokenizer, const ids& prompt,
                     const generation& options) {
  continuation result;
  result.end = generate(run, tokenizer, prompt, options,
                        [&](std::string_view piece) { result.pieces.emplace_back(piece); });
  return result;
}

// Follows a script of pieces, one token each, from a prompt of one token.
continuation follow(const strings& script, generation options, const std::string& prompt = "?") {
  pieces_tokenizer tokenizer{script};
  tokenizer.pieces.push_back(prompt);
  ids order;
  for (std::size_t i = 0; i < script.size(); ++i) order.push_back(static_cast<std::int32_t>(i));
  scripted_decoder run(order, static_cast<isize>(tokenizer.pieces.size()), 8);
  options.temperature = 0.0f;
  return collect(run, tokenizer, {static_cast<std::int32_t>(script.size())}, options);
}

strings single_bytes(const std::string& text) {
  strings all;
  for (const char byte : text) all.emplace_back(1, byte);
  return all;
}

}  // namespace

TEST_CASE("generate: text leaves token by token and ends at the number of tokens") {
  const strings script{"Once", " upon", " a", " time"};
  const continuation all = follow(script, {.tokens = 4});
  CHECK(all.pieces == script);
  CHECK(all.end.tokens == 4);
  CHECK(all.end.reason == ending::length);
  CHECK(follow(script, {.tokens = 2}).text() == "Once upon");
  const continuation none = follow(script, {.tokens = 0});
  CHECK(none.pieces.empty());
  CHECK(none.end.tokens == 0);
}

TEST_CASE("generate: a stop string across tokens ends the text, and no part of it is shown") {
  const strings script{"Yes", ".\n", "Us", "er", ": No", " more"};
  const continuation cut = follow(script, {.tokens = 6, .stop = {"\nUser:"}});
  CHECK(cut.text() == "Yes.");
  CHECK(cut.end.reason == ending::stop);
  CHECK(cut.end.tokens == 5);
  // What only began like one is shown when the text ends.
  const continuation open = follow(script, {.tokens = 4, .stop = {"\nUser:"}});
  CHECK(open.text() == "Yes.\nUser");
  CHECK(open.end.reason == ending::length);
  CHECK(open.pieces == strings{"Yes", ".", "\nUser"});
}

TEST_CASE("generate: a character that spans tokens is never split") {
  const std::string text = "na\u00efve \u65e5\u672c \U0001F389.";
  const continuation all = follow(single_bytes(text), {.tokens = static_cast<isize>(text.size())});
  CHECK(all.text() == text);
  CHECK(all.pieces.size() == 11);
  for (const std::string& piece : all.pieces) {
    CHECK(utf8_error_offset(piece) == std::string_view::npos);
  }
}

TEST_CASE("generate: a character that the prompt leaves unfinished is completed") {
  CHECK(last_bytes(text::bytes{}, ids{'x', 'y', 'a', 0xE6, 0x97}) == "ya\xE6\x97");
  CHECK(follow(single_bytes("\xA5!"), {.tokens = 2}, "\xE6\x97").text() == "\xA5!");
  CHECK(follow(single_bytes("x!"), {.tokens = 2}, "\xE6\x97").text() == "x!");
  CHECK(follow(single_bytes("\xBD!"), {.tokens = 2}, "\xEF\xBF").text() == "\xBD!");
}

TEST_CASE("generate: a character that the last token leaves unfinished is left out") {
  const std::string text = "ok\U0001F389";
  for (isize tokens = 2; tokens < 6; ++tokens) {
    CHECK(follow(single_bytes(text), {.tokens = tokens}).text() == "ok");
  }
  CHECK(follow(single_bytes(text), {.tokens = 6}).text() == text);
}

TEST_CASE("generate: bytes that are not UTF-8 become replacement characters") {
  const continuation all = follow({"a", "\xff", "\xe6", "b"}, {.tokens = 4});
  CHECK(all.text() == "a\ufffd\ufffdb");
}

TEST_CASE("generate: a stop string of several bytes a character is found") {
  const std::string text = "a\u00e9\U0001F389b";
  const continuation cut = follow(single_bytes(text), {.tokens = 8, .stop = {"\U0001F389"}});
  CHECK(cut.text() == "a\u00e9");
  CHECK(cut.end.reason == ending::stop);
}

TEST_CASE("generate: an untrained byte model writes UTF-8 all the same") {
  const network<model> net = spread(reference<float>{});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string text =
        generate(net, text::bytes{}, "Once", {.tokens = 60, .temperature = 1.5f, .seed = seed});
    CHECK(utf8_error_offset(text) == std::string_view::npos);
    CHECK(text.starts_with("Once"));
    CHECK(text.size() > 30);
  }
}

TEST_CASE("generate: the tokens are those of an uncached computation, past the context too") {
  const generation options{.tokens = 55,
                           .temperature = 0.9f,
                           .top_k = 50,
                           .top_p = 0.95f,
                           .min_p = 0.01f,
                           .repetition_penalty = 1.2f,
                           .seed = 5};
  for (const backend& where : {backend(reference<float>{}), backend(cpu{isa::best, 2})}) {
    const network<model> net = spread(where);
    for (const std::string prompt : {"O", "Once upon a time", "a prompt longer than the context"}) {
      CAPTURE(prompt);
      // Token by token, the windows as the documentation words them, every logit computed afresh.
      ids tokens = text::bytes{}.encode(prompt), window, drawn;
      sampler choose(options.sampler_options(), net.vocab());
      const auto append = [&](std::int32_t token) {
        if (static_cast<isize>(window.size()) == tiny.context) {
          window.erase(window.begin(), window.end() - tiny.context / 2);
        }
        window.push_back(token);
      };
      for (const std::int32_t token : tokens) append(token);
      for (isize n = 0; n < options.tokens; ++n) {
        const auto time = static_cast<isize>(window.size());
        workspace space(net, 1, time, false);
        ids both = window;
        both.resize(2 * window.size(), -1);
        space.upload(both);
        drawn.push_back(choose.next(space.logits(time - 1, 1), window));
        append(drawn.back());
      }
      // A tokenizer that shows the ids themselves.
      struct numbered {
        std::string token_bytes(std::int32_t token) const { return std::to_string(token) + " "; }
      };
      std::string expected;
      for (const std::int32_t token : drawn) expected += numbered{}.token_bytes(token);
      decoder run(net);
      CHECK(collect(run, numbered{}, tokens, options).text() == expected);
    }
  }
}

TEST_CASE("generate: same seed, same text; another seed, another text; greedy needs none") {
  const network<model> net = spread(cpu{});
  const auto write = [&](generation options) {
    options.tokens = 40;
    return generate(net, text::bytes{}, "Once", options);
  };
  CHECK(write({.seed = 1}) == write({.seed = 1}));
  CHECK(write({.seed = 1}) != write({.seed = 2}));
  CHECK(write({.temperature = 0.0f, .seed = 1}) == write({.temperature = 0.0f, .seed = 2}));
  CHECK(write({.top_k = 1}) == write({.temperature = 0.0f}));
  CHECK(write({}) != write({.temperature = 0.0f}));
  // A decoder that was used before makes no difference.
  decoder run(net);
  const ids first = text::bytes{}.encode("another text that fills the cache"),
            second = text::bytes{}.encode("Once");
  collect(run, text::bytes{}, first, {});
  CHECK("Once" + collect(run, text::bytes{}, second, {.tokens = 40}).text() == write({}));
}

TEST_CASE("generate: threads and instruction sets with fused products give the same text") {
  std::string expected;
  for (const isa which : available_isas()) {
    if (which != isa::avx2 && which != isa::avx512 && which != isa::neon) continue;
    for (const int threads : {1, 2, 3}) {
      const network<model> net = spread(cpu{which, threads});
      const std::string text = generate(net, text::bytes{}, "Once", {.tokens = 50});
      if (expected.empty()) expected = text;
      CHECK(text == expected);
    }
  }
}

TEST_CASE("generate: memory that the host cannot touch, and calls that run later, do as well") {
  const std::string expected = generate(spread(reference<float>{}), text::bytes{}, "Once", {});
  const ctgpt_test::guarded device{reference<float>{}};
  const network<model> net = spread(device);
  const isize before = device.state().downloads;
  CHECK(generate(net, text::bytes{}, "Once", {}) == expected);
  CHECK(device.state().downloads - before == 200);  // the host waits once a token
}

TEST_CASE("generate: rows of the vocabulary past the tokenizer's are never sampled") {
  const auto letters = text::characters::of("abcdefghij \u00e9", "the corpus");
  const network<model> net = spread(reference<float>{}, letters.vocab_size());
  const std::string text = generate(net, letters, "abc", {.tokens = 300, .temperature = 50.0f});
  std::vector<bool> seen(static_cast<std::size_t>(letters.vocab_size()), false);
  for (const std::int32_t token : letters.encode(text))
    seen[static_cast<std::size_t>(token)] = true;
  CHECK(std::count(seen.begin(), seen.end(), true) == letters.vocab_size());
  // Nor those that the model computes, because another program padded its vocabulary.
  const network<model> padded = spread(reference<float>{});
  REQUIRE(padded.vocab() > letters.vocab_size());
  const generation hot{.tokens = 300, .temperature = 50.0f, .repetition_penalty = 1.5f};
  CHECK(letters.encode(generate(padded, letters, "abc", hot)).size() == 303);
  CHECK(letters.encode(generate(padded, letters, "abc", {.temperature = 0.0f})).size() == 203);
}

TEST_CASE("generate: ids that the tokenizer passes over are never sampled") {
  struct with_holes : text::bytes {
    static bool has(std::int32_t token) { return token % 2 == 0; }
  };
  const network<model> net = spread(cpu{.threads = 1});
  decoder run(net);
  const ids prompt{64, 66};
  for (const float temperature : {0.0f, 5.0f}) {
    std::string text;
    std::size_t odd = 0;
    const auto keep = [&](std::string_view piece) { text += piece; };
    generate(run, with_holes{}, prompt, {.tokens = 200, .temperature = temperature, .top_k = 0},
             keep);
    for (const char byte : text) odd += static_cast<unsigned char>(byte) < 128 ? byte & 1 : 0;
    CHECK(odd == 0);
    text.clear();
    generate(run, text::bytes{}, prompt, {.tokens = 200, .temperature = 5.0f, .top_k = 0}, keep);
    for (const char byte : text) odd += static_cast<unsigned char>(byte) < 128 ? byte & 1 : 0;
    CHECK(odd > 20);  // the control
  }
}

TEST_CASE("generate: any tokenizer will do") {
  const network<model> net = spread(reference<float>{});
  const text::tokenizer any = text::bytes{};
  CHECK(generate(net, any, "Once", {.tokens = 20}) ==
        generate(net, text::bytes{}, "Once", {.tokens = 20}));
}

TEST_CASE("generate: wrong options and an empty prompt are wrong usage") {
  const network<model> net = spread(reference<float>{});
  const auto write = [&](std::string_view prompt, const generation& options) {
    return generate(net, text::bytes{}, prompt, options);
  };
  CHECK_THROWS_WITH_AS(write("", {}),
                       "the prompt is empty; give the model at least one token to continue from",
                       usage_error);
  CHECK_THROWS_WITH_AS(write("a", {.tokens = -1}),
                       "the number of tokens must not be negative, but is -1", usage_error);
  CHECK_THROWS_WITH_AS(write("a", {.top_p = 2.0f}), "top-p must be between 0 and 1 (off), not 2",
                       usage_error);
  CHECK_THROWS_WITH_AS(write("a", {.stop = {"x", ""}}), "a stop string must not be empty",
                       usage_error);
  CHECK(write("a", {.tokens = 0}) == "a");
  const network<model> small = spread(reference<float>{}, 60);
  CHECK_THROWS_WITH_AS(generate(small, text::bytes{}, "a", {}),
                       "the token 97 is outside the model's vocabulary of 60", error);
}

TEST_CASE("generate: weights that are not numbers stop it with a sentence") {
  network<model> net = spread(reference<float>{});
  net.write(0, [](isize) { return std::nan(""); });
  CHECK_THROWS_WITH_AS(generate(net, text::bytes{}, "a", {}),
                       doctest::Contains("the model's logit of token 0 is nan"), error);
}

TEST_CASE("generate: a token allocates nothing, neither in the model nor in the sampler") {
  for (const backend& where :
       {backend(reference<float>{}), backend(cpu{isa::best, 1}), backend(cpu{isa::best, 2})}) {
    CAPTURE(where.name());
    const network<model> net = spread(where);
    decoder run(net);
    moving_window window(run);
    sampler choose({.top_k = 40, .top_p = 0.9f, .min_p = 0.01f, .repetition_penalty = 1.1f},
                   net.vocab());
    window.append(text::bytes{}.encode("a prompt longer than the context"));
    const auto steps = [&](int count) {
      const ctgpt_test::allocation_counter counter;
      for (int i = 0; i < count; ++i) window.append(choose.next(window.logits(), window.ids()));
      return counter.count();
    };
    steps(50);  // working space of the kernels grows to its size
    CHECK(steps(50) == 0);
  }
}

TEST_CASE("generate: text costs no allocation a token either") {
  const network<model> net = spread(cpu{isa::best, 1});
  decoder run(net);
  const ids prompt = text::bytes{}.encode("Once");
  const auto cost = [&](isize tokens) {
    const generation options{.tokens = tokens, .stop = {"never seen in this text", "nor this"}};
    std::size_t size = 0;
    const ctgpt_test::allocation_counter counter;
    generate(run, text::bytes{}, prompt, options,
             [&](std::string_view piece) { size += piece.size(); });
    return counter.count();
  };
  const long few = cost(60);
  CHECK(few > 0);
  CHECK(cost(400) == few);
}
