// The server answers as OpenAI's does: whole, streamed, several at once, with log probabilities; an
// answer ends with its client; state, keys, limits and origins each have their status.
#include "ctgpt/serve/server.hpp"

#include "serve/fixture.hpp"

using namespace ctgpt_test;
using ctgpt::io::json;
using ctgpt::io::json_field;

namespace {

std::string code_of(const httplib::Result& told) {
  const json body = json_of(told->body);
  const json_field error = json_field(body, "it")["error"];
  CHECK(error["message"].string().size() > 7);
  CHECK(error["type"].string().size() > 3);
  CHECK((error["param"].value() != nullptr && error["code"].value() != nullptr));
  return error["code"].string_or("");
}

const char* const hello =
    R"({"model":"tiny","messages":[{"role":"user","content":"say:Hello there"}]})";

}  // namespace

TEST_CASE("a conversation is answered whole, with every member that OpenAI's answer has") {
  const fixture here;
  const auto told = here.post("/v1/chat/completions", hello);
  REQUIRE(told);
  CHECK(told->status == 200);
  CHECK(told->get_header_value("Content-Type") == "application/json");
  CHECK(told->get_header_value("x-request-id").starts_with("req_"));
  const json body = json_of(told->body);
  const json_field all(body, "it");
  CHECK(all["object"].string() == "chat.completion");
  CHECK(all["id"].string().starts_with("chatcmpl-"));
  CHECK(all["created"].integer() > 1'700'000'000);
  CHECK(all["model"].string() == "tiny");
  const json_field choice = all["choices"][0];
  CHECK(choice["message"]["role"].string() == "assistant");
  CHECK(choice["message"]["content"].string() == "Hello there");
  CHECK(choice["finish_reason"].string() == "stop");
  CHECK(choice["logprobs"].value()->is_null());
  CHECK(all["usage"]["completion_tokens"].integer() == 11);
  CHECK(all["usage"]["prompt_tokens"].integer() == 18);
  CHECK(all["usage"]["total_tokens"].integer() == 29);
}

TEST_CASE("a streamed conversation is the same text, with a role first and usage last") {
  const fixture here;
  const auto told = here.post("/v1/chat/completions",
                              R"({"messages":[{"role":"user","content":"say:héllo ☃ 🙂!"}],)"
                              R"("stream":true,"stream_options":{"include_usage":true}})");
  REQUIRE(told);
  CHECK(told->get_header_value("Content-Type") == "text/event-stream");
  const std::vector<std::string> events = events_of(told->body);
  REQUIRE(events.size() > 4);
  CHECK(events.back() == "[DONE]");
  std::string text, id;
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    const json event = json_of(events[i]);
    const json_field chunk(event, "it");
    CHECK(chunk["object"].string() == "chat.completion.chunk");
    if (id.empty()) id = chunk["id"].string();
    CHECK(chunk["id"].string() == id);
    const bool last = i + 2 == events.size();
    CHECK(chunk["usage"].present() == last);
    CHECK(chunk["choices"].size() == (last ? 0u : 1u));
    if (last) continue;
    const json_field delta = chunk["choices"][0]["delta"];
    CHECK(delta["role"].present() == (i == 0));
    text += delta["content"].string_or("");
    const bool ends = i + 3 == events.size();
    CHECK(chunk["choices"][0]["finish_reason"].present() == ends);
    if (ends) CHECK(delta.members().empty());
  }
  CHECK(text == "héllo ☃ 🙂!");
}

TEST_CASE("one seed, one answer: alone, among n, streamed and in company") {
  const fixture here;
  const std::string ask =
      R"({"messages":[{"role":"user","content":"Tell me"}],"seed":5,"max_tokens":40)";
  const auto content = [](const httplib::Result& told, std::size_t of) {
    const json body = json_of(told->body);
    return json_field(body, "it")["choices"][of]["message"]["content"].string();
  };
  const auto alone = here.post("/v1/chat/completions", ask + "}");
  const auto three = here.post("/v1/chat/completions", ask + ",\"n\":3}");
  REQUIRE(alone);
  REQUIRE(three);
  CHECK(content(alone, 0).size() == 40);
  CHECK(content(three, 0) == content(alone, 0));
  CHECK(content(three, 1) != content(alone, 0));
  CHECK(content(three, 2) != content(three, 1));
  const auto again = here.post("/v1/chat/completions", ask + "}");
  CHECK(content(again, 0) == content(alone, 0));
  const json body = json_of(three->body);
  CHECK(json_field(body, "it")["usage"]["completion_tokens"].integer() == 120);
  CHECK(json_field(body, "it")["choices"][2]["finish_reason"].string() == "length");
}

