// request_target: the path that a request's target names, decoded once and strictly.
//
//   path_of_target("/v1/models/a%20b?x=1")      "/v1/models/a b"
//   path_below("/chat", "/chat/health")         "/health"
//
// Errors: api_error 400 for a percent sign without two hexadecimal digits, control characters and
// bytes that are no UTF-8, 404 for a path that is not below the base.
// Reference: RFC 3986.
#pragma once

#include <string>
#include <string_view>

#include "ctgpt/base/utf8.hpp"
#include "ctgpt/serve/api_error.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline std::string path_of_target(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    char c = target[i];
    if (c == '%') {
      const int high = i + 2 < target.size() ? digit(target[i + 1]) : -1;
      const int low = high >= 0 ? digit(target[i + 2]) : -1;
      if (low < 0) throw bad_request("the path has a percent sign without two hexadecimal digits");
      c = static_cast<char>(16 * high + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      throw bad_request("the path holds a control character");
    }
    path += c;
  }
  if (!path.starts_with('/') || utf8_error_offset(path) != path.npos) {
    throw bad_request("the path must begin with / and be UTF-8");
  }
  return path;
}

// base: "" or such as "/chat". The base alone is "/".
inline std::string path_below(const std::string& base, const std::string& path) {
  if (base.empty()) return path;
  if (path == base) return "/";
  if (!path.starts_with(base + "/")) {
    throw api_error(404, "there is nothing at this path; the server stands below " + base,
                    "invalid_request_error", "not_found");
  }
  return path.substr(base.size());
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
