// page_cache: pages are found by the whole text up to their end, the longest unused leaves first,
// and nothing that somebody holds ever leaves.
#include "ctgpt/infer/page_cache.hpp"

#include <doctest/doctest.h>

#include <map>

#include "ctgpt/base/random.hpp"

using namespace ctgpt;

namespace {

using ids = std::vector<std::int32_t>;
constexpr std::int32_t none = page_cache::none;

// A page of two tokens that somebody filled and dropped.
std::int32_t store(page_cache& pages, std::int32_t before, const ids& tokens) {
  const std::int32_t mine = pages.take();
  REQUIRE(mine != none);
  const std::int32_t kept = pages.keep(mine, before, tokens);
  pages.drop(kept);
  return kept;
}

}  // namespace

TEST_CASE("page_cache: a page is found by its tokens and by what came before them") {
  page_cache pages(4, 2);
  CHECK(pages.find(none, ids{1, 2}) == none);
  const std::int32_t first = store(pages, none, {1, 2}), second = store(pages, first, {3, 4});
  CHECK(pages.available() == 4);
  CHECK(pages.find(none, ids{3, 4}) == none);  // at the start it would be another text
  CHECK(pages.find(second, ids{3, 4}) == none);
  CHECK(pages.find(none, ids{1, 3}) == none);
  CHECK(pages.find(none, ids{1, 2}) == first);
  CHECK(pages.find(first, ids{3, 4}) == second);
  CHECK(pages.available() == 2);
  CHECK(pages.find(none, ids{1, 2}) == first);  // a second holder
  CHECK(pages.holders(first) == 2);
  CHECK(pages.available() == 2);
}

TEST_CASE("page_cache: two who computed the same page share one afterwards") {
  page_cache pages(3, 2);
  const std::int32_t a = pages.take(), b = pages.take();
  CHECK(pages.keep(a, none, ids{5, 6}) == a);
  CHECK(pages.keep(b, none, ids{5, 6}) == a);
  CHECK(pages.holders(a) == 2);
  CHECK(pages.available() == 2);
  CHECK(pages.keep(a, none, ids{5, 6}) == a);  // known already
  CHECK(pages.holders(a) == 2);
}

TEST_CASE("page_cache: what holds no text leaves first, then what was dropped first") {
  page_cache pages(3, 1);
  const std::int32_t a = store(pages, none, {1}), b = store(pages, none, {2});
  const std::int32_t unused = pages.take();
  CHECK((unused != a && unused != b));
  pages.drop(unused);
  CHECK(pages.take() == unused);
  CHECK(pages.find(none, ids{1}) == a);  // a was used just now
  pages.drop(a);
  CHECK(pages.take() == b);
  CHECK(pages.find(none, ids{2}) == none);
  CHECK(pages.take() == a);
  CHECK(pages.find(none, ids{1}) == none);
  CHECK(pages.take() == none);
}

TEST_CASE("page_cache: what followed a page that left is not found after another one") {
  page_cache pages(2, 1);
  const std::int32_t a = pages.take(), b = pages.take();
  CHECK(pages.keep(a, none, ids{1}) == a);
  CHECK(pages.keep(b, a, ids{2}) == b);
  pages.drop(a);  // against the rule: the first page first
  CHECK(pages.take() == a);
  CHECK(pages.keep(a, none, ids{7}) == a);
  CHECK(pages.find(a, ids{2}) == none);  // b followed 1, not 7
  CHECK(pages.find(none, ids{1}) == none);
}

TEST_CASE("page_cache: the longest beginning is found, in full pages and in those left early") {
  page_cache pages(4, 4);
  const std::int32_t full = pages.take(), part = pages.take(), same = pages.take();
  CHECK(pages.keep(full, none, ids{1, 2, 3, 4}) == full);
  pages.leave(part, none, ids{1, 2, 9});
  pages.leave(same, none, ids{1, 2, 3});  // the full page holds them already
  CHECK((pages.knows(part) && !pages.knows(same)));
  const auto longest = [&](const ids& tokens) {
    const page_cache::match found = pages.longest(none, tokens);
    return std::pair(found.page, found.length);
  };
  CHECK(longest({1, 2, 3, 5}) == std::pair(full, isize{3}));
  CHECK(longest({1, 2, 9, 5}) == std::pair(part, isize{3}));
  CHECK(longest({1, 7}).second == 1);
  CHECK(longest({7, 1}) == std::pair(none, isize{0}));
  CHECK(pages.find(none, ids{1, 2, 9, 5}) == none);  // a part is no page
  pages.drop(part);
  CHECK(pages.available() == 2);
  pages.hold(part);
  CHECK(pages.available() == 1);
  CHECK(pages.take() != none);
  CHECK(pages.take() == none);
  pages.drop(part);
  CHECK(pages.take() == part);  // and its text is forgotten
  CHECK(longest({1, 2, 9, 5}) == std::pair(full, isize{2}));
}

TEST_CASE("page_cache: texts that come and go are never confused, over 20,000 steps") {
  constexpr isize count = 23, size = 2;
  page_cache pages(count, size);
  random_stream random(11);
  struct text {
    ids tokens;
    std::vector<std::int32_t> held;
  };
  std::vector<text> texts;
  std::map<std::int32_t, ids> meant;  // what each page holds: the whole text up to its end
  isize found_in_all = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (texts.size() < 6 && random.below(3) != 0) texts.emplace_back();
    if (texts.empty()) continue;
    text& one = texts[random.below(texts.size())];
    if (one.held.size() == 6 || random.below(9) == 0) {
      for (std::size_t i = one.held.size(); i-- > 0;) pages.drop(one.held[i]);
      one = texts.back();
      texts.pop_back();
      continue;
    }
    const std::int32_t before = one.held.empty() ? none : one.held.back();
    ids next{static_cast<std::int32_t>(random.below(2)), 4};
    ids whole = one.tokens;
    whole.insert(whole.end(), next.begin(), next.end());
    std::int32_t page = random.below(4) == 0 ? none : pages.find(before, next);
    if (page != none) {
      CHECK(meant[page] == whole);
      ++found_in_all;
    } else {
      page = pages.take();
      if (page == none) continue;  // every page is held
      for (const text& each : texts) {
        CHECK(std::find(each.held.begin(), each.held.end(), page) == each.held.end());
      }
      const std::int32_t kept = pages.keep(page, before, next);
      if (kept == page) meant[page] = whole;
      CHECK(meant[kept] == whole);
      page = kept;
    }
    one.tokens = whole;
    one.held.push_back(page);
    std::vector<bool> in_use(count, false);
    for (const text& each : texts) {
      for (const std::int32_t p : each.held) in_use[static_cast<std::size_t>(p)] = true;
    }
    CHECK(pages.available() == std::count(in_use.begin(), in_use.end(), false));
  }
  CHECK(found_in_all > 1000);
}