TEST_CASE("log probabilities: tokens with bytes, and the likeliest where they are asked for") {
  const fixture here;
  const auto told =
      here.post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"say:né"}],)"
                                        R"("logprobs":true,"top_logprobs":2})");
  REQUIRE(told);
  const json body = json_of(told->body);
  const json_field content = json_field(body, "it")["choices"][0]["logprobs"]["content"];
  REQUIRE(content.size() == 3);
  CHECK(content[0]["token"].string() == "n");
  CHECK(content[1]["token"].string() == "\xEF\xBF\xBD");
  CHECK(content[1]["bytes"][0].integer() == 0xC3);
  CHECK(content[0]["logprob"].number() == -0.25);
  CHECK(content[0]["top_logprobs"].size() == 2);
}

TEST_CASE("completions: several prompts, tokens as a prompt, echo, best_of, offsets") {
  const fixture here;
  const auto told = here.post("/v1/completions",
                              R"({"prompt":["say:ab","say:cd"],"echo":true,"logprobs":1,"n":2})");
  REQUIRE(told);
  CHECK(told->status == 200);
  const json body = json_of(told->body);
  const json_field choices = json_field(body, "it")["choices"];
  REQUIRE(choices.size() == 4);
  CHECK(choices[0]["text"].string() == "say:abab");
  CHECK(choices[3]["text"].string() == "say:cdcd");
  CHECK(choices[3]["index"].integer() == 3);
  const json_field logprobs = choices[0]["logprobs"];
  REQUIRE(logprobs["tokens"].size() == 8);
  CHECK(logprobs["tokens"][7].string() == "b");
  CHECK(logprobs["token_logprobs"][0].value()->is_null());
  CHECK(logprobs["text_offset"][7].integer() == 7);
  CHECK(json_field(body, "it")["usage"]["prompt_tokens"].integer() == 12);

  const auto ids = here.post("/v1/completions", R"({"prompt":[115,97,121,58,120,121]})");
  CHECK(json_field(json_of(ids->body), "it")["choices"][0]["text"].string() == "xy");
  const auto best = here.post("/v1/completions", R"({"prompt":"Once","best_of":3,"max_tokens":5})");
  const json kept = json_of(best->body);
  CHECK(json_field(kept, "it")["choices"].size() == 1);
  CHECK(json_field(kept, "it")["usage"]["completion_tokens"].integer() == 15);
  CHECK(json_field(kept, "it")["choices"][0]["logprobs"].value()->is_null());
}

TEST_CASE("/generate, embeddings as numbers and as base64, the list of models, metrics") {
  const fixture here;
  const auto plain = here.post("/generate", R"({"text":"say:yes"})");
  CHECK(plain->body == R"([{"generated_text":"say:yesyes"}])");
  const auto numbers = here.post("/v1/embeddings", R"({"input":["abc","d"],"model":"tiny"})");
  const json body = json_of(numbers->body);
  CHECK(json_field(body, "it")["data"].size() == 2);
  CHECK(json_field(body, "it")["data"][1]["embedding"].size() == 8);
  CHECK(json_field(body, "it")["usage"]["total_tokens"].integer() == 4);
  const auto coded =
      here.post("/v1/embeddings", R"({"input":"d","encoding_format":"base64","dimensions":5})");
  // d is 100, 4 of 8: 0, 0, 0, 0, 1.0f
  CHECK(json_field(json_of(coded->body), "it")["data"][0]["embedding"].string() ==
        "AAAAAAAAAAAAAAAAAAAAAAAAgD8=");
  CHECK(here.post("/v1/embeddings", R"({"input":"d","dimensions":9})")->status == 400);
  auto client = here.client();
  CHECK(client.Get("/v1/models")->body.find("\"id\":\"tiny\"") != std::string::npos);
  CHECK(client.Get("/v1/models/tiny")->status == 200);
  CHECK(client.Get("/v1/models/other")->status == 404);
  const auto head = client.Head("/v1/models");
  CHECK(head->status == 200);
  CHECK(head->body.empty());
  const auto metrics = client.Get("/metrics");
  CHECK(metrics->body.find("ctgpt_generation_tokens_total 3\n") != std::string::npos);
  CHECK(metrics->body.find("ctgpt_time_to_first_token_seconds_bucket") != std::string::npos);
  CHECK(metrics->body.find(R"(handler="/generate",method="POST",status="200"} 1)") !=
        std::string::npos);
}

