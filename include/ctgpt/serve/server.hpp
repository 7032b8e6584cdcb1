// server: a language model over HTTP, as OpenAI's clients expect it.
//
//   server web({.port = 8080}, {});
//   web.start();                       answers /health with 503
//   web.use(model);                    and with 200
//   web.drain(60.0);                   503 again; what runs may end, then no more connections
//
// POST /v1/chat/completions, /v1/completions, /v1/embeddings, /generate; GET /v1/models,
// /v1/models/{id}, /health, /metrics; routes() takes more before start(). Model, keys and
// certificate may be replaced at any time by use().
// A request goes through, in this order: the Host and Origin (403), its path (404, 405), its key
// (401), the server's state (503), rate limit and quota (429), its body (413), its handler.
// Errors: error where it cannot listen; what is wrong with a request is its answer.
// Reference: openai/openai-openapi, openapi.yaml; RFC 9110.
#pragma once

#include "ctgpt/serve/access_log.hpp"
#include "ctgpt/serve/api_keys.hpp"
#include "ctgpt/serve/chat_handler.hpp"
#include "ctgpt/serve/http_server.hpp"
#include "ctgpt/serve/origins.hpp"
#include "ctgpt/serve/rate_limit.hpp"
#include "ctgpt/serve/request_target.hpp"
#include "ctgpt/serve/text_handlers.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct server_options {
  std::string host = "127.0.0.1";
  int port = 8080;  // 0: any that is free
  std::vector<std::string> cors = {}, trusted_proxies = {};
  std::string base_path = {};  // "" or "/some/path"
  isize places = 64;           // answers that run or wait
  double requests_per_minute = 0.0;
  std::size_t most_body = std::size_t{4} << 20;
  double longest = 600.0;  // seconds of a request
  connection_limits limits = {};
  std::size_t most_connections = 512;
  std::function<void(const std::string&)> log = {};  // of lines
};

class server {
 public:
  server(server_options options, hooks rules)
      : options_(std::move(options)),
        origins_(options_.cors, options_.host),
        web_([this](connection& client, const httplib::Request& asked,
                    httplib::Response& told) { answer(client, asked, told); },
             [this](const request_record& seen) { record(seen); }, options_.limits,
             options_.most_connections) {
    means_.model = [this] { return model(); };
    means_.rules = std::move(rules);
    means_.door = std::make_shared<admission>(options_.places);
    means_.longest = options_.longest;
    means_.spend = [this](const std::string& person, isize tokens) {
      if (!person.empty()) rates_.spend(person, tokens, today());
    };
    add_routes();
  }

  router& routes() { return routes_; }
  // What further handlers may share.
  const answering& means() const { return means_; }

  void use(std::shared_ptr<const served_model> model) {
    const std::lock_guard hold(mutex_);
    model_.swap(model);
  }
  void use(api_keys keys) {
    auto shared = std::make_shared<const api_keys>(std::move(keys));
    const std::lock_guard hold(mutex_);
    keys_.swap(shared);
  }
  void use(tls_context context) { web_.encrypt(std::move(context)); }

