// What a byte-pair encoding knows: the bytes of every token, the merges, the special tokens.
//
// const auto tables = bpe_tables::from_merges(tokens, merges, specials);    GPT-2, Hugging Face
// const auto tables = bpe_tables::from_ranks(tokens, specials);             tiktoken: rank is id
//
// Tokens are byte strings, ids their places; an empty string is an id without a token. from_ranks
// merges whatever two neighbours make a token, the one of the lowest id first, and takes a piece
// that is a token whole; from_merges merges the listed pairs in their order.
// Requires: fewer than 2^26 - 1 tokens and as many merges; ids of specials below 2^28.
// Errors: a byte without a token, two tokens of the same bytes, a merge of what is no token or
// makes none, or that is there twice, a special that is a token already or there twice: one
// sentence, which names it.
// Reference: openai/tiktoken, src/lib.rs; huggingface/tokenizers, models/bpe.
#pragma once

#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/io/json_writer.hpp"
#include "ctgpt/text/merges.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

struct special_token {
  std::string name;
  std::int32_t token;
  friend bool operator==(const special_token&, const special_token&) = default;
};

struct token_pair {
  std::int32_t left, right;
  friend bool operator==(const token_pair&, const token_pair&) = default;
};

class bpe_tables {
 public:
  static bpe_tables from_merges(std::span<const std::string> tokens,
                                std::span<const token_pair> merges,
                                std::span<const special_token> specials = {},
                                bool whole_pieces = false) {
    bpe_tables made(tokens, specials);
    made.whole_pieces_ = whole_pieces;
    expects(merges.size() < most_ranks, merges.size(), " merges are above ", most_ranks - 1);
    made.pairs_.assign(merges.begin(), merges.end());
    made.merges_ = merge_table(merges.size());
    std::string both;
    std::uint32_t rank = 0;
    for (const token_pair& pair : merges) {
      for (const std::int32_t part : {pair.left, pair.right}) {
        expects(made.has(part), "merge ", rank + 1, " names the token ", part,
                ", which is not in the vocabulary");
      }
      both = made.bytes(pair.left);
      both += made.bytes(pair.right);
      const std::int32_t token = made.find(both);
      if (token < 0) {
        fail("merge ", rank + 1, " makes ", io::quote_json(both),
             ", which is not in the vocabulary");
      }
      if (made.merges_.find(pair.left, pair.right) != nullptr) {
        fail("merge ", rank + 1, ", which makes ", io::quote_json(both), ", is there twice");
      }
      made.merges_.insert(pair.left, pair.right, {rank++, token});
    }
    made.note_byte_pairs();
    return made;
  }

