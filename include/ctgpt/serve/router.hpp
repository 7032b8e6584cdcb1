// router: which function answers a method and a path, and what it is told.
//
//   router routes;
//   routes.add({"GET", "/api/conversations/{}", access::person, show_conversation});
//   void show_conversation(const request_context& asked, httplib::Response& answer) {
//     answer.set_content(json_of(asked.person, asked.parameters[0]), "application/json");
//   }
//
// A segment {} of a pattern stands for one segment of the path, a last segment {...} for all the
// rest; both are never empty. The first route that fits answers. A HEAD is answered as its GET.
// A handler says what is wrong by throwing api_error; any other exception becomes a 500 that tells
// the client nothing but the request's id.
// Ensures: request_context::person is the name that belongs to the key, "" where the server has no
// keys. Body, path and parameters are as they came: not trusted, the body not even UTF-8.
// Errors: none.
#pragma once

#include <httplib.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ctgpt/base/version.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

struct request_context {
  const httplib::Request& request;
  std::string id;                       // the x-request-id of the answer
  std::string path;                     // below the base path
  std::string person;                   // whose key it is
  std::string client;                   // address, of the trusted proxy's client where there is one
  std::vector<std::string> parameters;  // what stood for {} and {...}
  std::string body;
  std::function<bool()> gone;  // whether the client has hung up

  // A member of the query, "" where it is not there.
  std::string query(const std::string& name) const { return request.get_param_value(name); }
};

using handler = std::function<void(const request_context&, httplib::Response&)>;

enum class access : unsigned char {
  open,    // needs no key
  person,  // needs a key where the server has keys
  work     // and counts against rate limits and quotas
};

struct route {
  std::string method, pattern;
  access who = access::person;
  handler answer;
};

class router {
 public:
  void add(route one) { routes_.push_back(std::move(one)); }

  struct found {
    const route* which = nullptr;  // nullptr: none
    std::vector<std::string> parameters;
    std::string methods;  // without a route: the methods that this path has, "" of an unknown path
  };
  found find(std::string_view method, std::string_view path) const {
    if (method == "HEAD") method = "GET";
    found result;
    for (const route& each : routes_) {
      std::vector<std::string> parameters;
      if (!fits(each.pattern, path, parameters)) continue;
      if (each.method == method) return {&each, std::move(parameters), {}};
      if (!result.methods.empty()) result.methods += ", ";
      result.methods += each.method;
    }
    return result;
  }

 private:
  static bool fits(std::string_view pattern, std::string_view path,
                   std::vector<std::string>& parameters) {
    while (!pattern.empty() && !path.empty()) {
      if (pattern == "/{...}") {
        parameters.emplace_back(path.substr(1));
        return path.size() > 1;
      }
      const std::string_view wanted = segment(pattern), there = segment(path);
      if (wanted == "/{}" ? there.size() < 2 : wanted != there) return false;
      if (wanted == "/{}") parameters.emplace_back(there.substr(1));
      pattern.remove_prefix(wanted.size());
      path.remove_prefix(there.size());
    }
    return pattern.empty() && path.empty();
  }
  // "/a" of "/a/b".
  static std::string_view segment(std::string_view path) {
    return path.substr(0, path.find('/', 1));
  }

  std::vector<route> routes_;
};

}  // namespace ctgpt::inline CTGPT_ABI::serve
