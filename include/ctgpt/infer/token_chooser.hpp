// token_chooser: the next token of many texts at once, and the log probabilities that their
// requests ask for, on the backend's workers.
//
// Ensures: a choice depends on its row of logits, its request's options and tokens alone.
// Errors: logits that cannot be sampled from are one choice's problem, a sentence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctgpt/backend/backend.hpp"
#include "ctgpt/infer/engine_request.hpp"
#include "ctgpt/infer/token_chances.hpp"

namespace ctgpt::inline CTGPT_ABI {

// A row of logits: what follows position `position` of a request's tokens.
struct scored_row {
  const engine_request* of = nullptr;
  isize position = 0;
  std::int32_t token = -1;             // what follows; drawn where the tokens end here
  std::optional<token_record> record;  // of it
  std::string problem;

  bool is_last() const { return position + 1 == of->size(); }
};

class token_chooser {
 public:
  [[gnu::cold]] token_chooser(const token_table& known, const backend& where) : where_(&where) {
    for (int i = 0; i < where.host_workers(); ++i) {
      samplers_.emplace_back(sampling{}, known.size());
      for (const std::int32_t id : known.holes()) samplers_.back().ban(id);
    }
    known_ = known.size();
  }

  // logits: (rows.size(), vocab).
  void choose(std::span<scored_row> rows, std::span<const float> logits, isize vocab) {
    const auto count = static_cast<isize>(rows.size());
    const int workers = static_cast<int>(samplers_.size());
    const int tasks = count * vocab < least_shared ? 1 : workers;
    where_->host_run(tasks, [&](int worker) {
      for (isize i = worker; i < count; i += tasks) {
        const auto row =
            logits.subspan(static_cast<std::size_t>(i * vocab), static_cast<std::size_t>(known_));
        choose_one(rows[static_cast<std::size_t>(i)], row, worker);
      }
    });
  }

 private:
  static constexpr isize least_shared = 4096;  // logits that are worth waking the workers

  void choose_one(scored_row& row, std::span<const float> logits, int worker) noexcept try {
    const engine_request& of = *row.of;
    if (!row.is_last()) {
      row.token = of.tokens[static_cast<std::size_t>(row.position) + 1];
    } else if (of.ask.tokens > 0) {
      sampler& draw = samplers_[static_cast<std::size_t>(worker)];
      draw.become(of.ask.choose, static_cast<std::uint64_t>(of.answered()));
      row.token = draw.next(
          logits, of.tokens,
          {of.ask.logit_bias, of.ask.frequency_penalty, of.ask.presence_penalty, of.prompt});
    }
    if (of.ask.likeliest >= 0 && row.token >= 0) {
      row.record = token_chances(logits, row.token, of.ask.likeliest);
    }
  } catch (const std::exception& problem) {
    row.problem = problem.what();
  }

  const backend* where_;
  std::vector<sampler> samplers_;  // one a worker
  isize known_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI
