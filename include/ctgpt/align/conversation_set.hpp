// conversation_set: conversations as tokens to learn from, each as long as the context allows.
//
// conversation_set set(tokens, chatml{}, 256);
// set.add(talk);
// set.take()               what batches packs (align/packed_conversations.hpp)
//
// Kept of a conversation are its tokens up to the last that counts: what follows need not be read.
// One of more than T targets is cut at a turn boundary: its last exchanges go until it fits. One
// whose first exchange does not fit is dropped, one that the template cannot write is refused. All
// are counted, and every conversation that is kept has an answer to learn.
// held_out: which conversations validate: a share of them, by the SHA-256 of their text, so that
// it does not depend on their order and equal ones are on one side.
// Errors: a special token that the tokenizer does not have.
#pragma once

#include <algorithm>
#include <cmath>

#include "ctgpt/align/chat_template.hpp"
#include "ctgpt/align/packed_conversations.hpp"
#include "ctgpt/base/hash.hpp"

namespace ctgpt::inline CTGPT_ABI::align {

struct set_counts {
  isize conversations = 0, cut = 0;     // that are kept, and those of them that were cut
  isize dropped = 0, refused = 0;       // that are not
  isize tokens = 0, answer_tokens = 0;  // of those that are kept; those that count
  std::string why;                      // the first was refused
};

// The conversation as far as `time` inputs allow; nullopt where not even its first exchange fits.
// cut: whether something is missing.
inline std::optional<encoded_conversation> fit_conversation(const text::tokenizer& tokens,
                                                            const chat_template& chat,
                                                            conversation talk, isize time,
                                                            bool& cut) {
  for (cut = false; !talk.empty(); cut = true) {
    encoded_conversation made = chat.encode(tokens, talk);
    const auto last = std::find(made.mask.rbegin(), made.mask.rend(), std::uint8_t{1});
    made.mask.erase(last.base(), made.mask.end());
    made.ids.resize(made.mask.size());
    if (made.ids.empty()) return std::nullopt;
    if (std::ssize(made.ids) - 1 <= time) return made;
    do {
      talk.pop_back();
    } while (!talk.empty() && talk.back().role != "assistant");
  }
  return std::nullopt;
}

class conversation_set {
 public:
  conversation_set(text::tokenizer tokens, const chat_template& chat, isize time)
      : tokens_(std::move(tokens)), chat_(chat), time_(time) {
    chat_.expect_specials(tokens_);
  }

  void add(const conversation& talk) {
    bool cut = false;
    std::optional<encoded_conversation> made;
    try {
      made = fit_conversation(tokens_, chat_, talk, time_, cut);
    } catch (const error& problem) {
      if (counts_.refused++ == 0) counts_.why = problem.what();
      return;
    }
    if (!made) {
      ++counts_.dropped;
      return;
    }
    ++counts_.conversations;
    if (cut) ++counts_.cut;
    ids_.insert(ids_.end(), made->ids.begin(), made->ids.end());
    mask_.insert(mask_.end(), made->mask.begin(), made->mask.end());
    ends_.push_back(std::ssize(ids_));
    counts_.tokens = std::ssize(ids_);
    counts_.answer_tokens += std::count(made->mask.begin(), made->mask.end(), std::uint8_t{1});
  }
  const set_counts& counts() const { return counts_; }

  std::shared_ptr<const conversation_tokens> take() {
    return std::make_shared<const conversation_tokens>(std::move(ids_), std::move(ends_),
                                                       std::move(mask_));
  }

 private:
  text::tokenizer tokens_;
  chat_template chat_;
  isize time_;
  set_counts counts_;
  std::vector<std::int32_t> ids_;
  std::vector<isize> ends_;
  std::vector<std::uint8_t> mask_;
};

// 1 for each conversation that validates: a share of all, one at least; where there is but one,
// none.
inline std::vector<std::uint8_t> held_out(const std::vector<conversation>& talks, double share) {
  std::vector<std::pair<sha256::digest, std::size_t>> places;
  for (const conversation& talk : talks) {
    sha256 hash;
    for (const message& each : talk) {
      hash.update(join(each.role.size(), " ", each.content.size(), " ", each.role, each.content));
    }
    places.push_back({hash.finish(), places.size()});
  }
  std::sort(places.begin(), places.end());
  const double wanted = std::ceil(share * static_cast<double>(talks.size()));
  std::size_t count = std::min(static_cast<std::size_t>(wanted), talks.size());
  while (count > 0 && count < places.size() && places[count].first == places[count - 1].first) {
    ++count;
  }
  std::vector<std::uint8_t> chosen(talks.size(), 0);
  for (std::size_t i = 0; i < count && count < talks.size(); ++i) chosen[places[i].second] = 1;
  return chosen;
}

}  // namespace ctgpt::inline CTGPT_ABI::align
