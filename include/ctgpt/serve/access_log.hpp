// access_log: a line for each request.
//
//   2026-01-31T12:00:00.123Z 127.0.0.1 anna "POST /v1/chat/completions" 200 1843B 0.532s req_5k2...
//
// What a client chose is quoted, with its control characters and quotes escaped, and cut: a line is
// one line. Neither keys nor texts stand in it.
// Errors: none.
#pragma once

#include <cmath>
#include <ctime>
#include <string>

#include "ctgpt/io/json_writer.hpp"
#include "ctgpt/serve/connection.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline std::string time_text(double wall) {
  const auto whole = static_cast<std::time_t>(std::floor(wall));
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  char text[40], all[48];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(all, sizeof all, "%s.%03dZ", text,
                static_cast<int>((wall - static_cast<double>(whole)) * 1000.0));
  return all;
}

// The query may hold what is nobody's business.
inline std::string access_line(const request_record& seen, double wall, double seconds) {
  constexpr std::size_t most = 200;
  const std::string asked = seen.method + " " + seen.target.substr(0, seen.target.find('?'));
  char tail[64];
  std::snprintf(tail, sizeof tail, " %d %zuB %.3fs ", seen.status, seen.bytes, seconds);
  const auto or_dash = [](const std::string& text) { return text.empty() ? "-" : text; };
  const auto one_word = [&](const std::string& text) {
    return text.find_first_of(" \"\\") == text.npos ? or_dash(text) : io::quote_json(text);
  };
  return time_text(wall) + " " + one_word(seen.client) + " " + one_word(seen.person) + " " +
         io::quote_json(asked.substr(0, most)) + tail + or_dash(seen.id);
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
