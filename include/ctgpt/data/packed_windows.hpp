// packed_windows: windows of whole documents, so that nothing is learnt across the end of one.
//
// A document of L tokens has L - 1 targets, each token but the first after those before it. One of
// more than T targets is cut into pieces of T, each of which fills a window, and the rest. Windows
// are then filled best fit first, from the next `ahead` pieces of the sequence: always the longest
// that still fits, of equally long ones the first, until none fits. What stays empty is padded, and
// padding is no target; so every target of every document is in exactly one window. Attention does
// see the pieces before it in its window.
// Shapes: a window is T inputs and T targets, -1 where there is none.
// Keeps 16 bytes for each piece and 8 for each window.
// Errors: those of token_source::documents.
// Reference: Ding et al., "Fewer Truncations Improve Language Modeling", 2024 (best-fit packing);
// karpathy/nanochat, nanochat/dataloader.py (the look-ahead).
#pragma once

#include <algorithm>
#include <vector>

#include "ctgpt/data/token_source.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

// Inputs [first, first + count); their targets are one further on.
struct packed_piece {
  isize first = 0, count = 0;
};

// Tokens in memory whose documents are known.
class memory_documents : public memory_tokens {
 public:
  // ends: the count of tokens up to the end of each document, ascending.
  memory_documents(std::vector<std::int32_t> ids, std::vector<isize> ends)
      : memory_tokens(std::move(ids)), ends_(std::move(ends)) {
    isize begin = 0;
    for (const isize end : ends_) {
      expects(end > begin, "a document ends at token ", end, ", but begins at ", begin);
      begin = end;
    }
    expects(begin == size(), "the last document ends at token ", begin, ", but there are ", size(),
            " tokens");
  }

  void documents(const visitor& visit) const override {
    isize begin = 0;
    for (const isize end : ends_) {
      visit(begin, end);
      begin = end;
    }
  }

 private:
  std::vector<isize> ends_;
};

class packed_windows {
 public:
  static constexpr std::size_t ahead = 1000;

  packed_windows(const token_source& source, isize time) : time_(time) {
    source.documents([&](isize begin, isize end) {
      isize first = begin;
      for (; end - 1 - first >= time; first += time) {
        pieces_.push_back({first, time});
        close();
      }
      if (const isize rest = end - 1 - first; rest > 0) wait({first, rest});
      if (waiting_.size() >= ahead) fill();
    });
    while (!waiting_.empty()) fill();
    expects(count() > 0, "no document of the data has two tokens, so there is nothing to predict");
  }

  isize count() const { return static_cast<isize>(ends_.size()); }
  std::span<const packed_piece> window(isize i) const {
    const isize begin = i > 0 ? ends_[static_cast<std::size_t>(i - 1)] : 0;
    const isize end = ends_[static_cast<std::size_t>(i)];
    return std::span(pieces_).subspan(static_cast<std::size_t>(begin),
                                      static_cast<std::size_t>(end - begin));
  }
  // The targets of window i.
  isize scored(isize i) const {
    isize sum = 0;
    for (const packed_piece& piece : window(i)) sum += piece.count;
    return sum;
  }

  // inputs, targets: (T).
  void read(const token_source& source, isize i, std::span<std::int32_t> inputs,
            std::span<std::int32_t> targets) const {
    std::size_t at = 0;
    for (const packed_piece& piece : window(i)) {
      const auto count = static_cast<std::size_t>(piece.count);
      source.read(piece.first, inputs.subspan(at, count));
      source.read(piece.first + 1, targets.subspan(at, count));
      at += count;
    }
    std::fill(inputs.begin() + static_cast<isize>(at), inputs.end(), inputs[0]);
    std::fill(targets.begin() + static_cast<isize>(at), targets.end(), -1);
  }

 private:
  void close() { ends_.push_back(static_cast<isize>(pieces_.size())); }

  // Pieces come in the order of the data, so a new one stands before those of its own length.
  void wait(packed_piece piece) { waiting_.insert(place_of(piece.count), piece); }
  // The first that is not shorter than `count`.
  std::vector<packed_piece>::iterator place_of(isize count) {
    return std::partition_point(waiting_.begin(), waiting_.end(),
                                [&](const packed_piece& each) { return each.count < count; });
  }

  // One window of what waits.
  void fill() {
    isize room = time_;
    for (;;) {
      auto next = place_of(room + 1);
      if (next == waiting_.begin()) break;  // all that wait are longer
      --next;
      pieces_.push_back(*next);
      room -= next->count;
      waiting_.erase(next);
    }
    close();
  }

  isize time_;
  std::vector<packed_piece> pieces_;   // window after window
  std::vector<isize> ends_;            // of each window among them
  std::vector<packed_piece> waiting_;  // by length; of equal ones the first of the data stands last
};

}  // namespace ctgpt::inline CTGPT_ABI::data
