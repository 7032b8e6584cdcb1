// token_loader: four orders, each a function of the seed and the batch's number alone.
#include "ctgpt/data/token_loader.hpp"

#include <map>
#include <set>

#include "ctgpt/data/window_orders.hpp"
#include "data/token_data.hpp"

using namespace ctgpt;
using namespace ctgpt::data;
using namespace ctgpt_test;

namespace {

// 1,000 tokens in documents of 9.
std::shared_ptr<const token_source> thousand() {
  std::vector<isize> ends;
  for (isize end = 9; end < 1000; end += 9) ends.push_back(end);
  ends.push_back(1000);
  return std::make_shared<memory_documents>(counting(1000), ends);
}

ids draw(const token_loader& from, std::uint64_t number) {
  ids drawn(static_cast<std::size_t>(2 * from.options().batch * from.options().time));
  from.draw(number, drawn);
  return drawn;
}
// The first inputs of the windows of batches [first, last).
std::vector<std::int32_t> starts(const token_loader& from, std::uint64_t first,
                                 std::uint64_t last) {
  std::vector<std::int32_t> found;
  for (std::uint64_t number = first; number < last; ++number) {
    const ids drawn = draw(from, number);
    for (isize b = 0; b < from.options().batch; ++b) {
      found.push_back(drawn[static_cast<std::size_t>(b * from.options().time)]);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("token_loader: the sequential order is one window after the other, epoch after epoch") {
  const token_loader loader(thousand(), {.batch = 3, .time = 100, .order = orders::sequential});
  CHECK(loader.windows() == 9);  // the tenth would lack its last target
  CHECK(starts(loader, 0, 4) == ids{0, 100, 200, 300, 400, 500, 600, 700, 800, 0, 100, 200});
  const ids drawn = draw(loader, 1);
  CHECK(ids(drawn.begin(), drawn.begin() + 100) == [] {
    ids expected(100);
    std::iota(expected.begin(), expected.end(), 300);
    return expected;
  }());
  CHECK(drawn[300] == 301);
}

TEST_CASE("token_loader: a shuffled epoch has every window once, and the next one another order") {
  const token_loader loader(thousand(), {.batch = 4, .time = 7, .order = orders::shuffled});
  REQUIRE(loader.windows() == 142);
  std::vector<std::int32_t> all = starts(loader, 0, 71);  // two epochs, across a batch's middle
  const std::vector<std::int32_t> first(all.begin(), all.begin() + 142);
  const std::vector<std::int32_t> second(all.begin() + 142, all.end());
  ids expected;
  for (int w = 0; w < 142; ++w) expected.push_back(7 * w);
  for (ids epoch : {first, second}) {
    CHECK(epoch != expected);
    std::sort(epoch.begin(), epoch.end());
    CHECK(epoch == expected);
  }
  CHECK(first != second);
  const token_loader other(thousand(),
                           {.batch = 4, .time = 7, .seed = 1, .order = orders::shuffled});
  CHECK(starts(other, 0, 35) != starts(loader, 0, 35));
}

TEST_CASE("token_loader: an epoch of documents learns each token but the first of each once") {
  const auto source = thousand();
  const token_loader loader(source, {.batch = 1, .time = 20, .order = orders::documents});
  for (const std::uint64_t epoch : {0u, 1u}) {
    std::map<std::int32_t, int> learnt;
    const auto windows = static_cast<std::uint64_t>(loader.windows());
    isize scored = 0;
    for (std::uint64_t i = 0; i < windows; ++i) {
      const ids drawn = draw(loader, epoch * windows + i);
      isize here = 0;
      for (std::size_t t = 0; t < 20; ++t) {
        if (drawn[20 + t] < 0) continue;
        ++here;
        ++learnt[drawn[20 + t]];
        REQUIRE(drawn[20 + t] == drawn[t] + 1);
        REQUIRE(drawn[20 + t] % 9 != 0);  // a document's first token
      }
      CHECK(loader.scored(epoch * windows + i) == here);
      scored += here;
    }
    CHECK(scored == 1000 - 112);
    CHECK(learnt.size() == 888);
  }
  CHECK(loader.epoch_tokens() == loader.windows() * 20);
}

TEST_CASE("token_loader: no order but the documents' has padding") {
  for (const window_order order : orders::all) {
    const token_loader loader(thousand(), {.batch = 5, .time = 16, .order = order});
    for (std::uint64_t number = 0; number < 100; ++number) {
      const ids drawn = draw(loader, number);
      const auto padded = std::count(drawn.begin() + 80, drawn.end(), -1);
      CHECK(std::count(drawn.begin(), drawn.begin() + 80, -1) == 0);
      CHECK(loader.scored(number) == 80 - padded);
      if (order != orders::documents) REQUIRE(padded == 0);
    }
  }
}

TEST_CASE("token_loader: the ranks draw together what one rank of all their windows draws") {
  for (const window_order order : orders::all) {
    const token_loader whole(thousand(), {.batch = 6, .time = 11, .seed = 3, .order = order});
    std::vector<token_loader> ranks;
    for (isize rank = 0; rank < 3; ++rank) {
      ranks.emplace_back(
          thousand(),
          loader_options{
              .batch = 2, .time = 11, .seed = 3, .order = order, .rank = rank, .ranks = 3});
    }
    for (std::uint64_t number = 0; number < 60; ++number) {
      ids inputs, targets;
      isize scored = 0;
      for (const token_loader& rank : ranks) {
        const ids drawn = draw(rank, number);
        inputs.insert(inputs.end(), drawn.begin(), drawn.begin() + 22);
        targets.insert(targets.end(), drawn.begin() + 22, drawn.end());
        scored += rank.scored(number);
      }
      inputs.insert(inputs.end(), targets.begin(), targets.end());
      REQUIRE(inputs == draw(whole, number));
      REQUIRE(scored == whole.scored(number));
    }
  }
}

TEST_CASE("token_loader: in an epoch of a shuffled order no two ranks draw the same window") {
  std::multiset<std::int32_t> all;
  for (isize rank = 0; rank < 2; ++rank) {
    const token_loader loader(
        thousand(), {.batch = 1, .time = 7, .order = orders::shuffled, .rank = rank, .ranks = 2});
    for (const std::int32_t start : starts(loader, 0, 71)) all.insert(start);
  }
  CHECK(all.size() == 142);
  CHECK(std::set<std::int32_t>(all.begin(), all.end()).size() == 142);
}

TEST_CASE("token_loader: a batch is the same whatever was drawn before it") {
  for (const window_order order : orders::all) {
    const token_loader one(thousand(), {.batch = 4, .time = 10, .order = order});
    const ids tenth = draw(one, 10);
    draw(one, 500);
    CHECK(draw(one, 10) == tenth);
    const token_loader again(thousand(), {.batch = 4, .time = 10, .order = order});
    CHECK(draw(again, 10) == tenth);
    draw(one, std::uint64_t{1} << 40);
  }
}

TEST_CASE("token_loader: evaluation windows are the same in every order") {
  ids first;
  for (const window_order order : orders::all) {
    const token_loader loader(thousand(), {.batch = 2, .time = 10, .order = order});
    ids spread(40);
    loader.spread(1, 3, spread);
    if (first.empty()) first = spread;
    CHECK(spread == first);
  }
}

TEST_CASE("token_loader: options that cannot be are refused with a sentence") {
  const auto refusal = [](const loader_options& options) {
    return sentence_of([&] { token_loader(thousand(), options); });
  };
  CHECK(refusal({.batch = 0, .time = 4}) == "a batch needs at least one window, not 0");
  CHECK(refusal({.time = -1}) == "a window needs at least one token, not -1");
  CHECK(refusal({.time = 4, .rank = 2, .ranks = 2}) ==
        "there is no rank 2 of 2; ranks count from 0");
  CHECK(refusal({.time = 4, .rank = 0, .ranks = 0}).starts_with("there is no rank 0 of 0"));
  CHECK(
      refusal({.time = 1000}).starts_with("the data has 1000 tokens, but a window of 1000 inputs"));
  CHECK(refusal({.time = 999}) == "(no error)");
  CHECK(sentence_of([] { parse_order("backwards"); }) ==
        "there is no order 'backwards'; choose random, sequential, shuffled or documents");
  for (const window_order order : orders::all) CHECK(parse_order(order.name) == order);
}
