// The trials of every entry of the kernel table. Adding an op is a function here and a line in
// all_ops(); a test compares the number of lines with the number of entries.
#pragma once

#include <vector>

#include "conformance/trial.hpp"

namespace conformance {

using trials = std::vector<trial>;

trials fill_trials(generator&);
trials convert_trials(generator&);
trials add_trials(generator&);
trials combine_trials(generator&);
trials dropout_trials(generator&);
trials activate_trials(generator&);
trials activate_backward_trials(generator&);
trials softcap_trials(generator&);
trials sum_trials(generator&);
trials square_sum_trials(generator&);
trials matmul_trials(generator&);
trials pack_trials(generator&);
trials sum_rows_trials(generator&);
trials embed_trials(generator&);
trials embed_backward_trials(generator&);
trials norm_trials(generator&);
trials norm_backward_trials(generator&);
trials rope_trials(generator&);
trials cross_entropy_trials(generator&);
trials attention_trials(generator&);
trials attention_backward_trials(generator&);
trials cache_write_trials(generator&);
trials cached_attention_trials(generator&);
trials clip_trials(generator&);
trials adamw_trials(generator&);

struct op {
  const char* name;
  trials (*make)(generator&);
};

inline const std::vector<op>& all_ops() {
  static const std::vector<op> ops = {
      {"fill", fill_trials},
      {"convert", convert_trials},
      {"add", add_trials},
      {"dropout", dropout_trials},
      {"activate", activate_trials},
      {"activate_backward", activate_backward_trials},
      {"softcap", softcap_trials},
      {"sum", sum_trials},
      {"square_sum", square_sum_trials},
      {"matmul", matmul_trials},
      {"pack and pack_elements", pack_trials},
      {"sum_rows", sum_rows_trials},
      {"embed", embed_trials},
      {"embed_backward", embed_backward_trials},
      {"norm", norm_trials},
      {"norm_backward", norm_backward_trials},
      {"rope", rope_trials},
      {"cross_entropy", cross_entropy_trials},
      {"attention", attention_trials},
      {"attention_backward", attention_backward_trials},
      {"cache_write", cache_write_trials},
      {"cached_attention", cached_attention_trials},
      {"clip", clip_trials},
      {"adamw", adamw_trials},
      {"combine", combine_trials},
  };
  return ops;
}

// "17x33" from 17, 33.
template <class... Sizes>
std::string shape_text(Sizes... sizes) {
  std::string text;
  ((text += (text.empty() ? "" : "x") + std::to_string(sizes)), ...);
  return text;
}

inline constexpr element storages[] = {element::f32, element::bf16};

}  // namespace conformance
