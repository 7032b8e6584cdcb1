// The loop from bytes to tokens: cut into pieces, look each up, merge what is new.
//
// bpe_encoder work;                              caches and buffers; one for each thread
// work.append<text::gpt2>(tables, text, out);    tokens of the whole text, specials as plain text
//
// Cost: a piece that was seen before costs its scan and one look-up of a cache line.
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
    const char *const begin = text.data(), *const end = begin + text.size();
    constexpr std::size_t slack = piece_cache::most_tokens;
    // Tokens are collected here, where they stay in the processor's cache, and copied in blocks: a
    // vector that is resized writes every page twice, and pages that are new cost the most.
    if (block_.empty()) block_.resize(block_size);
    std::size_t used = 0;
    const auto flush = [&](const char* p) {
      make_room(out, used, static_cast<double>(p - begin), static_cast<double>(end - p));
      out.insert(out.end(), block_.data(), block_.data() + used);
      used = 0;
    };
    const auto put = [&](const char* p, std::span<const std::int32_t> tokens) {
      if (used + tokens.size() + slack > block_size) flush(p);
      if (tokens.size() + slack > block_size) {
        out.insert(out.end(), tokens.begin(), tokens.end());
        return;
      }
      std::copy(tokens.begin(), tokens.end(), block_.data() + used);
      used += tokens.size();
    };
    for_each_piece<Pattern>(text, [&](const char* p, std::size_t size) {
      if (size > short_key::most) return put(p, remembered(tables, {p, size}));
      const short_key key = short_key::of(p, size, end - p >= 16);
      const piece_cache::short_entry* known = cache_.find_short(key);
      if (known != nullptr && known->count() != 0) {
        if (used + slack > block_size) flush(p);
        std::int32_t* place = block_.data() + used;
        place[0] = known->first();
        for (std::size_t i = 1; i < slack; ++i) place[i] = known->tokens[i];
        used += known->count();
        return;
      }
      const bool many = known != nullptr;  // more tokens than fit beside the key
      const auto made = many ? remembered(tables, {p, size}) : merged(tables, {p, size});
      cache_.keep_short(key, made.data(), made.size() <= slack ? made.size() : 0);
      put(p, made);
    });
    out.insert(out.end(), block_.data(), block_.data() + used);
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
  // The tokens of a piece that is long, or becomes many tokens.
  std::span<const std::int32_t> remembered(const bpe_tables& tables, std::string_view piece) {
    std::span<const std::int32_t> made = cache_.find_long(piece);
    if (!made.empty()) return made;
    made = merged(tables, piece);
    cache_.keep_long(piece, made);
    return made;
  }

  static constexpr std::size_t block_size = std::size_t{1} << 14;

  // Once, for what the rest of a text will need if it goes on as it began.
  static void make_room(std::vector<std::int32_t>& out, std::size_t more, double done,
                        double left) {
    if (out.capacity() - out.size() >= more) return;
    const double rest = done > 0.0 ? 1.1 * static_cast<double>(more) * left / done : 0.0;
    const std::size_t grown = out.size() + out.size() / 2;
    out.reserve(std::max(grown, out.size() + more + static_cast<std::size_t>(rest)));
  }

  piece_cache cache_;
  merge_space space_;
  std::vector<std::int32_t> ids_, block_;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
