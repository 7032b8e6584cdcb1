// The chat page in a real browser: page_browser.py clicks every control of it in headless Chromium.
// What stands between them cuts the stream into single bytes, so that events and characters come in
// pieces.
//
// CTGPT_PYTHON with selenium, and chromium, are what it takes; CTGPT_SCREENSHOTS names a folder
// that keeps the pictures. Those of the README are page_pictures.py's, of a model that is served.
#include <arpa/inet.h>

#include <cstdlib>

#include "serve/page_fixture.hpp"

using namespace ctgpt_test;

namespace {

constexpr std::string_view markdown = R"(Here is **bold**, *soft*, ~~gone~~ and `code <b>x</b>`.

## A list

1. First, with [a link](https://example.org/page?a=1&b=2)
2. Second
   - nested ☃ 🙂 日本語
   - deeper

> A quote that says
> two lines.

| Name | Number |
|:-----|-------:|
| Anna | 27 |
| Bob | 36 |

```cpp
int main() { return 0 < 1 && "<script>"; }
```

Done, see https://example.org.)";

constexpr std::string_view attack =
    R"(<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>
[click](javascript:window.hacked=1) [data](data:text/html,<script>hacked=1</script>)
![x](javascript:hacked) <javascript:hacked> **<b onmouseover=hacked=1>bold</b>**

```html
</code></pre><script>window.hacked=1</script>
```

| <i>a</i> | b |
|---|---|
| <svg onload=hacked=1> | [x](vbscript:hacked) |

&lt;b&gt; </script><script>window.hacked=1</script>)";

std::string answer(const std::string& prompt) {
  const std::size_t end = prompt.rfind("\n> ");
  const std::size_t begin = prompt.rfind('\n', end - 1);
  const std::string question = prompt.substr(begin + 1, end - begin - 1);
  const auto asks = [&question](const char* words) {
    return question.find(words) != question.npos;
  };
  if (asks("markdown")) return std::string(markdown);
  if (asks("attack")) return std::string(attack);
  if (asks("for ever")) {
    std::string text;
    for (int i = 0; i < 400; ++i) text += "and on ";
    return text;
  }
  if (asks("break")) return "It went well until\x05";
  if (asks("secret")) return "The word is plum, as ever.";
  if (asks("poem")) return "Roses are red.\n\nViolets are blue.";
  return "You said: " + question;
}

// Chromium's answers come through here byte by byte.
class dribble {
 public:
  explicit dribble(int port) : target_(port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = local(0);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  ~dribble() {
    ending_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (std::thread& each : pumps_) each.join();
    ::close(listener_);
  }
  int port() const { return port_; }

 private:
  static sockaddr_in local(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  void accept_all() {
    for (int client; (client = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      pumps_.emplace_back([this, client] { pump(client); });
    }
  }
  void pump(int client) const {
    const int server = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = local(target_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      const int yes = 1;
      ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      copy(client, server);
    }
    ::close(server);
    ::close(client);
  }
  void copy(int client, int server) const {
    bool streams = false;
    char bytes[4096];
    while (!ending_) {
      pollfd look[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (::poll(look, 2, 100) <= 0) continue;
      for (const bool up : {true, false}) {
        if (look[up ? 0 : 1].revents == 0) continue;
        const ssize_t got = ::recv(up ? client : server, bytes, sizeof bytes, 0);
        if (got <= 0) return;
        const std::string_view all(bytes, static_cast<std::size_t>(got));
        if (all.find("text/event-stream") != all.npos) streams = true;
        if (all.starts_with("HTTP/") && all.find("text/event-stream") == all.npos) streams = false;
        // Single bytes, the first of them with pauses, so that they are read apart.
        const std::size_t step = !up && streams ? 1 : all.size();
        for (std::size_t at = 0; at < all.size(); at += step) {
          const std::string_view piece = all.substr(at, step);
          if (::send(up ? server : client, piece.data(), piece.size(), MSG_NOSIGNAL) <= 0) return;
          if (step == 1 && at % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(150));
        }
      }
    }
  }

  int target_, listener_ = -1, port_ = 0;
  std::atomic<bool> ending_ = false;
  std::vector<std::thread> pumps_;
  std::thread thread_;
};

bool runs(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

}  // namespace

TEST_CASE("every control of the page works in Chromium" * doctest::timeout(240)) {
  const char* python = std::getenv("CTGPT_PYTHON");
  const std::string interpreter = python != nullptr ? python : "python3";
  if (!runs(interpreter + " -c 'import selenium'")) {
    MESSAGE("left out: Python with selenium (CTGPT_PYTHON names one) to drive a browser");
    return;
  }
  if (!runs("command -v chromium") || !runs("command -v chromedriver")) {
    MESSAGE("left out: chromium and chromedriver (Debian: chromium, chromium-driver)");
    return;
  }
  page_fixture_options options;
  options.answer = answer;
  options.step = 0.002;
  options.rules = R"([{"name": "fruit", "phrase": "plum", "action": "mask", "message": "[fruit]"},)"
                  R"({"name": "rude", "phrase": "you fool", "action": "block",)"
                  R"("message": "Let us stay polite."}])";
  options.server.places = 2;
  options.about.set("parameters", 721'792).set("weight_bytes", 2'890'000);
  options.about.set("scores",
                    ctgpt::io::json::array().push(
                        ctgpt::io::json::object().set("name", "Chat").set("percent", 97.5)));
  options.about.set("data", ctgpt::io::json::array().push("world.txt"));
  const page_fixture open(options);
  options.keys = "anna key-of-anna\n";
  const page_fixture keyed(options);
  const dribble pieces(open.port);
  const temporary_directory pictures;
  const char* kept = std::getenv("CTGPT_SCREENSHOTS");
  const std::string command =
      interpreter + " " + CTGPT_REPOSITORY +
      "/tests/serve/page_browser.py --url http://127.0.0.1:" + std::to_string(pieces.port()) +
      " --keyed-url http://127.0.0.1:" + std::to_string(keyed.port) + " --pictures " +
      (kept != nullptr ? kept : pictures.path());
  CHECK(std::system(command.c_str()) == 0);
}
