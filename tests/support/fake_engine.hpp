// An engine without a model, for tests of what stands on one: it writes bytes that the prompt and
// the seed alone decide, on a thread of its own, several requests at a time.
//
// A prompt that holds "say:TEXT" is answered by TEXT up to the next line break, again and again
// after "loop:"; any other by letters drawn from its hash. "fail:" fails at the third token.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/utf8.hpp"
#include "ctgpt/infer/completion.hpp"

namespace ctgpt_test {

using ctgpt::isize;

class fake_engine final : public ctgpt::completion_engine {
 public:
  // step: seconds from a token to the next.
  explicit fake_engine(isize context = 512, std::size_t parallel = 8, double step = 0.0)
      : context_(context), parallel_(parallel), step_(step), thread_([this] { run(); }) {}
  ~fake_engine() override {
    {
      const std::lock_guard hold(mutex_);
      ending_ = true;
    }
    work_.notify_all();
    thread_.join();
  }

  std::uint64_t submit(ctgpt::completion_request request,
                       std::shared_ptr<ctgpt::completion_listener> listener) override {
    const isize most = static_cast<isize>(request.prompt.size()) + request.tokens;
    if (request.prompt.empty() || most > context_) throw ctgpt::usage_error("it does not fit");
    const std::lock_guard hold(mutex_);
    const std::uint64_t id = ++last_;
    waiting_.push_back({id, std::move(request), std::move(listener), {}, {}, {}, 0});
    work_.notify_all();
    return id;
  }
  void cancel(std::uint64_t id) override {
    const std::lock_guard hold(mutex_);
    cancelled_.push_back(id);
    ++cancels_;
    work_.notify_all();
  }
  std::vector<float> embed(const std::vector<std::int32_t>& tokens) override {
    std::vector<float> values(8, 0.0f);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      values[static_cast<std::size_t>(tokens[i]) % 8] += 1.0f;
    }
    float squares = 0.0f;
    for (const float value : values) squares += value * value;
    for (float& value : values) value /= std::sqrt(squares);
    return values;
  }
  ctgpt::engine_load load() const override {
    const std::lock_guard hold(mutex_);
    return {static_cast<isize>(running_.size()), static_cast<isize>(waiting_.size()), 0, context_};
  }
  isize context() const override { return context_; }
  int cancels() const { return cancels_; }

 private:
  struct job {
    std::uint64_t id = 0;
    ctgpt::completion_request request;
    std::shared_ptr<ctgpt::completion_listener> listener;
    std::string script, text, held;  // to write; written; of a character that is not whole yet
    isize made = 0;
    bool loops = false, fails = false;
  };

  static void prepare(job& one) {
    std::string prompt;
    for (const std::int32_t id : one.request.prompt) prompt += static_cast<char>(id);
    const std::size_t say = prompt.rfind("say:"), loop = prompt.rfind("loop:");
    one.loops = loop != prompt.npos;
    one.fails = prompt.find("fail:") != prompt.npos;
    const std::size_t at = one.loops ? loop + 5 : say == prompt.npos ? say : say + 4;
    if (at != prompt.npos) {
      one.script = prompt.substr(at, prompt.find('\n', at) - at);
      return;
    }
    std::uint64_t state = one.request.choose.temperature == 0.0f ? 7 : one.request.choose.seed;
    for (const char c : prompt) state = (state ^ static_cast<unsigned char>(c)) * 1099511628211u;
    for (int i = 0; i < 4096; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      one.script += "etaoin shrdlu.,\n"[state >> 60];
    }
  }

  void run() {
    std::unique_lock hold(mutex_);
    while (!ending_) {
      work_.wait(hold, [&] { return ending_ || !running_.empty() || !waiting_.empty(); });
      while (running_.size() < parallel_ && !waiting_.empty()) {
        running_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
        prepare(running_.back());
      }
      drop_cancelled(running_);
      drop_cancelled(waiting_);
      cancelled_.clear();
      std::erase_if(running_, [&](job& one) { return step(one); });
      hold.unlock();
      std::this_thread::sleep_for(std::chrono::duration<double>(step_));
      hold.lock();
    }
  }
  void drop_cancelled(std::deque<job>& jobs) {
    std::erase_if(jobs, [&](job& one) {
      for (const std::uint64_t id : cancelled_) {
        if (id == one.id) return end(one, ctgpt::completion_ending::cancelled);
      }
      return false;
    });
  }
  static bool end(job& one, ctgpt::completion_ending reason) {
    one.listener->on_end({reason, reason == ctgpt::completion_ending::failed ? "it failed" : "",
                          static_cast<isize>(one.request.prompt.size()), 0, one.made});
    return true;
  }

  // One token; whether it was the last.
  static bool step(job& one) {
    using ctgpt::completion_ending;
    if (one.request.echo && one.made == 0) {
      ctgpt::completion_piece piece;
      for (const std::int32_t id : one.request.prompt) {
        piece.text += static_cast<char>(id);
        if (one.request.likeliest < 0) continue;
        piece.tokens.push_back(record(id, one.request.likeliest));
      }
      one.listener->on_piece(piece);
    }
    if (one.made >= one.request.tokens) return end(one, completion_ending::length);
    if (one.fails && one.made == 3) return end(one, completion_ending::failed);
    const auto place = static_cast<std::size_t>(one.made);
    if (!one.loops && place >= one.script.size()) return end(one, completion_ending::stop);
    const char c = one.script[place % one.script.size()];
    ++one.made;
    one.held += c;
    ctgpt::completion_piece piece;
    if (ctgpt::utf8_error_offset(one.held) == std::string::npos) piece.text.swap(one.held);
    for (const std::string& stop : one.request.stop) {
      const std::string all = one.text + piece.text;
      if (all.ends_with(stop)) return end(one, completion_ending::stop);  // of one character only
    }
    one.text += piece.text;
    if (one.request.likeliest >= 0) {
      piece.tokens.push_back(record(static_cast<unsigned char>(c), one.request.likeliest));
    }
    one.listener->on_piece(piece);
    return false;
  }
  static ctgpt::token_record record(std::int32_t id, int likeliest) {
    ctgpt::token_record made{{id, -0.25f}, {}};
    for (int i = 0; i < likeliest; ++i) {
      made.likeliest.push_back({(id + i) % 256, -0.25f - static_cast<float>(i)});
    }
    return made;
  }

  isize context_;
  std::size_t parallel_;
  double step_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::deque<job> waiting_, running_;
  std::vector<std::uint64_t> cancelled_;
  std::uint64_t last_ = 0;
  std::atomic<int> cancels_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace ctgpt_test
