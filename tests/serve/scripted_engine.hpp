// An engine that answers as it is told to, letter by letter: what a page shows of a model, without
// one. Tokens are bytes, so that characters come in pieces, as from a real one.
#pragma once

#include <cmath>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/utf8.hpp"
#include "ctgpt/infer/completion.hpp"

namespace ctgpt_test {

using ctgpt::isize;

class scripted_engine final : public ctgpt::completion_engine {
 public:
  // The answer to a prompt; a byte 0x05 in it fails there.
  using script = std::function<std::string(const std::string& prompt)>;

  scripted_engine(script answer, isize context, double step)
      : answer_(std::move(answer)), context_(context), step_(step), thread_([this] { run(); }) {}
  ~scripted_engine() override {
    {
      const std::lock_guard hold(mutex_);
      ending_ = true;
    }
    work_.notify_all();
    thread_.join();
  }

  std::uint64_t submit(ctgpt::completion_request request,
                       std::shared_ptr<ctgpt::completion_listener> listener) override {
    if (std::ssize(request.prompt) + request.tokens > context_) {
      throw ctgpt::usage_error("it does not fit");
    }
    std::string prompt;
    for (const std::int32_t id : request.prompt) prompt += static_cast<char>(id);
    const std::lock_guard hold(mutex_);
    const std::uint64_t id = ++last_;
    prompts_.push_back(prompt);
    jobs_.push_back({id, std::move(request), std::move(listener), answer_(prompt), 0, false});
    work_.notify_all();
    return id;
  }
  void cancel(std::uint64_t id) override {
    const std::lock_guard hold(mutex_);
    for (job& each : jobs_) each.cancelled = each.cancelled || each.id == id;
  }
  std::vector<float> embed(const std::vector<std::int32_t>&) override { return {1.0f}; }
  ctgpt::engine_load load() const override {
    const std::lock_guard hold(mutex_);
    return {std::ssize(jobs_), 0, 0, context_};
  }
  isize context() const override { return context_; }

  std::string last_prompt() const {
    const std::lock_guard hold(mutex_);
    return prompts_.empty() ? std::string() : prompts_.back();
  }

 private:
  struct job {
    std::uint64_t id = 0;
    ctgpt::completion_request request;
    std::shared_ptr<ctgpt::completion_listener> listener;
    std::string text;
    std::size_t at = 0;
    bool cancelled = false;
    std::string held = {};  // of a character that is not whole yet
  };

  void run() {
    std::unique_lock hold(mutex_);
    while (!ending_) {
      work_.wait(hold, [&] { return ending_ || !jobs_.empty(); });
      std::erase_if(jobs_, [&](job& one) { return step(one); });
      hold.unlock();
      std::this_thread::sleep_for(std::chrono::duration<double>(step_));
      hold.lock();
    }
  }

  bool step(job& one) {
    using ctgpt::completion_ending;
    const auto end = [&one](completion_ending reason) {
      one.listener->on_end({reason, reason == completion_ending::failed ? "the model broke" : "",
                            std::ssize(one.request.prompt), 0, static_cast<isize>(one.at)});
      return true;
    };
    if (one.cancelled) return end(completion_ending::cancelled);
    if (one.at == 0 && one.request.echo && one.request.likeliest >= 0) {
      ctgpt::completion_piece piece;
      for (const std::int32_t id : one.request.prompt) {
        piece.tokens.push_back(record(id, one.request.likeliest));
      }
      one.listener->on_piece(piece);
    }
    if (static_cast<isize>(one.at) >= one.request.tokens) return end(completion_ending::length);
    if (one.at == one.text.size()) return end(completion_ending::stop);
    const char c = one.text[one.at++];
    if (c == '\x05') return end(completion_ending::failed);
    one.held += c;
    ctgpt::completion_piece piece;
    if (ctgpt::utf8_error_offset(one.held) == std::string::npos) piece.text.swap(one.held);
    one.listener->on_piece(piece);
    return false;
  }
  // A byte stands before those that follow it in the alphabet, each half as likely.
  static ctgpt::token_record record(std::int32_t id, int likeliest) {
    ctgpt::token_record made{{id, -0.7f}, {}};
    for (int i = 0; i < likeliest; ++i) {
      made.likeliest.push_back({(id + i) % 256, -0.7f * static_cast<float>(i + 1)});
    }
    return made;
  }

  script answer_;
  isize context_;
  double step_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::deque<job> jobs_;
  std::vector<std::string> prompts_;
  std::uint64_t last_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace ctgpt_test
