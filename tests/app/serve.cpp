// ctgpt serve as it is run: what it prints, flags, environment and file, signals, files read anew,
// OpenAI's own client, and what a kill leaves.
#include "app/http.hpp"
#include "app/talks.hpp"
#include "io/python.hpp"

using namespace ctgpt_test;

namespace {

// A program without the component ctgpt::serve has no such verb.
bool has_serve() {
  static const bool there = result_of({"serve", "--help"}).code == 0;
  if (!there) MESSAGE("left out: the program was built without the component ctgpt::serve");
  return there;
}

// One model for all: making it takes some seconds.
class ground : public talk_ground {
 public:
  ground() { chat_ = tuned("chat"); }
  const std::string& chat() const { return chat_; }

 private:
  std::string chat_;
};
const ground& here() {
  static const ground one;
  return one;
}

void write(const std::string& path, const std::string& text) {
  ctgpt::write_file_atomic(path, text);
}

const char* const hello = R"({"messages":[{"role":"user","content":"Hello"}],"max_tokens":5})";
const char* const endless =
    R"({"prompt":"Once","max_tokens":100000,"stream":true,"logit_bias":{"65":100}})";

}  // namespace

TEST_CASE("serve: prints memory, room and speed, answers, and SIGTERM ends it with 0") {
  if (!has_serve()) return;
  serving server({"--model", here().chat(), "--alias", "small"});
  const std::string told = server.printed();
  INFO(told);
  CHECK(contains(told, "Model small: "));
  CHECK(contains(told, "chat template chatml"));
  CHECK(contains(told, "Memory: "));
  CHECK(contains(told, "conversations of full length"));
  CHECK(contains(told, " tokens/s for one person, "));
  CHECK(contains(told, "Listening on http://127.0.0.1:"));
  CHECK(http(server.port(), "/health").body == R"({"status":"ok"})");
  const http_answer answer = http(server.port(), "/v1/chat/completions", hello);
  CHECK(answer.status == 200);
  CHECK(contains(answer.body, "\"model\":\"small\""));
  CHECK(http(server.port(), "/v1/chat/completions", R"({"model":"chat","messages":[]})").status ==
        400);
  server.send(SIGTERM);
  const outcome end = server.wait();
  CHECK(end.code == 0);
  CHECK(contains(end.err, "\"POST /v1/chat/completions\" 200 "));
  CHECK(contains(end.err, "Drained."));
}

