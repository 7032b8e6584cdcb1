// Entries of a catalogue, from a mirror on this machine into a cache.
#include "ctgpt/data/fetch.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "data/http_server.hpp"

using namespace ctgpt;
using namespace ctgpt_test;
using ctgpt::data::catalogue_entry;
using ctgpt::data::catalogue_file;
using ctgpt::data::fetch;
using ctgpt::data::fetch_options;
using ctgpt::data::fetched;

namespace {

const std::string first(50'000, 'a'), second(70'000, 'b');
const std::string first_sum = sha256_hex(first);

struct example {
  std::vector<catalogue_file> files{{"one.txt", first_sum, 50'000}, {"two.txt", {}, 0, "x/2"}};
  catalogue_entry entry{"two", "corpus", "free", "two texts", "https://far.example/d/", files};
  temporary_directory cache;

  fetch_options how(const http_server& server) const {
    fetch_options how{.cache = cache.file("cache"), .mirror = server.url()};
    how.network.pause = 0.001;
    how.network.tries = 3;
    how.network.stall_seconds = 2;
    return how;
  }
};

web_reply serve(const web_request& asked) {
  if (asked.path == "/far.example/d/one.txt") return serve_file(asked, first);
  if (asked.path == "/far.example/d/x/2") return serve_file(asked, second);
  return {.status = 404};
}

}  // namespace

TEST_CASE("fetch: all files of an entry, and nothing the second time") {
  const http_server server(serve);
  const example with;
  const fetched got = fetch(with.entry, with.how(server));
  CHECK(got.path == with.cache.file("cache/two"));
  REQUIRE(got.files.size() == 2);
  CHECK(read_file(got.files[0].path) == first);
  CHECK(read_file(got.path + "/two.txt") == second);
  CHECK(got.files[0].pinned);
  CHECK_FALSE(got.files[1].pinned);
  CHECK_FALSE(got.files[1].confirmed);
  CHECK(got.files[1].sha256 == sha256_hex(second));
  CHECK(got.files[1].url == "https://far.example/d/x/2");
  CHECK(got.files[1].bytes == 70'000);
  const fetched again = fetch(with.entry, with.how(server));
  CHECK(again.files[0].was_there);
  CHECK(again.files[1].was_there);
  CHECK(again.files[1].confirmed);
  CHECK(again.files[1].sha256 == got.files[1].sha256);
  CHECK(server.requests().size() == 2);
}

TEST_CASE("fetch: a damaged file comes anew; one that is not pinned must be what it was") {
  std::atomic<bool> changed = false;
  const http_server server([&](const web_request& asked) {
    if (changed && asked.path == "/far.example/d/x/2") return serve_file(asked, "other");
    return serve(asked);
  });
  const example with;
  const std::string path = fetch(with.entry, with.how(server)).path;
  write_file_atomic(path + "/one.txt", "damaged");
  write_file_atomic(path + "/two.txt", "damaged");
  std::vector<std::string> said;
  fetch_options how = with.how(server);
  how.network.say = [&](const std::string& what) { said.push_back(what); };
  fetch(with.entry, how);
  CHECK(said == std::vector<std::string>{path + "/one.txt is damaged and comes anew",
                                         path + "/two.txt is damaged and comes anew"});
  CHECK(read_file(path + "/one.txt") == first);
  CHECK(read_file(path + "/two.txt") == second);
  changed = true;
  REQUIRE(::unlink((path + "/two.txt").c_str()) == 0);
  CHECK(sentence_of([&] { fetch(with.entry, how); })
            .ends_with("has the SHA-256 " + sha256_hex("other") + ", but the first fetch has " +
                       sha256_hex(second) + "; nothing of it is kept"));
  CHECK_FALSE(is_file(path + "/two.txt"));
}

TEST_CASE("fetch: of several at once each file comes once, and all end with the whole entry") {
  const http_server server([](const web_request& asked) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return serve(asked);
  });
  const example with;
  std::vector<std::string> results(4);
  std::vector<std::thread> all;
  for (std::string& result : results) {
    all.emplace_back([&] {
      try {
        const fetched got = fetch(with.entry, with.how(server));
        result = read_file(got.path + "/one.txt") + read_file(got.path + "/two.txt");
      } catch (const std::exception& failure) {
        result = failure.what();
      }
    });
  }
  for (std::thread& each : all) each.join();
  for (const std::string& result : results) CHECK((result == first + second));
  CHECK(server.requests().size() == 2);
}

TEST_CASE("fetch: one that waits for another can be stopped") {
  const http_server server([](const web_request& asked) {
    web_reply reply = serve(asked);
    reply.cut = 100;
    reply.stalls = true;
    return reply;
  });
  const example with;
  std::atomic<bool> stop = false;
  std::thread other([&] {
    fetch_options how = with.how(server);
    how.network.stop = [&] { return stop.load(); };
    how.network.stall_seconds = 100;
    CHECK(fetch(with.entry, how).stopped);
  });
  while (server.requests().empty()) std::this_thread::yield();
  fetch_options how = with.how(server);
  bool waits = false;
  how.network.say = [&](const std::string& what) {
    CHECK(what == "another process fetches two; waiting");
    waits = true;
  };
  how.network.stop = [&] { return waits; };
  CHECK(fetch(with.entry, how).stopped);
  CHECK(waits);
  stop = true;
  other.join();
}

TEST_CASE("fetch: what is said of a file begins with its name") {
  std::atomic<int> tries = 0;
  const http_server server([&](const web_request& asked) {
    return ++tries == 1 ? web_reply{.status = 500} : serve(asked);
  });
  const example with;
  fetch_options how = with.how(server);
  std::vector<std::string> said;
  how.network.say = [&](const std::string& what) { said.push_back(what); };
  fetch(with.entry, how);
  CHECK(said == std::vector<std::string>{"two/one.txt: the server answers 500 (an error of its "
                                         "own); trying again in 0.001 s"});
}

TEST_CASE("fetch: a cache that cannot be written is one sentence") {
  const http_server server(serve);
  const example with;
  fetch_options how = with.how(server);
  write_file_atomic(with.cache.file("file"), "x");
  how.cache = with.cache.file("file");
  CHECK(sentence_of([&] { fetch(with.entry, how); }).starts_with("cannot create the directory "));
  if (::geteuid() == 0) return;  // whom permissions do not stop
  REQUIRE(::mkdir(with.cache.file("closed").c_str(), 0500) == 0);
  how.cache = with.cache.file("closed/cache");
  CHECK(sentence_of([&] { fetch(with.entry, how); }).starts_with("cannot create the directory "));
}

TEST_CASE("fetch: where the cache is") {
  const std::string said = in_child([] {
                             for (const char* name : {"CTGPT_CACHE", "XDG_CACHE_HOME", "HOME"})
                               ::unsetenv(name);
                             std::string all = sentence_of([] { data::default_cache(); });
                             ::setenv("HOME", "/h", 1);
                             all += "|" + data::default_cache();
                             ::setenv("XDG_CACHE_HOME", "relative", 1);
                             all += "|" + data::default_cache();
                             ::setenv("XDG_CACHE_HOME", "/x", 1);
                             all += "|" + data::default_cache();
                             ::setenv("CTGPT_CACHE", "own", 1);
                             return all + "|" + data::default_cache();
                           }).said;
  CHECK(said ==
        "there is no place for downloads: set CTGPT_CACHE to a directory|"
        "/h/.cache/ctgpt|/h/.cache/ctgpt|/x/ctgpt|own");
}
