// about: what a model's directory tells of it, for the page's panel About.
//
//   io::json told = about_model("runs/quickstart/chat/best");
//   {"parameters": N, "weight_bytes": N, "facts": [{"name", "value"}, ...], "data": [TEXT, ...],
//    "scores": [{"name", "percent" or "value"}, ...], "limits": [TEXT, ...]}
//
// Read, each where it is there: config.json beside the weights; run.json and metrics.jsonl of the
// run that made them (there or one directory above); eval.json beside run.json, which
// `ctgpt eval --out` writes; about.json beside run.json, which says any of these members itself.
// Errors: none: a file that is damaged is as one that is missing, since a page must open.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <mutex>

#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

namespace detail {

inline io::json read_if_there(const std::string& path) {
  try {
    if (is_file(path)) return io::read_json(path);
  } catch (const std::exception&) {
  }
  return {};
}

// A number or a text as the panel shows it; "" for anything else.
inline std::string shown_fact(const io::json* value) {
  if (value == nullptr) return {};
  if (const auto* text = value->get_if<std::string>()) return *text;
  if (value->get_if<std::int64_t>() != nullptr || value->get_if<double>() != nullptr) {
    return io::write_json(*value);
  }
  return {};
}

// What stands behind the last slash.
inline std::string last_name(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  const std::size_t begin = end == path.npos ? path.npos : path.rfind('/', end);
  return path.substr(begin == path.npos ? 0 : begin + 1,
                     end - (begin == path.npos ? 0 : begin + 1) + 1);
}

inline void add_score(io::json& scores, std::string name, const char* kind, double value) {
  scores.push(io::json::object().set("name", std::move(name)).set(kind, value));
}

// The least validation loss of a run.
inline std::optional<double> best_loss(const std::string& path) {
  std::optional<double> best;
  try {
    const std::string text = is_file(path) ? read_file(path, std::size_t{64} << 20) : "";
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = std::string_view(text).substr(at, end - at);
      at = end + 1;
      if (line.find("\"val_loss\"") == line.npos) continue;
      const io::json one = io::parse_json(line, path);
      const auto* loss = one.find("val_loss") ? one.find("val_loss")->get_if<double>() : nullptr;
      if (loss != nullptr && (!best || *loss < *best)) best = *loss;
    }
  } catch (const std::exception&) {
  }
  return best;
}

inline void add_run(io::json& told, io::json& facts, const io::json& run) {
  const auto fact = [&facts](const char* name, const std::string& value) {
    if (!value.empty()) facts.push(io::json::object().set("name", name).set("value", value));
  };
  if (const io::json* parameters = run.find("parameters")) told.set("parameters", *parameters);
  if (const io::json* settings = run.find("settings")) {
    fact("Preset", shown_fact(settings->find("preset")));
    fact("Steps", shown_fact(settings->find("steps")));
    fact("Chat template", shown_fact(settings->find("template")));
    io::json data = io::json::array();
    for (const char* name : {"data", "model", "init_from"}) {
      const io::json* value = settings->find(name);
      if (value == nullptr) continue;
      const std::string before = name == std::string_view("data") ? "" : "begun from ";
      if (const auto* text = value->get_if<std::string>(); text != nullptr && !text->empty()) {
        data.push(before + last_name(*text));
      } else if (const auto* list = value->get_if<io::json_array>()) {
        for (const io::json& each : *list) {
          if (const auto* file = each.get_if<std::string>()) data.push(before + last_name(*file));
        }
      }
    }
    told.set("data", data);
  }
  fact("Tokens of its data", shown_fact(run.find("tokens")));
}

inline void add_scores(io::json& scores, const io::json& scored) {
  if (const auto* kinds = scored.get_if<io::json_array>()) {
    for (const io::json& each : *kinds) {
      const io::json* exact = each.find("exact_match");
      const double* share = exact != nullptr ? exact->get_if<double>() : nullptr;
      const std::string kind = shown_fact(each.find("kind"));
      if (share != nullptr) add_score(scores, "Right answers, " + kind, "percent", 100.0 * *share);
    }
  } else {
    for (const auto& [key, name] :
         {std::pair{"perplexity", "Perplexity"}, std::pair{"bits_per_byte", "Bits per byte"}}) {
      const io::json* value = scored.find(key);
      if (value != nullptr && value->get_if<double>() != nullptr) {
        add_score(scores, name, "value", *value->get_if<double>());
      }
    }
  }
}

}  // namespace detail

inline io::json about_model(const std::string& directory) {
  using namespace detail;
  io::json told = io::json::object(), facts = io::json::array(), scores = io::json::array();
  const auto run_in = [&](const std::string& place) { return is_file(place + "/run.json"); };
  const std::string run = run_in(directory) ? directory : directory + "/..";
  std::error_code problem;
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory, problem)) {
    if (entry.path().extension() == ".safetensors" &&
        entry.path().filename().string().starts_with("model")) {
      bytes += entry.file_size(problem);
    }
  }
  if (bytes > 0) told.set("weight_bytes", static_cast<std::int64_t>(bytes));
  const io::json config = read_if_there(directory + "/config.json");
  const io::json* own_config = config.find("ctgpt");
  for (const auto& [name, keys] :
       {std::pair{"Layers", std::array{"n_layer", "num_hidden_layers", "layers"}},
        std::pair{"Width", std::array{"n_embd", "hidden_size", "width"}},
        std::pair{"Vocabulary", std::array{"vocab_size", "", ""}}}) {
    std::string value;
    for (const char* key : keys) {
      if (value.empty()) value = shown_fact(config.find(key));
      if (value.empty() && own_config != nullptr) value = shown_fact(own_config->find(key));
    }
    if (!value.empty()) facts.push(io::json::object().set("name", name).set("value", value));
  }
  if (run_in(run)) {
    add_run(told, facts, read_if_there(run + "/run.json"));
    add_scores(scores, read_if_there(run + "/eval.json"));
    if (const auto loss = best_loss(run + "/metrics.jsonl")) {
      add_score(scores, "Validation loss, nats a token", "value", *loss);
    }
  }
  told.set("facts", facts).set("scores", scores);
  told.set("limits", io::json::array()
                         .push("It makes things up, and sounds no less certain when it does.")
                         .push("It knows what its texts say and nothing of today.")
                         .push("It reads no more than its context; older turns are left out."));
  const io::json own = read_if_there(run + "/about.json");
  if (const auto* members = own.get_if<io::json_object>()) {
    for (const io::json_member& each : members->members()) told.set(each.key, each.value);
  }
  return told;
}

// What is known of the model that is served now; another may take its place.
class page_facts {
 public:
  void use(const std::string& directory) {
    io::json told = about_model(directory);
    const std::lock_guard hold(mutex_);
    told_ = std::move(told);
  }
  io::json now() const {
    const std::lock_guard hold(mutex_);
    return told_;
  }

 private:
  mutable std::mutex mutex_;
  io::json told_ = io::json::object();
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
