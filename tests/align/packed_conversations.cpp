// Packed conversations: each has the loss that transformers gives it alone, forward and backward.
#include "ctgpt/align/packed_conversations.hpp"

#include <cmath>

#include "align/chats.hpp"
#include "ctgpt/align/conversation_set.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/model/any.hpp"
#include "ctgpt/model/directory.hpp"
#include "ctgpt/train/trainer.hpp"

using namespace ctgpt_test;

namespace {

constexpr isize window = 96;  // the context of the golden models

using ids = std::vector<std::int32_t>;

// The conversations that transformers were asked about.
std::shared_ptr<const conversation_tokens> golden_set(const chat_template& chat, isize time,
                                                      int only = -1) {
  const text::tokenizer tokens = golden_tokenizer();
  conversation_set set(tokens, chat, time);
  const std::vector<conversation> talks = golden_talks();
  for (std::size_t i = 0, place = 0; i < talks.size(); ++i) {
    if (i == naming_talk) continue;
    if (only < 0 || static_cast<int>(place) == only) set.add(talks[i]);
    ++place;
  }
  REQUIRE(set.counts().cut == 0);
  REQUIRE(set.counts().dropped == 0);
  return set.take();
}

// The mean loss over the tokens that count, of batches of one shape.
double mean_loss(any_network& net, const std::shared_ptr<const conversation_tokens>& talks,
                 isize batch, isize time) {
  const batches data(talks, {.batch = batch, .time = time, .order = conversations});
  trainer run(net, adamw{}, data);
  return run.validate(data, (conversation_windows(talks, time, 1337).count() + batch - 1) / batch);
}

std::unique_ptr<any_network> golden_model(const std::string& name) {
  const saved_model from = open_directory(golden("align/" + name));
  std::unique_ptr<any_network> net;
  visit_kinds(from.settings, [&](const auto& model) {
    using type = std::remove_cvref_t<decltype(model)>;
    net = std::make_unique<network<type>>(load_model(model, cpu{}, from, f32_precision));
  });
  return net;
}

// Calls visit(network, losses of transformers) for learned positions and for rotary ones.
template <class Visit>
void each_golden_model(Visit visit) {
  for (const std::string name : {"gpt2", "llama"}) {
    CAPTURE(name);
    const std::unique_ptr<any_network> net = golden_model(name);
    const io::json losses = io::read_json(golden("align/" + name + "/loss.json"));
    visit(*net, io::json_field(losses, "loss.json"));
  }
}

}  // namespace

TEST_CASE("packed conversations: the SFT loss is that of transformers, alone and packed") {
  int compared = 0;
  each_golden_model([&](any_network& net, const io::json_field& expected) {
    for (const chat_template& chat : chat_templates) {
      CAPTURE(std::string(chat.name()));
      const io::json_field here = expected[std::string(chat.name())];
      for (int i = 0; i < 5; ++i) {
        const double theirs = here["each"][static_cast<std::size_t>(i)].number();
        const auto one = golden_set(chat, window, i);
        CHECK(mean_loss(net, one, 1, window) == doctest::Approx(theirs).epsilon(1e-5));
        ++compared;
      }
      const auto all = golden_set(chat, window);
      const isize windows = conversation_windows(all, window, 1337).count();
      CHECK(windows < 5);  // several in one window
      const double mean = here["mean"].number();
      CHECK(mean_loss(net, all, 1, window) == doctest::Approx(mean).epsilon(1e-5));
      CHECK(mean_loss(net, all, 3, window) == doctest::Approx(mean).epsilon(1e-5));
    }
  });
  CHECK(compared == 20);
}

TEST_CASE("packed conversations: a step packed is the step of each by itself, to rounding") {
  each_golden_model([&](any_network& net, const io::json_field&) {
    const auto gradient_of = [&](const ids& all, isize batch, isize time, double scale) {
      workspace work(net, batch, time, true);
      gradients sum(net);
      net.where().table().fill(net.where().state(), {sum.arena().row(0, sum.arena().count()), 0.0});
      work.set_scale(scale);
      work.clear_loss();
      work.upload(all);
      work.accumulate(sum);
      std::vector<float> values(static_cast<std::size_t>(sum.arena().count()));
      sum.arena().download(values.data());
      return std::pair(values, work.loss_sum());
    };
    const auto drawn = [](const std::shared_ptr<const conversation_tokens>& talks, isize batch) {
      const batches data(talks, {.batch = batch, .time = window, .order = conversations});
      ids all(static_cast<std::size_t>(data.parts() * batch * window));
      data.spread(0, 1, all);
      return all;
    };
    const auto packed = golden_set(nanochat{}, window);
    const isize windows = conversation_windows(packed, window, 1337).count();
    const auto [together, loss] = gradient_of(drawn(packed, windows), windows, window, 0.01);
    std::vector<double> alone(together.size(), 0.0);
    double sum = 0.0;
    for (int i = 0; i < 5; ++i) {
      ids one = drawn(golden_set(nanochat{}, window, i), 1);
      one.resize(2 * window);  // without positions: the conversation begins its window
      const auto [values, part] = gradient_of(one, 1, window, 0.01);
      for (std::size_t k = 0; k < values.size(); ++k) alone[k] += static_cast<double>(values[k]);
      sum += part;
    }
    CHECK(loss == doctest::Approx(sum).epsilon(1e-6));
    double difference = 0.0, size = 0.0;
    for (std::size_t k = 0; k < alone.size(); ++k) {
      difference += std::pow(alone[k] - static_cast<double>(together[k]), 2.0);
      size += std::pow(alone[k], 2.0);
    }
    CHECK(size > 0.0);
    CHECK(std::sqrt(difference / size) < 1e-5);
  });
}

