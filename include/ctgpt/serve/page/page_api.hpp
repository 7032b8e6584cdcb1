// What the chat page needs besides answers: history, ratings, consent, export, deletion.
//
//   add_page(web.routes(), web.means(), {.log = log, .about = [] { return about_model(dir); }});
//
// GET /                              the page itself; needs no key
// GET /api/me                        {"person": NAME or null, "consent", "model", "starters", ...}
// GET /api/about                     what is known of the model (serve/page/about.hpp)
// GET /api/conversations?search=&offset=     {"conversations": [...], "more": true}
// GET, PATCH, DELETE /api/conversations/{}   one; title, system, settings, leaf can change
// POST /api/messages/{}/rating       {"value": -1, "reason", "comment", "answer"}
// POST /api/consent                  {"consent": true}
// GET /api/export                    all that is the person's, as JSON lines of OpenAI messages
// DELETE /api/data                   {"conversations": how many were removed}
// and those of serve/page/page_chat.hpp.
//
// Everything is confined to the person (serve/page/person.hpp): a foreign id answers 404.
// Errors: api_error.
#pragma once

#include "ctgpt/serve/page/page.hpp"
#include "ctgpt/serve/page/page_chat.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct page_options {
  std::shared_ptr<feedback::chat_log> log;
  std::function<io::json()> about = {};
  std::vector<std::string> starters = {"Who are you?", "What can you do?",
                                       "What is thirty plus eighteen?", "What time is it?"};
};

class page_api {
 public:
  page_api(const answering& means, page_options options)
      : means_(means), options_(std::move(options)), chat_(means, options_.log) {}

  void me(const request_context& asked, httplib::Response& answer) const {
    const auto model = means_.model();
    const std::string person = page_person(asked, answer);
    send(answer, [&](io::json_writer& out) {
      out.begin_object().key("person");
      asked.person.empty() ? out.value(nullptr) : out.value(asked.person);
      out.member("consent", log().consent(person)).key("model").begin_object();
      out.member("name", model->name).member("context", model->engine->context());
      out.member("chat", model->chat.has_value()).end_object();
      const sampling& choose = model->defaults;
      out.key("defaults").begin_object().member("temperature", choose.temperature);
      out.member("top_p", choose.top_p).member("top_k", choose.top_k);
      out.member("min_p", choose.min_p);
      out.member("repetition_penalty", choose.repetition_penalty).end_object();
      out.key("starters").begin_array();
      for (const std::string& each : options_.starters) out.value(each);
      out.end_array().end_object();
    });
  }

  void about(const request_context&, httplib::Response& answer) const {
    io::json told = options_.about ? options_.about() : io::json::object();
    const auto model = means_.model();
    told.set("model", model->name).set("context", model->engine->context());
    send(answer, [&](io::json_writer& out) { out.value(told); });
  }

  void list(const request_context& asked, httplib::Response& answer) const {
    constexpr std::int64_t page = 40;
    std::int64_t offset = 0;
    const std::string from = asked.query("offset");
    std::from_chars(from.data(), from.data() + from.size(), offset);
    std::string words;
    utf8_append_repaired(words, asked.query("search").substr(0, 200));
    const auto found = log().list(page_person(asked, answer),
                                  {words, page + 1, std::clamp<std::int64_t>(offset, 0, 1 << 30)});
    send(answer, [&](io::json_writer& out) {
      out.begin_object().key("conversations").begin_array();
      for (std::size_t i = 0; i < found.size() && i < page; ++i) {
        out.begin_object().member("id", found[i].id).member("title", found[i].title);
        out.member("updated", found[i].updated).member("snippet", found[i].snippet).end_object();
      }
      out.end_array().member("more", std::ssize(found) > page).end_object();
    });
  }

  void show(const request_context& asked, httplib::Response& answer) const {
    const auto found = log().find(page_person(asked, answer), asked.parameters[0]);
    if (!found) throw unknown_id("conversation");
    send(answer, [&](io::json_writer& out) { write_conversation(out, *found); });
  }

  void change(const request_context& asked, httplib::Response& answer) const {
    const io::json body = parse_request(asked.body);
    const request_fields fields(body);
    feedback::conversation_change change{.title = fields.text("title", 400),
                                         .system = fields.text("system", std::string::npos),
                                         .leaf = fields.text("leaf", 64)};
    if (const io::json* settings = fields.find("settings")) {
      const auto* object = settings->get_if<io::json_object>();
      if (object == nullptr || object->size() > 32) fields.wrong("settings", "an object");
      change.settings = *settings;
    }
    if (!log().change(page_person(asked, answer), asked.parameters[0], change)) {
      throw unknown_id("conversation");
    }
    send_nothing(answer);
  }

