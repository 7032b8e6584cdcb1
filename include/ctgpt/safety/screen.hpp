// screen: a text on its way, a piece at a time, through the rules.
//
// screen on_its_way(rules, rule_side::output);
// send(on_its_way.feed(piece));         what may be seen by now
// send(on_its_way.finish());            the rest, once no more comes
// on_its_way.blocked()                  the rule that ended the text, or nullptr
// on_its_way.findings()                 every match, with its place in the text as it came
//
// What a rule matches is defined on the whole text, without pieces: from left to right, at each
// place the longest match that lies within max_bytes; the next one begins behind it. Anchors and
// \b look at what stands around the match in the text. Rules look for themselves; masked places
// that overlap become one, under the message of the one that begins first (of two, the rule that
// stands first). A text ends where the first match of a blocking rule begins.
// Ensures: for any cutting into pieces, also inside of characters, all that feed() and finish()
// give is together the same; no byte of a masked place is in it. A byte is given as soon as no
// match of a rule that masks or blocks can begin at or before it. At most max_bytes and a piece
// are held.
// Errors: none.
#pragma once

#include <span>

#include "ctgpt/safety/rule.hpp"

namespace ctgpt::inline CTGPT_ABI::safety {

struct finding {
  const rule* which = nullptr;
  std::size_t begin = 0, size = 0;  // bytes of the text as it came
  friend bool operator==(const finding&, const finding&) = default;
};

class screen {
 public:
  // Requires: the rules outlive the screen.
  screen(std::span<const rule> rules, rule_side side) {
    for (const rule& each : rules) {
      if (each.is_about(side)) scans_.push_back({&each});
    }
  }

  std::string feed(std::string_view piece) {
    std::string out;
    if (scans_.empty()) return std::string(piece);
    // A long piece is cut: work stays within max_bytes of each place, whatever a pattern is like.
    constexpr std::size_t most = 1024;
    while (!piece.empty() && blocked_ == nullptr) {
      tail_ += piece.substr(0, most);
      piece.remove_prefix(std::min(most, piece.size()));
      take_characters();
      look(false);
      release(out, false);
    }
    return out;
  }

  std::string finish() {
    std::string out;
    if (blocked_ != nullptr || ended_) return out;
    ended_ = true;
    held_ += tail_;
    tail_.clear();
    look(true);
    release(out, true);
    return out;
  }

  const rule* blocked() const { return blocked_; }
  // By place. Complete once finish() was called or a rule blocked.
  const std::vector<finding>& findings() const { return found_; }

 private:
  struct scan {
    const rule* which;
    std::size_t next = 0;  // no match begins before that is not found yet
    bool holds() const { return which->action != rule_action::flag; }
  };

  std::size_t end() const { return base_ + held_.size(); }

  // A character that is not complete waits: no pattern could see it. RE2 takes also bytes that are
  // no UTF-8 for a character (of a surrogate, say), so only their number counts.
  void take_characters() {
    std::size_t size = tail_.size();
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, tail_.size()); ++back) {
      const auto byte = static_cast<unsigned char>(tail_[tail_.size() - back]);
      if (byte >= 0x80 && byte < 0xC0) continue;
      const std::size_t length = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
      if (length > back) size = tail_.size() - back;
      break;
    }
    held_ += std::string_view(tail_).substr(0, size);
    tail_.erase(0, size);
  }

  void look(bool whole) {
    for (scan& each : scans_) look(each, whole);
    std::sort(found_.begin(), found_.end(), [](const finding& a, const finding& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.which < b.which;
    });
  }
  void look(scan& of, bool whole) {
    const rule& which = *of.which;
    const RE2& sought = whole ? *which.exact : *which.candidate;
    while (of.next < end()) {
      re2::StringPiece match;
      const bool any =
          sought.Match(held_, of.next - base_, held_.size(), RE2::UNANCHORED, &match, 1);
      const std::size_t at =
          any ? static_cast<std::size_t>(match.data() - held_.data()) : held_.size();
      of.next = base_ + at;
      if (at == held_.size()) return;
      // With a byte behind it, all that the match at this place depends on is there.
      const bool all_there = whole || held_.size() - at > which.max_bytes;
      if (!all_there &&
          which.beginning->Match(held_, at, held_.size(), RE2::ANCHOR_BOTH, nullptr, 0)) {
        return;
      }
      const std::size_t size = which.match_at(held_, at).size();
      if (size > 0) found_.push_back({&which, of.next, size});
      of.next += std::max<std::size_t>(size, 1);
    }
  }

  // Gives what is certain, and lets go of it.
  void release(std::string& out, bool whole) {
    std::size_t sure = end(), all = end();
    for (const scan& each : scans_) {
      if (each.holds()) sure = std::min(sure, each.next);
      all = std::min(all, each.next);
    }
    const auto stop = std::find_if(found_.begin(), found_.end(), [](const finding& each) {
      return each.which->action == rule_action::block;
    });
    if (stop != found_.end() && (whole || all > stop->begin)) {
      give(out, stop->begin);
      blocked_ = stop->which;
      // Of what begins with it, those that do not stand behind it.
      found_.erase(stop + 1, found_.end());
      held_.clear();
      tail_.clear();
      return;
    }
    give(out, stop != found_.end() ? std::min(sure, stop->begin) : sure);
    // One byte before the first place that is still of interest stays: \b looks at it.
    const std::size_t keep = std::min({all, given_});
    if (keep > base_ + 1) {
      held_.erase(0, keep - 1 - base_);
      base_ = keep - 1;
    }
  }

  // Gives all before `limit`.
  void give(std::string& out, std::size_t limit) {
    for (; shown_ < found_.size() && found_[shown_].begin < limit; ++shown_) {
      const finding& each = found_[shown_];
      if (each.which->action != rule_action::mask) continue;
      if (each.begin >= masked_) {
        append(out, each.begin);
        out += each.which->message;
      }
      masked_ = std::max(masked_, each.begin + each.size);
    }
    append(out, limit);
  }
  // What stands before `limit` and is neither given nor masked.
  void append(std::string& out, std::size_t limit) {
    const std::size_t from = std::max(given_, masked_);
    if (from < limit) out.append(held_, from - base_, limit - from);
    given_ = std::max(given_, limit);
  }

  std::vector<scan> scans_;
  std::vector<finding> found_;  // by place
  std::string held_, tail_;     // the text from base_ on, and the beginning of a character
  std::size_t base_ = 0;
  std::size_t given_ = 0;   // before it all is given or masked
  std::size_t masked_ = 0;  // where the last masked place ends
  std::size_t shown_ = 0;   // findings that begin before given_
  const rule* blocked_ = nullptr;
  bool ended_ = false;
};

}  // namespace ctgpt::inline CTGPT_ABI::safety
