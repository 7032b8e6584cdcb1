// Who may use a server and how often: files of keys, origins, token buckets, heads and targets of
// requests, and the line that the log has of each.
#include <doctest/doctest.h>

#include "ctgpt/serve/access_log.hpp"
#include "ctgpt/serve/api_keys.hpp"
#include "ctgpt/serve/origins.hpp"
#include "ctgpt/serve/rate_limit.hpp"
#include "ctgpt/serve/request_target.hpp"
#include "ctgpt/serve/router.hpp"

using namespace ctgpt;
using namespace ctgpt::serve;

namespace {

std::string sentence_of_keys(const std::string& text) {
  try {
    api_keys_reader("keys.txt").read(text);
  } catch (const error& problem) {
    return problem.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("a file of keys: names, quotas, comments; names of keys alone tell no key") {
  const api_keys keys = api_keys_reader("keys.txt")
                            .read(
                                "# ours\n\nsk-5f1c0e77\r\n anna\tsk-9d2a7711 \nbob sk-31bb04xx "
                                "requests_per_minute=20 "
                                "tokens_per_day=500\nanna sk-second-one\nkey=with=equals\n");
  CHECK(keys.size() == 5);
  REQUIRE(keys.find("sk-9d2a7711") != nullptr);
  CHECK(keys.find("sk-9d2a7711")->name == "anna");
  CHECK(keys.find("sk-second-one")->name == "anna");
  CHECK(keys.find("sk-31bb04xx")->requests_per_minute == 20.0);
  CHECK(keys.find("sk-31bb04xx")->tokens_per_day == 500);
  CHECK(keys.find("key=with=equals") != nullptr);
  REQUIRE(keys.find("sk-5f1c0e77") != nullptr);
  const std::string name = keys.find("sk-5f1c0e77")->name;
  CHECK(name.starts_with("key-"));
  CHECK(name.find("5f1c") == name.npos);
  CHECK(keys.find("sk-5f1c0e7") == nullptr);
  CHECK(keys.find("") == nullptr);
  CHECK(keys.find("anna") == nullptr);
}

TEST_CASE("a file of keys with a mistake is refused, by its line and without the key") {
  CHECK(sentence_of_keys("# nothing\n").find("there is no key in it") != std::string::npos);
  CHECK(sentence_of_keys("a short\n") ==
        "keys.txt:1: a key has 8 to 512 visible ASCII characters, none of them a percent sign");
  CHECK(sentence_of_keys("a b12345678 c12345678\n").starts_with("keys.txt:1: a line is KEY or"));
  CHECK(sentence_of_keys("k1234567\nx k1234567\n") == "keys.txt:2: this key is there already");
  CHECK(sentence_of_keys("a k1234567 tokens_per_day=0\n").find("at least 1") != std::string::npos);
  CHECK(sentence_of_keys("a k1234567 tokens_per_day=x\n").find("at least 1") != std::string::npos);
  CHECK(sentence_of_keys("a k12345%41\n").find("percent") != std::string::npos);
}

TEST_CASE("a token bucket fills evenly and never beyond a minute's worth") {
  rate_limit limit;
  for (int i = 0; i < 60; ++i) CHECK(limit.ask("a", 60.0, 100.0).allowed);
  const rate_state over = limit.ask("a", 60.0, 100.0);
  CHECK_FALSE(over.allowed);
  CHECK(over.retry == doctest::Approx(1.0));
  CHECK(limit.ask("b", 60.0, 100.0).left == 59.0);
  CHECK(limit.ask("a", 60.0, 101.1).allowed);
  CHECK_FALSE(limit.ask("a", 60.0, 101.2).allowed);
  CHECK(limit.ask("a", 60.0, 10'000.0).left == 59.0);
  CHECK(limit.ask("anyone", 0.0, 1.0).allowed);
  for (int i = 0; i < 200'000; ++i) limit.ask(std::to_string(i), 60.0, 10'000.0);
  limit.spend("a", 5, 1);
  limit.spend("a", 6, 1);
  CHECK(limit.used("a", 1) == 11);
  CHECK(limit.used("a", 2) == 0);
}

TEST_CASE("origins: loopback, a network's address, what --cors may be") {
  const origins here({}, "127.0.0.1");
  for (const char* ours :
       {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:80", "a.localhost"}) {
    CHECK(here.is_ours(ours));
  }
  for (const char* foreign :
       {"", "evil.example", "localhost.evil.example", "10.0.0.1", "localhost:", "localhost:x",
        "[::1", "127.1", "localhost:123456", "0.0.0.0"}) {
    INFO(foreign);
    CHECK_FALSE(here.is_ours(foreign));
  }
  const origins network({"https://chat.example:8443"}, "0.0.0.0");
  CHECK(network.is_ours("192.168.1.5:8080"));
  CHECK(network.is_ours("[fe80::1]"));
  CHECK(network.is_ours("chat.example"));
  CHECK_FALSE(network.is_ours("evil.example"));
  CHECK(network.may_ask("https://chat.example:8443", "x"));
  CHECK_FALSE(network.may_ask("https://chat.example", "x"));
  CHECK(origins({"*"}, "127.0.0.1").may_ask("https://any.example", "localhost"));
  for (const char* none : {"chat.example", "https://", "https://a/b", "://a", ""}) {
    CHECK_THROWS_AS(origins({none}, "127.0.0.1"), usage_error);
  }
}

TEST_CASE("targets are decoded once; a base path is all or nothing") {
  CHECK(path_of_target("/a%20b/%41?x=%zz#y") == "/a b/A");
  CHECK(path_of_target("/%2525") == "/%25");
  for (const char* bad : {"", "x", "*", "/%", "/%4", "/%4g", "/%00", "/%0a", "/%ff", "http://a/"}) {
    CHECK_THROWS_AS(path_of_target(bad), api_error);
  }
  CHECK(path_below("/gpt", "/gpt/v1") == "/v1");
  CHECK(path_below("/gpt", "/gpt") == "/");
  CHECK_THROWS_AS(path_below("/gpt", "/gptx"), api_error);
}

TEST_CASE("routes: segments, the rest of a path, what a path takes") {
  router routes;
  routes.add({"GET", "/a/{}/b", access::open, {}});
  routes.add({"POST", "/a/{}/b", access::work, {}});
  routes.add({"GET", "/m/{...}", access::open, {}});
  CHECK(routes.find("GET", "/a/x y/b").parameters == std::vector<std::string>{"x y"});
  CHECK(routes.find("HEAD", "/a/x/b").which != nullptr);
  CHECK(routes.find("PUT", "/a/x/b").methods == "GET, POST");
  CHECK(routes.find("GET", "/m/x/../y").parameters == std::vector<std::string>{"x/../y"});
  for (const char* none : {"/a//b", "/a/b", "/a/x/b/", "/m/", "/m", "", "/"}) {
    CHECK(routes.find("GET", none).which == nullptr);
  }
}

TEST_CASE("a head is read to the letter, and httplib gets what it may act on") {
  const request_head read = read_request_head(
      "\r\nPOST /x?y HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\nContent-Length:  12 \r\n"
      "accept-encoding: gzip\r\nExpect: 100-Continue\r\nConnection: Keep-Alive, Close\r\n\r\n");
  CHECK(read.method == "POST");
  CHECK(read.target == "/x?y");
  CHECK(read.length == 12);
  CHECK(read.expects_continue);
  CHECK(read.text ==
        "POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nConnection: close\r\n\r\n");
  CHECK(head_end("\r\n\r\nGET") == std::string::npos);
  CHECK(chunk_size("1f ;x=y") == 31);
  for (const char* bad : {"", "-1", "0x1", "123456789", "1 2"}) {
    CHECK_THROWS_AS(chunk_size(bad), api_error);
  }
}

TEST_CASE("a line of the log is one line, whatever a client sent") {
  request_record seen;
  seen.method = "GET";
  seen.target = "/a\"b\x1b[31m\xff?secret";
  seen.client = "127.0.0.1";
  seen.person = "anna b\n";
  seen.status = 404;
  seen.bytes = 12;
  seen.id = "req_1";
  CHECK(
      access_line(seen, 0.125, 1.5) ==
      "1970-01-01T00:00:00.125Z 127.0.0.1 \"anna b\\n\" \"GET /a\\\"b\\u001b[31m\xEF\xBF\xBD\" 404 "
      "12B 1.500s req_1");
}
