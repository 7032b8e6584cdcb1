// What the chat page asks the model: an answer, and what the answer might have been instead.
//
// POST /api/chat {"conversation": ID or absent for a new one, "content": TEXT, "parent": ID or "",
//                 "system": TEXT, "settings": {"temperature": 0.7, ...}}
//   Adds the question below `parent` and streams an answer. Without content, `parent` is a question
//   that is answered anew. system is that of a new conversation. Events:
//   {"run": ID, "conversation": {...}, "question": {...}, "dropped": 0}    once they are stored
//   {"text": "..."}                                                      as it is made
//   {"answer": {...}}                                                    once it is stored
//   {"error": {...}} instead, where it failed; then [DONE]
// POST /api/runs/{}/stop: the answer ends where it is, and is stored.
// GET /api/conversations/{}/tokens/{}: of an answer each token, with the five likeliest there
//   {"tokens": [{"text": "sea", "probability": 0.4, "likeliest": [{"text", "probability"}, ...]}]}
//
// A conversation that is too long goes without its oldest turns; `dropped` messages are not read.
// What a client that hangs up has seen is stored too. A question is stored only if it has a place
// in the queue, so that one that met 429 can be sent again.
// Errors: api_error.
#pragma once

#include <map>

#include "ctgpt/align/chat_prompt.hpp"
#include "ctgpt/serve/page/page_json.hpp"
#include "ctgpt/serve/page/person.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

// Which answers run, so that they can be stopped by name.
class page_runs {
 public:
  struct entry {
    std::string person;
    std::weak_ptr<const served_model> model;
    std::uint64_t id = 0;
  };
  void add(const std::string& name, entry one) {
    const std::lock_guard hold(mutex_);
    all_[name] = std::move(one);
  }
  void remove(const std::string& name) {
    const std::lock_guard hold(mutex_);
    all_.erase(name);
  }
  // False where it is not the person's, or has ended.
  bool stop(const std::string& person, const std::string& name) const {
    entry one;
    {
      const std::lock_guard hold(mutex_);
      const auto found = all_.find(name);
      if (found == all_.end() || found->second.person != person) return false;
      one = found->second;
    }
    if (const auto model = one.model.lock()) model->engine->cancel(one.id);
    return true;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, entry> all_;
};

// An answer to a stored question, which is stored when it ends, however that is.
class page_answer {
 public:
  page_answer(std::shared_ptr<feedback::chat_log> log, std::shared_ptr<page_runs> runs,
              std::shared_ptr<running_request> running, std::string person)
      : log_(std::move(log)),
        runs_(std::move(runs)),
        running_(std::move(running)),
        person_(std::move(person)) {
    runs_->add(name(), {person_, model_of(running_), running_->run.answers()[0].id});
  }
  ~page_answer() {
    runs_->remove(name());
    running_->run.cancel();
    try {
      if (!shown().text.empty()) store();
    } catch (const std::exception&) {
      // Nobody is left to be told; what was acknowledged is stored.
    }
  }
  page_answer(const page_answer&) = delete;
  page_answer& operator=(const page_answer&) = delete;

  const std::string& name() const { return running_->head.id; }

  // The answer as it is stored; of the first call.
  const feedback::message_record& store() {
    if (stored_) return *stored_;
    const generation_run::answer& one = shown();
    io::json details = io::json::object();
    details.set("model", running_->head.model).set("settings", settings);
    details.set("ending", one.reason).set("tokens", one.answer_tokens);
    details.set("prompt_tokens", one.prompt_tokens).set("cached_tokens", one.cached_tokens);
    details.set("seconds", running_->run.seconds()).set("dropped", dropped);
    if (one.first >= 0.0) details.set("first_token_seconds", one.first);
    stored_ = log_->add(person_, conversation, {question, "assistant", one.text, details});
    if (!stored_) throw unknown_id("conversation");  // it was deleted meanwhile
    return *stored_;
  }

  std::string conversation, question;
  io::json settings = io::json::object();
  isize dropped = 0;

 private:
  static std::shared_ptr<const served_model> model_of(const std::shared_ptr<running_request>& run) {
    return {run, &run->run.model()};  // lives as long as the request
  }
  const generation_run::answer& shown() const { return running_->run.answers()[0]; }

