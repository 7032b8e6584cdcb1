// The held-out questions of the embedded world, and how answers are scored.
//
// world_questions(seed) lists 512 questions, 128 of each kind, which no training text of that seed
// contains. A kind's questions are shuffled, so that the first of them are a fair sample.
// - stated_fact: 80 in a phrasing that training uses for other facts only ("unseen phrasing"), 24
//   about facts that it never asks ("never asked"), 24 in a form that it never uses ("new form")
// - two_facts: 64 combinations, each in two phrasings, "Q: Where does Anna's boss live?"
// - story: 128 stories that training never tells, each followed by one question about it
// - sum: 128 pairs of numbers that training never adds, half in "digits" and half in "words"
//
// chat_questions (data/world/dialogues.hpp) has those of kind chat.
//
// Score: a continuation is right when the last word of its first line is the answer; the working
// before that word ("8+5=13, 30+20=50, 63.") is not compared; of chat, when its first line is the
// whole answer. The baseline needs no understanding:
// the share of questions whose answer is the most common one among the kind's training questions;
// for stories the expected share of a random candidate, a room of the same story.
//
// Errors: score_questions throws where questions and continuations differ in number.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctgpt/base/element.hpp"
#include "ctgpt/base/error.hpp"
#include "ctgpt/data/world/held_out.hpp"

namespace ctgpt::inline CTGPT_ABI {
namespace data {

enum class question_kind { stated_fact, two_facts, story, sum, chat };

inline constexpr std::array<std::string_view, 5> question_kind_names = {"stated fact", "two facts",
                                                                        "story", "sum", "chat"};
inline constexpr std::string_view question_kind_name(question_kind kind) {
  return question_kind_names[static_cast<std::size_t>(kind)];
}

struct question {
  question_kind kind;
  std::string form;    // the part of its kind, as named above
  std::string prompt;  // all that the model is given; it ends with "A:"
  std::string line;    // the answer as training would write it, in one line
  std::string answer;  // the last word of the line
  std::string guess;   // the most common training answer of the kind; empty for stories
  std::vector<std::string> candidates;  // the rooms of the story; empty for the other kinds
};

// The last word of the first line that is not empty, without the marks around it; empty if there is
// none.
inline std::string_view last_word(std::string_view text) {
  const auto start = text.find_first_not_of(" \n");
  if (start == std::string_view::npos) return {};
  text = text.substr(start);
  text = text.substr(0, text.find('\n'));
  const auto end = text.find_last_not_of(" .,!?");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  return text.substr(text.find_last_of(' ') + 1);
}

inline bool is_right(const question& asked, std::string_view continuation) {
  if (asked.kind != question_kind::chat) return last_word(continuation) == asked.answer;
  const auto start = continuation.find_first_not_of(" \n");
  return start != std::string_view::npos &&
         continuation.substr(start, continuation.find('\n', start) - start) == asked.line;
}

struct form_score {
  std::string form;
  isize asked = 0, right = 0;
  double exact() const { return static_cast<double>(right) / static_cast<double>(asked); }
};

struct kind_score {
  question_kind kind;
  isize asked = 0, right = 0;
  double exact = 0;     // right / asked
  double baseline = 0;  // the majority answer's share, a random candidate's for stories
  std::vector<form_score> forms = {};  // where the kind has forms, in the order of their names
};

// Scores continuations[i] as what a model wrote after questions[i].prompt. Kinds that were not
// asked are left out of the result.
inline std::vector<kind_score> score_questions(std::span<const question> questions,
                                               std::span<const std::string> continuations) {
  expects(questions.size() == continuations.size(), "ctgpt: ", questions.size(),
          " questions cannot be scored with ", continuations.size(), " continuations");
  std::vector<kind_score> scores;
  for (std::size_t k = 0; k < question_kind_names.size(); ++k) {
    kind_score score{static_cast<question_kind>(k)};
    std::map<std::string, form_score> forms;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const question& q = questions[i];
      if (q.kind != score.kind) continue;
      score.asked += 1;
      const isize right = is_right(q, continuations[i]) ? 1 : 0;
      score.right += right;
      if (!q.form.empty()) {
        form_score& form = forms.try_emplace(q.form, form_score{q.form}).first->second;
        form.asked += 1;
        form.right += right;
      }
      score.baseline += q.candidates.empty() ? (q.guess == q.answer ? 1.0 : 0.0)
                                             : 1.0 / static_cast<double>(q.candidates.size());
    }
    if (score.asked == 0) continue;
    score.exact = static_cast<double>(score.right) / static_cast<double>(score.asked);
    score.baseline /= static_cast<double>(score.asked);
    for (auto& [name, form] : forms) score.forms.push_back(std::move(form));
    scores.push_back(score);
  }
  return scores;
}

namespace small_world {

// Counts answers; of equally common ones the first in the alphabet wins.
inline std::string most_common(std::vector<std::string> answers) {
  std::sort(answers.begin(), answers.end());
  std::string best;
  std::ptrdiff_t most = 0;
  for (auto first = answers.begin(); first != answers.end();) {
    const auto last = std::upper_bound(first, answers.end(), *first);
    if (last - first > most) {
      most = last - first;
      best = *first;
    }
    first = last;
  }
  return best;
}

class exam {
 public:
  explicit exam(std::uint64_t seed) : facts_(seed), held_(facts_, seed), random_(seed, 4) {}