  void erase(const request_context& asked, httplib::Response& answer) const {
    if (!log().erase(page_person(asked, answer), asked.parameters[0])) {
      throw unknown_id("conversation");
    }
    send_nothing(answer);
  }

  void rate(const request_context& asked, httplib::Response& answer) const {
    const io::json body = parse_request(asked.body);
    const request_fields fields(body);
    const auto value = fields.integer("value", -1, 1);
    if (!value) fields.wrong("value", "-1, 0 or 1");
    const feedback::rating given{.value = *value,
                                 .reason = fields.text("reason", 100).value_or(""),
                                 .comment = fields.text("comment", 10'000).value_or(""),
                                 .answer = fields.text("answer", 100'000).value_or("")};
    if (!log().rate(page_person(asked, answer), asked.parameters[0], given)) {
      throw unknown_id("message");
    }
    send_nothing(answer);
  }

  void consent(const request_context& asked, httplib::Response& answer) const {
    const io::json body = parse_request(asked.body);
    const request_fields fields(body);
    const auto given = fields.truth("consent");
    if (!given) fields.wrong("consent", "true or false");
    log().set_consent(page_person(asked, answer), *given);
    send_nothing(answer);
  }

  void export_all(const request_context& asked, httplib::Response& answer) const {
    std::string lines;
    log().export_person(page_person(asked, answer), [&](std::string_view line) { lines += line; });
    answer.set_header("Content-Disposition", "attachment; filename=\"conversations.jsonl\"");
    answer.set_content(lines, "application/x-ndjson");
  }

  void erase_all(const request_context& asked, httplib::Response& answer) const {
    const std::int64_t removed = log().erase_person(page_person(asked, answer));
    if (asked.person.empty()) give_cookie(answer, "", 0);  // a browser that nobody knows again
    send(answer, [&](io::json_writer& out) {
      out.begin_object().member("conversations", removed).end_object();
    });
  }

  const page_chat& chat() const { return chat_; }

 private:
  feedback::chat_log& log() const { return *options_.log; }

  template <class Writer>
  static void send(httplib::Response& answer, const Writer& write) {
    std::string text;
    io::json_writer out(text);
    write(out);
    answer.set_header("Cache-Control", "no-store");
    answer.set_content(text, "application/json");
  }
  static void send_nothing(httplib::Response& answer) {
    answer.set_content("{}", "application/json");
  }

  answering means_;
  page_options options_;
  page_chat chat_;
};

// Requires: a log.
inline void add_page(router& routes, const answering& means, page_options options) {
  const auto api = std::make_shared<page_api>(means, std::move(options));
  const auto page = std::make_shared<const chat_page>();
  using member = void (page_api::*)(const request_context&, httplib::Response&) const;
  const auto add = [&](const char* method, const char* pattern, member one) {
    routes.add({method, pattern, access::person,
                [api, one](const request_context& asked, httplib::Response& answer) {
                  ((*api).*one)(asked, answer);
                }});
  };
  routes.add(
      {"GET", "/", access::open, [page](const request_context& asked, httplib::Response& answer) {
         if (asked.person.empty()) (void)page_person(asked, answer);
         page->send(answer);
       }});
  add("GET", "/api/me", &page_api::me);
  add("GET", "/api/about", &page_api::about);
  add("GET", "/api/conversations", &page_api::list);
  add("GET", "/api/conversations/{}", &page_api::show);
  add("PATCH", "/api/conversations/{}", &page_api::change);
  add("DELETE", "/api/conversations/{}", &page_api::erase);
  add("POST", "/api/messages/{}/rating", &page_api::rate);
  add("POST", "/api/consent", &page_api::consent);
  add("GET", "/api/export", &page_api::export_all);
  add("DELETE", "/api/data", &page_api::erase_all);
  routes.add({"POST", "/api/chat", access::work,
              [api](const request_context& asked, httplib::Response& answer) {
                api->chat()(asked, answer);
              }});
  routes.add({"POST", "/api/runs/{}/stop", access::person,
              [api](const request_context& asked, httplib::Response& answer) {
                api->chat().stop(asked, answer);
              }});
  routes.add({"GET", "/api/conversations/{}/tokens/{}", access::work,
              [api](const request_context& asked, httplib::Response& answer) {
                api->chat().tokens(asked, answer);
              }});
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
