// Whatever a client sends, it gets a status of 400 to 499 and a sentence, or its socket is closed;
// the server goes on, and its memory and threads stay what they were.
#include <unistd.h>

#include <fstream>

#include "serve/fixture.hpp"

using namespace ctgpt_test;

namespace {

std::string head(const std::string& more,
                 const std::string& line = "POST /v1/completions HTTP/1.1") {
  return line + "\r\nHost: localhost\r\n" + more + "\r\n";
}
std::string with_body(const std::string& body) {
  return head(ctgpt::join("Content-Length: ", body.size(), "\r\n")) + body;
}

// A refusal with a sentence in the right form.
void check_refused(const std::string& answer, int low = 400, int high = 499) {
  INFO(answer.substr(0, 400));
  CHECK(status_in(answer) >= low);
  CHECK(status_in(answer) <= high);
  const std::size_t body = answer.find("\r\n\r\n");
  REQUIRE(body != answer.npos);
  const auto told = json_of(answer.substr(body + 4));
  CHECK(ctgpt::io::json_field(told, "it")["error"]["message"].string().size() > 10);
}

void check_alive(const fixture& here) {
  const auto told = here.post("/v1/completions", R"({"prompt":"say:ok"})");
  REQUIRE(told);
  CHECK(told->status == 200);
}

// Sanitizers keep what is freed for a while, so that memory says nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_tells = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool memory_tells = false;
#else
constexpr bool memory_tells = true;
#endif
#else
constexpr bool memory_tells = true;
#endif

// Of this process.
long from_status(const char* name) {
  std::ifstream file("/proc/self/status");
  std::string word;
  long value = -1;
  while (file >> word) {
    if (word == std::string(name) + ":") file >> value;
  }
  return value;
}

}  // namespace

TEST_CASE("heads that two readers could read differently, or that never end, are refused") {
  const fixture here;
  const std::string cases[] = {
      "GARBAGE\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
      "GET /health HTTP/1.1\r\n\r\n",                                // no Host
      "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n",  // two
      "GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n",            // a space
      "GET /health HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",  // a folded line
      "GET /health HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",       // a bare LF
      std::string("GET /health HTTP/1.1\r\nHost: local\0host\r\n\r\n", 43),
      "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
      head("Content-Length: 5\r\nContent-Length: 6\r\n"),
      head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      head("Content-Length: -1\r\n"),
      head("Content-Length: 99999999999999999999\r\n"),
      head("Content-Length: 1e3\r\n"),
      head("Expect: 200-maybe\r\n"),
      head("Transfer-Encoding: chunked\r\n") + "zz\r\n",
      head("Transfer-Encoding: chunked\r\n") + "ffffffffffffffff\r\n",
      head("Transfer-Encoding: chunked\r\n") + "5\r\nabcdefg\r\n",
      head("X: " + std::string(9000, 'a') + "\r\n"),
      head("", "GET /" + std::string(9000, 'a') + " HTTP/1.1"),
      "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /v1/models/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: localhost\r\n\r\n",
  };
  for (const std::string& each : cases) {
    raw_client client(here.port);
    client.say(each);
    check_refused(client.hear("}}", 5.0), 400, 505);
  }
  std::string many = "GET /health HTTP/1.1\r\nHost: localhost\r\n";
  for (int i = 0; i < 200; ++i) many += ctgpt::join("X-", i, ": y\r\n");
  raw_client client(here.port);
  client.say(many + "\r\n");
  CHECK(status_in(client.hear("}}")) == 431);
  raw_client endless(here.port);
  endless.say("GET /health HTTP/1.1\r\n");
  while (endless.say("X: " + std::string(1000, 'x') + "\r\n") && endless.hear("}}", 0.0).empty()) {
  }
  check_alive(here);
}

TEST_CASE("a refused body does not become the next request") {
  const fixture here;
  raw_client client(here.port);
  const std::string smuggled = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.say(ctgpt::join("POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: ",
                         smuggled.size(), "\r\n\r\n", smuggled));
  const std::string heard = client.hear();
  CHECK(status_in(heard) == 404);
  CHECK(client.closed());
  CHECK(heard.find("HTTP/1.1", 1) == heard.npos);
}

TEST_CASE("one connection serves many requests, also sent at once; 100-continue is answered") {
  const fixture here;
  raw_client client(here.port);
  const std::string ask = with_body(R"({"prompt":"say:pipelined"})");
  client.say(ask + ask + ask);
  std::string heard;
  for (int i = 0; i < 3; ++i) heard += client.hear("total_tokens");
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = heard.find("200 OK", at)) != heard.npos; ++at) ++answers;
  CHECK(answers == 3);
  raw_client careful(here.port);
  const std::string body = R"({"prompt":"say:x"})";
  careful.say(head(ctgpt::join("Expect: 100-continue\r\nContent-Length: ", body.size(), "\r\n")));
  CHECK(careful.hear("\r\n\r\n").starts_with("HTTP/1.1 100"));
  careful.say(body);
  CHECK(status_in(careful.hear("}}")) == 200);
  raw_client chunked(here.port);
  chunked.say(head("Transfer-Encoding: chunked\r\n") +
              "9\r\n{\"prompt\"\r\n9;x=y\r\n:\"say:x\"}\r\n0\r\n\r\n");
  CHECK(status_in(chunked.hear("}}")) == 200);
  raw_client old(here.port);
  old.say("GET /health HTTP/1.0\r\n\r\n");
  CHECK(status_in(old.hear()) == 403);  // of no Host, without keys
  CHECK(old.closed());
}

