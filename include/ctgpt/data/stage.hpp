// What a stage of cleaning is, and what it says of a document.
//
// struct shorter_than { std::size_t bytes;
//   verdict operator()(document& page) {
//     return page.text.size() < bytes ? keep : drop("too_long"); } };
//
// A stage takes a document, may change its text, and keeps it or names the rule that drops it. The
// names are constants. A stage that counts what it changes has `void tell(tally&) const`; its
// copies count each for itself, and their tallies are added.
// Errors: none.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "ctgpt/data/document.hpp"

namespace ctgpt::inline CTGPT_ABI::data {

struct verdict {
  std::string_view reason = {};  // the rule that drops it; "" keeps it
  constexpr bool keeps() const { return reason.empty(); }
};
inline constexpr verdict keep{};
constexpr verdict drop(std::string_view reason) { return {reason}; }

// Counts by name, in the order of the names.
class tally {
 public:
  void add(std::string_view name, std::uint64_t count = 1) {
    const auto at = counts_.find(name);
    if (at != counts_.end()) {
      at->second += count;
    } else {
      counts_.emplace(name, count);
    }
  }
  void add(const tally& other) {
    for (const auto& [name, count] : other.counts_) add(name, count);
  }
  std::uint64_t operator[](std::string_view name) const {
    const auto at = counts_.find(name);
    return at != counts_.end() ? at->second : 0;
  }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& [name, count] : counts_) sum += count;
    return sum;
  }
  const std::map<std::string, std::uint64_t, std::less<>>& all() const { return counts_; }
  bool operator==(const tally&) const = default;

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

template <class Stage>
concept stage = std::copyable<Stage> && requires(Stage each, document& page) {
  { each(page) } -> std::same_as<verdict>;
};

}  // namespace ctgpt::inline CTGPT_ABI::data
