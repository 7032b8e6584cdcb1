// lora: the verb `ctgpt lora merge`, which makes one model of a model and an adapter.
//
//   ctgpt lora merge --model runs/chat/base --adapter runs/chat/best/adapter --out merged
//
// The adapter is one of ctgpt finetune --lora or of PEFT. Weights are written in f32; every other
// file of the model's directory (config, tokenizer, template) is copied as it is.
// Errors: no model, no adapter, an adapter of another model, a directory that exists: one sentence.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "ctgpt/app/model_path.hpp"
#include "ctgpt/app/models.hpp"
#include "ctgpt/backend/cpu.hpp"
#include "ctgpt/base/directory.hpp"
#include "ctgpt/model/lora.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

struct lora_merge_flags {
  std::optional<std::string> model, adapter, out;

  template <class Visitor>
  void describe(Visitor& v) {
    v.text("-m,--model DIR", "the model that the adapter was trained beside", model);
    v.text("--adapter DIR", "directory with adapter_config.json, or a run of ctgpt finetune --lora",
           adapter);
    v.text("--out DIR", "directory to make", out);
  }
};

// The directory with adapter_config.json that `path` means.
inline std::string resolve_adapter(const std::string& path) {
  expects(is_directory(path), "there is no directory ", path);
  for (const char* name : {"", "/adapter", "/best/adapter", "/last/adapter"}) {
    if (is_file(path + name + "/adapter_config.json")) return path + name;
  }
  fail(path, " holds no adapter: it has no adapter_config.json");
}

inline int lora_merge_command(const lora_merge_flags& given) {
  if (!given.model) throw usage_error("say which model to change by --model DIR");
  if (!given.adapter) throw usage_error("say what to merge into it by --adapter DIR");
  if (!given.out) throw usage_error("say where the merged model goes by --out DIR");
  const std::string model = resolve_model(*given.model), part = resolve_adapter(*given.adapter);
  const saved_model from = open_directory(model);
  std::shared_ptr<const model_layout> layout;
  visit_model(from.settings, [&](const auto& type) {
    layout = std::make_shared<const model_layout>(make_layout(type));
  });
  detail::check_tensors(from.files, *layout, from.vocab);
  network_weights net(layout, cpu{}, f32_precision, from.vocab);
  load_weights(net, from.files);
  const std::unique_ptr<lora> adapter = open_lora(net, part);
  net.attach(adapter.get());
  atomic_directory out(*given.out);
  for (const directory_entry& each : list_entries(model)) {
    const std::string& name = each.name;
    const bool weights = name.find(".safetensors") != name.npos || name.ends_with(".bin") ||
                         name.ends_with(".bin.index.json");
    if (weights || !is_file(model + "/" + name)) continue;
    write_file_atomic(out.file(name), read_file(model + "/" + name));
  }
  save_weights(net, out.path());
  out.commit();
  std::fprintf(stderr, "Merged %s into %s: %s\n", part.c_str(), model.c_str(), given.out->c_str());
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