TEST_CASE("a body that is too long is refused: by its length before it comes, by its chunks") {
  const fixture here({.server = {.most_body = 1 << 20}});
  const long before = from_status("VmRSS");
  raw_client told(here.port);
  told.say(head("Content-Length: 104857600\r\n"));
  CHECK(status_in(told.hear("}}")) == 413);
  const std::string megabyte(1 << 20, 'x');
  {
    raw_client sending(here.port);  // and sends it all the same
    sending.say(head("Content-Length: 104857600\r\n"));
    for (int i = 0; i < 100 && sending.say(megabyte); ++i) {
    }
    check_refused(sending.hear("}}"), 413, 413);
  }
  raw_client chunked(here.port);
  chunked.say(head("Transfer-Encoding: chunked\r\n"));
  for (int i = 0; i < 100 && chunked.say("100000\r\n" + megabyte + "\r\n"); ++i) {
  }
  const std::string heard = chunked.hear("}}");
  CHECK((heard.empty() || status_in(heard) == 413));
  if (memory_tells) CHECK(from_status("VmRSS") - before < 20'000);  // KiB
  check_alive(here);
}

TEST_CASE("who says nothing, a byte at a time, or closes too early, does not hold a thread") {
  fixture_options options;
  options.server.limits.head = 0.5;
  options.server.limits.body = 0.5;
  options.server.limits.idle = 0.5;
  const fixture here(options);
  raw_client silent(here.port), slow(here.port), slow_body(here.port), half(here.port),
      half_body(here.port);
  slow_body.say(head("Content-Length: 1000\r\n"));
  half.say("GET /hea");
  half.close_half();
  half_body.say(head("Content-Length: 1000\r\n") + "{");
  half_body.close_half();
  const double begun = ctgpt::clock_seconds();
  for (int i = 0; i < 30 && slow.say("G") && slow_body.say("{"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(status_in(slow.hear()) == 408);
  CHECK(status_in(slow_body.hear()) == 408);
  CHECK(silent.hear().empty());
  CHECK(silent.closed());
  CHECK(status_in(half.hear()) == 400);
  CHECK(status_in(half_body.hear()) == 400);
  CHECK(ctgpt::clock_seconds() - begun < 5.0);
  check_alive(here);
}

TEST_CASE("a client that reads nothing is dropped, and its answer ends") {
  fixture_options options{.context = 2'000'000};
  options.server.limits.write = 0.5;
  const fixture here(options);
  raw_client client(here.port);
  client.say(
      with_body(R"({"prompt":"loop:x","max_tokens":131072,"stream":true,"logprobs":5,"n":8})"));
  CHECK(soon([&] { return here.engine->cancels() > 0 && here.web->at_work() == 0; }, 20.0));
  check_alive(here);
}

TEST_CASE("many connections: those past the limit are told so, idle ones give way") {
  fixture_options options;
  options.server.most_connections = 20;
  options.server.limits.idle = 1.0;
  const fixture here(options);
  const long threads = from_status("Threads");
  {
    std::vector<std::unique_ptr<raw_client>> idle;
    for (int i = 0; i < 40; ++i) idle.push_back(std::make_unique<raw_client>(here.port));
    CHECK(status_in(idle.back()->hear("\r\n\r\n", 5.0)) == 503);
    CHECK(from_status("Threads") <= threads + 20);
    CHECK(soon([&] {  // while those are still open
      const auto told = here.client().Get("/health");
      return told && told->status == 200;
    }));
  }
  CHECK(soon([&] { return from_status("Threads") <= threads; }));
  check_alive(here);
}

TEST_CASE("sixty-four streams at once, and /health in between") {
  const fixture here({.context = 4096, .parallel = 64, .step = 0.002});
  std::atomic<int> whole = 0;
  std::vector<std::thread> people;
  for (int i = 0; i < 64; ++i) {
    people.emplace_back([&, i] {
      const auto told = here.post(
          "/v1/completions",
          ctgpt::join(R"({"prompt":"loop:ab","max_tokens":)", 100 + i, R"(,"stream":true})"));
      if (told && told->status == 200 && told->body.ends_with("data: [DONE]\n\n")) ++whole;
    });
  }
  std::vector<double> waits;
  auto client = here.client();
  client.set_keep_alive(true);
  for (int i = 0; i < 40; ++i) {
    const double begun = ctgpt::clock_seconds();
    const auto told = client.Get("/health");
    waits.push_back(ctgpt::clock_seconds() - begun);
    CHECK(told->status == 200);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  for (std::thread& each : people) each.join();
  CHECK(whole == 64);
  std::sort(waits.begin(), waits.end());
  MESSAGE("the longest but one of 40 waits for /health: ", waits[38] * 1000.0, " ms");
  CHECK(soon([&] { return here.web->at_work() == 0; }));
}

TEST_CASE("people who come, stream and vanish leave neither memory nor threads behind") {
  const fixture here({.context = 100'000, .parallel = 16, .step = 0.0005});
  const std::string ask = with_body(R"({"prompt":"loop:abc","max_tokens":50000,"stream":true})");
  const auto churn = [&](int count) {
    for (int i = 0; i < count; ++i) {
      raw_client client(here.port);
      client.say(ask);
      if (i % 3 != 0) client.hear("abc", 0.01);
    }
    CHECK(soon([&] { return here.web->at_work() == 0; }));
  };
  churn(100);
  const long memory = from_status("VmRSS"), threads = from_status("Threads");
  churn(400);
  if (memory_tells) CHECK(from_status("VmRSS") - memory < 16'000);  // KiB
  CHECK(soon([&] { return from_status("Threads") <= threads + 2; }));
  check_alive(here);
}
