// Small runs of `ctgpt finetune`.
#pragma once

#include "app/runs.hpp"

namespace ctgpt_test {

// A world with conversations about it, and a model to fine-tune.
class talk_ground : public playground {
 public:
  explicit talk_ground(int conversations = 120) : playground(30000) {
    output_of(
        {"data", "world", "--conversations", std::to_string(conversations), "--out", talks()});
    base_ = trained("base", {"--tokenizer", "bytes", "--steps", "12", "--eval-every", "12",
                             "--context", "128", "--batch", "4"});
  }
  std::string talks() const { return file("talks.jsonl"); }
  const std::string& base() const { return base_; }

  // Flags of a run that takes a second; `more` come instead of those of their name.
  words finetune(const std::string& out, const words& more = {}) const {
    const words usual{"--model",   base_,     "--data", talks(),        "--batch",
                      "4",         "--steps", "12",     "--eval-every", "4",
                      "--threads", "1",       "--out",  file(out)};
    words flags{"finetune"};
    for (std::size_t i = 0; i < usual.size(); i += 2) {
      const bool told = std::find(more.begin(), more.end(), usual[i]) != more.end();
      if (!told) flags = flags + words{usual[i], usual[i + 1]};
    }
    return flags + more;
  }
  std::string tuned(const std::string& out, const words& more = {}) const {
    output_of(finetune(out, more));
    return file(out);
  }

 private:
  std::string base_;
};

// The validation losses of a run, in order.
inline std::vector<double> validations(const std::string& run) {
  std::vector<double> found;
  for (const std::string& line : metrics_lines(run)) {
    if (contains(line, "\"val_loss\":")) found.push_back(number(parsed(line), "val_loss"));
  }
  return found;
}

}  // namespace ctgpt_test