  // The port.
  int start() {
    const int port = web_.listen(options_.host, options_.port);
    web_.start();
    return port;
  }
  // Answers that run or wait.
  isize at_work() const { return means_.door->inside(); }
  // From now on no work begins.
  void begin_drain() { draining_ = true; }
  // Whether everything that ran has ended by itself.
  bool drain(double seconds) {
    begin_drain();
    const double until = clock_seconds() + seconds;
    while (at_work() > 0 && clock_seconds() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const bool all = at_work() == 0;
    web_.stop(all ? 2.0 : 0.0);
    return all;
  }

 private:
  static std::int64_t today() { return static_cast<std::int64_t>(wall_seconds() / 86400.0); }

  std::shared_ptr<const served_model> model_or_null() const {
    const std::lock_guard hold(mutex_);
    return model_;
  }
  std::shared_ptr<const served_model> model() const {
    auto one = model_or_null();
    if (one == nullptr) {
      throw api_error(503, "the model is being loaded; try again in a moment", "server_error",
                      "loading")
          .after(2.0);
    }
    return one;
  }

  void add_routes() {
    const auto send = [](httplib::Response& told, const std::string& json) {
      told.set_content(json, "application/json");
    };
    routes_.add({"POST", "/v1/chat/completions", access::work, chat_handler(means_)});
    const completions_handler texts(means_);
    routes_.add({"POST", "/v1/completions", access::work, texts});
    routes_.add({"POST", "/generate", access::work,
                 [texts](const request_context& asked, httplib::Response& told) {
                   texts.generate(asked, told);
                 }});
    routes_.add({"POST", "/v1/embeddings", access::work, embeddings_handler(means_)});
    routes_.add({"GET", "/v1/models", access::person,
                 [this, send](const request_context&, httplib::Response& told) {
                   std::string text;
                   io::json_writer out(text);
                   out.begin_object().member("object", "list").key("data").begin_array();
                   write_model(out, *model());
                   out.end_array().end_object();
                   send(told, text);
                 }});
    routes_.add({"GET", "/v1/models/{...}", access::person,
                 [this, send](const request_context& asked, httplib::Response& told) {
                   const auto one = model();
                   expect_model(*one, asked.parameters[0]);
                   std::string text;
                   io::json_writer out(text);
                   write_model(out, *one);
                   send(told, text);
                 }});
    routes_.add({"GET", "/health", access::open,
                 [this, send](const request_context&, httplib::Response& told) {
                   const bool loading = model_or_null() == nullptr;
                   const char* status = draining_ ? "draining" : loading ? "loading" : "ok";
                   if (draining_ || loading) told.status = 503;
                   send(told, join("{\"status\":\"", status, "\"}"));
                 }});
    routes_.add({"GET", "/metrics", access::person,
                 [this](const request_context&, httplib::Response& told) {
                   const auto one = model_or_null();
                   const engine_load load = one ? one->engine->load() : engine_load{};
                   told.set_content(means_.metrics->text(load, web_.connections(), one != nullptr),
                                    "text/plain; version=0.0.4; charset=utf-8");
                 }});
  }

  void answer(connection& client, const httplib::Request& asked, httplib::Response& told) {
    request_context context{asked, random_id("req_"), {}, {}, client_of(client, asked), {}, {}, {}};
    client.seen.id = context.id;
    client.seen.client = context.client;
    told.set_header("x-request-id", context.id);
    told.set_header("X-Content-Type-Options", "nosniff");
    try {
      allow_reading(asked, told);
      dispatch(client, context, told);
    } catch (const api_error& problem) {
      refuse(told, problem);
    } catch (const std::bad_alloc&) {
      refuse(told, api_error(503, "the server is out of memory", "server_error").after(5.0));
    } catch (const std::exception& problem) {
      if (options_.log) options_.log(context.id + ": " + problem.what());
      refuse(told,
             {500, "the server failed; its log says why, under " + context.id, "server_error"});
    }
    client.seen.person = context.person;
  }

  static void refuse(httplib::Response& told, const api_error& problem) {
    told.status = problem.status;
    told.set_content(problem.body(), "application/json");
    if (problem.status == 401) told.set_header("WWW-Authenticate", "Bearer");
    if (problem.retry_after > 0.0) {
      const double seconds = std::ceil(problem.retry_after);
      told.set_header("Retry-After", std::to_string(static_cast<std::int64_t>(seconds)));
    }
  }

  void dispatch(connection& client, request_context& context, httplib::Response& told) {
    const httplib::Request& asked = context.request;
    context.path = path_below(options_.base_path, path_of_target(client.head().target));
    expect_ours(asked);
    if (asked.method == "OPTIONS") {
      told.status = 204;
      return;
    }
    router::found found = routes_.find(asked.method, context.path);
    if (found.which == nullptr && found.methods.empty()) {
      throw api_error(404, join("there is nothing at ", io::quote_json(context.path)),
                      "invalid_request_error", "not_found");
    }
    if (found.which == nullptr) {
      told.set_header("Allow", found.methods);
      throw api_error(405, join("this path takes ", found.methods, ", not ", asked.method),
                      "invalid_request_error", "method_not_allowed");
    }
    client.seen.route = found.which->pattern;
    const std::optional<api_key> key = identify(asked, found.which->who, context.person);
    if (found.which->who == access::work) admit(context, key, told);
    context.parameters = std::move(found.parameters);
    context.gone = [&client] { return client.gone(); };
    context.body = client.read_body(options_.most_body);
    found.which->answer(context, told);
  }

  // Without keys a page of another site must not use the server through its reader's browser.
  void expect_ours(const httplib::Request& asked) const {
    if (keys() != nullptr) return;
    const std::string host = asked.get_header_value("Host");
    if (!origins_.is_ours(host)) {
      throw api_error(
          403,
          join("the Host ", io::quote_json(host.substr(0, 100)), " is not this server's; ",
               "without --api-key-file it answers under its own address and the ",
               "origins of --cors alone"),
          "permission_error", "foreign_host");
    }
    const std::string origin = asked.get_header_value("Origin");
    if (!origins_.may_ask(origin, host)) {
      throw api_error(403,
                      join("pages of ", io::quote_json(origin.substr(0, 100)), " may not use this ",
                           "server; allow them by --cors, or give the server --api-key-file"),
                      "permission_error", "foreign_origin");
    }
  }

  // The headers by which a browser lets a page read the answer.
  void allow_reading(const httplib::Request& asked, httplib::Response& told) const {
    const std::string origin = asked.get_header_value("Origin");
    if (origin.empty() || !origins_.is_listed(origin)) return;
    told.set_header("Access-Control-Allow-Origin", origin);
    told.set_header("Vary", "Origin");
    told.set_header("Access-Control-Expose-Headers",
                    "x-request-id, retry-after, x-ratelimit-limit-requests, "
                    "x-ratelimit-remaining-requests, x-ratelimit-reset-requests");
    if (asked.method != "OPTIONS") return;
    told.set_header("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
    const std::string headers = asked.get_header_value("Access-Control-Request-Headers");
    const auto plain = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
             std::string_view("-_, ").find(c) != std::string_view::npos;
    };
    const bool good = headers.size() < 1000 && std::all_of(headers.begin(), headers.end(), plain);
    told.set_header("Access-Control-Allow-Headers",
                    good && !headers.empty() ? headers : "Authorization, Content-Type, X-Api-Key");
    told.set_header("Access-Control-Max-Age", "600");
  }

  std::shared_ptr<const api_keys> keys() const {
    const std::lock_guard hold(mutex_);
    return keys_;
  }

  // The key that a request comes with, with its quotas.
  std::optional<api_key> identify(const httplib::Request& asked, access who,
                                  std::string& person) const {
    const auto all = keys();
    if (all == nullptr) return std::nullopt;
    std::string given = asked.get_header_value("Authorization");
    if (lower_case(given.substr(0, 7)) == "bearer ") {
      given = without_blanks(std::string_view(given).substr(7));
    } else {
      given = asked.get_header_value("X-Api-Key");
    }
    const api_key* found = given.empty() ? nullptr : all->find(given);
    if (found == nullptr && who != access::open) {
      throw api_error(401,
                      given.empty()
                          ? "an API key is needed: send the header Authorization: Bearer KEY"
                          : "the API key is none of this server's",
                      "authentication_error", "invalid_api_key");
    }
    if (found == nullptr) return std::nullopt;
    person = found->name;
    return *found;
  }

  // State, rate and quota.
  void admit(const request_context& context, const std::optional<api_key>& key,
             httplib::Response& told) {
    if (draining_) {
      told.set_header("Connection", "close");
      throw api_error(503, "the server is shutting down", "server_error", "draining").after(2.0);
    }
    static_cast<void>(model());
    const bool own = key.has_value() && key->requests_per_minute > 0.0;
    const double a_minute = own ? key->requests_per_minute : options_.requests_per_minute;
    const std::string name = key.has_value() ? "key " + key->name : "address " + context.client;
    const rate_state rate = rates_.ask(name, a_minute, clock_seconds());
    if (rate.limit > 0.0) {
      const auto whole = [](double value) {
        return std::to_string(static_cast<std::int64_t>(std::ceil(value)));
      };
      told.set_header("x-ratelimit-limit-requests", whole(rate.limit));
      told.set_header("x-ratelimit-remaining-requests", whole(rate.left));
      told.set_header("x-ratelimit-reset-requests", whole(rate.full) + "s");
    }
    if (!rate.allowed) {
      throw api_error(429,
                      join("more than ", rate.limit, " requests a minute; wait ",
                           std::ceil(rate.retry), " seconds"),
                      "rate_limit_error", "rate_limit_exceeded")
          .after(rate.retry);
    }
    if (!key || key->tokens_per_day == 0) return;
    const isize used = rates_.used(key->name, today());
    told.set_header("x-ratelimit-limit-tokens", std::to_string(key->tokens_per_day));
    told.set_header("x-ratelimit-remaining-tokens",
                    std::to_string(std::max<isize>(0, key->tokens_per_day - used)));
    if (used < key->tokens_per_day) return;
    told.set_header("x-should-retry", "false");
    const double left = 86400.0 * static_cast<double>(today() + 1) - wall_seconds();
    throw api_error(429, join("this key's ", key->tokens_per_day, " tokens of today are used up"),
                    "rate_limit_error", "insufficient_quota")
        .after(left);
  }

  // The address behind trusted proxies: the last of X-Forwarded-For that is none of theirs.
  std::string client_of(const connection& client, const httplib::Request& asked) const {
    const auto trusted = [this](const std::string& address) {
      const auto& all = options_.trusted_proxies;
      return std::find(all.begin(), all.end(), address) != all.end();
    };
    std::string address = client.peer();
    std::string list;
    for (std::size_t i = 0; i < asked.get_header_value_count("X-Forwarded-For"); ++i) {
      list += "," + asked.get_header_value("X-Forwarded-For", i);
    }
    while (trusted(address) && !list.empty()) {
      const std::size_t comma = list.rfind(',');
      const std::string before(without_blanks(std::string_view(list).substr(comma + 1)));
      list.resize(comma);
      unsigned char bytes[16];
      if (::inet_pton(AF_INET, before.c_str(), bytes) != 1 &&
          ::inet_pton(AF_INET6, before.c_str(), bytes) != 1) {
        break;
      }
      address = before;
    }
    return address;
  }

  void record(const request_record& seen) {
    const double seconds = clock_seconds() - seen.begun;
    const bool known = seen.method == "GET" || seen.method == "POST" || seen.method == "HEAD" ||
                       seen.method == "DELETE" || seen.method == "PUT" || seen.method == "PATCH" ||
                       seen.method == "OPTIONS";
    means_.metrics->count_request(seen.route.empty() ? "none" : seen.route,
                                  known ? seen.method : "other", seen.status, seconds);
    if (options_.log) options_.log(access_line(seen, wall_seconds(), seconds));
  }

  server_options options_;
  origins origins_;
  answering means_;
  router routes_;
  rate_limit rates_;
  std::atomic<bool> draining_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<const served_model> model_;
  std::shared_ptr<const api_keys> keys_;  // nullptr: none are needed
  http_server web_;                       // last: its threads end first
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
