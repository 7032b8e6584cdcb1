// page_cache: who holds which page of a key/value cache, and which pages hold what text.
//
// page_cache pages(count, size);      `count` pages of `size` positions
// int32 p = pages.take();             one of nobody's, for one holder
// p = pages.keep(p, before, tokens);  it is full: it holds these tokens, after page `before`
// pages.find(before, tokens)          such a page, with one holder more; none where there is none
// pages.drop(p);                      a holder less
//
// A page is known by the page before it and its own tokens, so by the whole text up to its end:
// two texts share the pages of their longest common beginning. A page without a holder stays as
// long as nobody needs room; the one that was dropped first leaves first. Whoever holds a page
// holds those before it, and drops the last one first, so that no page outlives the one before.
// Ensures: texts are compared token by token, not by a hash alone. Nothing is allocated after the
// start.
// Requires: take(), find() and keep() are matched by one drop() each of the page that they
// returned.
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
  bool knows(std::int32_t p) const { return at(p).known; }
  isize holders(std::int32_t p) const { return at(p).holders; }

  // none: every page has a holder.
  std::int32_t take() {
    if (first_ == none) return none;
    const std::int32_t p = first_;
    unqueue(p);
    if (at(p).known) forget(p);
    at(p).holders = 1;
    at(p).serial = ++serials_;
    return p;
  }

  std::int32_t find(std::int32_t before, std::span<const std::int32_t> tokens) {
    const std::int32_t p = look_up(serial_of(before), tokens);
    if (p == none) return none;
    if (at(p).holders++ == 0) unqueue(p);
    return p;
  }

  // What the holder of `mine` holds from now on: another page where one has the same text.
  // Requires: tokens.size() == size(); the holder holds `before` too.
  std::int32_t keep(std::int32_t mine, std::int32_t before, std::span<const std::int32_t> tokens) {
    if (at(mine).known) return mine;
    const std::int32_t other = find(before, tokens);
    if (other != none) {
      drop(mine);
      return other;
    }
    entry& page = at(mine);
    page.known = true;
    page.before = serial_of(before);
    std::copy(tokens.begin(), tokens.end(), text(mine));
    std::int32_t& chain = chain_of(page.before, tokens);
    page.next_in_chain = chain;
    chain = mine;
    return mine;
  }

  void drop(std::int32_t p) {
    if (--at(p).holders == 0) queue(p);
  }

 private:
  struct entry {
    std::uint64_t serial = 0, before = 0;  // of this use of the page; of the page before it
    isize holders = 0;
    bool known = false;
    std::int32_t next_in_chain = none;
    std::int32_t older = none, newer = none;  // among those without a holder
  };

  entry& at(std::int32_t p) { return pages_[static_cast<std::size_t>(p)]; }
  const entry& at(std::int32_t p) const { return pages_[static_cast<std::size_t>(p)]; }
  std::int32_t* text(std::int32_t p) { return tokens_.data() + isize{p} * size_; }
  std::uint64_t serial_of(std::int32_t p) const { return p == none ? 0 : at(p).serial; }

  std::int32_t& chain_of(std::uint64_t before, std::span<const std::int32_t> tokens) {
    std::uint64_t hash = before + 0x9e3779b97f4a7c15u;
    for (const std::int32_t token : tokens) {
      hash = (hash ^ static_cast<std::uint32_t>(token)) * 0xff51afd7ed558ccdu;
      hash ^= hash >> 32;
    }
    return chains_[static_cast<std::size_t>(hash) & (chains_.size() - 1)];
  }

  std::int32_t look_up(std::uint64_t before, std::span<const std::int32_t> tokens) {
    std::int32_t p = chain_of(before, tokens);
    while (p != none &&
           (at(p).before != before || !std::equal(tokens.begin(), tokens.end(), text(p)))) {
      p = at(p).next_in_chain;
    }
    return p;
  }

  void forget(std::int32_t p) {
    entry& page = at(p);
    const std::span<const std::int32_t> held(text(p), static_cast<std::size_t>(size_));
    std::int32_t* link = &chain_of(page.before, held);
    while (*link != p) link = &at(*link).next_in_chain;
    *link = page.next_in_chain;
    page.known = false;
  }

  // Without a text it is the next to be taken, with one the last.
  void queue(std::int32_t p) {
    entry& page = at(p);
    page.older = page.known ? last_ : none;
    page.newer = page.known ? none : first_;
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
