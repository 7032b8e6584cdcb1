// Small runs of `ctgpt train`, and what they leave behind.
#pragma once

#include "app/program.hpp"
#include "ctgpt/io/safetensors.hpp"

namespace ctgpt_test {

// A world of its own for one test: a text to learn from, and room for runs.
class playground : public temporary_directory {
 public:
  explicit playground(int bytes = 60000) {
    output_of({"data", "world", "--bytes", std::to_string(bytes), "--out", data()});
  }
  std::string data() const { return file("world.txt"); }

  // Flags of a run that takes a fraction of a second; `more` come instead of those of their name.
  words small(const std::string& out, const words& more = {}) const {
    const words usual{"--data",    data(), "--tokenizer",    "char", "--preset", "quickstart",
                      "--batch",   "2",    "--context",      "32",   "--warmup", "2",
                      "--threads", "1",    "--eval-batches", "2",    "--out",    file(out)};
    words flags{"train"};
    for (std::size_t i = 0; i < usual.size(); i += 2) {
      const bool told = std::find(more.begin(), more.end(), usual[i]) != more.end();
      if (!told) flags = flags + words{usual[i], usual[i + 1]};
    }
    return flags + more;
  }
  // The run itself, with six steps unless told otherwise.
  std::string trained(const std::string& out, const words& more = {}) const {
    output_of(small(out, more.empty() ? words{"--steps", "6", "--eval-every", "3"} : more));
    return file(out);
  }
};

inline words resume(const std::string& run, const words& more = {}) {
  return words{"train", "--resume", "--out", run} + more;
}

inline std::string contents(const std::string& path) { return ctgpt::read_file(path); }

// Lines of metrics.jsonl as it is now, also while a run writes it.
inline std::vector<std::string> metrics_lines(const std::string& run) {
  const std::string path = run + "/metrics.jsonl";
  if (!ctgpt::is_file(path)) return {};
  return lines_of(contents(path));
}

// metrics.jsonl without what a clock decides.
inline std::vector<std::string> metrics_without_time(const std::string& run) {
  std::vector<std::string> lines;
  for (const std::string& line : metrics_lines(run)) {
    lines.push_back(line.substr(0, line.find(",\"tokens_per_second\"")));
  }
  return lines;
}

// The checkpoints of a run, in the order of their steps.
inline std::vector<int> steps_of(const std::string& run) {
  std::vector<int> steps;
  for (const auto& entry : std::filesystem::directory_iterator(run)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-")) steps.push_back(std::stoi(name.substr(5)));
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

inline std::string link_of(const std::string& path) {
  return std::filesystem::read_symlink(path).string();
}

// The bytes of every tensor, without the header.
inline std::string tensors_of(const std::string& path) {
  const auto file = ctgpt::io::safetensors::open(path);
  std::string all;
  for (const auto& info : file.tensors()) {
    const auto bytes = file.bytes(info);
    all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return all;
}

// Both runs ended in the same bits, and computed the same on the way.
inline void check_same_runs(const std::string& left, const std::string& right) {
  CHECK(link_of(left + "/last") == link_of(right + "/last"));
  CHECK(link_of(left + "/best") == link_of(right + "/best"));
  for (const char* name : {"model.safetensors", "trainer_state.safetensors", "config.json",
                           "tokenizer.json", "generation_config.json"}) {
    INFO(name);
    const bool same =
        contents(left + "/last/" + name) == contents(right + "/last/" + name);  // too long to print
    CHECK(same);
  }
  CHECK(metrics_without_time(left) == metrics_without_time(right));
  CHECK(contents(left + "/samples.jsonl") == contents(right + "/samples.jsonl"));
}

}  // namespace ctgpt_test
