// A byte-pair tokenizer: bytes to tokens of GPT-2, GPT-4 or a vocabulary of one's own, and back.
//
// const text::bpe<text::gpt2> tokens(tables);            text/bpe_tables.hpp, text/bpe_files.hpp
// tokens.encode("Once upon")                             a special token in the text is an error
// tokens.encode(text, text::specials::allow({"<|endoftext|>"}))
// tokens.encode_ordinary(text, threads)                  special tokens are plain text
// tokens.encode_offsets(text), tokens.encode_batch(texts, {.length = 128, .pad = 0})
// tokens.decode(ids), tokens.token_bytes(id), tokens.count(text)
//
// Any bytes are accepted; those of no character are symbols of one byte. A value is shared by
// copies and may be used by several threads: each call borrows a bpe_encoder, whose cache stays.
// Ensures: decode(encode_ordinary(x)) == x; the same ids for any number of threads.
// Errors: a special token that is not allowed (text/specials.hpp); an id outside the vocabulary.
// Reference: openai/tiktoken; Radford et al. (2019), Language Models are Unsupervised Multitask
// Learners, section 2.2.
#pragma once

#include <memory>
#include <mutex>

#include "ctgpt/base/parallel.hpp"
#include "ctgpt/text/bpe_encoder.hpp"
#include "ctgpt/text/cuts.hpp"
#include "ctgpt/text/specials.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// Where each token's bytes begin in the text, in bytes and in characters; one more for the end.
// A character belongs to the token that holds its first byte.
struct token_offsets {
  std::vector<std::int32_t> tokens;
  std::vector<std::size_t> bytes, characters;
};

// Rows of equal length; of each, how many tokens are the text's own.
struct token_batch {
  std::size_t length = 0;
  std::vector<std::int32_t> tokens;  // (texts, length)
  std::vector<std::size_t> sizes;
};
struct batch_options {
  std::size_t length = 0;  // 0: that of the longest text
  std::int32_t pad = 0;    // what stands behind a text that is shorter
  bool cut_front = false;  // of a longer text the end is kept
};

template <class Pattern>
class bpe {
 public:
  using pattern = Pattern;

  explicit bpe(bpe_tables tables) : self_(std::make_shared<shared>(std::move(tables))) {}

  static constexpr std::string_view name() { return "bpe"; }
  const bpe_tables& tables() const { return self_->tables; }
  const special_finder& special_tokens() const { return self_->finder; }
  isize vocab_size() const { return tables().vocab_size(); }

  std::vector<std::int32_t> encode(std::string_view text,
                                   const specials& choice = specials::refuse(),
                                   std::size_t before = 0) const {
    std::vector<std::int32_t> tokens;
    const borrowed work(*self_);
    self_->finder.split(
        text, choice,
        [&](std::string_view part) { work->template append<Pattern>(tables(), part, tokens); },
        [&](std::int32_t token) { tokens.push_back(token); }, before);
    return tokens;
  }

  // The tokens of a text whose special tokens are plain text, by several threads.
  std::vector<std::int32_t> encode_ordinary(std::string_view text, int threads = 1) const {
    constexpr std::size_t least = std::size_t{1} << 16;  // bytes that are worth a task
    std::vector<std::int32_t> tokens;
    const auto most = static_cast<std::size_t>(std::max(threads, 1)) * 4;
    const std::size_t parts = threads > 1 ? std::min(most, text.size() / least) : 1;
    if (parts < 2) {
      const borrowed work(*self_);
      work->template append<Pattern>(tables(), text, tokens);
      return tokens;
    }
    std::vector<std::size_t> cuts{0};
    for (std::size_t i = 1; i < parts; ++i) {
      const std::size_t from = std::max(text.size() / parts * i, cuts.back());
      cuts.push_back(cut_after<Pattern>(text, from));
    }
    cuts.push_back(text.size());
    std::vector<std::vector<std::int32_t>> found(parts);
    std::atomic<std::size_t> next{0};
    std::exception_ptr problem;
    std::mutex guard;
    thread_pool pool(threads);
    auto work_on = [&] {
      try {
        const borrowed work(*self_);
        for (std::size_t i = next++; i < parts; i = next++) {
          work->template append<Pattern>(tables(), text.substr(cuts[i], cuts[i + 1] - cuts[i]),
                                         found[i]);
        }
      } catch (...) {
        const std::lock_guard lock(guard);
        problem = std::current_exception();
      }
    };
    pool.run(
        threads, [](void* task, int) { (*static_cast<decltype(&work_on)>(task))(); },
        &work_on);
    if (problem) std::rethrow_exception(problem);
    std::size_t total = 0;
    for (const auto& part : found) total += part.size();
    tokens.reserve(total);
    for (const auto& part : found) tokens.insert(tokens.end(), part.begin(), part.end());
    return tokens;
  }

