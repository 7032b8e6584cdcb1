// Requests to an engine, and everything that it says of them.
#pragma once

#include <doctest/doctest.h>

#include <condition_variable>
#include <functional>
#include <mutex>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/infer/completion.hpp"

namespace ctgpt_test {

using namespace ctgpt;
using ids = std::vector<std::int32_t>;

// What a request was answered, so that two answers compare as wholes.
struct answer {
  std::string text;
  std::vector<std::string> pieces;
  std::vector<token_record> tokens;
  completion_end end;
  bool ended = false;

  // Everything but how much a cache held.
  friend bool operator==(const answer& a, const answer& b) {
    return a.text == b.text && a.pieces == b.pieces && same(a.tokens, b.tokens) &&
           a.end.reason == b.end.reason && a.end.prompt_tokens == b.end.prompt_tokens &&
           a.end.answer_tokens == b.end.answer_tokens;
  }
  static bool same(const token_probability& a, const token_probability& b) {
    return a.token == b.token && a.log_probability == b.log_probability;
  }
  static bool same(const std::vector<token_record>& a, const std::vector<token_record>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
      return same(x.chosen, y.chosen) &&
             std::equal(x.likeliest.begin(), x.likeliest.end(), y.likeliest.begin(),
                        y.likeliest.end(), [](const auto& p, const auto& q) { return same(p, q); });
    });
  }
};

class collector : public completion_listener {
 public:
  void on_piece(const completion_piece& piece) override {
    const std::lock_guard lock(mutex_);
    CHECK(!got_.ended);
    CHECK(utf8_error_offset(piece.text) == std::string_view::npos);
    got_.text += piece.text;
    if (!piece.text.empty()) got_.pieces.push_back(piece.text);
    got_.tokens.insert(got_.tokens.end(), piece.tokens.begin(), piece.tokens.end());
    if (each_) each_(got_);
  }
  void on_end(const completion_end& end) override {
    const std::lock_guard lock(mutex_);
    CHECK(!got_.ended);
    got_.end = end;
    got_.ended = true;
    ended_.notify_all();
  }

  // Called at every piece, on the engine's thread.
  void each(std::function<void(const answer&)> call) { each_ = std::move(call); }
  answer wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return got_.ended; });
    return got_;
  }
  answer so_far() const {
    const std::lock_guard lock(mutex_);
    return got_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::function<void(const answer&)> each_;
  answer got_;
};

inline std::shared_ptr<collector> ask(completion_engine& engine, completion_request request) {
  auto who = std::make_shared<collector>();
  engine.submit(std::move(request), who);
  return who;
}

}  // namespace ctgpt_test
