// Whose page it is: the person of the key, or, on a server without keys, this browser.
//
//   const std::string person = page_person(asked, answer);      "key:anna", "browser:5f3a..."
//
// A browser is known by a cookie of 128 random bits, which scripts cannot read and other sites do
// not send along. It is given with the first answer that lacks it.
// Errors: none.
// Reference: RFC 6265.
#pragma once

#include "ctgpt/serve/answering.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

inline constexpr std::string_view page_cookie = "ctgpt_browser";

// The value of a cookie of the request; "" for none, or for one that is not ours.
inline std::string browser_of(const httplib::Request& asked) {
  const std::string all = asked.get_header_value("Cookie");
  const std::string name = std::string(page_cookie) + "=";
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find(';', at), all.size());
    std::string_view each = std::string_view(all).substr(at, end - at);
    while (each.starts_with(' ')) each.remove_prefix(1);
    if (each.starts_with(name)) {
      each.remove_prefix(name.size());
      const bool ours =
          each.size() == 32 && each.find_first_not_of("0123456789abcdef") == each.npos;
      return ours ? std::string(each) : std::string();
    }
    at = end + 1;
  }
  return {};
}

inline void give_cookie(httplib::Response& answer, const std::string& value, int seconds) {
  answer.set_header("Set-Cookie", join(page_cookie, "=", value, "; Path=/; HttpOnly; ",
                                       "SameSite=Strict; Max-Age=", seconds));
}

inline std::string page_person(const request_context& asked, httplib::Response& answer) {
  if (!asked.person.empty()) return "key:" + asked.person;
  std::string browser = browser_of(asked.request);
  if (browser.empty()) {
    constexpr int year = 365 * 24 * 3600;
    for (int part = 0; part < 2; ++part) {
      std::uint64_t number = random_number();
      for (int i = 0; i < 16; ++i, number >>= 4) browser += "0123456789abcdef"[number & 15];
    }
    give_cookie(answer, browser, year);
  }
  return "browser:" + browser;
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