  std::size_t count(std::string_view text, const specials& choice = specials::refuse()) const {
    return encode(text, choice).size();
  }

  token_offsets encode_offsets(std::string_view text,
                               const specials& choice = specials::refuse()) const {
    token_offsets made{encode(text, choice), {}, {}};
    std::size_t byte = 0, character = 0;
    for (const std::int32_t token : made.tokens) {
      made.bytes.push_back(byte);
      made.characters.push_back(character);
      for (const std::size_t end = byte + tables().shown(token).size(); byte < end; ++byte) {
        // A character is counted when the last of its bytes has passed.
        const bool last = byte + 1 == text.size() ||
                          (static_cast<unsigned char>(text[byte + 1]) & 0xC0) != 0x80;
        character += last ? 1 : 0;
      }
    }
    made.bytes.push_back(byte);
    made.characters.push_back(character);
    return made;
  }

  token_batch encode_batch(std::span<const std::string> texts, const batch_options& options,
                           const specials& choice = specials::refuse()) const {
    std::vector<std::vector<std::int32_t>> rows;
    token_batch made{options.length, {}, {}};
    for (const std::string& text : texts) {
      rows.push_back(encode(text, choice));
      if (options.length == 0) made.length = std::max(made.length, rows.back().size());
    }
    made.tokens.assign(rows.size() * made.length, options.pad);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t kept = std::min(rows[i].size(), made.length);
      const std::size_t from = options.cut_front ? rows[i].size() - kept : 0;
      std::copy_n(rows[i].begin() + static_cast<std::ptrdiff_t>(from), kept,
                  made.tokens.begin() + static_cast<std::ptrdiff_t>(i * made.length));
      made.sizes.push_back(kept);
    }
    return made;
  }

  std::string token_bytes(std::int32_t token) const { return std::string(tables().shown(token)); }

  std::string decode(std::span<const std::int32_t> tokens) const {
    std::string text;
    text.reserve(tokens.size() * 4);
    for (const std::int32_t token : tokens) text += tables().shown(token);
    return text;
  }

 private:
  struct shared {
    explicit shared(bpe_tables from) : tables(std::move(from)), finder(tables.specials()) {}
    bpe_tables tables;
    special_finder finder;
    std::mutex guard;
    std::vector<std::unique_ptr<bpe_encoder>> idle;
  };

  // An encoder for as long as it lives.
  class borrowed {
   public:
    explicit borrowed(shared& owner) : owner_(owner) {
      {
        const std::lock_guard lock(owner.guard);
        if (!owner.idle.empty()) {
          work_ = std::move(owner.idle.back());
          owner.idle.pop_back();
        }
      }
      if (!work_) work_ = std::make_unique<bpe_encoder>();
    }
    borrowed(const borrowed&) = delete;
    borrowed& operator=(const borrowed&) = delete;
    ~borrowed() {
      const std::lock_guard lock(owner_.guard);
      try {
        owner_.idle.push_back(std::move(work_));
      } catch (const std::bad_alloc&) {  // then it is made anew
      }
    }
    bpe_encoder* operator->() const { return work_.get(); }

   private:
    shared& owner_;
    std::unique_ptr<bpe_encoder> work_;
  };

  std::shared_ptr<shared> self_;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
