// How often each piece of a pattern is in a text: what tokenizers are trained from.
//
// text::piece_counts<text::gpt2> counts(specials, threads);
// counts.add(text);                      a document; again for each, of any size
// counts.each([](std::string_view piece, std::uint64_t count) { ... });
//
// Special tokens are no part of any piece: a text is cut where one stands. A piece that is longer
// than most_piece, such as a megabyte without a blank, is counted in parts of that length, which
// keeps training linear; cut_pieces() says how many there were.
// Ensures: the same counts for any number of threads. Memory: the distinct pieces, in each thread.
// Errors: std::bad_alloc.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>

#include "ctgpt/base/parallel.hpp"
#include "ctgpt/text/cuts.hpp"
#include "ctgpt/text/piece_cache.hpp"
#include "ctgpt/text/specials.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// A table from pieces to their counts: those of up to 15 bytes lie in it, others beside it.
class piece_table {
 public:
  piece_table() : short_(1 << 12), long_(1 << 8) {}

  // `readable`: whether 16 bytes at p may be read.
  void add(const char* p, std::size_t size, bool readable, std::uint64_t count = 1) {
    if (size <= short_key::most) {
      const short_key key = short_key::of(p, size, readable);
      short_entry& found = short_[slot_of(key)];
      if (found.count == 0) {
        found.key = key;
        if (2 * ++short_used_ > short_.size()) {
          found.count = count;
          grow_short();
          return;
        }
      }
      found.count += count;
      return;
    }
    const std::string_view piece(p, size);
    const std::uint64_t hash = std::hash<std::string_view>{}(piece);
    long_entry& found = long_[slot_of(piece, hash)];
    if (found.count == 0) {
      found = {hash, bytes_.size(), size, 0};
      bytes_ += piece;
      if (2 * ++long_used_ > long_.size()) {
        found.count = count;
        grow_long();
        return;
      }
    }
    found.count += count;
  }

  // Calls visit(piece, count) for each; the order says nothing.
  template <class Visit>
  void each(Visit visit) const {
    for (const short_entry& entry : short_) {
      if (entry.count == 0) continue;
      char bytes[16];
      std::memcpy(bytes, &entry.key.low, 8);
      std::memcpy(bytes + 8, &entry.key.high, 8);
      visit(std::string_view(bytes, entry.key.high >> 56), entry.count);
    }
    for (const long_entry& entry : long_) {
      if (entry.count == 0) continue;
      visit(std::string_view(bytes_).substr(entry.begin, entry.size), entry.count);
    }
  }
  std::size_t size() const { return short_used_ + long_used_; }

 private:
  struct short_entry {
    short_key key{};
    std::uint64_t count = 0;
  };
  struct long_entry {
    std::uint64_t hash = 0;
    std::size_t begin = 0, size = 0;
    std::uint64_t count = 0;
  };

  std::size_t slot_of(const short_key& key) const {
    std::size_t slot = key.hash() & (short_.size() - 1);
    while (short_[slot].count != 0 && !(short_[slot].key == key)) {
      slot = (slot + 1) & (short_.size() - 1);
    }
    return slot;
  }
  std::size_t slot_of(std::string_view piece, std::uint64_t hash) const {
    std::size_t slot = hash & (long_.size() - 1);
    for (; long_[slot].count != 0; slot = (slot + 1) & (long_.size() - 1)) {
      const long_entry& entry = long_[slot];
      if (entry.hash == hash && entry.size == piece.size() &&
          std::memcmp(bytes_.data() + entry.begin, piece.data(), piece.size()) == 0) {
        break;
      }
    }
    return slot;
  }
  void grow_short() {
    std::vector<short_entry> old(short_.size() * 2);
    old.swap(short_);
    for (const short_entry& entry : old) {
      if (entry.count != 0) short_[slot_of(entry.key)] = entry;
    }
  }
  void grow_long() {
    std::vector<long_entry> old(long_.size() * 2);
    old.swap(long_);
    for (const long_entry& entry : old) {
      if (entry.count == 0) continue;
      std::size_t slot = entry.hash & (long_.size() - 1);
      while (long_[slot].count != 0) slot = (slot + 1) & (long_.size() - 1);
      long_[slot] = entry;
    }
  }

