// request_head: the first lines of an HTTP request, checked to the letter before anything acts on
// them.
//
//   const request_head head = read_request_head("POST /v1/models HTTP/1.1\r\nHost: a\r\n\r\n");
//
// Refused: what two readers could read differently, as that is how a request is smuggled past a
// proxy: a line that ends in LF alone, a folded line, a space before a colon, control characters,
// two lengths or a length beside chunks, another transfer coding, a second Host.
// text is what cpp-httplib then reads: without Range, Accept-Encoding and Expect, which it would
// act on by itself (a hundred ranges of one answer are a way to exhaust a server's memory).
// Errors: api_error: 400, 417, 431, 501.
// Reference: RFC 9112, 3 to 7; RFC 9110.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "ctgpt/serve/api_error.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct request_head {
  std::string method, target;
  std::string text;
  std::uint64_t length = 0;  // of the body, where it is not chunked
  bool chunked = false, expects_continue = false, old_version = false;
};

inline constexpr std::size_t most_headers = 100;
inline constexpr std::size_t longest_header = 8000;  // cpp-httplib's own limit is 8192

inline api_error head_too_long(std::size_t most) {
  return {431, join("the request's head is longer than ", most, " bytes"), "invalid_request_error"};
}

inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}
inline std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Where the head ends, or npos: after the first empty line that is not at the very beginning.
inline std::size_t head_end(std::string_view bytes) {
  std::size_t begin = 0;
  while (bytes.substr(begin).starts_with("\r\n")) begin += 2;  // RFC 9112, 2.2
  const std::size_t end = bytes.find("\r\n\r\n", begin);
  return end == bytes.npos ? end : end + 4;
}

// Of a line "1f;name=value".
inline std::size_t chunk_size(std::string_view line) {
  const std::string_view digits = without_blanks(line.substr(0, line.find(';')));
  std::size_t size = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, code] = std::from_chars(digits.data(), end, size, 16);
  if (digits.empty() || digits.size() > 8 || code != std::errc() || rest != end) {
    throw bad_request("a chunk of the body has no good head");
  }
  return size;
}

class request_head_reader {
 public:
  request_head read(std::string_view bytes) {
    while (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
    std::string_view line = next_line(bytes);
    read_request_line(line);
    for (std::size_t count = 0; !(line = next_line(bytes)).empty(); ++count) {
      if (count == most_headers) {
        throw api_error(431, join("the request has more than ", most_headers, " headers"),
                        "invalid_request_error");
      }
      read_header(line);
    }
    if (lengths_ + chunks_ > 1) throw bad_request("the body's length is told more than once");
    if (hosts_ > 1 || (hosts_ == 0 && !head_.old_version)) {
      throw bad_request("a request has exactly one Host");
    }
    if (closes_ || head_.old_version) head_.text += "Connection: close\r\n";
    head_.text += "\r\n";
    return std::move(head_);
  }

 private:
  static std::string_view next_line(std::string_view& bytes) {
    const std::size_t end = bytes.find("\r\n");
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end == bytes.npos ? bytes.size() : end + 2);
    const auto control = [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    };
    if (std::any_of(line.begin(), line.end(), control)) {
      throw bad_request("the request's head holds a control character");
    }
    if (line.size() > longest_header) throw head_too_long(longest_header);
    return line;
  }

  void read_request_line(std::string_view line) {
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    const std::string_view version = last == line.npos ? line : line.substr(last + 1);
    if (first == line.npos || first == 0 || last <= first + 1 ||
        line.find(' ', first + 1) != last || !version.starts_with("HTTP/")) {
      throw bad_request("the request's first line is none of HTTP");
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
      throw api_error(505, "this server speaks HTTP/1.1", "invalid_request_error");
    }
    head_.method = line.substr(0, first);
    head_.target = line.substr(first + 1, last - first - 1);
    head_.old_version = version == "HTTP/1.0";
    head_.text = std::string(line) + "\r\n";
  }

  void read_header(std::string_view line) {
    const std::size_t colon = line.find(':');
    const auto of_token = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    const std::string_view written = line.substr(0, colon);
    if (colon == line.npos || colon == 0 ||
        !std::all_of(written.begin(), written.end(), of_token)) {
      throw bad_request("the request has a header that is none of HTTP");
    }
    const std::string name = lower_case(written);
    const std::string_view value = without_blanks(line.substr(colon + 1));
    if (name == "content-length") {
      read_length(value);
    } else if (name == "transfer-encoding") {
      read_coding(value);
    } else if (name == "host") {
      ++hosts_;
    } else if (name == "expect") {
      if (lower_case(value) != "100-continue") {
        throw api_error(417, "this server knows no expectation but 100-continue",
                        "invalid_request_error");
      }
      head_.expects_continue = true;
    } else if (name == "connection") {
      closes_ = closes_ || lower_case(value).find("close") != std::string::npos;
      return;
    }
    for (const std::string_view dropped :
         {"range", "if-range", "accept-encoding", "expect", "remote_addr", "remote_port",
          "local_addr", "local_port"}) {
      if (name == dropped) return;
    }
    head_.text += std::string(written) + ": " + std::string(value) + "\r\n";
  }

  void read_length(std::string_view value) {
    ++lengths_;
    const char* end = value.data() + value.size();
    const auto [rest, code] = std::from_chars(value.data(), end, head_.length);
    if (value.empty() || value.size() > 18 || code != std::errc() || rest != end) {
      throw bad_request("Content-Length must be a whole number of bytes");
    }
  }
  void read_coding(std::string_view value) {
    ++chunks_;
    if (lower_case(value) != "chunked") {
      throw api_error(501, "this server reads no transfer coding but chunked",
                      "invalid_request_error");
    }
    head_.chunked = true;
  }

  request_head head_;
  int lengths_ = 0, chunks_ = 0, hosts_ = 0;
  bool closes_ = false;
};

inline request_head read_request_head(std::string_view bytes) {
  return request_head_reader().read(bytes);
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