  static bpe_tables from_ranks(std::span<const std::string> tokens,
                               std::span<const special_token> specials = {}) {
    bpe_tables made(tokens, specials);
    made.whole_pieces_ = true;
    made.ranked_ = true;
    made.merges_ = merge_table(3 * tokens.size());
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      const std::string_view bytes = tokens[id];
      for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        const std::int32_t left = made.find(bytes.substr(0, cut));
        if (left < 0) continue;
        const std::int32_t right = made.find(bytes.substr(cut));
        if (right < 0) continue;
        made.merges_.insert(left, right,
                            {static_cast<std::uint32_t>(id), static_cast<std::int32_t>(id)});
      }
    }
    made.note_byte_pairs();
    return made;
  }

  // The same with these special tokens instead.
  bpe_tables with_specials(std::vector<special_token> specials) const {
    bpe_tables made = *this;
    made.set_specials(std::move(specials));
    return made;
  }

  // One more than the highest id of a token or special.
  isize vocab_size() const { return vocab_size_; }
  const std::vector<special_token>& specials() const { return specials_; }
  std::span<const token_pair> merges() const { return pairs_; }  // none of from_ranks
  bool ranked() const { return ranked_; }
  bool whole_pieces() const { return whole_pieces_; }
  const merge_table& table() const { return merges_; }
  std::int32_t byte_token(unsigned char byte) const { return byte_tokens_[byte]; }
  // What two single bytes merge to, where all merges begin; as table() has it.
  merge of_bytes(unsigned char left, unsigned char right) const {
    return byte_pairs_[std::size_t{256} * left + right];
  }

  // Whether the id is of a token that text can become; a special is none.
  bool has(std::int32_t token) const {
    return token >= 0 && static_cast<std::size_t>(token) + 1 < begins_.size() &&
           !bytes(token).empty();
  }
  // Requires: token < the number of tokens.
  std::string_view bytes(std::int32_t token) const {
    const auto i = static_cast<std::size_t>(token);
    return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
  }
  std::size_t token_count() const { return begins_.size() - 1; }

  // The token of these bytes, or -1.
  std::int32_t find(std::string_view bytes) const { return ids_[slot_of(key_of(bytes), bytes)]; }

  const special_token* special(std::int32_t token) const {
    const auto found = std::find_if(specials_.begin(), specials_.end(),
                                    [&](const special_token& each) { return each.token == token; });
    return found != specials_.end() ? &*found : nullptr;
  }
  // Whether the id is of a token or a special; the others below vocab_size() are holes.
  bool names(std::int32_t token) const { return has(token) || special(token) != nullptr; }

  // The bytes of a token, the name of a special; throws for an id of neither.
  std::string_view shown(std::int32_t token) const {
    if (has(token)) return bytes(token);
    if (const special_token* found = special(token)) return found->name;
    throw error(join("the id ", token, " is not in the vocabulary of ", vocab_size_));
  }

 private:
  bpe_tables(std::span<const std::string> tokens, std::span<const special_token> specials) {
    expects(tokens.size() < most_ranks, "a vocabulary of ", tokens.size(), " is above ",
            most_ranks - 1);
    std::size_t total = 0, slots = 512;
    for (const std::string& each : tokens) total += each.size();
    while (slots < 2 * tokens.size()) slots *= 2;
    bytes_.reserve(total);
    begins_.reserve(tokens.size() + 1);
    for (const std::string& each : tokens) {
      begins_.push_back(static_cast<std::uint32_t>(bytes_.size()));
      bytes_ += each;
    }
    begins_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    while ((std::size_t{1} << (64 - shift_)) < slots) --shift_;
    keys_.assign(slots, 0);
    ids_.assign(slots, -1);
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      if (tokens[id].empty()) continue;
      const std::uint64_t key = key_of(tokens[id]);
      const std::size_t place = slot_of(key, tokens[id]);
      if (keys_[place] != 0) {
        fail("the tokens ", ids_[place], " and ", id, " are both ", io::quote_json(tokens[id]));
      }
      keys_[place] = key;
      ids_[place] = static_cast<std::int32_t>(id);
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
      const char one = static_cast<char>(byte);
      byte_tokens_[byte] = find({&one, 1});
      expects(byte_tokens_[byte] >= 0, "the byte ", byte,
              " has no token; a byte-level vocabulary has one for each of the 256");
    }
    set_specials({specials.begin(), specials.end()});
  }

  void set_specials(std::vector<special_token> specials) {
    constexpr std::size_t most = std::size_t{1} << 28;  // ids
    specials_ = std::move(specials);
    vocab_size_ = static_cast<isize>(token_count());
    for (const special_token& each : specials_) {
      expects(!each.name.empty(), "the special token ", each.token, " has no name");
      expects(each.token >= 0 && each.token < static_cast<std::int32_t>(most),
              "the id of the special token ", io::quote_json(each.name), " is ", each.token);
      expects(!has(each.token), "the id ", each.token, " of the special token ",
              io::quote_json(each.name), " is that of the token ",
              has(each.token) ? io::quote_json(bytes(each.token)) : std::string());
      vocab_size_ = std::max<isize>(vocab_size_, each.token + 1);
    }
    expect_distinct(&special_token::name, "have the same name");
    expect_distinct(&special_token::token, "have the same id");
  }

  // Only tokens of two bytes are made of two single ones.
  void note_byte_pairs() {
    byte_pairs_.assign(std::size_t{1} << 16, merge{});
    for (std::size_t id = 0; id < token_count(); ++id) {
      const std::string_view both = bytes(static_cast<std::int32_t>(id));
      if (both.size() != 2) continue;
      const auto left = static_cast<unsigned char>(both[0]);
      const auto right = static_cast<unsigned char>(both[1]);
      byte_pairs_[std::size_t{256} * left + right] =
          merges_.at(byte_tokens_[left], byte_tokens_[right]);
    }
  }

  template <class Member>
  void expect_distinct(Member special_token::*member, std::string_view what) const {
    std::vector<special_token> sorted = specials_;
    const auto less = [&](const auto& a, const auto& b) { return a.*member < b.*member; };
    std::sort(sorted.begin(), sorted.end(), less);
    const auto same = [&](const auto& a, const auto& b) { return a.*member == b.*member; };
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end(), same);
    if (twice == sorted.end()) return;
    fail("the special tokens ", io::quote_json(twice[0].name), " and ",
         io::quote_json(twice[1].name), " ", what);
  }

  // Of up to 7 bytes their number and themselves; of more a hash, whose highest bit is set.
  static std::uint64_t key_of(std::string_view bytes) {
    const std::size_t size = bytes.size();
    const char* const p = bytes.data();
    if (size < 8) return word_of(p, size) | static_cast<std::uint64_t>(size) << 56;
    std::uint64_t hash = size;
    const auto mix = [&](const char* at) {
      hash = (hash ^ load<std::uint64_t>(at)) * 0x9E3779B97F4A7C15u;
      hash ^= hash >> 32;
    };
    for (std::size_t i = 0; i + 8 < size; i += 8) mix(p + i);
    mix(p + size - 8);
    return hash | std::uint64_t{1} << 63;
  }
  template <class Word>
  static Word load(const char* p) {
    Word word;
    std::memcpy(&word, p, sizeof(Word));
    return word;
  }
  // Up to 7 bytes as a little-endian number, by two loads that may overlap.
  static std::uint64_t word_of(const char* p, std::size_t size) {
    if (size >= 4) {
      return load<std::uint32_t>(p) | static_cast<std::uint64_t>(load<std::uint32_t>(p + size - 4))
                                          << (8 * (size - 4));
    }
    if (size >= 2) {
      return load<std::uint16_t>(p) | static_cast<std::uint64_t>(load<std::uint16_t>(p + size - 2))
                                          << (8 * (size - 2));
    }
    return size == 1 ? load<std::uint8_t>(p) : 0;
  }
  // Where the key is, or would be.
  std::size_t slot_of(std::uint64_t key, std::string_view bytes) const {
    auto place = static_cast<std::size_t>((key * 0xD6E8FEB86659FD93u) >> shift_);
    while (keys_[place] != 0 &&
           (keys_[place] != key || ((key >> 63) != 0 && this->bytes(ids_[place]) != bytes))) {
      place = (place + 1) & (keys_.size() - 1);
    }
    return place;
  }

  std::string bytes_;
  std::vector<std::uint32_t> begins_;
  std::vector<std::uint64_t> keys_;  // of the tokens, by their hash; 0: no token
  std::vector<std::int32_t> ids_;
  int shift_ = 64;
  std::array<std::int32_t, 256> byte_tokens_{};
  merge_table merges_;
  std::vector<merge> byte_pairs_;  // 512 KB, of which a text needs little
  std::vector<token_pair> pairs_;
  std::vector<special_token> specials_;
  isize vocab_size_ = 0;
  bool ranked_ = false, whole_pieces_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
