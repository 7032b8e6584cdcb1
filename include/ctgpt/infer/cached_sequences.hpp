// cached_sequences: the requests that run, oldest first, and the pages of the cache that hold them.
//
// begin(request, force)   takes what the cache knows of its beginning; false: there is no room
// room(i, most, waiting)  pages for the next positions of number i, and how many these are
// computed(i, rows)       they are in the cache from now on, for others too
// end(i)                  gives the slot and the pages back
//
// A request that needs a page when none is left takes it from the youngest, which loses all of its
// pages and waits again. So the oldest one always goes on: no two can wait for each other.
// Ensures: nobody computes a page that an older request is about to: it is found in the next step.
// A page of which only the beginning fits is copied, so that a next turn finds every token of what
// was said before.
// Requires: there are pages for one whole context.
// Errors: none.
// Reference: Kwon et al., "Efficient Memory Management for Large Language Model Serving with
// PagedAttention", 2023 (preemption by recomputation).
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "ctgpt/infer/engine_request.hpp"
#include "ctgpt/infer/page_cache.hpp"
#include "ctgpt/model/paged_runner.hpp"

namespace ctgpt::inline CTGPT_ABI {

class cached_sequences {
 public:
  using owned = std::unique_ptr<engine_request>;

  [[gnu::cold]] explicit cached_sequences(paged_runner& run)
      : run_(&run), cache_(run.sizes().pages, run.sizes().page) {
    for (isize slot = run.sizes().sequences; slot > 0; --slot) slots_.push_back(slot - 1);
  }

  isize count() const { return static_cast<isize>(running_.size()); }
  engine_request& operator[](isize i) { return *running_[static_cast<std::size_t>(i)]; }
  // Positions in pages that somebody holds, and in all.
  isize held_positions() const { return (cache_.count() - cache_.available()) * cache_.size(); }
  isize all_positions() const { return cache_.count() * cache_.size(); }

  // On success `request` is taken. An only request always has room.
  bool begin(owned& request) {
    if (slots_.empty()) return false;
    engine_request& r = *request;
    reuse(r);
    const isize missing = r.size() / page() + 1 - static_cast<isize>(r.pages.size());
    if (missing > cache_.available() && !running_.empty()) {
      release(r);
      if (!r.preempted) r.cached = 0;
      return false;
    }
    r.slot = slots_.back();
    slots_.pop_back();
    for (isize n = 0; n < static_cast<isize>(r.pages.size()); ++n) tell(r, n);
    running_.insert(place_of(r.id), std::move(request));
    return true;
  }

  // Those that lose their pages go to `waiting`; they are younger than number i.
  isize room(isize i, isize most, std::vector<owned>& waiting) {
    engine_request& r = (*this)[i];
    if (r.computed == static_cast<isize>(r.pages.size()) * page()) {
      reuse(r);
      if (older_computes_next(i)) return 0;
      copy_beginning(r);
    }
    const isize rows = std::min(most, r.size() - r.computed);
    while (static_cast<isize>(r.pages.size()) * page() < r.computed + rows) {
      const std::int32_t taken = cache_.take();
      if (taken != page_cache::none) {
        r.pages.push_back(taken);
        tell(r, static_cast<isize>(r.pages.size()) - 1);
      } else if (i + 1 < count()) {
        waiting.push_back(end(count() - 1));
        waiting.back()->preempted = true;
      } else {
        return static_cast<isize>(r.pages.size()) * page() - r.computed;
      }
    }
    return rows;
  }

  void computed(isize i, isize rows) {
    engine_request& r = (*this)[i];
    const isize first = r.computed / page();
    r.computed += rows;
    for (isize n = first; n < r.computed / page(); ++n) {
      std::int32_t& mine = r.pages[static_cast<std::size_t>(n)];
      const std::int32_t kept = cache_.keep(mine, before(r, n), r.page_tokens(n, page()));
      if (kept == mine) continue;
      mine = kept;
      tell(r, n);
    }
  }

