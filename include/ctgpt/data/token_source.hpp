// token_source: a sequence of tokens that windows are cut from, wherever it lies.
//
// memory_tokens{ids}              tokens in memory (data/packed_windows.hpp: and their documents)
// token_part{source, 100, 50}     tokens 100 to 149 of another one
// data/token_set.hpp              files, mapped, one after the other
//
// Sources are immutable and are read by any number of threads.
// Errors: ctgpt::error from read() for what a file holds; from documents() where it is not known
// where they end.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/error.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// A reference to what visits documents, for the length of a call. (std::function alone costs every
// program that trains a tenth of its compile time.)
class document_visitor {
 public:
  template <class Visit>
  requires(!std::is_same_v<std::remove_cvref_t<Visit>, document_visitor>)
      document_visitor(Visit&& visit)
      : visit_(const_cast<void*>(static_cast<const void*>(&visit))),
        call_([](void* of, isize begin, isize end) {
          (*static_cast<std::remove_reference_t<Visit>*>(of))(begin, end);
        }) {}
  void operator()(isize begin, isize end) const { call_(visit_, begin, end); }

 private:
  void* visit_;
  void (*call_)(void*, isize, isize);
};

class token_source {
 public:
  virtual ~token_source() = default;
  virtual isize size() const = 0;  // tokens

  // Tokens [first, first + to.size()).
  // Requires: 0 <= first, first + to.size() <= size().
  virtual void read(isize first, std::span<std::int32_t> to) const = 0;

  // Throws unless every token that read() may give is one of a vocabulary of `vocab`.
  virtual void expect_tokens_of(isize vocab) const = 0;

  // Calls visit(begin, end) for each document, in order; they cover the whole sequence.
  using visitor = document_visitor;
  [[gnu::cold]] virtual void documents(const visitor&) const {
    fail("this data does not say where its documents end; documents need token files with an ",
         "index or an end-of-text token (ctgpt data shard writes them)");
  }
};

class memory_tokens : public token_source {
 public:
  explicit memory_tokens(std::vector<std::int32_t> ids) : ids_(std::move(ids)) {}

  isize size() const override { return static_cast<isize>(ids_.size()); }
  void read(isize first, std::span<std::int32_t> to) const override {
    std::copy_n(ids_.begin() + first, to.size(), to.begin());
  }
  [[gnu::cold]] void expect_tokens_of(isize vocab) const override {
    for (const std::int32_t id : ids_) {
      expects(id >= 0 && id < vocab, "the data holds the token ", id,
              ", but the model's vocabulary has ", vocab, " tokens, 0 to ", vocab - 1,
              "; use the tokenizer that the model was built for");
    }
  }

 private:
  std::vector<std::int32_t> ids_;
};

class token_part final : public token_source {
 public:
  // Requires: 0 <= first, first + count <= whole->size().
  token_part(std::shared_ptr<const token_source> whole, isize first, isize count)
      : whole_(std::move(whole)), first_(first), count_(count) {}

  isize size() const override { return count_; }
  void read(isize first, std::span<std::int32_t> to) const override {
    whole_->read(first_ + first, to);
  }
  void expect_tokens_of(isize vocab) const override { whole_->expect_tokens_of(vocab); }
  // A document that the part cuts counts as far as it lies in it.
  [[gnu::cold]] void documents(const visitor& visit) const override {
    whole_->documents([&](isize begin, isize end) {
      const isize from = std::max(begin - first_, isize{0});
      const isize to = std::min(end - first_, count_);
      if (from < to) visit(from, to);
    });
  }

 private:
  std::shared_ptr<const token_source> whole_;
  isize first_, count_;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
