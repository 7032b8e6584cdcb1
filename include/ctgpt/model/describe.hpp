// describe: the facts of a model as a table: parameters by part, bytes, work a token.
//
//   std::cout << ctgpt::describe<model>();
//
// training_bytes: weights, gradients, two moments (and master weights), and the workspace of a
// batch. flops_per_token: forward and backward, 6 product weights + 6 L (H D) T (causal attention).
// `vocab` rows of the vocabulary count; the rest takes part in nothing.
// Errors: none.
#pragma once

#include <cstdio>
#include <string>

#include "ctgpt/model/names.hpp"
#include "ctgpt/model/workspace.hpp"

namespace ctgpt::inline CTGPT_ABI {

struct model_facts {
  isize batch = 0, time = 0, vocab = 0;
  isize parameters = 0, parameter_bytes = 0;
  double training_bytes = 0.0, flops_per_token = 0.0;
};

template <class Model>
model_facts facts_of(const Model& model, isize batch, isize time, isize vocab, precision numbers) {
  const config& settings = model.actual();
  const isize unused = (settings.vocab - vocab) * settings.width;
  model_facts facts;
  facts.batch = batch;
  facts.time = time;
  facts.vocab = vocab;
  facts.parameters = model.parameters() - unused * (settings.tied ? 1 : 2);
  facts.parameter_bytes = element_bytes(numbers.storage, facts.parameters);
  // In double: the largest presets pass 2^63 bytes with large batches.
  const double tokens = static_cast<double>(batch) * static_cast<double>(time);
  const double stored = static_cast<double>(model.tape(true) + model.scratch());
  const double computed = static_cast<double>(model.statistics(true) + 1);
  const double chunk = static_cast<double>(parts::head_loss::chunk_rows(batch * time, vocab)) *
                       static_cast<double>(vocab);
  const double storage = static_cast<double>(element_bytes(numbers.storage));
  const double compute = static_cast<double>(element_bytes(numbers.compute));
  const double weights = static_cast<double>(model.parameters());
  facts.training_bytes = weights * (storage + compute * (numbers.needs_master() ? 4.0 : 3.0)) +
                         tokens * (stored * storage + computed * compute + 12.0) + chunk * compute;
  facts.flops_per_token = model.flops_per_token(time) - 6.0 * static_cast<double>(unused);
  return facts;
}
template <class Model>
model_facts facts_of(isize batch, isize time, isize vocab, precision numbers) {
  return facts_of(Model{}, batch, time, vocab, numbers);
}

inline std::string describe(const model_layout& layout, const model_facts& facts) {
  std::string out;
  const auto line = [&](const std::string& name, const std::string& shape, double count) {
    char text[200];
    std::snprintf(text, sizeof text, "  %-42s %-18s %15.0f\n", name.c_str(), shape.c_str(), count);
    out += text;
  };
  const auto shape = [](isize rows, const slot& item) {
    return item.vector ? "(" + std::to_string(item.cols) + ")"
                       : "(" + std::to_string(rows) + ", " + std::to_string(item.cols) + ")";
  };
  out += "  parameter" + std::string(34, ' ') + "shape" + std::string(21, ' ') + "elements\n";
  for (int i = 0; i < layout.count(); ++i) {
    const slot& item = layout.at(i);
    const bool in_block = layout.block_of(i) >= 0;
    if (layout.block_of(i) > 0) continue;  // equal blocks
    const isize rows = layout.used_rows(i, facts.vocab);
    const isize copies = in_block ? layout.settings.layers : 1;
    std::string name = layout.name(i);
    if (in_block) name.replace(0, 7, "block.*");
    line(name, (copies > 1 ? std::to_string(copies) + " x " : "") + shape(rows, item),
         static_cast<double>(copies) * static_cast<double>(rows) * static_cast<double>(item.cols));
  }
  char text[400];
  std::snprintf(text, sizeof text,
                "  total %71.0f\n\n"
                "  weights            %.1f MB\n"
                "  training memory    %.1f MB at batch %lld, context %lld\n"
                "  work a token       %.4g FLOP, forward and backward\n",
                static_cast<double>(facts.parameters),
                static_cast<double>(facts.parameter_bytes) / 1e6, facts.training_bytes / 1e6,
                static_cast<long long>(facts.batch), static_cast<long long>(facts.time),
                facts.flops_per_token);
  return out + text;
}

template <class Model>
std::string describe(const model_facts& facts) {
  return describe(layout_of<Model>(), facts);
}
template <class Model>
std::string describe(isize batch = 1, isize time = Model::settings.context) {
  return describe(layout_of<Model>(),
                  facts_of<Model>(batch, time, Model::settings.vocab, f32_precision));
}

}  // namespace ctgpt::inline CTGPT_ABI
