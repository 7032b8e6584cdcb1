// optimizer: the names that --optimizer takes, and the optimiser that a recipe asks for.
//
//   trainer run(net, start_optimizer(recipe, net), data);
//
// Errors: an unknown name: usage_error.
#pragma once

#include <memory>
#include <string_view>

#include "ctgpt/base/error.hpp"
#include "ctgpt/model/presets.hpp"
#include "ctgpt/train/muon.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

inline std::string_view optimizer_name(optimizer_kind kind) {
  return kind == optimizer_kind::muon ? "muon" : "adamw";
}
inline optimizer_kind parse_optimizer(std::string_view name) {
  if (name == "adamw") return optimizer_kind::adamw;
  if (name == "muon") return optimizer_kind::muon;
  throw usage_error(join("unknown optimizer \"", name, "\"; choose adamw or muon"));
}

inline std::unique_ptr<optimizer_state> start_optimizer(const recipe& how,
                                                        const weight_arena& net) {
  const adamw usual{how.rate, how.beta1, how.beta2, 1e-8f, how.weight_decay, how.clip};
  if (how.optimizer == optimizer_kind::adamw) return usual.start(net);
  return muon{.rate = how.muon_rate,
              .momentum = how.muon_momentum,
              .weight_decay = how.weight_decay,
              .others = usual}
      .start(net);
}

// Bytes of training that a recipe's optimiser takes beyond AdamW's.
inline double optimizer_bytes(const recipe& how, const model_layout& layout, precision numbers) {
  return how.optimizer == optimizer_kind::muon ? muon_bytes_beyond_adamw(layout, numbers) : 0.0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
