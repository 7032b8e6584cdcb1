// text_handlers: POST /v1/completions, /generate and /v1/embeddings.
//
// completions continues each prompt n times; index counts prompt by prompt. best_of writes more
// answers and keeps the n whose tokens are likeliest on average. echo puts the prompt before each
// answer. /generate is the plainest: {"text": ...} in, [{"generated_text": prompt and answer}] out.
// embeddings are the mean of the last hidden states, of length 1; dimensions keeps the first ones
// and makes their length 1 again.
// Errors: api_error.
// Reference: openai/openai-openapi, openapi.yaml; huggingface/text-generation-inference, /generate.
#pragma once

#include <numeric>

#include "ctgpt/serve/answering.hpp"
#include "ctgpt/serve/chat_handler.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

// A prompt, as text and as tokens.
struct checked_prompt {
  std::string text;
  std::vector<std::int32_t> tokens;
};
inline checked_prompt check_prompt(const served_model& model, const prompt_text& prompt,
                                   const hooks& rules, const std::string& param) {
  checked_prompt checked;
  if (const auto* ids = std::get_if<std::vector<std::int32_t>>(&prompt)) {
    for (const std::int32_t id : *ids) {
      if (!model.tokens.has(id)) {
        throw bad_request(join(param, ": the token id ", id, " is none of this model's"), param);
      }
    }
    checked.tokens = *ids;
    utf8_append_repaired(checked.text, model.tokens.decode(*ids));
    if (rules.input) rules.input(checked.text);  // what it would change cannot be changed in ids
    return checked;
  }
  checked.text = std::get<std::string>(prompt);
  if (rules.input) checked.text = rules.input(checked.text);
  checked.tokens = tokens_of(model, checked.text, param);
  return checked;
}

class completions_handler {
 public:
  explicit completions_handler(const answering& means) : means_(&means) {}

  void operator()(const request_context& asked, httplib::Response& answer) const {
    const auto model = means_->model();
    const io::json body = parse_request(asked.body);
    completions_request request =
        read_completions_request(body, model->defaults, model->tokens.vocab_size());
    expect_model(*model, request.model);
    std::vector<std::string> texts;
    auto running = begin(asked, model, request, texts, "prompt");
    const auto prompts = std::make_shared<const std::vector<std::string>>(std::move(texts));
    if (request.stream) {
      stream(running, asked, answer, chunks(running, request, prompts));
    } else {
      collect(*running, asked.gone);
      answer.set_content(whole(*running, request, *prompts), "application/json");
    }
  }

  // The same, asked and answered plainly.
  void generate(const request_context& asked, httplib::Response& answer) const {
    const auto model = means_->model();
    const io::json body = parse_request(asked.body);
    completions_request request =
        read_generate_request(body, model->defaults, model->tokens.vocab_size());
    expect_model(*model, request.model);
    std::vector<std::string> texts;
    auto running = begin(asked, model, request, texts, "text");
    collect(*running, asked.gone);
    std::string text;
    io::json_writer out(text);
    out.begin_array();
    for (std::size_t i = 0; i < running->run.answers().size(); ++i) {
      out.begin_object();
      out.member("generated_text", texts[i / running->per_prompt] + running->run.answers()[i].text);
      out.end_object();
    }
    out.end_array();
    answer.set_content(text, "application/json");
  }

 private:
  std::shared_ptr<running_request> begin(const request_context& asked,
                                         const std::shared_ptr<const served_model>& model,
                                         const completions_request& request,
                                         std::vector<std::string>& texts,
                                         const std::string& param) const {
    generation_fields fields = request;
    fields.ask.echo = request.echo;
    if (request.best_of > request.n) fields.ask.likeliest = std::max(0, fields.ask.likeliest);
    if (model->chat) {  // it may well go on to write answers
      fields.ask.stop_tokens = model->chat->ends(model->tokens);
    } else if (const auto* end = text::ends_of_text(model->tokens).end) {
      fields.ask.stop_tokens.push_back(end->token);
    }
    std::vector<completion_request> asks;
    for (const prompt_text& each : request.prompts) {
      checked_prompt checked = check_prompt(*model, each, means_->rules, param);
      texts.push_back(std::move(checked.text));
      add_asks(asks, *model, fields, std::move(checked.tokens), request.best_of, param);
    }
    auto running = begin_request(asked, *means_, model, std::move(asks), "cmpl-");
    running->per_prompt = static_cast<std::size_t>(request.best_of);
    running->told.kind = "text";
    running->told.messages = {{"user", texts.front()}};
    return running;
  }

  // The answers to show of each prompt, by the mean of their tokens' log probabilities.
  static std::vector<std::size_t> chosen(const running_request& running,
                                         const completions_request& request) {
    std::vector<std::size_t> shown;
    const auto mean = [&](std::size_t i) {
      const auto& records = running.records[i];
      double sum = 0.0;
      for (const token_record& each : records)
        sum += shown_log_probability(each.chosen.log_probability);
      return records.empty() ? -9999.0 : sum / static_cast<double>(records.size());
    };
    for (std::size_t first = 0; first < running.records.size(); first += running.per_prompt) {
      std::vector<std::size_t> of_prompt(running.per_prompt);
      std::iota(of_prompt.begin(), of_prompt.end(), first);
      if (request.best_of > request.n) {
        std::stable_sort(of_prompt.begin(), of_prompt.end(),
                         [&](std::size_t a, std::size_t b) { return mean(a) > mean(b); });
      }
      shown.insert(shown.end(), of_prompt.begin(), of_prompt.begin() + request.n);
    }
    return shown;
  }

