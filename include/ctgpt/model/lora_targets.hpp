// lora_options: what an adapter is to be; lora_targets: the matrices that its words name.
//
// targets: words with commas between them; a matrix is adapted when one of them is "all-linear",
// the end of its name in files (c_attn, attn.c_proj, q_proj), or a part of ctgpt's own name for it
// (qkv, projection, up, down, attention, mlp).
// Every tensor of a saved model is a matrix of its own here: queries, keys and values of a
// Llama-type model are three, of a GPT-2-type model one.
// Errors: no word, a word that names no matrix: ctgpt::error with the names that there are.
// Reference: PEFT, tuners/lora/config.py (target_modules).
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/model/names.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct lora_options {
  isize rank = 8;
  float alpha = 16.0f;
  std::string targets = "all-linear";
  bool root_of_rank = false;  // alpha / sqrt(rank) instead of alpha / rank

  float factor() const {
    const auto divisor = static_cast<float>(rank);
    return alpha / (root_of_rank ? std::sqrt(divisor) : divisor);
  }
};

// A tensor of a saved model that an adapter can change. module: its name without ".weight".
struct lora_target {
  saved_tensor item;
  std::string module;
};

namespace detail {

inline std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view word = list.substr(0, comma);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    if (!word.empty()) words.emplace_back(word);
    list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
  }
  return words;
}

// "h.0.attn.c_attn": "attn.c_attn".
inline std::string name_in_block(const std::string& module) {
  const auto digit = [](char letter) { return letter >= '0' && letter <= '9'; };
  for (std::size_t dot = module.find('.'); dot != module.npos; dot = module.find('.', dot + 1)) {
    std::size_t end = dot + 1;
    while (end < module.size() && digit(module[end])) ++end;
    if (end > dot + 1 && end < module.size() && module[end] == '.') return module.substr(end + 1);
  }
  return module;
}

inline bool is_target(const lora_target& target, const slot& item, const std::string& word) {
  if (word == "all-linear" || target.module == word || target.module.ends_with("." + word)) {
    return true;
  }
  for (int i = 1; i < item.path.depth; ++i) {  // the first is "block"
    if (part_name(item.path[i]) == word) return true;
  }
  return false;
}

}  // namespace detail

// Every matrix of the blocks that can be adapted.
[[gnu::cold]] inline std::vector<lora_target> lora_candidates(const model_layout& layout) {
  std::vector<lora_target> found;
  for (const saved_tensor& item : saved_tensors(layout, layout.settings.vocab)) {
    if (item.slot < 0 || item.vector || layout.block_of(item.slot) < 0) continue;
    std::string module = item.name;
    if (module.ends_with(".weight")) module.resize(module.size() - 7);
    found.push_back({item, std::move(module)});
  }
  return found;
}

// Those that the words of `list` name.
[[gnu::cold]] inline std::vector<lora_target> lora_targets(const model_layout& layout,
                                                           const std::string& list) {
  const std::vector<std::string> words = detail::words_of(list);
  const std::vector<lora_target> all = lora_candidates(layout);
  const auto names = [&](const lora_target& target, const std::string& word) {
    return detail::is_target(target, layout.at(target.item.slot), word);
  };
  std::string known;
  for (const lora_target& each : all) {
    if (layout.block_of(each.item.slot) == 0) known += ", " + detail::name_in_block(each.module);
  }
  expects(!words.empty(), "an adapter needs a matrix to adapt: all-linear", known);
  for (const std::string& word : words) {
    const bool named = std::any_of(all.begin(), all.end(), [&](auto& x) { return names(x, word); });
    expects(named, "no matrix of this model is called ", word, "; it has all-linear", known);
  }
  std::vector<lora_target> chosen;
  for (const lora_target& each : all) {
    const auto meant = [&](const std::string& word) { return names(each, word); };
    if (std::any_of(words.begin(), words.end(), meant)) chosen.push_back(each);
  }
  return chosen;
}

}  // namespace ctgpt::inline CTGPT_ABI
