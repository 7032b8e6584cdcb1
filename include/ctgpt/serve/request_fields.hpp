// request_fields: typed, bounded access to the members of a request's JSON object.
//
//   const io::json body = parse_request(text);
//   const request_fields fields(body);
//   fields.number("temperature", 0.0, 2.0)      optional: absent and null are the same
//   fields.integer("n", 1, 128), fields.truth("stream"), fields.text("user", 512)
//
// Members that nobody asks for are ignored, as OpenAI's clients send more with every release.
// Errors: bad_request with the member's path as `param`:
//   temperature must be a number from 0 to 2, not "hot"
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctgpt/io/json.hpp"
#include "ctgpt/serve/api_error.hpp"

namespace ctgpt::inline CTGPT_ABI::serve {

// A body that is no JSON object is an error. Its values are counted as they cost memory.
inline io::json parse_request(std::string_view body) {
  constexpr std::uint64_t most_values = 300'000;
  io::json value;
  try {
    value = io::parse_json(body, "the request's body", 1, most_values);
  } catch (const error& problem) {
    throw bad_request(problem.what());
  }
  if (value.get_if<io::json_object>() == nullptr) {
    throw bad_request("the request's body must be a JSON object");
  }
  return value;
}

// As a sentence shows it: short, and without line breaks.
inline std::string shown_value(const io::json& value) {
  if (const auto* text = value.get_if<std::string>()) {
    constexpr std::size_t most = 40;
    if (text->size() <= most) return io::quote_json(*text);
    std::size_t end = most;
    while ((static_cast<unsigned char>((*text)[end]) & 0xC0) == 0x80) --end;
    return io::quote_json(text->substr(0, end)) + "...";
  }
  if (value.get_if<io::json_array>() != nullptr) return "an array";
  if (value.get_if<io::json_object>() != nullptr) return "an object";
  return io::write_json(value);
}

inline std::string shown_number(double value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

[[noreturn]] inline void fail_value(const std::string& path, const std::string& must_be,
                                    const io::json& found) {
  throw bad_request(join(path, " must be ", must_be, ", not ", shown_value(found)), path);
}

class request_fields {
 public:
  // path: of the object, "" of the whole body. Requires: an object that outlives this.
  explicit request_fields(const io::json& object, std::string path = {})
      : object_(&object), path_(std::move(path)) {}

  // nullptr where it is absent or null.
  const io::json* find(std::string_view name) const {
    const io::json* value = object_->find(name);
    return value != nullptr && !value->is_null() ? value : nullptr;
  }
  std::string path_of(std::string_view name) const {
    return path_.empty() ? std::string(name) : join(path_, ".", name);
  }
  [[noreturn]] void wrong(std::string_view name, const std::string& must_be) const {
    const io::json* found = find(name);
    if (found != nullptr) fail_value(path_of(name), must_be, *found);
    throw bad_request(join(path_of(name), " is missing; it must be ", must_be), path_of(name),
                      "missing_required_parameter");
  }

  std::optional<double> number(std::string_view name, double low, double high) const {
    const io::json* value = find(name);
    if (value == nullptr) return std::nullopt;
    const std::optional<double> read = number_of(*value);
    if (!read || !(*read >= low && *read <= high)) {
      wrong(name, join("a number from ", shown_number(low), " to ", shown_number(high)));
    }
    return read;
  }
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low,
                                      std::int64_t high) const {
    const io::json* value = find(name);
    if (value == nullptr) return std::nullopt;
    const auto* read = value->get_if<std::int64_t>();
    if (read == nullptr || *read < low || *read > high) {
      wrong(name, join("a whole number from ", low, " to ", high));
    }
    return *read;
  }
  std::optional<bool> truth(std::string_view name) const {
    const io::json* value = find(name);
    if (value == nullptr) return std::nullopt;
    const bool* read = value->get_if<bool>();
    if (read == nullptr) wrong(name, "true or false");
    return *read;
  }
  std::optional<std::string> text(std::string_view name, std::size_t most) const {
    const io::json* value = find(name);
    if (value == nullptr) return std::nullopt;
    const auto* read = value->get_if<std::string>();
    if (read == nullptr) wrong(name, "a string");
    if (read->size() > most) wrong(name, join("a string of at most ", most, " bytes"));
    return *read;
  }
  const io::json_array* array(std::string_view name, const std::string& must_be) const {
    const io::json* value = find(name);
    if (value == nullptr) return nullptr;
    const auto* read = value->get_if<io::json_array>();
    if (read == nullptr) wrong(name, must_be);
    return read;
  }

  static std::optional<double> number_of(const io::json& value) {
    if (const auto* real = value.get_if<double>()) return *real;
    if (const auto* small = value.get_if<std::int64_t>()) return static_cast<double>(*small);
    if (const auto* large = value.get_if<std::uint64_t>()) return static_cast<double>(*large);
    return std::nullopt;
  }

 private:
  const io::json* object_;
  std::string path_;
};

// A member that asks for what this server does not do is refused: an answer that ignores it would
// look like one that obeys.
inline void refuse_unless_empty(const request_fields& fields, std::string_view name,
                                const std::string& instead) {
  const io::json* value = fields.find(name);
  if (value == nullptr) return;
  const auto* list = value->get_if<io::json_array>();
  if (list != nullptr && list->empty()) return;
  throw bad_request(join(name, " is not supported; ", instead), std::string(name),
                    "unsupported_parameter");
}

}  // namespace ctgpt::inline CTGPT_ABI::serve