TEST_CASE("what cannot be answered has a status, a sentence and a code") {
  const fixture here({.context = 64});
  const auto code = [&](const std::string& path, const std::string& body, int status) {
    const auto told = here.post(path, body);
    REQUIRE(told);
    CHECK(told->status == status);
    return code_of(told);
  };
  CHECK(code("/v1/chat/completions",
             R"({"model":"gpt-9","messages":[{"role":"user","content":"a"}]})",
             404) == "model_not_found");
  const std::string longer(70, 'x');
  CHECK(code("/v1/chat/completions",
             R"({"messages":[{"role":"user","content":")" + longer + "\"}]}",
             400) == "context_length_exceeded");
  CHECK(code("/v1/embeddings", R"({"input":")" + longer + "\"}", 400) == "context_length_exceeded");
  CHECK(code("/v1/completions", R"({"prompt":""})", 400) == "");
  CHECK(code("/nowhere", "{}", 404) == "not_found");
  CHECK(code("/health", "{}", 405) == "method_not_allowed");
  CHECK(code("/v1/chat/completions", R"({"messages":[{"role":"user","content":"fail:"}]})", 500) ==
        "");
  const fixture base({.chat = false});
  const auto told = base.post("/v1/chat/completions", hello);
  CHECK(told->status == 400);
  CHECK(code_of(told) == "no_chat_template");
  CHECK(base.post("/v1/completions", R"({"prompt":"say:x"})")->status == 200);
}

TEST_CASE("a failure within a stream is its last event") {
  const fixture here({.step = 0.02});
  const auto told = here.post("/v1/chat/completions",
                              R"({"stream":true,"messages":[{"role":"user","content":"fail:"}]})");
  REQUIRE(told);
  CHECK(told->status == 200);
  CHECK(events_of(told->body).back().starts_with(R"({"error":{"message":"it failed")"));
}

