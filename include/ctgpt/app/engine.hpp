// engine: a trained model and its tokenizer, whatever its compiled type.
//
//   auto model = open_engine("runs/quickstart", ctgpt::cpu{}, f32_precision);
//   model->generate(model->tokens().encode("Once"), {.tokens = 100},
//                   [](std::string_view piece) { ... });
//
// A path is a run directory (its best checkpoint, else its last) or a model directory, ours or one
// of Hugging Face's: its size need be no preset's.
// Errors: every reason why a directory cannot be opened is one sentence.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ctgpt/app/model_path.hpp"
#include "ctgpt/app/models.hpp"
#include "ctgpt/app/text_windows.hpp"
#include "ctgpt/infer/generate.hpp"
#include "ctgpt/model/directory.hpp"
#include "ctgpt/model/workspace.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

// Losses over windows of a text.
struct evaluation {
  double loss = 0.0;  // nats a token
  isize tokens = 0, bytes = 0, context = 0, stride = 0;

  double perplexity() const { return std::exp(loss); }
  double bits_per_byte() const {
    return loss * static_cast<double>(tokens) / (std::log(2.0) * static_cast<double>(bytes));
  }
};

// Throws where a model of characters is given bytes that are none; `what` names their place.
inline void expect_characters(const text::tokenizer& tokens, std::string_view text,
                              const std::string& what) {
  const std::size_t wrong = utf8_error_offset(text);
  expects(wrong == std::string_view::npos || tokens.kind() != text::tokenizer_kind::characters,
          what, " is not UTF-8 at byte ", wrong,
          "; this model reads characters, so it needs UTF-8");
}

class engine {
 public:
  using on_text = std::function<void(std::string_view)>;

  engine(std::unique_ptr<const any_network> net, text::tokenizer tokens)
      : tokens_(std::move(tokens)), net_(std::move(net)) {}

  const config& settings() const { return net_->settings(); }
  const text::tokenizer& tokens() const { return tokens_; }

  generated generate(std::span<const std::int32_t> prompt, const generation& options,
                     const on_text& show) {
    if (!decoder_) decoder_.emplace(*net_);
    return ctgpt::generate(*decoder_, tokens_, prompt, options, show);
  }

  evaluation evaluate(std::string_view text, isize stride) const {
    const std::vector<std::int32_t> ids = tokens_.encode_ordinary(text);
    expects(ids.size() >= 2, "the text has ", ids.size(),
            " tokens; at least 2 are needed to predict one");
    text_windows windows(ids, net_->settings().context, stride);
    const isize batch = std::min<isize>(4, windows.count());
    workspace work(*net_, batch, windows.time(), false);
    work.clear_loss();
    std::vector<std::int32_t> window(static_cast<std::size_t>(2 * work.tokens()));
    while (windows.fill(window, batch)) {
      work.upload(window);
      work.evaluate();
    }
    evaluation result;
    result.context = net_->settings().context;
    result.stride = stride;
    result.tokens = static_cast<isize>(ids.size()) - 1;
    result.bytes = static_cast<isize>(text.size() - tokens_.token_bytes(ids[0]).size());
    result.loss = work.loss_sum() / static_cast<double>(result.tokens);
    expects(std::isfinite(result.loss), "the loss is not a finite number; ",
            "the model's weights are damaged, or its training diverged");
    return result;
  }

 private:
  text::tokenizer tokens_;
  std::unique_ptr<const any_network> net_;
  std::optional<decoder> decoder_;
};

// A model, packed to run, and its tokenizer.
struct opened_model {
  std::unique_ptr<any_network> net;
  text::tokenizer tokens;
};

// untrained: weights as training would begin with, for comparisons.
inline opened_model open_model(const std::string& path, const ctgpt::backend& where,
                               precision numbers, bool untrained = false) {
  const saved_model from = open_directory(resolve_model(path));
  opened_model opened{nullptr, text::tokenizer::load(from.files.directory())};
  visit_model(from.settings, [&](const auto& model) {
    using type = std::remove_cvref_t<decltype(model)>;
    opened.net = std::make_unique<network<type>>(load_model(model, where, from, numbers));
  });
  expect_room(opened.tokens, opened.net->vocab(), from.files.directory());
  if (untrained) opened.net->initialize({0});
  opened.net->pack();
  return opened;
}

inline std::unique_ptr<engine> open_engine(const std::string& path, const ctgpt::backend& where,
                                           precision numbers, bool untrained = false) {
  opened_model opened = open_model(path, where, numbers, untrained);
  return std::make_unique<engine>(std::move(opened.net), std::move(opened.tokens));
}

}  // namespace ctgpt::inline CTGPT_ABI::app
