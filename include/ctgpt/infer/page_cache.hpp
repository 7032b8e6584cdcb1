// page_cache: who holds which page of a key/value cache, and which pages hold what text.
//
// page_cache pages(count, size);      `count` pages of `size` positions
// int32 p = pages.take();             one of nobody's, for one holder
// p = pages.keep(p, before, tokens);  it is full: it holds these tokens, after page `before`
// pages.leave(p, before, tokens);     it holds these, fewer than a page; its holder will drop it
// pages.find(before, tokens)          a full page of these tokens, with one holder more, or none
// pages.longest(before, tokens)       the page that begins like these tokens the longest, as a copy
//                                     of it would; hold() it meanwhile
// pages.drop(p);                      a holder less
//
// A page is known by the page before it and its own tokens, so by the whole text up to its end:
// two texts share the pages of their longest common beginning. A page without a holder stays as
// long as nobody needs room; the one that was dropped first leaves first. Whoever holds a page
// holds those before it, and drops the last one first, so that no page outlives the one before.
// Ensures: texts are compared token by token. Nothing is allocated after the start.
// Requires: take(), find(), keep() and hold() are matched by one drop() each of the page that they
// returned; what was kept or left is not written to.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "ctgpt/base/element.hpp"

namespace ctgpt::inline CTGPT_ABI {

class page_cache {
 public:
  static constexpr std::int32_t none = -1;

  [[gnu::cold]] page_cache(isize count, isize size)
      : size_(size),
        pages_(static_cast<std::size_t>(count)),
        tokens_(static_cast<std::size_t>(count * size)),
        chains_(std::bit_ceil(static_cast<std::size_t>(count)), none) {
    for (std::int32_t p = 0; p < count; ++p) queue(p);
  }

  isize size() const { return size_; }
  isize count() const { return static_cast<isize>(pages_.size()); }
  // Pages without a holder: what take() can give.
  isize available() const { return available_; }
  bool knows(std::int32_t p) const { return at(p).length > 0; }
  isize holders(std::int32_t p) const { return at(p).holders; }

  // none: every page has a holder.
  std::int32_t take() {
    if (first_ == none) return none;
    const std::int32_t p = first_;
    unqueue(p);
    if (knows(p)) forget(p);
    at(p).holders = 1;
    at(p).serial = ++serials_;
    return p;
  }

  std::int32_t find(std::int32_t before, std::span<const std::int32_t> tokens) {
    const match found = longest(before, tokens);
    if (found.length < size_) return none;
    hold(found.page);
    return found.page;
  }

  struct match {
    std::int32_t page = none;
    isize length = 0;
  };
  match longest(std::int32_t before, std::span<const std::int32_t> tokens) const {
    const std::uint64_t serial = serial_of(before);
    match best;
    for (std::int32_t p = chain_of(serial); p != none; p = at(p).next_in_chain) {
      if (at(p).before != serial) continue;
      const auto most = std::min<isize>(at(p).length, static_cast<isize>(tokens.size()));
      const std::int32_t* const held = text(p);
      const isize same = std::mismatch(held, held + most, tokens.begin()).first - held;
      if (same > best.length) best = {p, same};
    }
    return best;
  }
  void hold(std::int32_t p) {
    if (at(p).holders++ == 0) unqueue(p);
  }

  // What the holder of `mine` holds from now on: another page where one has the same text.
  // Requires: tokens.size() == size(); the holder holds `before` too.
  std::int32_t keep(std::int32_t mine, std::int32_t before, std::span<const std::int32_t> tokens) {
    if (knows(mine)) return mine;
    const std::int32_t other = find(before, tokens);
    if (other != none) {
      drop(mine);
      return other;
    }
    remember(mine, before, tokens);
    return mine;
  }

  // Nothing where another page holds them. Requires: tokens.size() < size().
  void leave(std::int32_t mine, std::int32_t before, std::span<const std::int32_t> tokens) {
    const auto count = static_cast<isize>(tokens.size());
    if (knows(mine) || at(mine).holders > 1 || longest(before, tokens).length == count) return;
    remember(mine, before, tokens);
  }

  void drop(std::int32_t p) {
    if (--at(p).holders == 0) queue(p);
  }

 private:
  struct entry {
    std::uint64_t serial = 0, before = 0;  // of this use of the page; of the page before it
    isize holders = 0;
    isize length = 0;  // tokens that it is known to hold
    std::int32_t next_in_chain = none;
    std::int32_t older = none, newer = none;  // among those without a holder
  };

  entry& at(std::int32_t p) { return pages_[static_cast<std::size_t>(p)]; }
  const entry& at(std::int32_t p) const { return pages_[static_cast<std::size_t>(p)]; }
  std::int32_t* text(std::int32_t p) { return tokens_.data() + isize{p} * size_; }
  const std::int32_t* text(std::int32_t p) const { return tokens_.data() + isize{p} * size_; }
  std::uint64_t serial_of(std::int32_t p) const { return p == none ? 0 : at(p).serial; }

  // The head of the list of pages that may have followed this one.
  std::size_t place_of(std::uint64_t before) const {
    return static_cast<std::size_t>((before * 0x9e3779b97f4a7c15u) >> 20) & (chains_.size() - 1);
  }
  std::int32_t chain_of(std::uint64_t before) const { return chains_[place_of(before)]; }

  void remember(std::int32_t p, std::int32_t before, std::span<const std::int32_t> tokens) {
    entry& page = at(p);
    page.length = static_cast<isize>(tokens.size());
    page.before = serial_of(before);
    std::copy(tokens.begin(), tokens.end(), text(p));
    std::int32_t& chain = chains_[place_of(page.before)];
    page.next_in_chain = chain;
    chain = p;
  }
  void forget(std::int32_t p) {
    entry& page = at(p);
    std::int32_t* link = &chains_[place_of(page.before)];
    while (*link != p) link = &at(*link).next_in_chain;
    *link = page.next_in_chain;
    page.length = 0;
  }

  // Without a text it is the next to be taken, with one the last.
  void queue(std::int32_t p) {
    entry& page = at(p);
    page.older = knows(p) ? last_ : none;
    page.newer = knows(p) ? none : first_;
    (page.older == none ? first_ : at(page.older).newer) = p;
    (page.newer == none ? last_ : at(page.newer).older) = p;
    ++available_;
  }
  void unqueue(std::int32_t p) {
    entry& page = at(p);
    (page.older == none ? first_ : at(page.older).newer) = page.newer;
    (page.newer == none ? last_ : at(page.newer).older) = page.older;
    --available_;
  }

  isize size_, available_ = 0;
  std::uint64_t serials_ = 0;
  std::vector<entry> pages_;
  std::vector<std::int32_t> tokens_, chains_;  // (count, size); heads of the lists of one hash
  std::int32_t first_ = none, last_ = none;    // of those without a holder, oldest first
};

}  // namespace ctgpt::inline CTGPT_ABI
