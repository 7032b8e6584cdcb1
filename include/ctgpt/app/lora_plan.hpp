// lora_plan: what a run with adapters says before it starts, and the memory that it needs.
//
// Errors: those of lora_targets: a word that names no matrix.
#pragma once

#include <string>

#include "ctgpt/app/print.hpp"
#include "ctgpt/backend/backend.hpp"
#include "ctgpt/model/lora_targets.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// Weights of an adapter.
inline isize lora_parameters(const lora_options& options, const model_layout& layout) {
  isize sum = 0;
  for (const lora_target& each : lora_targets(layout, options.targets)) {
    sum += options.rank * (each.item.rows + each.item.cols);
  }
  return sum;
}

inline std::string told(const lora_options& options, const model_layout& layout) {
  return join("  adapters  rank ", options.rank, ", alpha ", options.alpha, ", beside ",
              lora_targets(layout, options.targets).size(),
              " matrices: ", grouped(lora_parameters(options, layout)), " weights are trained\n");
}

// Bytes of training beyond those of the whole model, which are fewer: gradients and moments are of
// the adapter alone.
inline double lora_bytes(const lora_options& options, const model_layout& layout,
                         precision numbers) {
  const double compute = static_cast<double>(element_bytes(numbers.compute));
  const double storage = static_cast<double>(element_bytes(numbers.storage));
  const double own = static_cast<double>(lora_parameters(options, layout));
  return own * (storage + compute * (numbers.needs_master() ? 4.0 : 3.0)) -
         3.0 * compute * static_cast<double>(layout.parameters);
}

}  // namespace ctgpt::inline CTGPT_ABI::app
