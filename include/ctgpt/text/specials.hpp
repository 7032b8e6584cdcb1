// Special tokens in a text: what a user's text may name, and what it may not.
//
// text::specials::refuse()                    a text that holds one is an error: the default
// text::specials::allow({"<|endoftext|>"})    these become their token, any other is an error
// text::specials::allow_all(), text::specials::as_text()
//
// The meaning is tiktoken's: no text becomes a special token unless the caller said so. Of several
// that begin at one place the longest is taken.
// Reference: openai/tiktoken, tiktoken/core.py, encode.
#pragma once

#include <algorithm>

#include "ctgpt/text/bpe_tables.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

class specials {
 public:
  static specials refuse() { return specials(kind::listed, {}); }
  static specials allow(std::vector<std::string> names) {
    return specials(kind::listed, std::move(names));
  }
  static specials allow_all() { return specials(kind::all, {}); }
  static specials as_text() { return specials(kind::none, {}); }

  bool looks() const { return kind_ != kind::none; }
  bool allows(std::string_view name) const {
    return kind_ == kind::all || std::find(names_.begin(), names_.end(), name) != names_.end();
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  enum class kind : std::uint8_t { listed, all, none };
  specials(kind how, std::vector<std::string> names) : kind_(how), names_(std::move(names)) {}

  kind kind_;
  std::vector<std::string> names_;
};

// Where the special tokens of a vocabulary stand in a text.
class special_finder {
 public:
  explicit special_finder(std::vector<special_token> tokens) : tokens_(std::move(tokens)) {
    std::sort(tokens_.begin(), tokens_.end(), [](const special_token& a, const special_token& b) {
      return a.name.size() != b.name.size() ? a.name.size() > b.name.size() : a.name < b.name;
    });
    for (const special_token& each : tokens_) {
      if (first_bytes_.find(each.name[0]) == std::string::npos) first_bytes_ += each.name[0];
    }
  }

  struct found {
    std::size_t place = std::string_view::npos;  // npos: there is none
    const special_token* token = nullptr;
  };
  // The first special token at `from` or later, the longest of those at its place.
  found find(std::string_view text, std::size_t from) const {
    while (!tokens_.empty()) {
      const std::size_t place = first_bytes_.size() == 1 ? text.find(first_bytes_[0], from)
                                                         : text.find_first_of(first_bytes_, from);
      if (place == std::string_view::npos) break;
      for (const special_token& each : tokens_) {
        if (text.substr(place, each.name.size()) == each.name) return {place, &each};
      }
      from = place + 1;
    }
    return {};
  }
  std::size_t longest() const { return tokens_.empty() ? 0 : tokens_[0].name.size(); }
  const special_token* named(std::string_view name) const {
    for (const special_token& each : tokens_) {
      if (each.name == name) return &each;
    }
    return nullptr;
  }

  // Calls ordinary(text) and special(token) for the parts of a text, in order.
  // Errors: a special token that is not allowed; a name in the choice that is none. `before`: bytes
  // of a longer text that were there before, for them.
  template <class Ordinary, class Special>
  void split(std::string_view text, const specials& choice, Ordinary ordinary,
             Special special, std::size_t before = 0) const {
    for (const std::string& name : choice.names()) {
      expects(named(name) != nullptr, "there is no special token ", io::quote_json(name),
              " in this vocabulary");
    }
    std::size_t begin = 0;
    for (found next; choice.looks() && (next = find(text, begin)).token != nullptr;) {
      expects(choice.allows(next.token->name), "the text holds the special token ",
              io::quote_json(next.token->name), " at byte ", before + next.place,
              "; allow it by name, or encode it as plain text");
      if (next.place > begin) ordinary(text.substr(begin, next.place - begin));
      special(next.token->token);
      begin = next.place + next.token->name.size();
    }
    if (begin < text.size()) ordinary(text.substr(begin));
  }

 private:
  std::vector<special_token> tokens_;  // the longest first
  std::string first_bytes_;
};

}  // namespace ctgpt::inline CTGPT_ABI::text