  std::vector<question> questions() {
    stated_facts();
    two_facts();
    stories();
    sums();
    return std::move(list_);
  }

 private:
  static constexpr std::size_t per_kind = 128;

  template <class AppendQuestion, class AppendLine>
  void ask(question_kind kind, std::string form, AppendQuestion&& append_question,
           AppendLine&& append_line) {
    question q{kind, std::move(form), {}, {}, {}, {}, {}};
    if (kind != question_kind::story) q.prompt = "Q: ";
    append_question(q.prompt);
    q.prompt += "\nA:";
    append_line(q.line);
    q.answer = last_word(q.line);
    kind_list_.push_back(std::move(q));
  }

  void finish(const std::string& guess) {
    shuffle(kind_list_, random_);
    for (question& q : kind_list_) {
      q.guess = guess;
      list_.push_back(std::move(q));
    }
    kind_list_.clear();
  }

  void ask_facts(std::string form, std::size_t count,
                 std::vector<std::pair<std::size_t, int>> pool) {
    shuffle(pool, random_);
    pool.resize(count);
    for (const auto& [at, phrasing] : pool) {
      const fact& f = facts_.facts()[at];
      ask(
          question_kind::stated_fact, form,
          [&, p = phrasing](std::string& out) { append_question(out, f, p); },
          [&](std::string& out) { append_statement(out, f); });
    }
  }

  void stated_facts() {
    std::vector<std::pair<std::size_t, int>> unseen, never, fresh;
    std::vector<std::string> answers;
    for (std::size_t at = 0; at < facts_.facts().size(); ++at) {
      const bool asked = held_.is_asked(at);
      const fact& f = facts_.facts()[at];
      if (asked) {
        answers.emplace_back(value_name(f.attribute, f.value));
        fresh.emplace_back(at, asked_forms);
      }
      for (int form = 0; form < asked_forms; ++form) {
        if (!held_.may_ask(at, form)) (asked ? unseen : never).emplace_back(at, form);
      }
    }
    ask_facts("unseen phrasing", 80, std::move(unseen));
    ask_facts("never asked", 24, std::move(never));
    ask_facts("new form", per_kind - 80 - 24, std::move(fresh));
    finish(most_common(std::move(answers)));
  }

  void two_facts() {
    std::vector<std::string> answers;
    const auto& all = held_.every_combination();
    for (std::size_t at = 0; at < all.size(); ++at) {
      const combination& c = all[at];
      if (held_.may_combine(at)) {
        answers.emplace_back(value_name(c.second.attribute, c.second.value));
        continue;
      }
      const int one = draw(random_, combined_forms);
      const int other = (one + 1 + draw(random_, combined_forms - 1)) % combined_forms;
      for (int form : {one, other}) {
        ask(
            question_kind::two_facts, "",
            [&](std::string& out) { append_combined_question(out, c, form); },
            [&](std::string& out) { append_combined_answer(out, c); });
      }
    }
    finish(most_common(std::move(answers)));
  }

  void stories() {
    for (const story& s : held_.held_stories()) {
      const int asked = draw(random_, s.count);
      ask(
          question_kind::story, "",
          [&](std::string& out) {
            append_story(out, s);
            out += "\nQ: ";
            append_story_question(out, s, asked);
          },
          [&](std::string& out) { append_story_sentence(out, s, asked); });
      for (int i = 0; i < s.count; ++i) kind_list_.back().candidates.emplace_back(room_of(s, i));
    }
    finish("");
  }

  void sums() {
    std::vector<std::string> answers;
    const auto& all = held_.every_sum();
    for (std::size_t at = 0; at < all.size(); ++at) {
      sum s = all[at];
      if (held_.may_add(at)) {
        answers.push_back(std::to_string(s.left + s.right));
        continue;
      }
      const bool words = at % 2 == 1;
      if (draw(random_, 2) == 1) std::swap(s.left, s.right);
      const int form = draw(random_, sum_forms);
      ask(
          question_kind::sum, words ? "words" : "digits",
          [&](std::string& out) { append_sum_question(out, s, words, form); },
          [&](std::string& out) { append_working(out, s); });
    }
    finish(most_common(std::move(answers)));
  }

  people_and_places facts_;
  held_out held_;
  random_stream random_;
  std::vector<question> list_, kind_list_;
};

}  // namespace small_world

// The held-out questions of a seed, by kind; the same whatever the length and mix of the training
// text.
inline std::vector<question> world_questions(std::uint64_t seed) {
  return small_world::exam(seed).questions();
}

}  // namespace data
}  // namespace ctgpt::inline CTGPT_ABI
