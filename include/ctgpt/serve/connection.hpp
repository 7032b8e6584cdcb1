// connection: one client's socket, with or without TLS, where every wait has an end.
//
//   connection client(socket, tls, limits);
//   while (client.read_head(stopping)) server.process_request(client, ...);
//
// It is the stream that cpp-httplib reads from and writes to. What httplib reads is the head alone,
// complete and checked beforehand (serve/request_head.hpp); bodies are read by read_body(), which
// refuses one that is too long before it is sent where its length is told, and as soon as it is too
// long where it is not.
// Ensures: no call blocks longer than its limit, whatever the client does: says nothing, sends a
// byte a second, reads nothing, or closes half of the connection.
// Errors: api_error with a status for the client: 400, 408, 413, 417, 431, 501.
// Reference: RFC 9112.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <httplib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "ctgpt/base/clock.hpp"
#include "ctgpt/serve/request_head.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct connection_limits {
  double head = 10.0, body = 30.0;   // seconds from the first byte to the last
  double idle = 30.0, write = 30.0;  // between requests; until the client takes some bytes
  double linger = 2.0;               // that what a refused client still sends is read and dropped
  std::size_t head_bytes = 32 * 1024;
};

// What the access log says of a request.
struct request_record {
  std::string id, method, target, route, person, client;
  int status = 0;
  std::size_t bytes = 0;  // sent, the head included
  double begun = 0.0;     // clock_seconds()
};

