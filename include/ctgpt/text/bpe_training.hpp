// Learns a byte-pair encoding: the pair of tokens that is most frequent becomes one, again and
// again.
//
// text::piece_counts<text::gpt2> counts({"<|end|>"});        text/piece_counts.hpp
// counts.add(text);
// text::bpe_tables t = *text::train_bpe(counts, {.vocab = 8192, .specials = {"<|end|>"}});
//
// Tokens: the 256 bytes in GPT-2's order, a token a merge, then the specials; .vocab counts all.
// Ties go to the pair of the smaller ids, first the left one's, then the right one's. Fewer merges
// are made where no pair is left that is there .least times.
// Ensures: the merges of Hugging Face's BpeTrainer with ByteLevel's alphabet and min_frequency =
// .least, on the same pieces; the same for any number of threads.
// Cost: O(distinct pieces), then for each merge the pieces that hold its pair.
// Errors: a vocabulary too small for bytes and specials, a special that a piece of text spells.
// Reference: Sennrich, Haddow, Birch (2016); huggingface/tokenizers, models/bpe/trainer.rs.
#pragma once

#include <functional>
#include <optional>

#include "ctgpt/text/byte_symbols.hpp"
#include "ctgpt/text/piece_counts.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

struct bpe_training {
  isize vocab = 0;
  std::vector<std::string> specials = {};
  std::int64_t least = 1;  // how often a pair must be there
  // Called after some merges with how many are made and how many are wanted; false ends training.
  std::function<bool(isize made, isize wanted)> goes_on = {};
};

// Byte b's place in GPT-2's order: by the symbols' code points.
inline constexpr std::array<unsigned char, 256> bytes_in_symbol_order = [] {
  std::array<unsigned char, 256> order{};
  std::size_t place = 0;
  for (const std::int16_t byte : symbol_bytes) {
    if (byte >= 0) order[place++] = static_cast<unsigned char>(byte);
  }
  return order;
}();

// Pairs of neighbours in the pieces, how often they are there, and where.
class pair_counter {
 public:
  struct pair {
    std::int32_t left, right;
    std::int64_t count;
    std::vector<std::uint32_t> words;  // that may hold it, each once
  };

  pair_counter() : slots_(1 << 14, -1) { set_shift(); }

  // The index of a pair, which is added if it is new.
  std::size_t at(std::int32_t left, std::int32_t right) {
    std::size_t slot = slot_of(left, right);
    if (slots_[slot] >= 0) return static_cast<std::size_t>(slots_[slot]);
    if (2 * (pairs_.size() + 1) > slots_.size()) {
      slots_.assign(2 * slots_.size(), -1);
      set_shift();
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        slots_[slot_of(pairs_[i].left, pairs_[i].right)] = static_cast<std::int32_t>(i);
      }
      slot = slot_of(left, right);
    }
    slots_[slot] = static_cast<std::int32_t>(pairs_.size());
    pairs_.push_back({left, right, 0, {}});
    return pairs_.size() - 1;
  }
  void add(std::int32_t left, std::int32_t right, std::int64_t count, std::uint32_t word) {
    pair& found = pairs_[at(left, right)];
    found.count += count;
    if (found.words.empty() || found.words.back() != word) found.words.push_back(word);
  }
  void remove(std::int32_t left, std::int32_t right, std::int64_t count) {
    pairs_[at(left, right)].count -= count;
  }
  pair& operator[](std::size_t index) { return pairs_[index]; }
  std::size_t size() const { return pairs_.size(); }

 private:
  void set_shift() { shift_ = 64 - std::countr_zero(slots_.size()); }
  std::size_t slot_of(std::int32_t left, std::int32_t right) const {
    const std::uint64_t key = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
                              static_cast<std::uint32_t>(right);
    auto slot = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> shift_);
    while (slots_[slot] >= 0) {
      const pair& there = pairs_[static_cast<std::size_t>(slots_[slot])];
      if (there.left == left && there.right == right) break;
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }

  std::vector<pair> pairs_;
  std::vector<std::int32_t> slots_;
  int shift_ = 0;
};

// The pieces as tokens, and the merges that are made of them.
class bpe_learner {
 public:
  bpe_learner() {
    for (std::size_t i = 0; i < 256; ++i) byte_ids_[bytes_in_symbol_order[i]] = static_cast<int>(i);
  }

  void add(std::string_view piece, std::uint64_t count) {
    const auto word = static_cast<std::uint32_t>(words_.size());
    words_.push_back(
        {ids_.size(), static_cast<std::uint32_t>(piece.size()), static_cast<std::int64_t>(count)});
    for (const char each : piece) ids_.push_back(byte_ids_[static_cast<unsigned char>(each)]);
    const std::int32_t* ids = ids_.data() + words_.back().begin;
    for (std::size_t i = 0; i + 1 < piece.size(); ++i) {
      pairs_.add(ids[i], ids[i + 1], words_.back().count, word);
    }
  }

