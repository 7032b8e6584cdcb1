// Downloads from a server on this machine that behaves as bad networks do.
#include "ctgpt/data/download.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <atomic>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/base/directory.hpp"
#include "data/http_server.hpp"

using namespace ctgpt;
using namespace ctgpt_test;
using ctgpt::data::download;
using ctgpt::data::download_options;
using ctgpt::data::download_result;

namespace {

std::string some_bytes(std::size_t size, std::uint64_t seed = 1) {
  std::string text;
  std::uint64_t state = seed;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += static_cast<char>(state >> 56);
  }
  return text;
}

download_options quick(const std::string& expected) {
  download_options how;
  how.sha256 = expected.empty() ? "" : sha256_hex(expected);
  how.pause = 0.001;
  how.longest_pause = 0.02;
  how.stall_seconds = 1;
  how.connect_seconds = 5.0;
  return how;
}

struct place {
  temporary_directory here;
  std::string target = here.file("file"), partial = here.file("part");

  download_result get(const std::string& url, const download_options& how) const {
    return download(url, target, partial, how);
  }
  // Nothing but the whole file.
  void holds(const std::string& contents) const {
    CHECK((read_file(target) == contents));
    CHECK(here.names() == names{"file"});
  }
};

const std::string body = some_bytes(300'000);

}  // namespace

TEST_CASE("download: a whole file arrives under its name, with its sum") {
  const http_server server([](const web_request& asked) { return serve_file(asked, body); });
  const place at;
  std::uint64_t seen = 0;
  download_options how = quick(body);
  how.size = body.size();
  how.progress = [&](std::uint64_t bytes, std::optional<std::uint64_t> total) {
    CHECK(bytes > seen);
    CHECK(total == body.size());
    seen = bytes;
  };
  const download_result got = at.get(server.url("/a"), how);
  CHECK(got.sha256 == sha256_hex(body));
  CHECK(got.bytes == body.size());
  CHECK(seen == body.size());
  CHECK(server.requests().size() == 1);
  at.holds(body);
}

TEST_CASE("download: an empty file, and one whose length nobody says") {
  const http_server server([](const web_request& asked) {
    web_reply reply = serve_file(asked, asked.path == "/empty" ? "" : body);
    reply.says_length = asked.path == "/empty";
    return reply;
  });
  const place empty, silent;
  CHECK(empty.get(server.url("/empty"), quick("")).sha256 == sha256_hex(""));
  empty.holds("");
  silent.get(server.url("/silent"), quick(body));
  silent.holds(body);
}

TEST_CASE("download: connections cut at any byte go on where they stopped") {
  std::uint64_t state = 7;
  const http_server server([&](const web_request& asked) {
    web_reply reply = serve_file(asked, body);
    state = state * 6364136223846793005u + 1442695040888963407u;
    reply.cut = (state >> 33) % 30'000;
    return reply;
  });
  const place at;
  at.get(server.url("/a"), quick(body));
  at.holds(body);
  const auto requests = server.requests();
  CHECK(requests.size() > 10);
  std::size_t before = 0;
  for (std::size_t i = 1; i < requests.size(); ++i) {
    CHECK(requests[i].from.value_or(0) >= before);
    before = requests[i].from.value_or(0);
    if (before > 0) CHECK(requests[i].if_range == "\"one\"");
  }
  CHECK(before > body.size() / 2);
}

