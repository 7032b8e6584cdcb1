// ctgpt data fetch, from a mirror on this machine.
#include <atomic>

#include "app/runs.hpp"
#include "ctgpt/base/hash.hpp"
#include "data/http_server.hpp"

using namespace ctgpt_test;
using ctgpt::io::json_field;

namespace {

bool has_fetch() {
  const bool there = result_of({"data", "fetch", "--help"}).code == 0;
  if (!there) MESSAGE("left out: the program is built without ctgpt::data");
  return there;
}

const std::string book = "Down the Rabbit-Hole\n" + std::string(200'000, '.');
const std::string wrong(835'554, 'w');
const std::string book_path = "/www.gutenberg.org/cache/epub/11/pg11.txt";

web_reply serve(const web_request& asked) {
  if (asked.path == book_path) return serve_file(asked, book);
  if (asked.path.ends_with("/r50k_base.tiktoken")) return serve_file(asked, wrong);
  if (asked.path.ends_with(".tiktoken")) return serve_file(asked, "short");
  return {.status = 404};
}

run_options from(const http_server& server) {
  run_options options;
  const std::string url = server.url();
  options.before = [url] { ::setenv("CTGPT_MIRROR", url.c_str(), 1); };
  return options;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("data fetch: the path on standard output, the licence and the sum before and after") {
  if (!has_fetch()) return;
  const temporary_directory here;
  const http_server server(serve);
  const words fetch{"data", "fetch", "gutenberg-alice", "--cache", here.file("cache")};
  const outcome got = result_of(fetch, from(server));
  INFO(got.err);
  CHECK(got.code == 0);
  const std::string path = here.file("cache/gutenberg-alice/pg11.txt");
  CHECK(got.out == path + "\n");
  CHECK((contents(path) == book));
  CHECK(got.err ==
        "gutenberg-alice: Carroll, Alice in Wonderland; corpus, size not known; licence: public "
        "domain (USA); from https://www.gutenberg.org/cache/epub/\n"
        "gutenberg-alice/pg11.txt is not pinned: its SHA-256 is " +
            ctgpt::sha256_hex(book) + ", and later fetches compare with it\n");
  const outcome again = result_of(fetch, from(server));
  CHECK(again.out == got.out);
  CHECK(again.err.empty());
  CHECK(server.requests().size() == 1);
  const ctgpt::io::json said = parsed(output_of(fetch + words{"--json"}, from(server)));
  const json_field entry = json_field(said, "said")[std::size_t{0}];
  CHECK(entry["path"].string() == path);
  CHECK(entry["licence"].string() == "public domain (USA)");
  const json_field file = entry["files"][std::size_t{0}];
  CHECK(file["sha256"].string() == ctgpt::sha256_hex(book));
  CHECK(file["bytes"].integer() == static_cast<std::int64_t>(book.size()));
}

TEST_CASE("data fetch: the list, and names that are not on it") {
  if (!has_fetch()) return;
  const std::string list = output_of({"data", "fetch", "--list"});
  for (const char* part : {"gpt2 ", "549.6 MB", "MIT (modified, OpenAI)", "tinyshakespeare"}) {
    CHECK(says(list, part));
  }
  for (const std::string& line : lines_of(list)) CHECK(line.size() <= 150);
  const ctgpt::io::json all = parsed(output_of({"data", "fetch", "--list", "--json"}));
  CHECK(json_field(all, "list").size() == lines_of(list).size() - 1);
  const http_server server(serve);
  const auto sentence = [&](const words& names) {
    const outcome result = result_of(words{"data", "fetch"} + names, from(server));
    CHECK(result.code == 2);
    CHECK(result.out.empty());
    return result.err;
  };
  CHECK(says(sentence({"gutenberg-alice", "gpt-2"}),
             "there is nothing called gpt-2 to fetch; did you mean gpt2?"));
  CHECK(says(sentence({"something-else-entirely"}), "ctgpt data fetch --list shows the names"));
  CHECK(says(sentence({}), "say what to fetch: ctgpt data fetch NAME; --list shows the names"));
  CHECK(server.requests().empty());
}

TEST_CASE("data fetch: a wrong sum, a file that is not there, a cache that cannot be") {
  if (!has_fetch()) return;
  const temporary_directory here;
  const http_server server(serve);
  const auto sentence = [&](const std::string& name, const std::string& cache) {
    const outcome result = result_of({"data", "fetch", name, "--cache", cache}, from(server));
    CHECK(result.code == 1);
    CHECK(result.out.empty());
    return lines_of(result.err).back();
  };
  const std::string cache = here.file("cache");
  CHECK(sentence("r50k", cache) ==
        "ctgpt: the file at " + server.url() +
            "/openaipublic.blob.core.windows.net/encodings/r50k_base.tiktoken has the SHA-256 " +
            ctgpt::sha256_hex(wrong) +
            ", but the catalogue has "
            "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930; nothing of it is "
            "kept");
  CHECK(sentence("cl100k", cache).ends_with("has 5 bytes, but the catalogue has 1681126"));
  CHECK(sentence("gutenberg-moby-dick", cache).ends_with("the server answers 404 (not found)"));
  CHECK(std::filesystem::is_empty(cache + "/r50k"));
  ctgpt::write_file_atomic(here.file("file"), "x");
  CHECK(sentence("gutenberg-alice", here.file("file")).starts_with("ctgpt: cannot create the "));
}

TEST_CASE("data fetch: a signal and a kill leave a part that the next fetch goes on with") {
  if (!has_fetch()) return;
  for (const int signal : {SIGINT, SIGKILL}) {
    const temporary_directory here;
    std::atomic<bool> slow = true;
    const http_server server([&](const web_request& asked) {
      web_reply reply = serve(asked);
      reply.stalls = slow;
      if (slow) reply.cut = 120'000;
      return reply;
    });
    const words fetch{"data", "fetch", "gutenberg-alice", "--cache", here.file("cache")};
    const std::string part = here.file("cache/.fetch/gutenberg-alice/pg11.txt");
    {
      running now(fetch, from(server));
      REQUIRE(now.until([&] {
        std::error_code none;
        return std::filesystem::file_size(part, none) == 120'000 && !none;
      }));
      now.send(signal);
      const outcome ended = now.wait();
      CHECK(ended.out.empty());
      if (signal == SIGINT) {
        CHECK(ended.code == 128 + SIGINT);
        CHECK(says(ended.err, "Stopping; what has arrived is kept for the next time."));
      } else {
        CHECK(ended.signal == SIGKILL);
      }
    }
    slow = false;
    const std::string path = output_of(fetch, from(server));
    CHECK((contents(lines_of(path).at(0)) == book));
    CHECK(server.requests().back().from == 120'000);
    CHECK_FALSE(ctgpt::is_file(part));
  }
}