TEST_CASE("an answer ends when its client hangs up: streamed, whole, and while it waits") {
  const fixture here({.context = 100'000, .parallel = 1, .step = 0.002});
  const auto ask = [&](const std::string& more) {
    const std::string body =
        R"({"messages":[{"role":"user","content":"loop:x"}],"max_tokens":90000)" + more + "}";
    return ctgpt::join("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                       body.size(), "\r\n\r\n", body);
  };
  for (const std::string more : {"", ",\"stream\":true"}) {
    const int before = here.engine->cancels();
    {
      raw_client first(here.port), second(here.port);
      first.say(ask(more));
      CHECK(soon([&] { return here.engine->load().running == 1; }));
      second.say(ask(more));
      CHECK(soon([&] { return here.engine->load().waiting == 1; }));
      second.close();
      CHECK(soon([&] { return here.engine->load().waiting == 0; }));
      CHECK(here.engine->load().running == 1);
      if (!more.empty()) first.hear("\"x\"");
      first.close_half();  // says as much
      CHECK(soon([&] { return here.engine->load().running == 0; }));
    }
    CHECK(here.engine->cancels() >= before + 2);
    CHECK(soon([&] { return here.web->at_work() == 0; }));
  }
}

TEST_CASE("loading and draining are 503; what runs may end") {
  fixture here({.step = 0.005, .loaded = false});
  auto client = here.client();
  CHECK(client.Get("/health")->status == 503);
  const auto early = here.post("/v1/chat/completions", hello);
  CHECK(early->status == 503);
  CHECK(early->get_header_value("Retry-After") == "2");
  here.web->use(here.model);
  CHECK(client.Get("/health")->body == R"({"status":"ok"})");
  std::string told;
  std::thread asking([&] {
    const auto answer = here.post("/v1/completions", R"({"prompt":"loop:ab","max_tokens":60})");
    if (answer) told = answer->body;
  });
  CHECK(soon([&] { return here.web->at_work() == 1; }));
  here.web->begin_drain();
  CHECK(client.Get("/health")->status == 503);
  CHECK(here.post("/v1/chat/completions", hello)->status == 503);
  CHECK(here.web->drain(10.0));
  asking.join();
  CHECK(told.find("abababab") != std::string::npos);
  CHECK_FALSE(client.Get("/health"));
}

TEST_CASE("where the queue is full a request is told to come again") {
  const fixture here({.server = {.places = 2}, .context = 100'000, .parallel = 1, .step = 0.002});
  raw_client first(here.port);
  const std::string body = R"({"prompt":"loop:x","max_tokens":90000,"stream":true,"n":2})";
  first.say(ctgpt::join("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                        body.size(), "\r\n\r\n", body));
  CHECK(soon([&] { return here.web->at_work() == 2; }));
  const auto told = here.post("/v1/completions", R"({"prompt":"x"})");
  CHECK(told->status == 429);
  CHECK(code_of(told) == "queue_full");
  CHECK(told->get_header_value("Retry-After") == "1");
  CHECK(here.client().Get("/health")->status == 200);
  CHECK(here.post("/v1/completions", R"({"prompt":"x","n":3})")->status == 400);
}

TEST_CASE("keys: none, a wrong one, a right one in either header; /health needs none") {
  const fixture here;
  here.web->use(serve::api_keys_reader("keys").read("anna key-of-anna\nkey-of-nobody\n"));
  CHECK(here.post("/v1/chat/completions", hello)->status == 401);
  const auto wrong = here.post("/v1/chat/completions", hello, {{"Authorization", "Bearer nope"}});
  CHECK(wrong->status == 401);
  CHECK(code_of(wrong) == "invalid_api_key");
  CHECK(wrong->get_header_value("WWW-Authenticate") == "Bearer");
  const httplib::Headers right{{"Authorization", "Bearer key-of-anna"}};
  CHECK(here.post("/v1/chat/completions", hello, right)->status == 200);
  CHECK(here.post("/v1/chat/completions", hello, {{"X-Api-Key", "key-of-nobody"}})->status == 200);
  CHECK(here.client().Get("/health")->status == 200);
  CHECK(here.client().Get("/metrics")->status == 401);
  // A key says more than a Host.
  CHECK(here.client().Get("/health", {{"Host", "evil.example"}})->status == 200);
}

TEST_CASE("quotas: requests a minute, tokens a day") {
  const fixture here({.server = {.requests_per_minute = 3.0}});
  for (int i = 0; i < 3; ++i) {
    const auto told = here.post("/v1/completions", R"({"prompt":"say:x"})");
    CHECK(told->status == 200);
    CHECK(told->get_header_value("x-ratelimit-remaining-requests") == std::to_string(2 - i));
  }
  const auto told = here.post("/v1/completions", R"({"prompt":"say:x"})");
  CHECK(told->status == 429);
  CHECK(code_of(told) == "rate_limit_exceeded");
  CHECK(std::stoi(told->get_header_value("Retry-After")) >= 18);
  CHECK(here.client().Get("/v1/models")->status == 200);

  const fixture daily;
  daily.web->use(serve::api_keys_reader("keys").read("bob key-of-bob tokens_per_day=20\n"));
  const httplib::Headers bob{{"Authorization", "Bearer key-of-bob"}};
  CHECK(daily.post("/v1/completions", R"({"prompt":"say:0123456789"})", bob)->status == 200);
  CHECK(soon([&] { return daily.web->at_work() == 0; }));
  const auto over = daily.post("/v1/completions", R"({"prompt":"say:x"})", bob);
  CHECK(over->status == 429);
  CHECK(code_of(over) == "insufficient_quota");
  CHECK(over->get_header_value("x-should-retry") == "false");
}

TEST_CASE("without keys a foreign Host or Origin gets 403; --cors opens the door for one") {
  const fixture here({.server = {.cors = {"https://chat.example"}}});
  auto client = here.client();
  CHECK(client.Get("/health", {{"Host", "evil.example"}})->status == 403);
  CHECK(client.Get("/health", {{"Host", "localhost:1"}})->status == 200);
  CHECK(client.Get("/health", {{"Host", "[::1]:80"}})->status == 200);
  CHECK(client.Get("/health", {{"Host", "127.0.0.1.evil.example"}})->status == 403);
  CHECK(client.Get("/health", {{"Origin", "https://evil.example"}})->status == 403);
  CHECK(client.Get("/health", {{"Origin", "null"}})->status == 403);
  const std::string mine = "127.0.0.1:" + std::to_string(here.port);
  CHECK(client.Get("/health", {{"Origin", "http://" + mine}})->status == 200);
  CHECK(client.Get("/health", {{"Origin", "http://127.0.0.1:1"}})->status == 403);
  const auto listed = client.Get("/health", {{"Origin", "https://chat.example"}});
  CHECK(listed->status == 200);
  CHECK(listed->get_header_value("Access-Control-Allow-Origin") == "https://chat.example");
  const auto preflight =
      client.Options("/v1/chat/completions", {{"Origin", "https://chat.example"},
                                              {"Access-Control-Request-Method", "POST"},
                                              {"Access-Control-Request-Headers", "authorization"}});
  CHECK(preflight->status == 204);
  CHECK(preflight->get_header_value("Access-Control-Allow-Headers") == "authorization");
}

TEST_CASE("a base path, and the client behind a trusted proxy") {
  std::vector<std::string> lines;
  std::mutex mutex;
  const fixture here({.server = {.trusted_proxies = {"127.0.0.1", "10.0.0.1"},
                                 .base_path = "/gpt",
                                 .log = [&](const std::string& line) {
                                   const std::lock_guard hold(mutex);
                                   lines.push_back(line);
                                 }}});
  auto client = here.client();
  CHECK(client.Get("/health")->status == 404);
  CHECK(client.Get("/gpt/health", {{"X-Forwarded-For", "6.6.6.6, 7.7.7.7, 10.0.0.1"}})->status ==
        200);
  CHECK(soon([&] {
    const std::lock_guard hold(mutex);
    return lines.size() == 2;
  }));
  const bool told = std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find(" 7.7.7.7 - \"GET /gpt/health\" 200 ") != line.npos;
  });
  CHECK(told);
}

TEST_CASE("rules: the input is changed or refused, the output filtered; nothing else is told") {
  struct masking final : serve::output_filter {
    std::string feed(std::string_view text) override {
      held += text;
      if (held.find("bad") != held.npos) stop = held.find("worse") != held.npos;
      const std::size_t safe = held.size() < 4 ? 0 : held.size() - 4;
      const std::size_t at = held.find("bad");
      if (at == held.npos) {
        std::string out = held.substr(0, safe);
        held.erase(0, safe);
        return out;
      }
      std::string out = held.substr(0, at) + "***";
      held.erase(0, at + 3);
      return out;
    }
    std::string finish() override { return std::move(held); }
    bool blocked() const override { return stop; }
    std::string held;
    bool stop = false;
  };
  std::vector<serve::exchange> log;
  std::mutex mutex;
  const fixture here({.rules = {.input =
                                    [](const std::string& text) {
                                      if (text == "no") {
                                        throw serve::bad_request("not that", "messages",
                                                                 "content_filter");
                                      }
                                      return text;
                                    },
                                .output = [] { return std::make_unique<masking>(); },
                                .finished =
                                    [&](const serve::exchange& each) {
                                      const std::lock_guard hold(mutex);
                                      log.push_back(each);
                                    }}});
  const auto told =
      here.post("/v1/chat/completions",
                R"({"messages":[{"role":"user","content":"say:so bad it is"}],"logprobs":true})");
  const json body = json_of(told->body);
  const json_field choice = json_field(body, "it")["choices"][0];
  CHECK(choice["message"]["content"].string() == "so *** it is");
  CHECK(choice["logprobs"]["content"].size() <= 3);  // what stands before the change
  CHECK(told->body.find("bad") == std::string::npos);
  CHECK(soon([&] {
    const std::lock_guard hold(mutex);
    return log.size() == 1;
  }));
  CHECK(log[0].answer == "so *** it is");
  CHECK(log[0].ending == "stop");
  const auto refused =
      here.post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"no"}]})");
  CHECK(refused->status == 400);
  CHECK(code_of(refused) == "content_filter");
}