class connection final : public httplib::Stream {
 public:
  connection(int socket, SSL_CTX* tls, const connection_limits& limits)
      : socket_(socket), limits_(limits) {
    ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
    const int yes = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    name_ends();
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls));
    if (ssl_ != nullptr) SSL_set_fd(ssl_.get(), socket_);
    broken_ = ssl_ == nullptr;
  }
  ~connection() override {
    ssl_.reset();
    ::close(socket_);
  }

  // Without TLS there is nothing to do.
  bool shake_hands() {
    const double until = clock_seconds() + limits_.head;
    while (ssl_ != nullptr && !broken_) {
      ERR_clear_error();
      const int done = SSL_accept(ssl_.get());
      if (done == 1) return true;
      if (!wait_for_tls(done, until)) broken_ = true;
    }
    return !broken_;
  }

  // Waits for the next request's head. False: the client has closed, or said nothing for too long.
  bool read_head(const std::atomic<bool>& stopping) {
    seen = {};
    if (!wait_for_first_byte(stopping)) return false;
    const double until = clock_seconds() + limits_.head;
    seen.begun = clock_seconds();
    std::size_t end;
    while ((end = head_end(in_)) == in_.npos) {
      if (in_.size() > limits_.head_bytes) throw head_too_long(limits_.head_bytes);
      const ssize_t got = receive(until);
      if (got == 0 && in_.empty()) return false;
      if (got <= 0) {
        throw api_error(got == 0 ? 400 : 408, "the request's head did not arrive whole",
                        "invalid_request_error");
      }
    }
    if (end > limits_.head_bytes) throw head_too_long(limits_.head_bytes);
    head_ = read_request_head(std::string_view(in_).substr(0, end));
    in_.erase(0, end);
    seen.method = head_.method;
    seen.target = head_.target;
    given_ = 0;
    body_left_ = head_.chunked || head_.length > 0;
    return true;
  }
  const request_head& head() const { return head_; }

  // The request's body. most: bytes.
  std::string read_body(std::size_t most) {
    std::string body;
    if (!body_left_) return body;
    if (head_.length > most) throw body_too_long(most);
    if (head_.expects_continue && !send("HTTP/1.1 100 Continue\r\n\r\n")) {
      throw api_error(400, "the client has gone", "invalid_request_error");
    }
    const double until = clock_seconds() + limits_.body;
    if (!head_.chunked) {
      take(body, static_cast<std::size_t>(head_.length), until);
    } else {
      read_chunks(body, most, until);
    }
    body_left_ = false;
    return body;
  }

  // Whether what follows on this connection cannot be the next request.
  bool must_close() const { return body_left_ || broken_ || head_.old_version; }

  // Whether the client has hung up, or closed its half of the connection.
  bool gone() const {
    if (broken_) return true;
    struct pollfd look {
      socket_, POLLIN | POLLRDHUP, 0
    };
    if (::poll(&look, 1, 0) <= 0) return false;
    return (look.revents & (POLLERR | POLLHUP | POLLNVAL | POLLRDHUP)) != 0;
  }

  // Answers without httplib: where there is no request to answer.
  void refuse(const api_error& problem) {
    const std::string body = problem.body();
    seen.status = problem.status;
    send(join("HTTP/1.1 ", problem.status, " Refused\r\nContent-Type: application/json\r\n",
              "Content-Length: ", body.size(), "\r\nConnection: close\r\n\r\n", body));
    body_left_ = true;
  }

  // Closes so that the client can still read what was said: closing with bytes unread would reset
  // the connection, and its answer with it.
  void close_gently() {
    if (!broken_ && ssl_ != nullptr) SSL_shutdown(ssl_.get());
    ::shutdown(socket_, SHUT_WR);
    const double until = clock_seconds() + limits_.linger;
    char dropped[16 * 1024];
    while (body_left_ && clock_seconds() < until) {
      const ssize_t got = ::recv(socket_, dropped, sizeof dropped, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return;
      if (got < 0 && !wait_for(POLLIN, until)) return;
    }
  }
  // From another thread: whatever this one waits for ends.
  void cut() { ::shutdown(socket_, SHUT_RDWR); }

  const std::string& peer() const { return peer_; }
  bool encrypted() const { return ssl_ != nullptr; }

  // What httplib asks of a stream.
  bool is_readable() const override { return given_ < head_.text.size(); }
  bool is_writable() const override { return !gone(); }
  ssize_t read(char* to, std::size_t size) override {
    size = std::min(size, head_.text.size() - given_);
    std::memcpy(to, head_.text.data() + given_, size);
    given_ += size;
    return static_cast<ssize_t>(size);
  }
  ssize_t write(const char* from, std::size_t size) override {
    return send({from, size}) ? static_cast<ssize_t>(size) : -1;
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = peer_;
    port = peer_port_;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip = local_;
    port = local_port_;
  }
  socket_t socket() const override { return socket_; }

  request_record seen;

 private:
  struct free_ssl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  static api_error body_too_long(std::size_t most) {
    return {413, join("the request's body is longer than ", most, " bytes; send less"),
            "invalid_request_error", "request_too_large"};
  }

  bool wait_for_first_byte(const std::atomic<bool>& stopping) {
    const double until = clock_seconds() + limits_.idle;
    while (in_.empty() && (ssl_ == nullptr || SSL_pending(ssl_.get()) == 0)) {
      if (stopping.load()) return false;
      const double now = clock_seconds();
      if (now >= until) return false;
      if (wait_for(POLLIN, std::min(until, now + 0.25))) return true;
    }
    return true;
  }

  // False: not before `until`.
  bool wait_for(short events, double until) const {
    for (;;) {
      struct pollfd look {
        socket_, events, 0
      };
      const double left = until - clock_seconds();
      if (left <= 0.0) return false;
      const int ready = ::poll(&look, 1, static_cast<int>(left * 1000.0) + 1);
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }
  bool wait_for_tls(int result, double until) const {
    const int wants = SSL_get_error(ssl_.get(), result);
    if (wants == SSL_ERROR_WANT_READ) return wait_for(POLLIN, until);
    if (wants == SSL_ERROR_WANT_WRITE) return wait_for(POLLOUT, until);
    return false;
  }

  // Appends what has come to in_. 0: closed by the client; -1: nothing came in time, or it broke.
  ssize_t receive(double until) {
    char bytes[16 * 1024];
    for (;;) {
      if (ssl_ != nullptr) {
        ERR_clear_error();
        const int got = SSL_read(ssl_.get(), bytes, sizeof bytes);
        if (got > 0) {
          in_.append(bytes, static_cast<std::size_t>(got));
          return got;
        }
        if (SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN) return 0;
        if (!wait_for_tls(got, until)) return -1;
      } else {
        const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
        if (got > 0) in_.append(bytes, static_cast<std::size_t>(got));
        if (got >= 0) return got;
        if (errno != EAGAIN && errno != EINTR) return -1;
        if (!wait_for(POLLIN, until)) return -1;
      }
    }
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty() && !broken_) {
      const double until = clock_seconds() + limits_.write;
      ssize_t sent;
      if (ssl_ != nullptr) {
        ERR_clear_error();
        sent = SSL_write(ssl_.get(), bytes.data(),
                         static_cast<int>(std::min<std::size_t>(bytes.size(), 16 * 1024)));
        if (sent <= 0 && !wait_for_tls(static_cast<int>(sent), until)) broken_ = true;
      } else {
        sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) broken_ = (errno != EAGAIN && errno != EINTR) || !wait_for(POLLOUT, until);
      }
      if (sent <= 0) continue;
      seen.bytes += static_cast<std::size_t>(sent);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return !broken_;
  }

  void more_of_body(double until) {
    const ssize_t got = receive(until);
    if (got > 0) return;
    throw api_error(got == 0 ? 400 : 408, "the request's body did not arrive whole",
                    "invalid_request_error");
  }
  void take(std::string& body, std::size_t count, double until) {
    while (in_.size() < count) more_of_body(until);
    body.append(in_, 0, count);
    in_.erase(0, count);
  }
  // A line without its end.
  std::string take_line(double until) {
    constexpr std::size_t most = 256;
    std::size_t end;
    while ((end = in_.find("\r\n")) == in_.npos && in_.size() < most) more_of_body(until);
    if (end == in_.npos || end > most) throw bad_request("a chunk of the body has no good head");
    std::string line = in_.substr(0, end);
    in_.erase(0, end + 2);
    return line;
  }
  void read_chunks(std::string& body, std::size_t most, double until) {
    for (;;) {
      const std::size_t size = chunk_size(take_line(until));
      if (size == 0) break;
      if (size > most - body.size()) throw body_too_long(most);
      take(body, size, until);
      if (!take_line(until).empty()) throw bad_request("a chunk of the body has a wrong length");
    }
    for (int trailers = 0; !take_line(until).empty(); ++trailers) {
      if (trailers == 16) throw bad_request("the body has too many trailers");
    }
  }

  void name_ends() {
    const auto name = [](const sockaddr_storage& address, std::string& text, int& port) {
      char buffer[INET6_ADDRSTRLEN] = "";
      if (address.ss_family == AF_INET6) {
        const auto* six = reinterpret_cast<const sockaddr_in6*>(&address);
        ::inet_ntop(AF_INET6, &six->sin6_addr, buffer, sizeof buffer);
        port = ntohs(six->sin6_port);
      } else if (address.ss_family == AF_INET) {
        const auto* four = reinterpret_cast<const sockaddr_in*>(&address);
        ::inet_ntop(AF_INET, &four->sin_addr, buffer, sizeof buffer);
        port = ntohs(four->sin_port);
      }
      text = buffer;
      if (text.starts_with("::ffff:")) text.erase(0, 7);
    };
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      name(address, peer_, peer_port_);
    }
    size = sizeof address;
    if (::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
      name(address, local_, local_port_);
    }
  }

  int socket_;
  connection_limits limits_;
  std::unique_ptr<SSL, free_ssl> ssl_;
  std::string in_;  // what has come and is not yet read
  request_head head_;
  std::size_t given_ = 0;  // of head_.text, to httplib
  bool body_left_ = false;
  bool broken_ = false;
  std::string peer_, local_;
  int peer_port_ = 0, local_port_ = 0;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