  std::shared_ptr<feedback::chat_log> log_;
  std::shared_ptr<page_runs> runs_;
  std::shared_ptr<running_request> running_;
  std::string person_;
  std::optional<feedback::message_record> stored_;
};

class page_chat {
 public:
  page_chat(const answering& means, std::shared_ptr<feedback::chat_log> log)
      : means_(std::make_shared<answering>(means)), log_(std::move(log)) {
    means_->rules.finished = nullptr;  // what the page stores is told to no other log
  }

  // An answer as a stream.
  void operator()(const request_context& asked, httplib::Response& answer) const {
    const auto model = chat_model();
    const std::string person = page_person(asked, answer);
    const io::json body = parse_request(asked.body);
    const request_fields fields(body);
    const std::string id = fields.text("conversation", 64).value_or("");
    const std::string parent = fields.text("parent", 64).value_or("");
    std::optional<std::string> content = fields.text("content", std::string::npos);
    const io::json settings = settings_of(fields);
    const generation_fields wanted = read_generation(request_fields(settings, "settings"),
                                                     model->defaults, model->tokens.vocab_size());
    feedback::conversation_record talk;
    if (!id.empty()) {
      auto found = log_->find(person, id);
      if (!found) throw unknown_id("conversation");
      talk = std::move(*found);
    } else {
      talk.head.system = fields.text("system", std::string::npos).value_or("");
      talk.head.settings = settings;
    }
    const auto branch = branch_to(talk, parent);
    if (!parent.empty() && branch.empty()) throw unknown_id("message");
    align::conversation messages = messages_of(talk.head.system, branch);
    if (content) {
      if (means_->rules.input) *content = means_->rules.input(std::move(*content));
      if (content->find_first_not_of(" \t\r\n") == content->npos) {
        throw bad_request("the question is empty", "content");
      }
      messages.push_back({"user", *content});
    } else if (branch.empty() || branch.back().role != "user") {
      throw bad_request("without content, parent must be a question", "parent");
    }

    align::chat_prompt prompt = fit(*model, messages, wanted);
    std::vector<completion_request> asks;
    add_asks(asks, *model, wanted, std::move(prompt.ids), 1, "content");
    asks[0].stop_tokens = model->chat->ends(model->tokens);
    auto running = begin_request(asked, *means_, model, std::move(asks), "page-");

    const auto making = std::make_shared<page_answer>(log_, runs_, running, person);
    if (id.empty()) {
      talk.head.title = title_of(*content);
      talk = log_->open(person, talk.head);
    }
    std::optional<feedback::message_record> question;
    if (content) {
      question = log_->add(person, talk.id, {parent, "user", *content});
    } else {
      question = branch.back();
    }
    if (!question) throw unknown_id("conversation");
    making->conversation = talk.id;
    making->question = question->id;
    making->settings = settings;
    making->dropped = prompt.dropped;
    talk.messages.clear();
    stream(running, asked, answer, events(making, talk, *question));
  }

  void stop(const request_context& asked, httplib::Response& answer) const {
    const bool known = runs_->stop(page_person(asked, answer), asked.parameters[0]);
    if (!known) throw unknown_id("answer under way");
    answer.set_content("{}", "application/json");
  }

  void tokens(const request_context& asked, httplib::Response& answer) const {
    const auto model = chat_model();
    const auto talk = log_->find(page_person(asked, answer), asked.parameters[0]);
    if (!talk) throw unknown_id("conversation");
    auto branch = branch_to(*talk, asked.parameters[1]);
    if (branch.empty() || branch.back().role != "assistant") throw unknown_id("message");
    const std::vector<std::int32_t> said = tokens_of(*model, branch.back().content, "the answer");
    branch.pop_back();
    const isize context = model->engine->context();
    auto prompt =
        align::fit_prompt(model->tokens, *model->chat, messages_of(talk->head.system, branch),
                          context - std::ssize(said) - 1);
    if (!prompt) {
      throw context_length_exceeded(context, std::ssize(said) + 1, "the answer");
    }
    completion_request ask;
    ask.prompt = std::move(prompt->ids);
    ask.prompt.insert(ask.prompt.end(), said.begin(), said.end());
    ask.tokens = 0;
    ask.likeliest = 5;
    ask.echo = true;
    answering means = *means_;
    means.rules.output = nullptr;  // the text is stored as it was shown; these are its own tokens
    std::vector<completion_request> asks{std::move(ask)};
    const auto running = begin_request(asked, means, model, std::move(asks), "page-");
    running->means = means_.get();
    collect(*running, asked.gone);
    auto records = std::move(running->records[0]);
    const auto first = std::min(std::ssize(records), std::ssize(said));
    records.erase(records.begin(), records.end() - first);
    answer.set_content(token_list(records, model->tokens), "application/json");
  }