TEST_CASE("serve: SIGTERM lets what runs end, and tells others that it drains") {
  if (!has_serve()) return;
  serving server({"--model", here().chat()});
  std::string stream;
  std::thread asking([&] {
    const std::string body = R"({"prompt":"Once","max_tokens":120,"stream":true,"n":8})";
    stream = said_to(server.port(),
                     "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Content-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
  });
  server.until(
      [&] { return contains(http(server.port(), "/metrics").body, "ctgpt_requests_running 8\n"); });
  server.send(SIGTERM);
  CHECK(server.until([&] { return contains(server.said(), "Draining"); }));
  const outcome end = server.wait();
  asking.join();
  CHECK(end.code == 0);
  CHECK(contains(stream, "data: [DONE]"));
  CHECK(contains(end.err, "\"POST /v1/completions\" 200 "));
}

TEST_CASE("serve: keys and rules by SIGHUP; one that is wrong leaves what was") {
  if (!has_serve()) return;
  const temporary_directory room;
  const std::string keys = room.file("keys"), rules = room.file("rules.json");
  write(keys, "anna key-of-anna\n");
  write(rules, R"({"rules":[{"name":"a","phrases":["hello"],"action":"block","where":"input"}]})");
  serving server({"--model", here().chat(), "--api-key-file", keys, "--rules", rules});
  const auto ask = [&](const std::string& key) {
    return http(server.port(), "/v1/chat/completions", hello, key).status;
  };
  CHECK(ask("") == 401);
  CHECK(ask("key-of-anna") == 400);  // by the rule
  write(keys, "bob key-of-bob\n");
  write(rules, R"({"rules":[]})");
  server.send(SIGHUP);
  CHECK(server.until([&] { return contains(server.said(), "The model was read anew."); }));
  CHECK(ask("key-of-anna") == 401);
  CHECK(ask("key-of-bob") == 200);
  write(keys, "short\n");
  server.send(SIGHUP);
  CHECK(server.until([&] { return contains(server.said(), "Not read anew: "); }));
  CHECK(contains(server.said(), "keys:1: a key has 8 to 512 visible ASCII characters"));
  CHECK(ask("key-of-bob") == 200);
  server.send(SIGINT);
  CHECK(server.wait().code == 0);
}

TEST_CASE("serve: a base model continues texts, and is no partner for a conversation") {
  if (!has_serve()) return;
  serving server({"--model", here().base()});
  CHECK(http(server.port(), "/v1/completions", R"({"prompt":"Once","max_tokens":4})").status ==
        200);
  const http_answer told = http(server.port(), "/v1/chat/completions", hello);
  CHECK(told.status == 400);
  CHECK(contains(told.body, "no_chat_template"));
  server.send(SIGTERM);
  CHECK(server.wait().code == 0);
}

TEST_CASE("serve: flags win over the environment, and that over the file") {
  if (!has_serve()) return;
  const temporary_directory room;
  const std::string file = room.file("serve.toml");
  write(file, "alias = \"of-the-file\"\nbase-path = \"/file\"\n[serve]\nrate_limit = 7\n");
  const run_options with{.before = [] {
    ::setenv("CTGPT_ALIAS", "of-the-environment", 1);
    ::setenv("CTGPT_BASE_PATH", "/environment", 1);
  }};
  serving server({"--model", here().chat(), "--config", file, "--alias", "of-the-flag"}, with);
  CHECK(contains(server.printed(), "Model of-the-flag: "));
  CHECK(http(server.port(), "/health").status == 404);
  const http_answer told = http(server.port(), "/environment/v1/completions", R"({"prompt":"a"})");
  CHECK(told.status == 200);
  CHECK(contains(told.head, "x-ratelimit-limit-requests: 7\r\n"));
}

TEST_CASE("serve: what cannot be served is one sentence") {
  if (!has_serve()) return;
  const temporary_directory room;
  const auto refused = [](const words& flags, int code) {
    return sentence(result_of(words{"serve", "--port", "0"} + flags), code);
  };
  CHECK(refused({}, 2) == "say which model by --model DIR");
  CHECK(contains(refused({"--model", room.file("none")}, 1), "there is no directory"));
  const std::string& chat = here().chat();
  CHECK(contains(refused({"--model", chat, "--kv-cache", "lots"}, 2), "--kv-cache must be"));
  CHECK(contains(refused({"--model", chat, "--kv-cache", "1k"}, 2), "cache"));
  CHECK(contains(refused({"--model", chat, "--cors", "example"}, 2), "--cors must be an origin"));
  CHECK(contains(refused({"--model", chat, "--ssl-cert-file", "x"}, 2), "belong together"));
  CHECK(contains(refused({"--model", chat, "--ssl-cert-file", "x", "--ssl-key-file", "y"}, 1),
                 "x: this is no certificate"));
  CHECK(contains(refused({"--model", chat, "--api-key-file", room.file("k")}, 1), "k"));
  CHECK(contains(refused({"--model", chat, "--host", "256.0.0.1"}, 1), "no address 256.0.0.1"));
  CHECK(contains(refused({"--model", chat, "--base-path", "x"}, 2), "must begin with /"));
  const serving server({"--model", chat});
  const outcome second =
      result_of({"serve", "--model", chat, "--port", std::to_string(server.port())});
  CHECK(contains(sentence(second, 1), "another program does; choose another --port"));
}

TEST_CASE("serve: killed under load, it starts again at once on the same port") {
  if (!has_serve()) return;
  int port = 0;
  {
    serving server({"--model", here().chat()});
    port = server.port();
    std::vector<std::thread> people;
    for (int i = 0; i < 4; ++i) {
      people.emplace_back([&] { http(port, "/v1/completions", endless); });
    }
    server.until(
        [&] { return contains(http(port, "/metrics").body, "ctgpt_requests_running 4\n"); });
    server.send(SIGKILL);
    CHECK(server.wait().signal == SIGKILL);
    for (std::thread& each : people) each.join();
  }
  serving again({"--model", here().chat(), "--host", "127.0.0.1"});
  CHECK(http(again.port(), "/v1/chat/completions", hello).status == 200);
}

TEST_CASE("OpenAI's official client, strict about every answer" * doctest::timeout(600)) {
  if (!has_serve() || !python_has("openai")) return;
  const temporary_directory room;
  const std::string keys = room.file("keys");
  write(keys, "anna key-of-anna\nlimited key-of-limited requests_per_minute=120\n");
  const serving server({"--model", here().chat(), "--api-key-file", keys, "--alias", "small"});
  const auto printed =
      python(golden("openai_client.py") + " http://127.0.0.1:" + std::to_string(server.port()) +
             " small key-of-anna");
  INFO(server.said());
  REQUIRE(printed.has_value());
  CHECK(printed->ends_with("all good\n"));
  CHECK(lines_of(*printed).size() == 12);
}

TEST_CASE("bench serve: people are simulated, figures and a verdict come of it") {
  if (!has_serve()) return;
  const temporary_directory room;
  const std::string file = room.file("load.json");
  const std::string text = output_of({"bench", "serve", "--users", "6", "--model", here().chat(),
                                      "--seconds", "3", "--think", "0.1", "--json", file});
  CHECK(contains(text, "time to first token"));
  CHECK((contains(text, "this machine carries 6 people") ||
         contains(text, "this machine does not carry 6 people")));
  const auto told = parsed(ctgpt::read_file(file));
  const ctgpt::io::json_field all(told, file);
  CHECK(all["users"].integer() == 6);
  CHECK(all["answers"].integer() > 6);
  CHECK(all["failures"].integer() == 0);
  CHECK(all["time_to_first_token_seconds"]["p99"].number() > 0.0);
  CHECK(contains(sentence(result_of({"bench", "serve"}), 2), "say what to ask"));
  CHECK(contains(sentence(result_of({"bench", "serve", "--url", "http://127.0.0.1:1"}), 1),
                 "does not answer"));
}
