// A plain HTTP client of a few lines, for tests of the program that serves.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "app/program.hpp"

namespace ctgpt_test {

struct http_answer {
  int status = 0;  // 0: none came
  std::string head, body;
};

// Sends the bytes and reads until the server closes. on_event: called at the first event of a
// stream.
inline std::string said_to(int port, const std::string& bytes, int seconds = 20,
                           std::function<void()> on_event = {}) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string heard;
  const auto size = static_cast<ssize_t>(bytes.size());
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) == size) {
    char piece[8192];
    struct pollfd look {
      socket, POLLIN, 0
    };
    while (::poll(&look, 1, 1000 * seconds) > 0) {
      const ssize_t got = ::recv(socket, piece, sizeof piece, 0);
      if (got <= 0) break;
      heard.append(piece, static_cast<std::size_t>(got));
      if (on_event && heard.find("data: ") != heard.npos) std::exchange(on_event, {})();
    }
  }
  ::close(socket);
  return heard;
}

// key: "" for none. body: "" asks by GET, else by POST.
inline http_answer http(int port, const std::string& path, const std::string& body = {},
                        const std::string& key = {}) {
  std::string ask = (body.empty() ? "GET " : "POST ") + path + " HTTP/1.1\r\nHost: localhost\r\n";
  ask += "Connection: close\r\n";
  if (!key.empty()) ask += "Authorization: Bearer " + key + "\r\n";
  if (!body.empty()) ask += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  const std::string heard = said_to(port, ask + "\r\n" + body);
  http_answer told;
  const std::size_t end = heard.find("\r\n\r\n");
  if (!heard.starts_with("HTTP/1.1 ") || end == heard.npos) return told;
  told.status = std::stoi(heard.substr(9, 3));
  told.head = heard.substr(0, end);
  told.body = heard.substr(end + 4);
  return told;
}

// `ctgpt serve` on a free port.
class serving : public running {
 public:
  explicit serving(const words& arguments, const run_options& options = {})
      : running(words{"serve", "--port", "0"} + arguments, options) {
    const bool up = until([&] { return printed().find("Listening on ") != std::string::npos; });
    INFO(said());
    REQUIRE(up);
    const std::string text = printed();
    const std::size_t line = text.find("Listening on ");
    port_ = std::stoi(text.substr(text.find(':', text.find("://", line) + 3) + 1));
  }
  int port() const { return port_; }

 private:
  int port_ = 0;
};

}  // namespace ctgpt_test
