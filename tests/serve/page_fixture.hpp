// A server with the chat page and a model that answers by a script.
#pragma once

#include "base/temporary.hpp"
#include "ctgpt/serve/content_rules.hpp"
#include "ctgpt/serve/page/page_api.hpp"
#include "serve/fixture.hpp"
#include "serve/scripted_engine.hpp"

namespace ctgpt_test {

struct page_fixture_options {
  scripted_engine::script answer = [](const std::string&) { return std::string("An answer."); };
  ctgpt::isize context = 2048;
  double step = 0.0;
  std::string keys = {};   // lines of a key file
  std::string rules = {};  // a file of rules
  serve::server_options server = {};
  ctgpt::io::json about = ctgpt::io::json::object();
};

class page_fixture {
 public:
  explicit page_fixture(page_fixture_options options = {}) {
    options.server.port = 0;
    options.server.limits.linger = 0.2;
    const bool rules = !options.rules.empty();
    if (rules) house.use(ctgpt::safety::rules::parse(options.rules, "rules"));
    web = std::make_unique<serve::server>(options.server,
                                          rules ? house.make_hooks() : serve::hooks{});
    log = std::make_shared<ctgpt::feedback::chat_log>(here.file("chat.db"));
    serve::add_page(web->routes(), web->means(),
                    {.log = log, .about = [about = options.about] { return about; }});
    engine = std::make_shared<scripted_engine>(options.answer, options.context, options.step);
    web->use(std::make_shared<serve::served_model>(
        serve::served_model{"tiny-chat",
                            "fp_1",
                            1'700'000'000,
                            ctgpt::text::bytes{},
                            ctgpt::align::chat_template(plain_chat{}),
                            {},
                            engine}));
    if (!options.keys.empty()) {
      ctgpt::write_file_atomic(here.file("keys"), options.keys);
      web->use(serve::read_api_keys(here.file("keys")));
    }
    port = web->start();
  }

  temporary_directory here;
  serve::content_rules house;
  std::shared_ptr<ctgpt::feedback::chat_log> log;
  std::shared_ptr<scripted_engine> engine;
  std::unique_ptr<serve::server> web;  // ends first
  int port = 0;
};

// A person at the page: a key, or a browser with its cookie.
class visitor {
 public:
  explicit visitor(const page_fixture& page, const std::string& key = {}) : port_(page.port) {
    if (!key.empty()) headers_.emplace("Authorization", "Bearer " + key);
  }

  struct told {
    int status = 0;
    std::string body;
    httplib::Headers headers;
    ctgpt::io::json json() const { return json_of(body); }
  };
  told ask(const std::string& method, const std::string& path, const std::string& body = {}) {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(20, 0);
    httplib::Request request;
    request.method = method;
    request.path = path;
    request.headers = headers_;
    if (!cookie.empty()) request.headers.emplace("Cookie", cookie);
    if (!body.empty()) request.headers.emplace("Content-Type", "application/json");
    request.body = body;
    const auto result = client.send(request);
    REQUIRE(result);
    const std::string given = result->get_header_value("Set-Cookie");
    if (!given.empty() && cookie.empty()) cookie = given.substr(0, given.find(';'));
    return {result->status, result->body, result->headers};
  }
  // The events of an answer.
  std::vector<ctgpt::io::json> chat(const std::string& body) {
    const told result = ask("POST", "/api/chat", body);
    INFO(result.body);
    REQUIRE(result.status == 200);
    std::vector<ctgpt::io::json> events;
    for (const std::string& each : events_of(result.body)) {
      if (each != "[DONE]") events.push_back(json_of(each));
    }
    return events;
  }

  std::string cookie;

 private:
  int port_;
  httplib::Headers headers_;
};

inline std::string text_in(const ctgpt::io::json& value, const std::string& first,
                           const std::string& second = {}) {
  const ctgpt::io::json_field field = ctgpt::io::json_field(value, "it")[first];
  return second.empty() ? field.string() : field[second].string();
}

}  // namespace ctgpt_test
