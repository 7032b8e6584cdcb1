// conversation_set: conversations cut at a turn boundary, dropped, counted; and held out.
#include "ctgpt/align/conversation_set.hpp"

#include <numeric>

#include "align/chats.hpp"

using namespace ctgpt_test;

namespace {

conversation turns(int exchanges, std::size_t letters = 4) {
  conversation talk;
  for (int i = 0; i < exchanges; ++i) {
    talk.push_back({"user", std::string(letters, 'q')});
    talk.push_back({"assistant", std::string(letters, static_cast<char>('a' + i))});
  }
  return talk;
}

}  // namespace

TEST_CASE("fit_conversation: kept up to its last answer, whole turns only") {
  const text::tokenizer tokens = golden_tokenizer();
  for (const chat_template& chat : chat_templates) {
    CAPTURE(std::string(chat.name()));
    const conversation three = turns(3);
    bool cut = false;
    const auto whole = fit_conversation(tokens, chat, three, 1000, cut);
    REQUIRE(whole);
    CHECK_FALSE(cut);
    CHECK(whole->mask.back() == 1);  // the token that ends the last answer
    CHECK(whole->ids.back() == special_named(tokens, chat.end_names()[0])->token);
    const isize targets = std::ssize(whole->ids) - 1;
    CHECK(fit_conversation(tokens, chat, three, targets, cut)->ids == whole->ids);
    CHECK_FALSE(cut);
    // One token less room: the last exchange goes, and no other.
    const auto two = fit_conversation(tokens, chat, three, targets - 1, cut);
    CHECK(cut);
    bool again = false;
    CHECK(two->ids == fit_conversation(tokens, chat, turns(2), 1000, again)->ids);
    // What remains is the beginning of the whole.
    CHECK(std::equal(two->ids.begin(), two->ids.end(), whole->ids.begin()));
    CHECK_FALSE(fit_conversation(tokens, chat, turns(1, 30), 30, cut));
    CHECK(cut);
  }
}

TEST_CASE("conversation_set: kept, cut, dropped and refused are counted, with tokens and answers") {
  const text::tokenizer tokens = golden_tokenizer();
  conversation_set set(tokens, chatml{}, 60);
  set.add(turns(1));
  set.add(turns(9));
  set.add(turns(1, 200));
  set.add({{"user", "Hi"}, {"tool", "x"}, {"assistant", "y"}});
  const set_counts counts = set.counts();
  CHECK(counts.conversations == 2);
  CHECK(counts.cut == 1);
  CHECK(counts.dropped == 1);
  CHECK(counts.refused == 1);
  CHECK(contains_text(counts.why, "the role \"tool\""));
  const auto made = set.take();
  CHECK(made->size() == counts.tokens);
  isize learnt = 0, longest = 0;
  for (isize i = 0; i < made->size(); ++i) learnt += made->counts(i) ? 1 : 0;
  CHECK(learnt == counts.answer_tokens);
  made->documents([&](isize begin, isize end) { longest = std::max(longest, end - begin); });
  CHECK(longest <= 61);
  CHECK(longest > 40);
  CHECK(contains_text(error_text([] { conversation_set(text::bytes{}, chatml{}, 9); }),
                      "no special token <|im_start|>"));
}

// nanochat fills a buffer with what is too long, packs nothing and learns NaN; here such data is
// cut or dropped, whatever its lengths are.
TEST_CASE("conversation_set: whatever the lengths, what is kept fits and has an answer to learn") {
  const text::tokenizer tokens = golden_tokenizer();
  random_stream random(5, 1);
  isize kept = 0, cut = 0, dropped = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const isize time = 8 + static_cast<isize>(random.below(60));
    conversation_set set(tokens, trial % 2 == 0 ? chat_template(chatml{}) : nanochat{}, time);
    for (int i = 0; i < 20; ++i) {
      set.add(turns(1 + static_cast<int>(random.below(5)), 1 + random.below(50)));
    }
    const set_counts counts = set.counts();
    CHECK(counts.conversations + counts.dropped == 20);
    kept += counts.conversations, cut += counts.cut, dropped += counts.dropped;
    if (counts.conversations == 0) continue;
    const auto source = set.take();
    const conversation_windows windows(source, time, 1);
    std::vector<std::int32_t> inputs(static_cast<std::size_t>(time)), targets(inputs);
    isize scored = 0;
    for (isize w = 0; w < windows.count(); ++w) {
      windows.read(static_cast<std::uint64_t>(w), inputs, targets);
      const isize here =
          std::count_if(targets.begin(), targets.end(), [](std::int32_t id) { return id >= 0; });
      CHECK(here == windows.scored(static_cast<std::uint64_t>(w)));
      CHECK(here > 0);
      scored += here;
    }
    CHECK(scored == counts.answer_tokens);
  }
  CHECK(kept > 200);
  CHECK(cut > 50);
  CHECK(dropped > 100);
}

TEST_CASE("held_out: a share, the same in any order, equal conversations on one side") {
  std::vector<conversation> talks;
  for (int i = 0; i < 100; ++i) talks.push_back({{"user", std::to_string(i % 90)}});
  const auto chosen = held_out(talks, 0.2);
  const int count = std::accumulate(chosen.begin(), chosen.end(), 0);
  CHECK(count >= 20);
  CHECK(count <= 21);
  for (std::size_t i = 90; i < 100; ++i) CHECK(chosen[i] == chosen[i - 90]);
  std::vector<conversation> turned(talks.rbegin(), talks.rend());
  auto again = held_out(turned, 0.2);
  std::reverse(again.begin(), again.end());
  CHECK(again == chosen);
  // One at least, where one can be spared.
  const auto sum = [](const std::vector<std::uint8_t>& list) {
    return std::accumulate(list.begin(), list.end(), 0);
  };
  CHECK(sum(held_out({talks[0], talks[1]}, 0.001)) == 1);
  CHECK(sum(held_out({talks[0]}, 0.5)) == 0);
  CHECK(sum(held_out({talks[0], talks[0]}, 0.5)) == 0);
}
