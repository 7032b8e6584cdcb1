// Typed access to a JSON value that came from a file, with a sentence for whatever is wrong with
// it.
//
// const json text = read_json("config.json");
// const json_field config(text, "config.json");
// config["n_layer"].integer(1)                  an integer of at least 1, or an error
// config["n_inner"].integer_or(4 * width, 1)    the fallback when it is missing or null
// config["rope"]["base"].number()               "config.json: rope.base must be a number, ..."
//
// A field knows the path that led to it. Taking a field that is not there is no error; asking it
// for a value is.
// Requires: the json outlives its fields.
// Errors: one sentence each, e.g.
//   config.json: n_layer must be an integer of at least 1, found the string "twelve"
#pragma once

#include <limits>

#include "ctgpt/io/json_reader.hpp"
#include "ctgpt/io/json_writer.hpp"

namespace ctgpt::inline CTGPT_ABI::io {

class json_field {
 public:
  static constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();

  json_field(const json& value, std::string name) : value_(&value), name_(std::move(name)) {}

  // There and not null.
  bool present() const { return value_ != nullptr && !value_->is_null(); }
  // The value itself, nullptr when it is not there.
  const json* value() const { return value_; }

  json_field operator[](std::string_view key) const {
    std::string path = path_.empty() ? shown_key(key) : path_ + "." + shown_key(key);
    return json_field(name_, std::move(path), held<json_object>("an object").find(key));
  }
  // Requires: position < size().
  json_field operator[](std::size_t position) const {
    return json_field(name_, path_ + "[" + std::to_string(position) + "]",
                      &held<json_array>("an array")[position]);
  }
  // Elements of an array.
  std::size_t size() const { return held<json_array>("an array").size(); }
  // Keys and values of an object, in order.
  const std::vector<json_member>& members() const {
    return held<json_object>("an object").members();
  }

  std::int64_t integer(std::int64_t least = lowest, std::int64_t most = highest) const {
    const std::int64_t* number = value_ != nullptr ? value_->get_if<std::int64_t>() : nullptr;
    if (number == nullptr || *number < least || *number > most)
      wrong(integer_sentence(least, most));
    return *number;
  }
  // All 64 bits, for seeds and counters.
  std::uint64_t unsigned_integer() const {
    if (value_ != nullptr) {
      if (const auto* large = value_->get_if<std::uint64_t>()) return *large;
      const auto* small = value_->get_if<std::int64_t>();
      if (small != nullptr && *small >= 0) return static_cast<std::uint64_t>(*small);
    }
    wrong("an integer of at least 0");
  }
  // Integers too.
  double number() const {
    if (value_ != nullptr) {
      if (const auto* real = value_->get_if<double>()) return *real;
      if (const auto* small = value_->get_if<std::int64_t>()) return static_cast<double>(*small);
      if (const auto* large = value_->get_if<std::uint64_t>()) return static_cast<double>(*large);
    }
    wrong("a number");
  }
  bool boolean() const { return held<bool>("true or false"); }
  const std::string& string() const { return held<std::string>("a string"); }

  std::int64_t integer_or(std::int64_t fallback, std::int64_t least = lowest,
                          std::int64_t most = highest) const {
    return present() ? integer(least, most) : fallback;
  }
  std::uint64_t unsigned_integer_or(std::uint64_t fallback) const {
    return present() ? unsigned_integer() : fallback;
  }
  double number_or(double fallback) const { return present() ? number() : fallback; }
  bool boolean_or(bool fallback) const { return present() ? boolean() : fallback; }
  std::string string_or(std::string fallback) const {
    return present() ? string() : std::move(fallback);
  }

  // Throws "<file>: <path> must be <what>, found <what is there>". For callers' own rules too.
  [[noreturn]] void wrong(std::string_view must_be) const {
    const std::string subject = shown_path();
    if (value_ == nullptr) fail(name_, ": ", subject, " is missing; it must be ", must_be);
    fail(name_, ": ", subject, " must be ", must_be, ", found ", describe(*value_));
  }

  // Throws "<file>: <path> <sentence>": where the kind of the value is right, and says nothing.
  [[noreturn]] void refuse(std::string_view sentence) const {
    fail(name_, ": ", shown_path(), " ", sentence);
  }

 private:
  json_field(std::string name, std::string path, const json* value)
      : value_(value), name_(std::move(name)), path_(std::move(path)) {}

  std::string shown_path() const { return path_.empty() ? "the whole text" : path_; }

  template <class T>
  const T& held(std::string_view must_be) const {
    const T* content = value_ != nullptr ? value_->get_if<T>() : nullptr;
    if (content == nullptr) wrong(must_be);
    return *content;
  }

  static std::string integer_sentence(std::int64_t least, std::int64_t most) {
    if (least == lowest && most == highest) return "an integer";
    if (most == highest) return join("an integer of at least ", least);
    if (least == lowest) return join("an integer of at most ", most);
    return join("an integer from ", least, " to ", most);
  }

  // Long or strange keys and strings come from foreign files: cut, and quoted with escapes.
  static std::string cut(std::string_view text) {
    constexpr std::size_t most = 60;
    if (text.size() <= most) return quote_json(text);
    std::size_t end = most;
    while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // between characters
    return quote_json(text.substr(0, end)) + "...";
  }
  static std::string shown_key(std::string_view key) {
    const auto plain = [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\'; };
    const bool readable =
        !key.empty() && key.size() <= 60 && std::all_of(key.begin(), key.end(), plain);
    return readable ? std::string(key) : cut(key);
  }
  static std::string describe(const json& value) {
    if (const auto* text = value.get_if<std::string>()) return "the string " + cut(*text);
    if (value.get_if<json_array>() != nullptr) return "an array";
    if (value.get_if<json_object>() != nullptr) return "an object";
    return write_json(value);
  }

  const json* value_;
  std::string name_, path_;
};

}  // namespace ctgpt::inline CTGPT_ABI::io