  std::vector<short_entry> short_;
  std::vector<long_entry> long_;
  std::string bytes_;
  std::size_t short_used_ = 0, long_used_ = 0;
};

inline constexpr std::size_t most_piece = 4096;  // bytes

template <class Pattern>
class piece_counts {
 public:
  explicit piece_counts(std::vector<std::string> specials = {}, int threads = 1)
      : finder_(numbered(specials)), pool_(std::max(threads, 1)) {
    tables_.resize(static_cast<std::size_t>(pool_.size()));
  }

  // goes_on is called now and then with how many bytes of the text are counted; where it says no,
  // the rest is left out and the result is false.
  bool add(std::string_view text, const std::function<bool(std::size_t)>& goes_on = {}) {
    return add(std::span(&text, 1), goes_on);
  }
  // Several texts; no piece reaches from one into the next.
  bool add(std::span<const std::string_view> texts,
           const std::function<bool(std::size_t)>& goes_on = {}) {
    constexpr std::size_t worth = std::size_t{1} << 18;  // bytes of a task
    parts_.clear();
    std::size_t all = 0;
    for (const std::string_view text : texts) {
      finder_.split(
          text, specials::allow_all(),
          [&](std::string_view part) {
            while (part.size() > 2 * worth) {
              const std::size_t cut = cut_after<Pattern>(part, worth);
              parts_.push_back(part.substr(0, cut));
              part.remove_prefix(cut);
            }
            if (!part.empty()) parts_.push_back(part);
          },
          [](std::int32_t) {});
      all += text.size();
    }
    bytes_ += all;
    next_ = done_ = 0;
    stopped_ = false;
    goes_on_ = goes_on ? &goes_on : nullptr;
    const int tasks =
        static_cast<int>(std::min(parts_.size(), std::max<std::size_t>(all / worth, 1)));
    pool_.run(
        std::clamp(tasks, 1, pool_.size()),
        [](void* self, int worker) { static_cast<piece_counts*>(self)->work(worker); }, this);
    if (problem_) std::rethrow_exception(std::exchange(problem_, nullptr));
    return !stopped_;
  }

  // Calls visit(piece, count) for each distinct piece; the order says nothing.
  template <class Visit>
  void each(Visit visit) {
    for (std::size_t i = 1; i < tables_.size(); ++i) {
      tables_[i].each([&](std::string_view piece, std::uint64_t count) {
        tables_[0].add(piece.data(), piece.size(), false, count);
      });
      tables_[i] = piece_table();
    }
    tables_[0].each(visit);
  }

  std::uint64_t bytes() const { return bytes_; }            // of all texts
  std::uint64_t cut_pieces() const { return cut_pieces_; }  // longer than most_piece

 private:
  static std::vector<special_token> numbered(const std::vector<std::string>& names) {
    std::vector<special_token> tokens;
    for (const std::string& name : names) {
      expects(!name.empty(), "a special token needs a name");
      tokens.push_back({name, 0});
    }
    return tokens;
  }

  void work(int worker) {
    try {
      piece_table& table = tables_[static_cast<std::size_t>(worker)];
      for (std::size_t i = next_++; i < parts_.size() && !stopped_; i = next_++) {
        const char* const end = parts_[i].data() + parts_[i].size();
        for_each_piece<Pattern>(parts_[i], [&](const char* p, std::size_t size) {
          if (size > most_piece) ++cut_pieces_;
          for (; size > most_piece; p += most_piece, size -= most_piece) {
            table.add(p, most_piece, true);
          }
          table.add(p, size, end - p >= 16);
        });
        done_ += parts_[i].size();
        if (worker == 0 && goes_on_ != nullptr && !(*goes_on_)(done_)) stopped_ = true;
      }
    } catch (...) {
      const std::lock_guard lock(guard_);
      problem_ = std::current_exception();
    }
  }

  special_finder finder_;
  thread_pool pool_;
  std::vector<piece_table> tables_;  // one for each thread
  std::vector<std::string_view> parts_;
  std::atomic<std::size_t> next_{0}, done_{0};
  std::atomic<bool> stopped_{false};
  const std::function<bool(std::size_t)>* goes_on_ = nullptr;
  std::atomic<std::uint64_t> cut_pieces_{0};
  std::uint64_t bytes_ = 0;
  std::mutex guard_;
  std::exception_ptr problem_;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