TEST_CASE("download: what one process left, the next one goes on with") {
  std::atomic<bool> bad = true;
  const http_server server([&](const web_request& asked) {
    web_reply reply = serve_file(asked, body);
    if (bad) reply.cut = asked.from ? 0 : 100'000;
    return reply;
  });
  const place at;
  const std::string said = sentence_of([&] { at.get(server.url("/a"), quick(body)); });
  CHECK(said.starts_with("cannot fetch " + server.url("/a") + ": "));
  CHECK(said.find("(6 tries); what has arrived is kept, and the same command goes on") !=
        std::string::npos);
  CHECK(at.here.names() == names{"part", "part.json"});
  bad = false;
  const std::size_t before = server.requests().size();
  at.get(server.url("/a"), quick(body));
  at.holds(body);
  CHECK(server.requests().size() == before + 1);
  CHECK(server.requests().back().from == 100'000);
}

TEST_CASE("download: a server without ranges begins again, and ends") {
  int tries = 0;
  const http_server server([&](const web_request&) {
    web_reply reply;
    reply.body = body;
    if (++tries < 4) reply.cut = 50'000u * static_cast<unsigned>(tries);
    return reply;
  });
  const place at;
  at.get(server.url("/a"), quick(body));
  at.holds(body);
  CHECK(tries == 4);
  CHECK(server.requests().back().from == 150'000);
}

TEST_CASE("download: a file that changes between tries begins again, whatever the server checks") {
  const std::string other = some_bytes(300'000, 2);
  // 0: If-Range is kept. 1: it is not, but the ETag tells. 2: nothing tells but the sum.
  for (int kind = 0; kind < 3; ++kind) {
    INFO(kind);
    int tries = 0;
    const http_server server([&](const web_request& asked) {
      const bool first = ++tries == 1;
      web_request heard = asked;
      if (kind > 0) heard.if_range.clear();
      web_reply reply = serve_file(heard, first ? body : other, first ? "\"one\"" : "\"two\"");
      if (kind == 2) reply.headers.clear();
      if (kind == 2 && reply.status == 206) {
        reply.headers = {"Content-Range: bytes " + std::to_string(*asked.from) + "-299999/300000"};
      }
      if (first) reply.cut = 120'000;
      return reply;
    });
    const place at;
    at.get(server.url("/a"), quick(other));
    at.holds(other);
    CHECK(tries == 2 + (kind > 0 ? 1 : 0));
  }
}

TEST_CASE("download: without a sum and a strong ETag nothing is pieced together") {
  int tries = 0;
  const http_server server([&](const web_request& asked) {
    web_reply reply = serve_file(asked, body, "W/\"weak\"");
    if (++tries == 1) reply.cut = 120'000;
    return reply;
  });
  const place at;
  CHECK_FALSE(at.get(server.url("/a"), quick("")).sha256.empty());
  at.holds(body);
  CHECK_FALSE(server.requests().back().from.has_value());
}

TEST_CASE("download: a wrong sum and a wrong size leave nothing") {
  const http_server server([](const web_request& asked) {
    web_reply reply = serve_file(asked, body);
    reply.says_length = asked.path != "/silent";
    return reply;
  });
  const place at;
  CHECK(sentence_of([&] { at.get(server.url("/a"), quick("other")); }) ==
        "the file at " + server.url("/a") + " has the SHA-256 " + sha256_hex(body) +
            ", but the catalogue has " + sha256_hex("other") + "; nothing of it is kept");
  CHECK(at.here.names().empty());
  download_options how = quick(body);
  how.size = 299'999;
  CHECK(sentence_of([&] { at.get(server.url("/a"), how); }) ==
        "the file at " + server.url("/a") + " has 300000 bytes, but the catalogue has 299999");
  CHECK(sentence_of([&] {
          at.get(server.url("/silent"), how);
        }).find("is longer than the 299999 bytes that the catalogue has") != std::string::npos);
  CHECK(at.here.names().empty());
  // What was there before stays.
  write_file_atomic(at.target, "before");
  CHECK(sentence_of([&] { at.get(server.url("/a"), quick("other")); }) != "(no error)");
  at.holds("before");
}

TEST_CASE("download: errors of the server: passing ones are tried again, others are said") {
  std::atomic<int> tries = 0;
  const http_server server([&](const web_request& asked) {
    ++tries;
    if (asked.path == "/busy" && tries < 4) {
      return web_reply{.status = 503, .headers = {"Retry-After: 1"}, .body = "page"};
    }
    if (asked.path == "/broken") return web_reply{.status = 500, .body = "page"};
    if (asked.path == "/none") return web_reply{.status = 404, .body = "page"};
    return serve_file(asked, body);
  });
  const place at;
  std::vector<std::string> said;
  download_options how = quick(body);
  how.say = [&](const std::string& what) { said.push_back(what); };
  at.get(server.url("/busy"), how);
  at.holds(body);
  REQUIRE(said.size() == 3);
  CHECK(said[0] == "the server answers 503 (unavailable); trying again in 0.02 s");
  tries = 0;
  CHECK(sentence_of([&] { at.get(server.url("/none"), how); }) ==
        "cannot fetch " + server.url("/none") + ": the server answers 404 (not found)");
  CHECK(tries == 1);
  tries = 0;
  CHECK(sentence_of([&] { at.get(server.url("/broken"), how); }) ==
        "cannot fetch " + server.url("/broken") +
            ": the server answers 500 (an error of its own) (6 tries)");
  CHECK(tries == 6);
}

TEST_CASE("download: redirects are followed, also when it goes on; endless ones are said") {
  int tries = 0;
  const http_server server([&](const web_request& asked) {
    if (asked.path == "/a") {
      return web_reply{.status = 302, .headers = {"Location: /b", "ETag: \"not this\""}};
    }
    if (asked.path == "/loop") return web_reply{.status = 302, .headers = {"Location: /loop"}};
    if (asked.path == "/file") {
      return web_reply{.status = 302, .headers = {"Location: file:///etc/passwd"}};
    }
    web_reply reply = serve_file(asked, body);
    if (++tries == 1) reply.cut = 1000;
    return reply;
  });
  const place at;
  at.get(server.url("/a"), quick(body));
  at.holds(body);
  CHECK(server.requests().back().from == 1000);
  CHECK(server.requests().back().if_range == "\"one\"");
  CHECK(sentence_of([&] { at.get(server.url("/loop"), quick(body)); }).find("redirect") !=
        std::string::npos);
  CHECK(sentence_of([&] { at.get(server.url("/file"), quick(body)); }).find("rotocol") !=
        std::string::npos);
}

TEST_CASE("download: a transfer that stands still is given up and tried again") {
  int tries = 0;
  const http_server server([&](const web_request& asked) {
    web_reply reply = serve_file(asked, body);
    if (++tries == 1) {
      reply.cut = 150'000;
      reply.stalls = true;
    }
    return reply;
  });
  const place at;
  at.get(server.url("/a"), quick(body));
  at.holds(body);
  CHECK(server.requests().back().from == 150'000);
}

TEST_CASE("download: a stop keeps what has arrived, and comes within a moment") {
  const http_server server([&](const web_request& asked) {
    web_reply reply = serve_file(asked, body);
    if (!asked.from) {
      reply.cut = 150'000;
      reply.stalls = true;
    }
    return reply;
  });
  const place at;
  download_options how = quick(body);
  how.stall_seconds = 100;
  std::uint64_t arrived = 0;
  how.progress = [&](std::uint64_t bytes, std::optional<std::uint64_t>) { arrived = bytes; };
  how.stop = [&] { return arrived == 150'000; };
  CHECK(at.get(server.url("/a"), how).stopped);
  CHECK(at.here.names() == names{"part", "part.json"});
  CHECK_FALSE(at.get(server.url("/a"), quick(body)).stopped);
  at.holds(body);
}

TEST_CASE("download: no server, no host and no address are one sentence") {
  std::string nobody;
  {
    const http_server gone([](const web_request&) { return web_reply{}; });
    nobody = gone.url("/a");
  }
  const place at;
  download_options how = quick(body);
  how.tries = 2;
  for (const std::string& url : {nobody, std::string("http://host.invalid/a")}) {
    const std::string said = sentence_of([&] { at.get(url, how); });
    INFO(said);
    CHECK(said.starts_with("cannot fetch " + url + ": "));
    CHECK(said.ends_with("(2 tries); check the network, or name a proxy by https_proxy"));
  }
  CHECK(sentence_of([&] {
          at.get("ftp://host.invalid/a", how);
        }).starts_with("cannot fetch ftp://host.invalid/a: "));
  CHECK_FALSE(is_file(at.target));
}

TEST_CASE("download: notes that are not whole, or of another address, count for nothing") {
  const http_server server([](const web_request& asked) { return serve_file(asked, body); });
  for (const char* note : {"", "{", "[]", "{\"url\":1}", "{\"url\":\"http://other/\"}"}) {
    const place at;
    write_file_atomic(at.partial, some_bytes(1000, 3));
    write_file_atomic(at.partial + ".json", note);
    at.get(server.url("/a"), quick(body));
    at.holds(body);
    CHECK_FALSE(server.requests().back().from.has_value());
  }
}

TEST_CASE("download: a full disk is said, and what fitted is kept") {
  const http_server server([](const web_request& asked) { return serve_file(asked, body); });
  const place at;
  const child_result full = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit most{100'000, 100'000};
    ::setrlimit(RLIMIT_FSIZE, &most);
    at.get(server.url("/a"), quick(body));
    return std::string("no error");
  });
  CHECK(full.said == "cannot write " + at.partial + ": File too large");
  CHECK(read_file(at.partial).size() == 100'000);
  at.get(server.url("/a"), quick(body));
  at.holds(body);
  CHECK(server.requests().back().from == 100'000);
}

TEST_CASE("download: the proxy that the environment names is asked") {
  const http_server server([](const web_request& asked) { return serve_file(asked, body); });
  const place at;
  const child_result proxied = in_child([&] {
    ::setenv("http_proxy", server.url().c_str(), 1);
    at.get("http://far.example/a", quick(body));
    return std::string("done");
  });
  CHECK(proxied.said == "done");
  at.holds(body);
  REQUIRE(server.requests().size() == 1);
  CHECK(server.requests()[0].path == "http://far.example/a");
}

TEST_CASE("download: any mixture of cuts, errors and forgotten ranges ends with the whole file") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    INFO(seed);
    std::uint64_t state = seed;
    const auto below = [&](std::uint64_t end) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return static_cast<std::size_t>((state >> 33) % end);
    };
    const http_server server([&](const web_request& asked) {
      if (below(5) == 0) return web_reply{.status = 502, .body = "page"};
      web_request heard = asked;
      if (below(3) == 0) heard.from.reset();
      web_reply reply = serve_file(heard, body, below(8) == 0 ? "\"two\"" : "\"one\"");
      reply.says_length = below(4) > 0;
      if (below(3) > 0) reply.cut = below(body.size());
      return reply;
    });
    const place at;
    download_options how = quick(body);
    how.size = body.size();
    how.tries = 100;
    at.get(server.url("/a"), how);
    at.holds(body);
  }
}

TEST_CASE("download: a closed pipe is no signal meanwhile, and one afterwards") {
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  ::close(pipe_ends[0]);
  const auto write_on = [&] { return ::write(pipe_ends[1], "x", 1); };
  const child_result quiet = in_child([&] {
    ::signal(SIGPIPE, SIG_DFL);
    const data::no_pipe_signal held;
    return std::string(write_on() < 0 && errno == EPIPE ? "an error" : "none");
  });
  CHECK(quiet.exited());
  CHECK(quiet.said == "an error");
  const child_result loud = in_child([&] {
    ::signal(SIGPIPE, SIG_DFL);
    { const data::no_pipe_signal held; }
    return std::string(write_on() < 0 ? "an error" : "none");
  });
  CHECK(loud.signal() == SIGPIPE);
  ::close(pipe_ends[1]);
}
