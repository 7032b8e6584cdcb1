// engine_batch: the requests of one model, and the step that moves all of them on.
//
// engine_batch batch(net, tokens, options);
// batch.add(std::move(request));
// while (batch.step()) ...               a token for each that answers, and `chunk` of prompts
//
// A step computes one row for each request that answers and shares `chunk` rows among prompts,
// the oldest first: a long prompt delays each answer's next token by one chunk's work, no more.
// Ensures: an answer depends on its request and the model alone.
// Errors: a cache that does not hold one whole context: usage_error. What a request meets later is
// its ending.
// Reference: Yu et al., "Orca", OSDI 2022; Agrawal et al., "Sarathi-Serve", OSDI 2024 (chunks of
// prompts beside answers).
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "ctgpt/infer/cached_sequences.hpp"
#include "ctgpt/infer/engine_options.hpp"
#include "ctgpt/infer/token_chooser.hpp"

namespace ctgpt::inline CTGPT_ABI {

class engine_batch {
 public:
  using owned = cached_sequences::owned;

  [[gnu::cold]] engine_batch(const any_network& net, const token_table& known,
                             const engine_options& options)
      : known_(&known),
        options_(options),
        run_(net, sizes_for(net, options)),
        running_(run_),
        chooser_(known, net.where()) {}

  isize context() const { return run_.net().settings().context; }
  isize cache_bytes() const {
    return run_.sizes().pages * paged_runner::page_bytes(run_.net(), run_.sizes().page);
  }
  bool is_idle() const { return running_.count() == 0 && waiting_.empty(); }
  engine_load load() const {
    return {running_.count(), static_cast<isize>(waiting_.size()), running_.held_positions(),
            running_.all_positions()};
  }

  void add(owned request) { wait(std::move(request)); }

  void cancel(std::uint64_t id) {
    for (isize i = 0; i < running_.count(); ++i) {
      if (running_[i].id == id) return end(running_.end(i), completion_ending::cancelled);
    }
    const auto place = place_of(id);
    if (place == waiting_.end() || (*place)->id != id) return;
    owned gone = std::move(*place);
    waiting_.erase(place);
    end(std::move(gone), completion_ending::cancelled);
  }
  void end_all(completion_ending reason, const std::string& problem = {}) {
    while (running_.count() > 0) end(running_.end(running_.count() - 1), reason, problem);
    for (owned& each : std::exchange(waiting_, {})) end(std::move(each), reason, problem);
  }

  // false: there is nothing to do.
  bool step() {
    while (!waiting_.empty() && running_.begin(waiting_.front())) waiting_.erase(waiting_.begin());
    if (running_.count() == 0) return false;
    plan();
    place_rows();
    run_.run(rows_);
    for (isize i = 0; i < static_cast<isize>(parts_.size()); ++i) {
      const part& each = parts_[static_cast<std::size_t>(i)];
      running_.computed(i, each.rows);
      if (each.rows > 0 && running_[i].embeds) add_hidden(running_[i], each);
    }
    score();
    deliver();
    return true;
  }

 private:
  // What this step computes of running_[i].
  struct part {
    isize rows = 0, scored = 0;
    isize first = 0;  // its place among the rows
  };

  static paged_sizes sizes_for(const any_network& net, const engine_options& options) {
    const isize page = attention_tile, context = net.settings().context;
    const isize each = paged_runner::page_bytes(net, page), least = (context + page - 1) / page;
    if (options.parallel < 1 || options.chunk < 1) {
      throw usage_error(join("an engine of ", options.parallel, " requests at once, ",
                             options.chunk, " tokens of prompts a step, cannot run"));
    }
    const isize usual = std::min(2 * options.parallel * least, (isize{256} << 20) / each);
    const isize pages =
        options.cache_bytes == 0 ? std::max(usual, 2 * least) : options.cache_bytes / each;
    if (pages < least) {
      throw usage_error(join("a key/value cache of ", options.cache_bytes,
                             " bytes does not hold one context of ", context,
                             " tokens; this model needs at least ", least * each));
    }
    return {.sequences = options.parallel,
            .pages = pages,
            .page = page,
            .rows = options.parallel + options.chunk,
            .scored = std::min<isize>(options.parallel, 64)};
  }

