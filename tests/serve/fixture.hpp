// A server on a free port with a fake engine behind it, and clients to annoy it with.
#pragma once

#include <doctest/doctest.h>

#include "ctgpt/serve/server.hpp"
#include "support/fake_engine.hpp"

namespace ctgpt_test {

namespace serve = ctgpt::serve;

// A chat template without special tokens, so that bytes are tokens enough.
struct plain_chat {
  static constexpr std::string_view name() { return "plain"; }
  static constexpr std::span<const std::string_view> special_names() { return {}; }
  static constexpr std::span<const std::string_view> end_names() { return {}; }
  static void write(ctgpt::align::chat_encoder& out, const ctgpt::align::conversation& talk,
                    bool open_answer) {
    for (const ctgpt::align::message& each : talk) out.text(each.content).text("\n");
    if (open_answer) out.text("> ");
  }
  static constexpr std::string_view jinja() { return {}; }
};

struct fixture_options {
  serve::server_options server = {};
  serve::hooks rules = {};
  ctgpt::isize context = 512;
  std::size_t parallel = 8;
  double step = 0.0;
  bool chat = true, loaded = true;
};

class fixture {
 public:
  explicit fixture(fixture_options options = {}) {
    options.server.port = 0;
    options.server.limits.linger = 0.2;
    web = std::make_unique<serve::server>(options.server, options.rules);
    engine = std::make_shared<fake_engine>(options.context, options.parallel, options.step);
    model = std::make_shared<serve::served_model>(serve::served_model{
        "tiny", "fp_1", 1'700'000'000, ctgpt::text::bytes{}, std::nullopt, {}, engine});
    if (options.chat) model->chat = ctgpt::align::chat_template(plain_chat{});
    if (options.loaded) web->use(model);
    port = web->start();
  }

  httplib::Client client() const {
    httplib::Client one("127.0.0.1", port);
    one.set_read_timeout(20, 0);
    return one;
  }
  httplib::Result post(const std::string& path, const std::string& body,
                       const httplib::Headers& headers = {}) const {
    return client().Post(path, headers, body, "application/json");
  }

  std::shared_ptr<fake_engine> engine;
  std::shared_ptr<serve::served_model> model;
  std::unique_ptr<serve::server> web;  // ends first
  int port = 0;
};

// A socket, to say what no client says.
class raw_client {
 public:
  explicit raw_client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~raw_client() { close(); }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  bool say(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // What comes until the server closes, `until` is in it, or so many seconds pass.
  std::string hear(std::string_view until = {}, double seconds = 10.0) const {
    std::string heard;
    const double end = ctgpt::clock_seconds() + seconds;
    while (until.empty() || heard.find(until) == heard.npos) {
      struct pollfd look {
        socket_, POLLIN, 0
      };
      const double left = end - ctgpt::clock_seconds();
      if (left <= 0.0 || ::poll(&look, 1, static_cast<int>(left * 1000.0)) <= 0) break;
      char bytes[4096];
      const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
      if (got <= 0) {
        closed_ = true;
        break;
      }
      heard.append(bytes, static_cast<std::size_t>(got));
    }
    return heard;
  }
  bool closed() const { return closed_; }  // by the server, as hear() saw it
  void close_half() const { ::shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
  mutable bool closed_ = false;
};

inline int status_in(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

inline ctgpt::io::json json_of(const std::string& text) {
  return ctgpt::io::parse_json(text, "it");
}

// The data of a stream's events.
inline std::vector<std::string> events_of(const std::string& stream) {
  std::vector<std::string> events;
  std::size_t at = 0, end;
  while ((end = stream.find("\n\n", at)) != stream.npos) {
    const std::string event = stream.substr(at, end - at);
    if (event.starts_with("data: ")) events.push_back(event.substr(6));
    at = end + 2;
  }
  CHECK(at == stream.size());
  return events;
}

// Waits until it holds, at most so many seconds.
template <class Condition>
bool soon(Condition condition, double seconds = 5.0) {
  const double end = ctgpt::clock_seconds() + seconds;
  while (!condition()) {
    if (ctgpt::clock_seconds() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace ctgpt_test
