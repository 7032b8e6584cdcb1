// A small HTTP/1.1 server on this machine for tests: it serves what a function says, and can cut,
// delay and forget as bad networks do.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ctgpt_test {

struct web_request {
  std::string path, if_range;
  std::optional<std::size_t> from;  // of the header Range
  std::string range;                // the header itself, "" for none
};

struct web_reply {
  int status = 200;
  std::vector<std::string> headers = {};
  std::string body = {};
  std::size_t cut = std::string::npos;  // bytes of the body before the connection ends
  bool says_length = true;
  bool stalls = false;  // after `cut` bytes the connection stays open and silent
};

class http_server {
 public:
  using handler = std::function<web_reply(const web_request&)>;

  explicit http_server(handler serve) : serve_(std::move(serve)) {
    ::setenv("no_proxy", "127.0.0.1", 1);  // whatever proxy this machine has
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(listener_ >= 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    REQUIRE(::listen(listener_, 64) == 0);
    accepting_ = std::thread([this] { accept_all(); });
  }
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;
  ~http_server() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    for (std::thread& each : connections_) each.join();
    ::close(listener_);
  }

  std::string url(const std::string& path = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::vector<web_request> requests() const {
    const std::lock_guard held(mutex_);
    return requests_;
  }

 private:
  void accept_all() {
    while (!stopping_) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      connections_.emplace_back([this, connection] {
        answer(connection);
        ::close(connection);
      });
    }
  }

  static std::string header(const std::string& head, std::string_view name) {
    const std::size_t at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }

  void answer(int connection) {
    std::string head;
    char piece[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = ::recv(connection, piece, sizeof piece, 0);
      if (got <= 0) return;
      head.append(piece, static_cast<std::size_t>(got));
    }
    web_request request;
    const std::size_t space = head.find(' ');
    request.path = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
    request.if_range = header(head, "If-Range");
    request.range = header(head, "Range");
    if (request.range.starts_with("bytes=")) request.from = std::stoul(request.range.substr(6));
    {
      const std::lock_guard held(mutex_);
      requests_.push_back(request);
    }
    const web_reply reply = serve_(request);
    std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " x\r\nConnection: close\r\n";
    for (const std::string& each : reply.headers) text += each + "\r\n";
    if (reply.says_length) text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    text += "\r\n" + reply.body.substr(0, reply.cut);
    std::string_view rest = text;
    while (!rest.empty()) {
      const ssize_t put = ::send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (put <= 0) return;
      rest.remove_prefix(static_cast<std::size_t>(put));
    }
    while (reply.stalls && !stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    ::shutdown(connection, SHUT_WR);
    while (!stopping_ && ::recv(connection, piece, sizeof piece, MSG_DONTWAIT) != 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // until the other end is done
      if (errno != EAGAIN) break;
    }
  }

  handler serve_;
  int listener_ = -1;
  unsigned port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread accepting_;
  std::vector<std::thread> connections_;
  mutable std::mutex mutex_;
  std::vector<web_request> requests_;
};

// As a good server serves a file: ranges, If-Range, an ETag.
inline web_reply serve_file(const web_request& request, const std::string& body,
                            const std::string& etag = "\"one\"") {
  web_reply reply;
  reply.headers = {"ETag: " + etag, "Accept-Ranges: bytes"};
  const bool same = request.if_range.empty() || request.if_range == etag;
  if (!request.from || !same) {
    reply.body = body;
    return reply;
  }
  if (*request.from >= body.size()) {
    reply.status = 416;
    reply.headers.push_back("Content-Range: bytes */" + std::to_string(body.size()));
    return reply;
  }
  reply.status = 206;
  reply.headers.push_back("Content-Range: bytes " + std::to_string(*request.from) + "-" +
                          std::to_string(body.size() - 1) + "/" + std::to_string(body.size()));
  reply.body = body.substr(*request.from);
  return reply;
}

}  // namespace ctgpt_test
