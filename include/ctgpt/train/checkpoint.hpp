// A checkpoint: a model directory with the trainer's state beside it, from which a run goes on bit
// for bit.
//
//   RUN/step-N/{config.json, model.safetensors, tokenizer.json, generation_config.json,
//               trainer_state.safetensors}
//
// trainer_state.safetensors holds the optimiser's moments of every weight, by slot name
// ("moment1.block.0..."), and in its metadata the step, the position in the data (micro-batches
// drawn), the best validation loss so far with its step, the optimiser, and the backend whose bits
// these are.
// Of a network with an adapter the model is the merged one, the adapter's files lie in adapter/,
// and the moments are of its weights; both are restored beside the base that is there already.
// Random numbers are functions of the seed and the position. Both files carry a checksum, the state
// also that of the weights it belongs to. Written to a temporary directory, synced, then renamed: a
// checkpoint is whole or not there.
// Errors: as model/directory.hpp; data that is damaged or belongs to other weights, moments of
// another shape, metadata that is missing or no number: one sentence each.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "ctgpt/model/directory.hpp"
#include "ctgpt/train/trainer.hpp"

namespace ctgpt::inline CTGPT_ABI {

// What a run knows besides weights and moments.
struct run_progress {
  isize step = 0;
  double best_loss = 0.0;  // meaningless while best_step is 0
  isize best_step = 0;
  std::optional<isize> position = {};  // in the data, in micro-batches; a trainer knows its own
};

namespace detail {

inline std::vector<saved_tensor> moment_tensors(const optimizer_moment& moment,
                                                const model_layout& layout, isize vocab) {
  std::vector<saved_tensor> items;
  for (int i = 0; i < layout.count(); ++i) {
    if (moment.offsets[static_cast<std::size_t>(i)] < 0) continue;
    const slot& item = layout.at(i);
    items.push_back({std::string(moment.name) + "." + layout.name(i), i, 0,
                     layout.used_rows(i, vocab), item.cols, item.vector, false});
  }
  return items;
}

inline constexpr const char* state_file = "trainer_state.safetensors";

// Hexadecimal: exact, and the same text on every machine.
inline std::string exact_text(double value) {
  char text[48];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

}  // namespace detail

inline void save_checkpoint(const optimizer_state& state, const network_weights& net,
                            const text::tokenizer& tokens, const std::string& path,
                            const run_progress& progress,
                            const io::json& extra = io::json::object()) {
  atomic_directory directory(path);
  const std::uint64_t model = save_model(net, tokens, directory.path(), extra);
  std::vector<io::tensor_source> sources;
  for (const optimizer_moment& moment : state.moments()) {
    const auto items = detail::moment_tensors(moment, net.trained().layout(), net.vocab());
    for (io::tensor_source& source :
         detail::sources_of(net.trained(), *moment.values, moment.offsets, items)) {
      sources.push_back(std::move(source));
    }
  }
  std::vector<std::pair<std::string, std::string>> metadata{
      {"step", std::to_string(progress.step)},
      {"best_step", std::to_string(progress.best_step)},
      {"best_loss", detail::exact_text(progress.best_loss)},
      {"backend", net.where().name()},
      {"optimizer", state.name()},
      {"ctgpt", CTGPT_VERSION},
      {"model", checksum_text(model)},
      io::with_checksum};
  if (const adapter* part = net.attached(); part != nullptr) {
    create_directories(directory.file("adapter"));
    metadata.push_back({"adapter", checksum_text(part->save(directory.file("adapter")))});
  }
  if (progress.position) metadata.push_back({"position", std::to_string(*progress.position)});
  io::write_safetensors(directory.file(detail::state_file), std::move(sources), metadata);
  directory.commit();
}

// Restores weights, moments and step from a checkpoint directory.
inline run_progress load_checkpoint(const optimizer_state& state, network_weights& net,
                                    const std::string& path) {
  adapter* const part = net.attached();
  const std::string model =
      part == nullptr ? load_weights(net, path) : weight_files::open(path).checksum();
  const std::string loaded = part != nullptr ? part->load(path + "/adapter") : "";
  const std::string file_path = path + "/" + detail::state_file;
  const io::safetensors file = io::safetensors::open(file_path);
  const std::string* of_model = file.metadata("model");
  expects(model.empty() || of_model == nullptr || *of_model == model, file_path,
          " belongs to other weights than those in ", path, "/model.safetensors");
  const std::string* of_adapter = file.metadata("adapter");
  expects(part == nullptr || (of_adapter != nullptr && *of_adapter == loaded), file_path,
          " belongs to another adapter than that in ", path, "/adapter");
  const std::string* of_optimizer = file.metadata("optimizer");  // it was always adamw before
  const std::string kind = of_optimizer != nullptr ? *of_optimizer : "adamw";
  expects(kind == state.name(), file_path, " is the state of the optimiser ", kind,
          ", but this run uses ", state.name());
  const auto number = [&](const std::string& key) {
    const std::string* value = file.metadata(key);
    expects(value != nullptr, file_path, ": the metadata entry ", key, " is missing");
    char* end = nullptr;
    const double parsed = std::strtod(value->c_str(), &end);
    expects(!value->empty() && *end == '\0', file_path, ": the metadata entry ", key, " is \"",
            *value, "\", not a number");
    return parsed;
  };
  const auto whole = [&](const std::string& key) {
    const double value = number(key);
    expects(value >= 0.0 && value < 9e15 && value == std::floor(value), file_path,
            ": the metadata entry ", key, " is not a step number");
    return static_cast<isize>(value);
  };
  run_progress progress{whole("step"), number("best_loss"), whole("best_step")};
  if (file.metadata("position") != nullptr) progress.position = whole("position");
  const std::vector<optimizer_moment> moments = state.moments();
  const auto items_of = [&](const optimizer_moment& moment) {
    return detail::moment_tensors(moment, net.trained().layout(), net.vocab());
  };
  for (const optimizer_moment& moment : moments) {
    for (const saved_tensor& item : items_of(moment)) detail::expect_tensor(file, file_path, item);
  }
  file.verify();
  for (const optimizer_moment& moment : moments) {
    const memory& arena = *moment.values;
    for (const saved_tensor& item : items_of(moment)) {
      const io::tensor_info& info = *file.find(item.name);
      const std::span<const std::byte> bytes = file.bytes(info);
      std::vector<std::byte> stored(
          static_cast<std::size_t>(element_bytes(arena.type(), item.size())));
      for (isize i = 0; i < item.size(); ++i) {
        detail::store_value(stored.data(), arena.type(), i,
                            detail::file_value(bytes, info.type, i));
      }
      const isize begin = moment.offsets[static_cast<std::size_t>(item.slot)];
      net.where().upload(arena.row(begin, item.size()).data, stored.data(), stored.size());
    }
  }
  return progress;
}

inline void save_checkpoint(const trainer& run, const network_weights& net,
                            const text::tokenizer& tokens, const std::string& path,
                            run_progress progress, const io::json& extra = io::json::object()) {
  progress.position = run.position();
  save_checkpoint(run.state(), net, tokens, path, progress, extra);
}
inline run_progress load_checkpoint(trainer& run, network_weights& net, const std::string& path) {
  const run_progress progress = load_checkpoint(run.state(), net, path);
  run.set_done(progress.step);
  if (progress.position) run.set_done(progress.step, *progress.position);
  return progress;
}

}  // namespace ctgpt::inline CTGPT_ABI
