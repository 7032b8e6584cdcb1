// The loop from bytes to tokens: cut into pieces, look each up, merge what is new.
//
// bpe_encoder work;                              caches and buffers; one for each thread
// work.append<text::gpt2>(tables, text, out);    tokens of the whole text, specials as plain text
//
// Cost: a piece that was seen before costs its scan and one look-up of a cache line, which is
// fetched while others are looked at.
// Errors: std::bad_alloc.
#pragma once

#include "ctgpt/text/bpe_tables.hpp"
#include "ctgpt/text/patterns.hpp"
#include "ctgpt/text/piece_cache.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

class bpe_encoder {
 public:
  template <class Pattern>
  void append(const bpe_tables& tables, std::string_view text, std::vector<std::int32_t>& out) {
    if (block_.empty()) block_.resize(block_size);
    text_ = text;
    used_ = 0;
    for_each_batch<Pattern>(text, [&](const char* begin, std::span<const char* const> ends) {
      cache_.grow_if_crowded();
      while (!ends.empty()) {
        const auto some = ends.first(std::min(ends.size(), ahead));
        append_some(tables, begin, some, out);
        begin = some.back();
        ends = ends.subspan(some.size());
      }
    });
    flush(text.data() + text.size(), out);
  }

  // The tokens of one piece; valid until the next call.
  std::span<const std::int32_t> merged(const bpe_tables& tables, std::string_view piece) {
    ids_.resize(piece.size());
    if (tables.whole_pieces()) {
      const std::int32_t whole = tables.find(piece);
      if (whole >= 0) {
        ids_[0] = whole;
        return {ids_.data(), 1};
      }
    }
    for (std::size_t i = 0; i < piece.size(); ++i) {
      ids_[i] = tables.byte_token(static_cast<unsigned char>(piece[i]));
    }
    if (piece.size() > most_small) {
      return {ids_.data(), merge_large(tables.table(), ids_.data(), piece.size(), space_)};
    }
    const auto first = [&](std::size_t i) {
      return tables.of_bytes(static_cast<unsigned char>(piece[i]),
                             static_cast<unsigned char>(piece[i + 1]));
    };
    return {ids_.data(), merge_small(tables.table(), ids_.data(), piece.size(), first)};
  }

 private:
  static constexpr std::size_t ahead = 64;  // pieces whose places in the cache are fetched at once
  static constexpr std::size_t block_size = std::size_t{1} << 14;
  static constexpr std::size_t slack = piece_cache::most_tokens;

  void append_some(const bpe_tables& tables, const char* begin, std::span<const char* const> ends,
                   std::vector<std::int32_t>& out) {
    short_key keys[ahead];
    std::uint64_t hashes[ahead];
    const char* const text_end = text_.data() + text_.size();
    const char* p = begin;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const auto size = static_cast<std::size_t>(ends[i] - p);
      if (size <= short_key::most) {
        keys[i] = short_key::of(p, size, text_end - p >= 16);
        hashes[i] = keys[i].hash();
        cache_.prefetch_short(hashes[i]);
      }
      p = ends[i];
    }
    p = begin;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const std::string_view piece(p, static_cast<std::size_t>(ends[i] - p));
      p = ends[i];
      if (piece.size() > short_key::most) {
        put(remembered(tables, piece), p, out);
        continue;
      }
      const piece_cache::short_entry* known = cache_.find_short(keys[i], hashes[i]);
      if (known != nullptr && known->count() != 0) {
        if (used_ + slack > block_size) flush(piece.data(), out);
        std::int32_t* place = block_.data() + used_;
        place[0] = known->first();
        for (std::size_t k = 1; k < slack; ++k) place[k] = known->tokens[k];
        used_ += known->count();
        continue;
      }
      const bool many = known != nullptr;  // more tokens than fit beside the key
      const auto made = many ? remembered(tables, piece) : merged(tables, piece);
      cache_.keep_short(keys[i], hashes[i], made.data(), made.size() <= slack ? made.size() : 0);
      put(made, p, out);
    }
  }

  // Adds to the block the tokens of the text before p.
  void put(std::span<const std::int32_t> tokens, const char* p, std::vector<std::int32_t>& out) {
    if (used_ + tokens.size() + slack > block_size) flush(p, out);
    if (tokens.size() + slack > block_size) {
      out.insert(out.end(), tokens.begin(), tokens.end());
      return;
    }
    std::copy(tokens.begin(), tokens.end(), block_.data() + used_);
    used_ += tokens.size();
  }

  // Moves the block to `out`, with room for what the rest of the text from p on will need if it
  // goes on as it began.
  void flush(const char* p, std::vector<std::int32_t>& out) {
    if (out.capacity() - out.size() < used_) {
      const auto done = static_cast<double>(p - text_.data());
      const double left = static_cast<double>(text_.size()) - done;
      const double rest = done > 0.0 ? 1.1 * static_cast<double>(used_) * left / done : 0.0;
      const std::size_t grown = out.size() + out.size() / 2;
      out.reserve(std::max(grown, out.size() + used_ + static_cast<std::size_t>(rest)));
    }
    out.insert(out.end(), block_.data(), block_.data() + used_);
    used_ = 0;
  }

  // The tokens of a piece that is long, or becomes many tokens.
  std::span<const std::int32_t> remembered(const bpe_tables& tables, std::string_view piece) {
    std::span<const std::int32_t> made = cache_.find_long(piece);
    if (!made.empty()) return made;
    made = merged(tables, piece);
    cache_.keep_long(piece, made);
    return made;
  }

  piece_cache cache_;
  merge_space space_;
  std::vector<std::int32_t> ids_;
  // Tokens are collected here, where they stay in the processor's cache, and moved in blocks: a
  // vector that is resized writes every page twice, and pages that are new cost the most.
  std::vector<std::int32_t> block_;
  std::size_t used_ = 0;
  std::string_view text_;  // that is being encoded
};

}  // namespace ctgpt::inline CTGPT_ABI::text