  // By id: who came first goes first, also after losing its pages.
  std::vector<owned>::iterator place_of(std::uint64_t id) {
    return std::lower_bound(waiting_.begin(), waiting_.end(), id,
                            [](const owned& each, std::uint64_t i) { return each->id < i; });
  }
  void wait(owned request) {
    const auto place = place_of(request->id);
    waiting_.insert(place, std::move(request));
  }

  void plan() {
    std::vector<owned> preempted;
    parts_.clear();
    isize chunk = options_.chunk;
    for (isize i = 0; i < running_.count(); ++i) {
      engine_request& r = running_[i];
      const bool answers = r.size() - r.computed == 1;
      part next;
      if (answers || chunk > 0) next.rows = running_.room(i, answers ? 1 : chunk, preempted);
      if (!answers) chunk -= next.rows;
      const bool ends = r.computed + next.rows == r.size();
      if (next.rows > 0 && !r.embeds) {
        next.scored = r.wants_prompt_chances() ? next.rows : (ends ? 1 : 0);
      }
      parts_.push_back(next);
    }
    for (owned& each : preempted) {
      if (!each->echoed) each->chances.clear();
      each->embedding.clear();
      wait(std::move(each));
    }
  }

  // Rows whose logits are wanted come last, so that they lie together.
  void place_rows() {
    const paged_runner::row_ids ids = run_.rows();
    scored_.clear();
    rows_ = 0;
    const auto place = [&](const engine_request& r, isize position) {
      ids.tokens[rows_] = r.tokens[static_cast<std::size_t>(position)];
      ids.sequences[rows_] = static_cast<std::int32_t>(r.slot);
      ids.positions[rows_++] = static_cast<std::int32_t>(position);
    };
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const engine_request& r = running_[static_cast<isize>(i)];
      parts_[i].first = rows_;
      for (isize n = 0; n < parts_[i].rows - parts_[i].scored; ++n) place(r, r.computed + n);
    }
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const engine_request& r = running_[static_cast<isize>(i)];
      for (isize n = parts_[i].rows - parts_[i].scored; n < parts_[i].rows; ++n) {
        scored_.push_back({&r, r.computed + n, -1, {}, {}});
        place(r, r.computed + n);
      }
    }
  }

  void score() {
    const auto count = static_cast<isize>(scored_.size());
    const isize most = run_.sizes().scored;
    for (isize first = 0; first < count; first += most) {
      const isize some = std::min(most, count - first);
      chooser_.choose(std::span(scored_).subspan(static_cast<std::size_t>(first),
                                                 static_cast<std::size_t>(some)),
                      run_.score(rows_ - count + first, some), run_.net().vocab());
    }
  }

  // From the last to the first, as those that end leave.
  void deliver() {
    std::size_t next = scored_.size();
    for (isize i = static_cast<isize>(parts_.size()) - 1; i >= 0; --i) {
      const isize scored = parts_[static_cast<std::size_t>(i)].scored;
      next -= static_cast<std::size_t>(scored);
      engine_request& r = running_[i];
      if (r.embeds) {
        if (r.computed == r.size()) end(running_.end(i), completion_ending::stop);
        continue;
      }
      for (isize n = 0; n < scored; ++n) {
        scored_row& row = scored_[next + static_cast<std::size_t>(n)];
        if (!row.problem.empty()) {
          end(running_.end(i), completion_ending::failed, row.problem);
          break;
        }
        if (!row.is_last()) {
          if (r.chances.empty()) r.chances.push_back({{r.tokens[0], 0.0f}, {}});
          r.chances.push_back(std::move(*row.record));
          continue;
        }
        try {
          if (const auto reason = accept(r, row)) end(running_.end(i), *reason);
        } catch (const std::exception& problem) {  // of the listener
          end(running_.end(i), completion_ending::failed, problem.what());
        }
        break;
      }
    }
  }

  // Adds a token to the answer and sends what may leave of it. Returns why it ends, if it does.
  std::optional<completion_ending> accept(engine_request& r, scored_row& row) {
    completion_piece piece;
    begin_text(r, piece);
    std::optional<completion_ending> reason;
    if (row.token >= 0) {
      r.tokens.push_back(row.token);
      const auto& stops = r.ask.stop_tokens;
      if (std::find(stops.begin(), stops.end(), row.token) != stops.end()) {
        reason = completion_ending::stop;
      } else {
        r.text.push(known_->bytes(row.token), std::move(row.record), piece);
        if (r.text.stopped()) reason = completion_ending::stop;
      }
    }
    if (!reason && (r.answered() >= r.ask.tokens || r.size() == context())) {
      reason = completion_ending::length;
    }
    if (reason && !r.text.stopped()) r.text.flush(piece);
    if (piece.text.empty() && piece.tokens.empty()) return reason;
    r.listener->on_piece(piece);
    return reason;
  }

  // What goes before the answer: of the prompt, if it is wanted, and else its unfinished character.
  void begin_text(engine_request& r, completion_piece& piece) {
    if (r.echoed) return;
    r.echoed = true;
    std::string bytes;
    const std::size_t last = std::min<std::size_t>(4, r.prompt);
    for (std::size_t i = r.ask.echo ? 0 : r.prompt - last; i < r.prompt; ++i) {
      bytes += known_->bytes(r.tokens[i]);
    }
    if (r.ask.echo) {
      text::utf8_stream characters;
      piece.text = characters.push(bytes);
      bytes.erase(0, bytes.size() - characters.pending());
      if (r.ask.likeliest >= 0 && r.chances.empty()) r.chances.push_back({{r.tokens[0], 0.0f}, {}});
      piece.tokens = std::move(r.chances);
    }
    r.text.begin(bytes);
  }

  // In the order of positions, so that no cut changes a bit.
  void add_hidden(engine_request& r, const part& of) {
    const std::span<const float> rows = run_.hidden(of.first, of.rows);
    const std::size_t width = rows.size() / static_cast<std::size_t>(of.rows);
    r.embedding.resize(width, 0.0);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      r.embedding[i % width] += static_cast<double>(rows[i]);
    }
  }

  void end(owned r, completion_ending reason, const std::string& problem = {}) {
    if (r->embeds) return end_embedding(*r, reason, problem);
    try {
      r->listener->on_end(
          {reason, problem, static_cast<isize>(r->prompt), r->cached, r->answered()});
    } catch (const std::exception&) {  // it has heard of everything that there is to hear
    }
  }
  static void end_embedding(engine_request& r, completion_ending reason,
                            const std::string& problem) {
    if (reason != completion_ending::stop) {
      r.embeds->set_exception(std::make_exception_ptr(
          error(problem.empty() ? "the engine was stopped before the text was read" : problem)));
      return;
    }
    double squares = 0.0;
    for (const double each : r.embedding) squares += each * each;
    std::vector<float> unit;
    for (const double each : r.embedding) {
      unit.push_back(static_cast<float>(squares > 0.0 ? each / std::sqrt(squares) : 0.0));
    }
    r.embeds->set_value(std::move(unit));
  }

  const token_table* known_;
  engine_options options_;
  paged_runner run_;
  cached_sequences running_;
  token_chooser chooser_;
  std::vector<owned> waiting_;  // by id
  std::vector<part> parts_;     // of this step, one for each of running_
  std::vector<scored_row> scored_;
  isize rows_ = 0;  // of this step
};

}  // namespace ctgpt::inline CTGPT_ABI
