// generation_run: one request's answers while an engine writes them, as the client may see them.
//
//   generation_run run(model, prompts, filter, metrics);
//   while (run.left() > 0) for (const shown_piece& each : run.wait(0.1)) ...
//
// What the engine says goes through each answer's output filter. Log probabilities of tokens are
// shown while the filter has changed nothing; from the first change on there are none, as they
// would tell what it took away.
// Ensures: when it ends, whatever still runs is cancelled.
// Errors: usage_error of the engine; an answer that failed: api_error 500.
#pragma once

#include <deque>

#include "ctgpt/base/clock.hpp"
#include "ctgpt/serve/answer_box.hpp"
#include "ctgpt/serve/hooks.hpp"
#include "ctgpt/serve/metrics.hpp"
#include "ctgpt/serve/served_model.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct shown_piece {
  std::size_t which = 0;
  std::string text;
  std::vector<token_record> tokens;
  bool ended = false;  // its last piece
};

// Where the tokens of a filtered answer wait until their bytes are shown.
class token_gate {
 public:
  explicit token_gate(const text::tokenizer& tokens) : tokens_(&tokens) {}

  void add(const completion_piece& piece) {
    raw_ += piece.text;
    for (const token_record& each : piece.tokens) {
      told_ += tokens_->token_bytes(each.chosen.token).size();
      waiting_.push_back({told_, each});
    }
  }
  std::vector<token_record> release(std::string_view shown, bool last) {
    std::vector<token_record> out;
    // What stands for a masked place may be longer than all that there was.
    if (shown_ > raw_.size() || raw_.compare(shown_, shown.size(), shown) != 0) changed_ = true;
    shown_ += shown.size();
    if (last && shown_ != raw_.size()) changed_ = true;
    if (changed_) waiting_.clear();
    while (!waiting_.empty() && (last || waiting_.front().end <= shown_)) {
      out.push_back(std::move(waiting_.front().token));
      waiting_.pop_front();
    }
    return out;
  }

 private:
  struct held {
    std::size_t end;  // of its bytes, in the answer
    token_record token;
  };
  const text::tokenizer* tokens_;
  std::string raw_;
  std::size_t shown_ = 0, told_ = 0;  // bytes
  bool changed_ = false;
  std::deque<held> waiting_;
};

class generation_run {
 public:
  struct answer {
    std::uint64_t id = 0;
    std::unique_ptr<output_filter> filter;
    std::optional<token_gate> gate;
    std::string text;    // shown so far
    std::string reason;  // "" while it runs
    isize prompt_tokens = 0, cached_tokens = 0, answer_tokens = 0;
    double first = -1.0;  // seconds until its first token
  };

  generation_run(std::shared_ptr<const served_model> model, std::vector<completion_request> asks,
                 const std::function<std::unique_ptr<output_filter>()>& filter,
                 std::shared_ptr<server_metrics> metrics)
      : model_(std::move(model)), metrics_(std::move(metrics)), begun_(clock_seconds()) {
    try {
      for (completion_request& each : asks) {
        answer one;
        if (filter) one.filter = filter();
        if (one.filter != nullptr) one.gate.emplace(model_->tokens);
        one.id = model_->engine->submit(std::move(each), box_->listener(answers_.size()));
        answers_.push_back(std::move(one));
      }
    } catch (...) {
      cancel();
      throw;
    }
    left_ = answers_.size();
  }
  ~generation_run() { cancel(); }
  generation_run(const generation_run&) = delete;
  generation_run& operator=(const generation_run&) = delete;

  std::size_t left() const { return left_; }
  const std::vector<answer>& answers() const { return answers_; }
  const served_model& model() const { return *model_; }
  double seconds() const { return clock_seconds() - begun_; }

  // What has come, waiting at most so long. Valid until the next call.
  const std::vector<shown_piece>& wait(double seconds) {
    shown_.clear();
    if (left_ == 0 || !box_->take(events_, seconds)) return shown_;
    for (answer_event& event : events_) {
      answer& one = answers_[event.which];
      if (!one.reason.empty()) continue;  // what came after it was blocked
      shown_piece out{event.which, {}, {}, false};
      if (event.end) {
        end(one, event, out);
      } else {
        feed(one, event, out);
      }
      one.text += out.text;
      if (out.ended || !out.text.empty() || !out.tokens.empty()) show(std::move(out));
    }
    return shown_;
  }
  // Waits so long, or until all answers have ended: for what wait() then returns at once.
  void gather(double seconds) { box_->gather(seconds); }

  // What wait() returned last.
  const std::vector<shown_piece>& shown() const { return shown_; }

  // Ends what still runs.
  void cancel() {
    for (answer& each : answers_) {
      if (!each.reason.empty()) continue;
      model_->engine->cancel(each.id);
      finish(each, "cancelled");
    }
  }

 private:
  // What came of one answer since the last call is one piece.
  void show(shown_piece&& out) {
    for (shown_piece& each : shown_) {
      if (each.which != out.which) continue;
      each.text += out.text;
      each.tokens.insert(each.tokens.end(), std::make_move_iterator(out.tokens.begin()),
                         std::make_move_iterator(out.tokens.end()));
      each.ended = out.ended;
      return;
    }
    shown_.push_back(std::move(out));
  }

  void feed(answer& one, answer_event& event, shown_piece& out) {
    completion_piece& piece = event.piece;
    if (one.first < 0.0) one.first = event.at - begun_;
    ++one.answer_tokens;  // until the end tells the number
    if (one.filter == nullptr) {
      out.text = std::move(piece.text);
      out.tokens = std::move(piece.tokens);
      return;
    }
    out.text = one.filter->feed(piece.text);
    one.gate->add(piece);
    out.tokens = one.gate->release(out.text, false);
    if (!one.filter->blocked()) return;
    model_->engine->cancel(one.id);
    out.ended = true;
    finish(one, "content_filter");
  }

  void end(answer& one, const answer_event& event, shown_piece& out) {
    const completion_end& how = *event.end;
    if (how.reason == completion_ending::failed) {
      finish(one, "failed");
      throw api_error(500, how.problem.empty() ? "the answer failed" : how.problem, "server_error");
    }
    one.prompt_tokens = how.prompt_tokens;
    one.cached_tokens = how.cached_tokens;
    one.answer_tokens = how.answer_tokens;
    std::string reason = how.reason == completion_ending::length ? "length" : "stop";
    if (how.reason == completion_ending::cancelled) reason = "cancelled";
    if (one.filter != nullptr) {
      out.text = one.filter->finish();
      out.tokens = one.gate->release(out.text, true);
      if (one.filter->blocked()) reason = "content_filter";
    }
    out.ended = true;
    finish(one, reason, event.at - begun_);
  }

  void finish(answer& one, const std::string& reason) { finish(one, reason, seconds()); }
  // taken: seconds until its last token.
  void finish(answer& one, const std::string& reason, double taken) {
    one.reason = reason;
    if (left_ > 0) --left_;
    metrics_->count_answer(reason, one.answer_tokens, one.first, taken);
    if (&one == &answers_.front()) metrics_->count_prompt(one.prompt_tokens, one.cached_tokens);
  }

  std::shared_ptr<const served_model> model_;
  std::shared_ptr<server_metrics> metrics_;
  double begun_;
  std::shared_ptr<answer_box> box_ = std::make_shared<answer_box>();
  std::vector<answer> answers_;
  std::size_t left_ = 0;
  std::vector<answer_event> events_;
  std::vector<shown_piece> shown_;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