  owned end(isize i) {
    const auto place = running_.begin() + i;
    owned gone = std::move(*place);
    running_.erase(place);
    slots_.push_back(gone->slot);
    leave_last_page(*gone);
    release(*gone);
    return gone;
  }

 private:
  static constexpr isize least_copied = 8;  // positions that are worth a page's copy

  isize page() const { return cache_.size(); }
  std::int32_t before(const engine_request& r, isize n) const {
    return n == 0 ? page_cache::none : r.pages[static_cast<std::size_t>(n) - 1];
  }
  void tell(const engine_request& r, isize n) {
    run_->set_page(r.slot, n, r.pages[static_cast<std::size_t>(n)]);
  }
  std::vector<owned>::iterator place_of(std::uint64_t id) {
    return std::find_if(running_.begin(), running_.end(),
                        [&](const owned& each) { return each->id > id; });
  }

  // Takes the pages that hold what comes next. The last token is always computed: its logits are
  // wanted.
  void reuse(engine_request& r) {
    if (r.wants_all_rows()) return;
    while (r.computed + page() < r.size()) {
      const isize n = r.computed / page();
      const std::int32_t found = cache_.find(before(r, n), r.page_tokens(n, page()));
      if (found == page_cache::none) return;
      r.pages.push_back(found);
      if (r.slot >= 0) tell(r, n);
      r.computed += page();
      if (!r.preempted) r.cached += page();
    }
  }

  // Where no whole page is known, one may begin with the tokens that come next: its copy goes on.
  void copy_beginning(engine_request& r) {
    const isize left = std::min(page(), r.size() - 1 - r.computed);
    if (r.wants_all_rows() || left < least_copied) return;
    const isize n = r.computed / page();
    const auto next = std::span(r.tokens).subspan(static_cast<std::size_t>(r.computed),
                                                  static_cast<std::size_t>(left));
    const page_cache::match found = cache_.longest(before(r, n), next);
    if (found.length < least_copied) return;
    cache_.hold(found.page);  // else it could be the one that is taken
    const std::int32_t mine = cache_.take();
    if (mine != page_cache::none) {
      run_->copy_page(found.page, mine);
      r.pages.push_back(mine);
      tell(r, n);
      r.computed += found.length;
      if (!r.preempted) r.cached += found.length;
    }
    cache_.drop(found.page);
  }
  // For a next turn, which begins with all that was said.
  void leave_last_page(engine_request& r) {
    const isize n = r.computed / page(), length = r.computed % page();
    if (length < least_copied || n >= static_cast<isize>(r.pages.size())) return;
    cache_.leave(r.pages[static_cast<std::size_t>(n)], before(r, n),
                 std::span(r.tokens).subspan(static_cast<std::size_t>(n * page()),
                                             static_cast<std::size_t>(length)));
  }

  // Whether an older request holds the same text up to the end of the page that number i needs
  // next, and has yet to compute it.
  bool older_computes_next(isize i) {
    const engine_request& r = (*this)[i];
    const isize n = r.computed / page(), end = (n + 1) * page();
    if (r.wants_all_rows() || end >= r.size()) return false;
    const auto mine = r.page_tokens(n, page());
    for (isize j = 0; j < i; ++j) {
      const engine_request& older = (*this)[j];
      if (older.computed >= end || older.size() < end || older.computed < n * page() ||
          before(older, n) != before(r, n)) {
        continue;
      }
      const auto theirs = older.page_tokens(n, page());
      if (std::equal(mine.begin(), mine.end(), theirs.begin())) return true;
    }
    return false;
  }

  // The last page first: see page_cache.
  void release(engine_request& r) {
    for (auto p = r.pages.rbegin(); p != r.pages.rend(); ++p) cache_.drop(*p);
    r.pages.clear();
    r.computed = 0;
    r.slot = -1;
  }

  paged_runner* run_;
  page_cache cache_;
  std::vector<owned> running_;  // by id
  std::vector<isize> slots_;    // free ones
};

}  // namespace ctgpt::inline CTGPT_ABI
