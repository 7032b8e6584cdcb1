// origins: which sites' pages may use the server from a browser.
//
// A page of any site can send requests to a server on the reader's own machine, and a site can name
// that machine (DNS rebinding). So without keys the Host must be an address of this machine, and
// the Origin, where a browser sends one, this server's own or one that --cors names. With keys, the
// key says it all.
//
//   const origins allowed({"https://chat.example"}, "127.0.0.1");
//   allowed.is_ours("localhost:8080"), allowed.may_ask("https://chat.example", "localhost:8080")
//
// Listening at an address of the network, any numeric address is ours too, as a name cannot be
// rebound to one, and so is this machine's name.
// Errors: an origin that is none (scheme://host[:port] or *): usage_error.
// Reference: Fetch Standard, CORS protocol; RFC 6454.
#pragma once

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/base/error.hpp"
#include "ctgpt/serve/request_head.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

// "localhost" of "LOCALHOST:8080", "::1" of "[::1]:8080"; "" of what is no host.
inline std::string host_name_of(std::string_view host) {
  std::string name = lower_case(host);
  std::string port;
  if (name.starts_with('[')) {
    const std::size_t end = name.find(']');
    if (end == name.npos) return {};
    port = name.substr(end + 1);
    name = name.substr(1, end - 1);
  } else if (const std::size_t colon = name.find(':'); colon != name.npos) {
    port = name.substr(colon);
    name.resize(colon);
  }
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool good = port.empty() || (port.size() > 1 && port.size() < 7 && port[0] == ':' &&
                                     std::all_of(port.begin() + 1, port.end(), digit));
  return good ? name : std::string();
}

inline bool is_loopback_name(const std::string& name) {
  in_addr four{};
  if (name == "localhost" || name.ends_with(".localhost") || name == "::1") return true;
  return ::inet_pton(AF_INET, name.c_str(), &four) == 1 && (ntohl(four.s_addr) >> 24) == 127;
}

class origins {
 public:
  // listening: the address of --host.
  origins(std::vector<std::string> cors, std::string listening)
      : cors_(std::move(cors)), listening_(lower_case(listening)) {
    for (const std::string& each : cors_) {
      const std::size_t scheme = each.find("://");
      const bool good = each == "*" || (scheme != each.npos && scheme > 0 &&
                                        each.find('/', scheme + 3) == each.npos &&
                                        !host_name_of(each.substr(scheme + 3)).empty());
      if (!good) {
        throw usage_error(join(
            "--cors must be an origin such as https://chat.example, or *, not \"", each, "\""));
      }
    }
    local_ = is_loopback_name(listening_);
    char name[256] = "";
    if (!local_ && ::gethostname(name, sizeof name - 1) == 0) machine_ = lower_case(name);
  }

  // Whether a Host names this machine.
  bool is_ours(std::string_view host) const {
    const std::string name = host_name_of(host);
    if (name.empty()) return false;
    if (is_loopback_name(name) || name == listening_) return true;
    for (const std::string& each : cors_) {
      const std::size_t scheme = each.find("://");
      if (scheme != each.npos && host_name_of(each.substr(scheme + 3)) == name) return true;
    }
    if (local_) return false;
    unsigned char address[16];
    return name == machine_ || ::inet_pton(AF_INET, name.c_str(), address) == 1 ||
           ::inet_pton(AF_INET6, name.c_str(), address) == 1;
  }
  // Of --cors.
  bool is_listed(std::string_view origin) const {
    return std::any_of(cors_.begin(), cors_.end(), [&](const std::string& each) {
      return each == "*" || lower_case(each) == lower_case(origin);
    });
  }
  // Whether a page of that origin may use a server without keys. host: of the request.
  bool may_ask(std::string_view origin, std::string_view host) const {
    if (origin.empty() || is_listed(origin)) return true;
    const std::size_t scheme = origin.find("://");
    return scheme != origin.npos && lower_case(origin.substr(scheme + 3)) == lower_case(host);
  }

 private:
  std::vector<std::string> cors_;
  std::string listening_, machine_;
  bool local_ = true;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