 private:
  std::shared_ptr<const served_model> chat_model() const {
    auto model = means_->model();
    if (!model->chat) {
      throw bad_request(join("the model ", io::quote_json(model->name), " has no chat template: ",
                             "it continues texts and holds no conversations"),
                        "model", "no_chat_template");
    }
    return model;
  }

  static io::json settings_of(const request_fields& fields) {
    const io::json* given = fields.find("settings");
    if (given == nullptr) return io::json::object();
    const auto* object = given->get_if<io::json_object>();
    if (object == nullptr || object->size() > 32) fields.wrong("settings", "an object");
    io::json kept = io::json::object();
    for (const char* name : {"temperature", "top_p", "top_k", "min_p", "repetition_penalty",
                             "frequency_penalty", "presence_penalty", "max_tokens", "seed"}) {
      if (const io::json* value = object->find(name)) kept.set(name, *value);
    }
    return kept;
  }

  // A quarter of the context stays free for the answer, unless it may only be shorter.
  static align::chat_prompt fit(const served_model& model, const align::conversation& messages,
                                const generation_fields& wanted) {
    const isize context = model.engine->context();
    const isize room = std::min(wanted.tokens.value_or(context), std::max<isize>(1, context / 4));
    std::optional<align::chat_prompt> made;
    try {
      made = align::fit_prompt(model.tokens, *model.chat, messages, context - room);
      if (!made) made = align::fit_prompt(model.tokens, *model.chat, messages, context - 1);
      if (made) return std::move(*made);
      align::conversation least{messages.back()};
      if (messages[0].role == "system") least.insert(least.begin(), messages[0]);
      const auto ids = model.chat->encode(model.tokens, least, true).ids;
      throw context_length_exceeded(context, std::ssize(ids), "content");
    } catch (const api_error&) {
      throw;
    } catch (const error& problem) {
      throw bad_request(problem.what(), "content");
    }
  }

  // The first line of the question, cut between characters.
  static std::string title_of(const std::string& question) {
    constexpr std::size_t most = 60;
    const std::size_t begin = question.find_first_not_of(" \t\r\n");
    std::string title = question.substr(begin, question.find_first_of("\r\n", begin) - begin);
    if (title.size() <= most) return title;
    std::size_t end = most;
    while ((static_cast<unsigned char>(title[end]) & 0xC0) == 0x80) --end;
    return title.substr(0, end) + "…";
  }

  static chunk_writers events(const std::shared_ptr<page_answer>& making,
                              const feedback::conversation_record& talk,
                              const feedback::message_record& question) {
    chunk_writers write;
    write.open = [making, talk, question](std::string& out) {
      std::string text;
      io::json_writer json(text);
      json.begin_object().member("run", making->name()).key("conversation");
      write_conversation(json, talk);
      write_message(json.key("question"), question);
      json.member("dropped", making->dropped).end_object();
      append_event(out, text);
    };
    write.piece = [](std::string& out, const shown_piece& piece) {
      if (piece.text.empty()) return;
      std::string text;
      io::json_writer(text).begin_object().member("text", piece.text).end_object();
      append_event(out, text);
    };
    write.close = [making](std::string& out) {
      std::string text;
      io::json_writer json(text);
      write_message(json.begin_object().key("answer"), making->store());
      json.end_object();
      append_event(out, text);
    };
    return write;
  }

  static std::string token_list(const std::vector<token_record>& records,
                                const text::tokenizer& tokens) {
    std::string text;
    io::json_writer out(text);
    const auto write = [&](const token_probability& one) {
      std::string shown;
      utf8_append_repaired(shown, tokens.token_bytes(one.token));
      const double chance = std::exp(static_cast<double>(one.log_probability));
      out.begin_object().member("text", shown);
      out.member("probability", std::isfinite(chance) ? chance : 0.0);
    };
    out.begin_object().key("tokens").begin_array();
    for (const token_record& each : records) {
      write(each.chosen);
      out.key("likeliest").begin_array();
      for (const token_probability& other : each.likeliest) {
        write(other);
        out.end_object();
      }
      out.end_array().end_object();
    }
    out.end_array().end_object();
    return text;
  }

  std::shared_ptr<answering> means_;
  std::shared_ptr<feedback::chat_log> log_;
  std::shared_ptr<page_runs> runs_ = std::make_shared<page_runs>();
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
