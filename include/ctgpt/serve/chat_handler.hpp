// chat_handler: POST /v1/chat/completions.
//
// A conversation is written for the model by its chat template; what the user says never becomes a
// special token. Streamed, each answer opens with a chunk that has its role, ends with one that has
// its finish_reason, and where stream_options.include_usage asks for it one more chunk, without
// choices, has the usage.
// Errors: api_error; a base model, which has no template, answers 400.
// Reference: openai/openai-openapi, openapi.yaml, CreateChatCompletionResponse and
// CreateChatCompletionStreamResponse.
#pragma once

#include "ctgpt/serve/answering.hpp"
#include "ctgpt/serve/chat_request.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

// "cancelled" is what a draining server or a filter's end can leave: the answer was cut.
inline const char* finish_reason(const std::string& reason) {
  if (reason == "stop" || reason == "content_filter") return reason.c_str();
  return "length";
}

class chat_handler {
 public:
  explicit chat_handler(const answering& means) : means_(&means) {}

  void operator()(const request_context& asked, httplib::Response& answer) const {
    const auto model = means_->model();
    const io::json body = parse_request(asked.body);
    chat_request request = read_chat_request(body, model->defaults, model->tokens.vocab_size());
    expect_model(*model, request.model);
    if (!model->chat) {
      throw bad_request(
          join("the model ", io::quote_json(model->name), " has no chat template: it ",
               "continues texts (/v1/completions) and holds no conversations"),
          "model", "no_chat_template");
    }
    if (means_->rules.input) {
      for (align::message& each : request.messages) {
        if (each.role != "assistant") each.content = means_->rules.input(each.content);
      }
    }
    std::vector<completion_request> asks;
    add_asks(asks, *model, request, prompt_of(*model, request.messages), request.n, "messages");
    for (completion_request& each : asks) each.stop_tokens = model->chat->ends(model->tokens);
    auto running = begin_request(asked, *means_, model, std::move(asks), "chatcmpl-");
    running->per_prompt = static_cast<std::size_t>(request.n);
    running->told.kind = "chat";
    running->told.messages = std::move(request.messages);
    const bool logprobs = request.ask.likeliest >= 0;
    if (request.stream) {
      stream(running, asked, answer, chunks(running, logprobs, request.stream_usage));
    } else {
      collect(*running, asked.gone);
      answer.set_content(whole(*running, logprobs), "application/json");
    }
  }

 private:
  static std::vector<std::int32_t> prompt_of(const served_model& model,
                                             const align::conversation& messages) {
    try {
      return model.chat->encode(model.tokens, messages, true).ids;
    } catch (const error& problem) {
      throw bad_request(problem.what(), "messages");
    }
  }

  static std::string whole(const running_request& running, bool logprobs) {
    std::string text;
    io::json_writer out(text);
    out.begin_object();
    write_head(out, running.head, "chat.completion");
    out.key("choices").begin_array();
    for (std::size_t i = 0; i < running.run.answers().size(); ++i) {
      const generation_run::answer& each = running.run.answers()[i];
      out.begin_object().member("index", i).key("message").begin_object();
      out.member("role", "assistant").member("content", each.text).member("refusal", nullptr);
      out.end_object().key("logprobs");
      write_chat_logprobs(out, running.records[i], logprobs, running.run.model().tokens);
      out.member("finish_reason", finish_reason(each.reason)).end_object();
    }
    out.end_array().key("usage");
    write_usage(out, running.used_tokens());
    out.end_object();
    return text;
  }

  // usage: whether the stream has it; then every chunk but its own says null.
  static chunk_writers chunks(const std::shared_ptr<running_request>& running, bool logprobs,
                              bool usage) {
    const running_request* at = running.get();  // the stream holds it
    const auto event = [at, usage](std::string& out, const auto& choices, bool last = false) {
      std::string text;
      io::json_writer json(text);
      json.begin_object();
      write_head(json, at->head, "chat.completion.chunk");
      json.key("choices").begin_array();
      choices(json);
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
    write.open = [at, event](std::string& out) {
      for (std::size_t i = 0; i < at->run.answers().size(); ++i) {
        event(out, [&](io::json_writer& json) {
          json.begin_object().member("index", i).key("delta").begin_object();
          json.member("role", "assistant").member("content", "").member("refusal", nullptr);
          json.end_object().member("logprobs", nullptr).member("finish_reason", nullptr);
          json.end_object();
        });
      }
    };
    write.piece = [at, event, logprobs](std::string& out, const shown_piece& piece) {
      if (!piece.text.empty() || !piece.tokens.empty()) {
        event(out, [&](io::json_writer& json) {
          json.begin_object().member("index", piece.which).key("delta").begin_object();
          json.member("content", piece.text).end_object().key("logprobs");
          write_chat_logprobs(json, piece.tokens, logprobs, at->run.model().tokens);
          json.member("finish_reason", nullptr).end_object();
        });
      }
      if (!piece.ended) return;
      event(out, [&](io::json_writer& json) {
        const std::string& reason = at->run.answers()[piece.which].reason;
        json.begin_object().member("index", piece.which).key("delta").begin_object().end_object();
        json.member("logprobs", nullptr).member("finish_reason", finish_reason(reason));
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

}  // namespace ctgpt::inline CTGPT_ABI::serve