TEST_CASE("packed conversations: one that crosses would be noticed") {
  each_golden_model([&](any_network& net, const io::json_field&) {
    const auto all = golden_set(chatml{}, window);
    const batches data(all, {.batch = 2, .time = window, .order = conversations});
    ids drawn(static_cast<std::size_t>(data.parts() * 2 * window));
    data.spread(0, 1, drawn);
    workspace work(net, 2, window, false);
    const auto loss = [&](const ids& uploaded) {
      work.clear_loss();
      work.upload(uploaded);
      work.evaluate();
      return work.loss_sum();
    };
    const double apart = loss(drawn);
    drawn.resize(4 * window);
    CHECK(std::fabs(loss(drawn) / apart - 1.0) > 1e-3);
  });
}

TEST_CASE("packed conversations: an epoch learns every token that counts once, in its own order") {
  const text::tokenizer tokens = golden_tokenizer();
  conversation_set set(tokens, nanochat{}, 32);
  for (int i = 0; i < 200; ++i) {
    set.add({{"user", "q" + std::to_string(i)},
             {"assistant", std::string(static_cast<std::size_t>(1 + i % 17), 'a')}});
  }
  const isize expected = set.counts().answer_tokens;
  const auto talks = set.take();
  const conversation_windows windows(talks, 32, 7);
  ids inputs(32), targets(32), positions(32);
  std::vector<ids> epochs(2);
  for (isize epoch = 0; epoch < 2; ++epoch) {
    isize learnt = 0;
    for (isize w = 0; w < windows.count(); ++w) {
      const auto i = static_cast<std::uint64_t>(epoch * windows.count() + w);
      windows.read(i, inputs, targets);
      windows.positions(i, positions);
      CHECK(positions[0] == 0);
      for (std::size_t at = 0; at < 32; ++at) {
        if (targets[at] >= 0) ++learnt;
        if (at > 0) CHECK((positions[at] == 0 || positions[at] == positions[at - 1] + 1));
        // Every conversation begins with its first token, and padding is told by no target.
        const bool begins = inputs[at] == special_named(tokens, "<|bos|>")->token;
        if (begins) CHECK(positions[at] == 0);
      }
      ids& seen = epochs[static_cast<std::size_t>(epoch)];
      seen.insert(seen.end(), inputs.begin(), inputs.end());
    }
    CHECK(learnt == expected);
  }
  CHECK_FALSE(epochs[0] == epochs[1]);
  CHECK(contains_text(error_text([] { batches(ids(100, 1), {.time = 8, .order = conversations}); }),
                      "this data holds no conversations"));
}

TEST_CASE("packed conversations: a step without a token to learn changes nothing and is no NaN") {
  each_golden_model([&](any_network& net, const io::json_field&) {
    const auto talks = std::make_shared<const conversation_tokens>(
        ids{1, 2, 3, 4}, std::vector<isize>{4}, std::vector<std::uint8_t>{0, 0, 0, 0});
    const batches data(talks, {.batch = 2, .time = window, .order = conversations});
    trainer run(net, adamw{.rate = 1e-3f, .weight_decay = 0.0f}, data);
    const std::vector<float> before = net.read(0);
    const step_report report = run.step();
    CHECK(report.loss == 0.0);
    CHECK(report.gradient_norm == 0.0);
    CHECK(net.read(0) == before);
    CHECK(run.validate(data, 1) == 0.0);
  });
}

TEST_CASE(
    "packed conversations: an evaluation sees windows once, and fills its last batch with none") {
  const text::tokenizer tokens = golden_tokenizer();
  conversation_set set(tokens, chatml{}, 64);
  for (int i = 0; i < 61; ++i) {
    set.add({{"user", "q" + std::to_string(i)}, {"assistant", std::string(30, 'a')}});
  }
  const isize expected = set.counts().answer_tokens;
  const auto talks = set.take();
  const isize have = conversation_windows(talks, 64, 1337).count();
  const batches data(talks, {.batch = 7, .time = 64, .order = conversations});
  ids drawn(static_cast<std::size_t>(data.parts() * 7 * 64));
  // What is learnt by a whole evaluation, and by one of `count` batches; windows by their inputs.
  const auto look = [&](isize count) {
    isize scored = 0;
    std::vector<ids> seen;
    for (isize number = 0; number < count; ++number) {
      const isize here = data.spread(number, count, drawn);
      isize counted = 0;
      for (isize b = 0; b < 7; ++b) {
        const auto inputs = drawn.begin() + b * 64, targets = drawn.begin() + (7 + b) * 64;
        const auto learnt =
            std::count_if(targets, targets + 64, [](std::int32_t id) { return id >= 0; });
        if (learnt > 0) seen.emplace_back(inputs, inputs + 64);
        counted += learnt;
      }
      CHECK(here == counted);
      scored += here;
    }
    std::sort(seen.begin(), seen.end());
    CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
    return std::pair(scored, std::ssize(seen));
  };
  CHECK(have % 7 != 0);
  const isize whole = (have + 6) / 7;
  CHECK(look(whole) == std::pair(expected, have));
  CHECK(look(whole + 3) == std::pair(expected, have));
  CHECK(look(2).second == 14);
}
