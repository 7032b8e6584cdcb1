// http_server: accepts connections and lets cpp-httplib read and answer their requests, each on a
// thread of its own.
//
//   http_server web(answer, {});
//   web.listen("127.0.0.1", 8080), web.start(), ... web.stop(10.0);
//   web.encrypt(load_certificate("cert.pem", "key.pem"));      from the next connection on
//
// A thread a connection, as many as limits.connections; who comes then is told 503 at once. When
// half of them are taken, connections are not kept for further requests, so that idle ones cannot
// keep others out. Not httplib's own loop: that ends for good at the first accept() that fails,
// waits with five connections in its queue, and shares its port with a second server.
// Errors: an address that cannot be listened at: error, one sentence.
#pragma once

#include <netdb.h>
#include <sys/eventfd.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "ctgpt/serve/connection.hpp"
#include "ctgpt/serve/tls.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

class http_server : private httplib::Server {
 public:
  using answerer = std::function<void(connection&, const httplib::Request&, httplib::Response&)>;
  using recorder = std::function<void(const request_record&)>;

  http_server(answerer answer, recorder record, connection_limits limits = {},
              std::size_t most_connections = 512)
      : record_(std::move(record)), limits_(limits), most_(most_connections) {
    set_pre_routing_handler([answer](const httplib::Request& asked, httplib::Response& told) {
      answer(*current(), asked, told);
      return HandlerResponse::Handled;
    });
    // Where httplib itself refuses a request, which then has no body.
    set_error_handler([](const httplib::Request&, httplib::Response& told) {
      if (told.body.empty() && !told.content_provider_) {
        told.set_content(api_error(told.status, "this is no request that the server understands",
                                   "invalid_request_error")
                             .body(),
                         "application/json");
      }
    });
    set_post_routing_handler([](const httplib::Request&, httplib::Response& told) {
      told.headers.erase("Keep-Alive");
      told.headers.erase("Accept-Ranges");
      if (current()->must_close()) {
        told.headers.erase("Connection");
        told.set_header("Connection", "close");
      }
      current()->seen.status = told.status;
    });
  }
  ~http_server() override { stop(0.0); }

  // port 0: any that is free. The port.
  int listen(const std::string& host, int port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const std::string service = std::to_string(port);
    if (::getaddrinfo(host.c_str(), service.c_str(), &hints, &found) != 0 || found == nullptr) {
      fail("there is no address ", host, " to listen at");
    }
    int reason = 0;
    for (const addrinfo* each = found; each != nullptr && listener_ < 0; each = each->ai_next) {
      listener_ = ::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (listener_ < 0) continue;
      const int yes = 1;
      ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      if (::bind(listener_, each->ai_addr, each->ai_addrlen) == 0 &&
          ::listen(listener_, 1024) == 0) {
        break;
      }
      reason = errno;
      ::close(listener_);
      listener_ = -1;
    }
    ::freeaddrinfo(found);
    if (listener_ < 0) {
      fail("cannot listen at ", host, " port ", port, ": ", std::strerror(reason),
           reason == EADDRINUSE ? "; another program does; choose another --port" : "");
    }
    svr_sock_ = listener_;  // httplib's streams end when there is none
    return port_of_listener();
  }

  void encrypt(tls_context context) {
    const std::lock_guard hold(mutex_);
    tls_ = std::move(context);
  }

  void start() {
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    accepting_ = std::thread([this] { accept_all(); });
  }

  // Ends idle connections, waits so many seconds for those at work, and cuts the rest.
  void stop(double seconds) {
    if (!accepting_.joinable()) return;
    stopping_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto told = ::write(wake_, &one, sizeof one);
    accepting_.join();
    ::close(listener_);
    ::close(wake_);
    std::unique_lock hold(mutex_);
    const auto over = [this] { return taken_ == 0; };
    if (!idle_.wait_for(hold, std::chrono::duration<double>(seconds), over)) {
      svr_sock_ = INVALID_SOCKET;
      for (connection* each : open_) each->cut();
      idle_.wait(hold, over);
    }
  }

  std::size_t connections() const {
    const std::lock_guard hold(mutex_);
    return taken_;
  }

 private:
  static connection*& current() {
    static thread_local connection* one = nullptr;
    return one;
  }

  int port_of_listener() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.ss_family == AF_INET6
                     ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                     : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  }

  void accept_all() {
    while (!stopping_) {
      struct pollfd look[2] = {{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
      if (::poll(look, 2, -1) < 0) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client >= 0) {
        take(client);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
  }

  void take(int client) {
    {
      const std::lock_guard hold(mutex_);
      if (taken_ < most_) {
        ++taken_;
        try {
          std::thread([this, client] { converse_and_leave(client); }).detach();
          return;
        } catch (const std::system_error&) {
          --taken_;
        }
      }
    }
    static constexpr std::string_view busy =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n";
    ::send(client, busy.data(), busy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(client);
  }

  void converse_and_leave(int client) {
    tls_context tls;
    {
      const std::lock_guard hold(mutex_);
      tls = tls_;
    }
    {
      connection one(client, tls.get(), limits_);
      {
        const std::lock_guard hold(mutex_);
        open_.insert(&one);
      }
      try {
        converse(one);
      } catch (const std::exception&) {  // out of memory: the connection ends, the server does not
      }
      current() = nullptr;
      const std::lock_guard hold(mutex_);
      open_.erase(&one);
    }
    const std::lock_guard hold(mutex_);
    if (--taken_ == 0) idle_.notify_all();
  }

  void converse(connection& client) {
    if (!client.shake_hands()) return;
    current() = &client;
    for (;;) {
      try {
        if (!client.read_head(stopping_)) break;
      } catch (const api_error& problem) {
        client.refuse(problem);
        record_(client.seen);
        break;
      }
      const bool last = stopping_ || connections() > most_ / 2;
      bool closed = false;
      const bool sent = process_request(client, last, closed, nullptr);
      record_(client.seen);
      if (!sent || closed || last || client.must_close()) break;
    }
    client.close_gently();
  }

  recorder record_;
  connection_limits limits_;
  std::size_t most_;
  int listener_ = -1, wake_ = -1;
  std::atomic<bool> stopping_ = false;
  std::thread accepting_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::set<connection*> open_;
  std::size_t taken_ = 0;
  tls_context tls_;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