  // Empty where goes_on said no.
  std::optional<std::vector<token_pair>> learn(isize wanted, const bpe_training& how) {
    for (std::size_t i = 0; i < pairs_.size(); ++i) offer(i);
    std::vector<token_pair> merges;
    const std::int64_t least = std::max<std::int64_t>(how.least, 1);
    while (static_cast<isize>(merges.size()) < wanted && !heap_.empty()) {
      const candidate top = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
      // Counts only fall, so the first whose count is still right is the most frequent of all.
      if (top.count != pairs_[top.pair].count) {
        offer(top.pair);
        continue;
      }
      if (top.count < least) break;
      make(top, 256 + static_cast<std::int32_t>(merges.size()));
      merges.push_back({top.left, top.right});
      if (how.goes_on && merges.size() % 64 == 0 &&
          !how.goes_on(static_cast<isize>(merges.size()), wanted)) {
        return std::nullopt;
      }
    }
    return merges;
  }

 private:
  struct word {
    std::size_t begin;  // in ids_
    std::uint32_t size;
    std::int64_t count;
  };
  struct candidate {
    std::int64_t count;
    std::int32_t left, right;
    std::size_t pair;
    friend bool operator<(const candidate& a, const candidate& b) {
      if (a.count != b.count) return a.count < b.count;
      return a.left != b.left ? a.left > b.left : a.right > b.right;
    }
  };

  void offer(std::size_t index) {
    const pair_counter::pair& pair = pairs_[index];
    if (pair.count <= 0) return;
    heap_.push_back({pair.count, pair.left, pair.right, index});
    std::push_heap(heap_.begin(), heap_.end());
  }

  // A token is made everywhere at once, and no other pair ever spells it: what lies between two
  // ends of tokens is merged the same way wherever it stands.
  void make(const candidate& of, std::int32_t made) {
    const std::vector<std::uint32_t> where = std::move(pairs_[of.pair].words);
    pairs_[of.pair].words = {};
    const std::size_t known = pairs_.size();
    for (const std::uint32_t index : where) {
      word& in = words_[index];
      std::int32_t* const ids = ids_.data() + in.begin;
      std::uint32_t kept = 0;
      for (std::uint32_t i = 0; i < in.size; ++i) {
        if (i + 1 == in.size || ids[i] != of.left || ids[i + 1] != of.right) {
          ids[kept++] = ids[i];
          continue;
        }
        if (kept > 0) {
          pairs_.remove(ids[kept - 1], of.left, in.count);
          pairs_.add(ids[kept - 1], made, in.count, index);
        }
        if (i + 2 < in.size) {
          pairs_.remove(of.right, ids[i + 2], in.count);
          pairs_.add(made, ids[i + 2], in.count, index);
        }
        ids[kept++] = made;
        ++i;
      }
      in.size = kept;
    }
    pairs_[of.pair].count = 0;  // also of what overlapped, as in "aaa"
    for (std::size_t i = known; i < pairs_.size(); ++i) offer(i);
  }

  std::array<std::int32_t, 256> byte_ids_{};
  std::vector<std::int32_t> ids_;
  std::vector<word> words_;
  pair_counter pairs_;
  std::vector<candidate> heap_;
};

// Nothing where goes_on said no.
template <class Pattern>
std::optional<bpe_tables> train_bpe(piece_counts<Pattern>& counts, const bpe_training& how) {
  const auto others = static_cast<isize>(256 + how.specials.size());
  expects(how.vocab >= others, "a vocabulary of ", how.vocab,
          " is too small for the 256 bytes and ", how.specials.size(), " special tokens");
  bpe_learner learner;
  counts.each([&](std::string_view piece, std::uint64_t count) { learner.add(piece, count); });
  const auto merges = learner.learn(how.vocab - others, how);
  if (!merges) return std::nullopt;
  std::vector<std::string> tokens;
  for (const unsigned char byte : bytes_in_symbol_order) {
    tokens.emplace_back(1, static_cast<char>(byte));
  }
  for (const token_pair& pair : *merges) {
    tokens.push_back(tokens[static_cast<std::size_t>(pair.left)] +
                     tokens[static_cast<std::size_t>(pair.right)]);
  }
  std::vector<special_token> named;
  for (const std::string& name : how.specials) {
    for (const special_token& each : named) {
      expects(each.name != name, "the special token ", io::quote_json(name), " is there twice");
    }
    named.push_back({name, static_cast<std::int32_t>(tokens.size() + named.size())});
  }
  bpe_tables made = bpe_tables::from_merges(tokens, *merges, named);
  std::string bytes;
  for (const special_token& each : named) {
    expects(utf8_error_offset(each.name) == std::string::npos, "the special token ",
            io::quote_json(each.name), " is not UTF-8");
    // In the files both are spelled alike.
    expects(!from_symbols(each.name, bytes) || made.find(bytes) < 0, "the special token ",
            io::quote_json(each.name), " is a token of text too; name it another way");
  }
  return made;
}

}  // namespace ctgpt::inline CTGPT_ABI::text