  static std::string whole(const running_request& running, const completions_request& request,
                           const std::vector<std::string>& prompts) {
    std::string text;
    io::json_writer out(text);
    out.begin_object();
    write_head(out, running.head, "text_completion");
    out.key("choices").begin_array();
    std::size_t count = 0;
    for (const std::size_t i : chosen(running, request)) {
      const generation_run::answer& each = running.run.answers()[i];
      const std::string& prompt = prompts[i / running.per_prompt];
      out.begin_object().member("text", each.text);
      out.member("index", count++).key("logprobs");
      if (request.ask.likeliest < 0) {
        out.value(nullptr);
      } else {
        text_logprobs writer(running.run.model().tokens, characters_of(prompt), request.echo);
        writer.write(out, running.records[i], request.ask.likeliest > 0);
      }
      out.member("finish_reason", finish_reason(each.reason)).end_object();
    }
    out.end_array().key("usage");
    write_usage(out, running.used_tokens());
    out.end_object();
    return text;
  }

  static std::size_t characters_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
  }

  static chunk_writers chunks(const std::shared_ptr<running_request>& running,
                              const completions_request& request,
                              const std::shared_ptr<const std::vector<std::string>>& prompts) {
    const running_request* at = running.get();  // the stream holds it
    const bool usage = request.stream_usage, echo = request.echo;
    const int likeliest = request.ask.likeliest;
    const auto logprobs = std::make_shared<std::vector<text_logprobs>>();
    for (std::size_t i = 0; i < running->run.answers().size(); ++i) {
      const std::string& prompt = (*prompts)[i / running->per_prompt];
      logprobs->emplace_back(running->run.model().tokens, characters_of(prompt), echo);
    }
    const auto event = [at, usage](std::string& out, const auto& choice, bool last = false) {
      std::string text;
      io::json_writer json(text);
      json.begin_object();
      write_head(json, at->head, "text_completion");
      json.key("choices").begin_array();
      choice(json);
      json.end_array();
      if (usage && last) {
        write_usage(json.key("usage"), at->used_tokens());
      } else if (usage) {
        json.member("usage", nullptr);
      }
      json.end_object();
      append_event(out, text);
    };
    chunk_writers write;
    write.open = [](std::string&) {};
    write.piece = [at, event, likeliest, logprobs](std::string& out, const shown_piece& piece) {
      event(out, [&](io::json_writer& json) {
        json.begin_object().member("text", piece.text).member("index", piece.which);
        json.key("logprobs");
        if (likeliest < 0) {
          json.value(nullptr);
        } else {
          (*logprobs)[piece.which].write(json, piece.tokens, likeliest > 0);
        }
        json.key("finish_reason");
        if (piece.ended) {
          json.value(finish_reason(at->run.answers()[piece.which].reason));
        } else {
          json.value(nullptr);
        }
        json.end_object();
      });
    };
    write.close = [event, usage](std::string& out) {
      if (usage)
        event(
            out, [](io::json_writer&) {}, true);
    };
    return write;
  }

  const answering* means_;
};

class embeddings_handler {
 public:
  explicit embeddings_handler(const answering& means) : means_(&means) {}

  void operator()(const request_context& asked, httplib::Response& answer) const {
    const auto model = means_->model();
    const io::json body = parse_request(asked.body);
    const embeddings_request request = read_embeddings_request(body, model->tokens.vocab_size());
    expect_model(*model, request.model);
    std::vector<std::vector<std::int32_t>> inputs;
    usage used;
    for (const prompt_text& each : request.inputs) {
      checked_prompt checked = check_prompt(*model, each, means_->rules, "input");
      const isize count = static_cast<isize>(checked.tokens.size());
      if (count == 0) throw bad_request("input must not be empty", "input");
      const isize context = model->engine->context();
      if (count > context) throw context_length_exceeded(context, count, "input");
      used.prompt += count;
      inputs.push_back(std::move(checked.tokens));
    }
    const admission::ticket place = means_->door->admit(1);
    std::string text;
    io::json_writer out(text);
    out.begin_object().member("object", "list").key("data").begin_array();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (asked.gone()) throw api_error(499, "the client has gone", "client_closed_request");
      const std::vector<float> values = cut(model->engine->embed(inputs[i]), request.dimensions);
      out.begin_object().member("object", "embedding").member("index", i).key("embedding");
      if (request.base64) {
        out.value(base64_of_floats(values));
      } else {
        out.begin_array();
        for (const float value : values) out.value(value);
        out.end_array();
      }
      out.end_object();
    }
    out.end_array().member("model", model->name).key("usage");
    write_usage(out, used, false);
    out.end_object();
    means_->metrics->count_prompt(used.prompt, 0);
    if (means_->spend) means_->spend(asked.person, used.prompt);
    answer.set_content(text, "application/json");
  }

 private:
  static std::vector<float> cut(std::vector<float> values, std::optional<isize> dimensions) {
    if (!dimensions) return values;
    const auto width = static_cast<std::size_t>(*dimensions);
    if (width > values.size()) {
      throw bad_request(join("dimensions must be at most ", values.size(), ", the width of this ",
                             "model, not ", width),
                        "dimensions");
    }
    values.resize(width);
    double squares = 0.0;
    for (const float value : values)
      squares += static_cast<double>(value) * static_cast<double>(value);
    const double scale = squares > 0.0 ? 1.0 / std::sqrt(squares) : 0.0;
    for (float& value : values) value = static_cast<float>(static_cast<double>(value) * scale);
    return values;
  }

  const answering* means_;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
