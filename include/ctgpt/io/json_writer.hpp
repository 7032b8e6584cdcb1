// Writes JSON: streaming, compact or indented by two spaces, always valid RFC 8259.
//
// std::string line;                                  kept between steps, so nothing is allocated
// json_writer(line).begin_object().member("step", 12).member("loss", 1.25f).end_object();
// write_json(value, {.pretty = true});               a whole value at once
//
// Integers are written exactly; float and double in the shortest form that reads back to the same
// bits, with ".0" when it would look like an integer. Characters past ASCII stay as they are.
// Requires: calls that make one well-formed value: a key before each value of an object, an end for
// each begin.
// Errors: NaN and infinity (or null for them, with null_for_non_finite), text that is not UTF-8,
// nesting deeper than 64.
// Reference: RFC 8259.
#pragma once

#include <charconv>
#include <cmath>
#include <span>

#include "ctgpt/base/error.hpp"
#include "ctgpt/base/utf8.hpp"
#include "ctgpt/io/json_value.hpp"

namespace ctgpt::inline CTGPT_ABI::io {

struct json_style {
  bool pretty = false;
  bool null_for_non_finite = false;
};

class json_writer {
 public:
  // Appends to `out`.
  explicit json_writer(std::string& out, json_style style = {}) : out_(out), style_(style) {}

  json_writer& begin_object() { return begin('{'); }
  json_writer& end_object() { return end('}'); }
  json_writer& begin_array() { return begin('['); }
  json_writer& end_array() { return end(']'); }

  json_writer& key(std::string_view name) {
    separate();
    key_begin_ = out_.size();
    quote(name);
    key_end_ = out_.size();
    out_ += style_.pretty ? ": " : ":";
    after_key_ = true;
    return *this;
  }

  json_writer& value(std::nullptr_t) { return plain("null"); }
  json_writer& value(bool truth) { return plain(truth ? "true" : "false"); }
  json_writer& value(float number) { return real(number); }
  json_writer& value(double number) { return real(number); }
  json_writer& value(const char* text) { return value(std::string_view(text)); }
  json_writer& value(const std::string& text) { return value(std::string_view(text)); }
  json_writer& value(std::string_view text) {
    separate();
    quote(text);
    return *this;
  }
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool>) json_writer& value(Integer number) {
    char digits[24];
    const char* last = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return plain({digits, static_cast<std::size_t>(last - digits)});
  }
  json_writer& value(const json& any) {
    std::visit([this](const auto& held) { write(held); }, any.data());
    return *this;
  }

  template <class T>
  json_writer& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }

 private:
  void write(const json_array& elements) {
    begin_array();
    for (const json& element : elements) value(element);
    end_array();
  }
  void write(const json_object& object) {
    begin_object();
    for (const json_member& each : object.members()) member(each.key, each.value);
    end_object();
  }
  template <class Scalar>
  void write(const Scalar& scalar) {
    value(scalar);
  }

  json_writer& begin(char bracket) {
    separate();
    expects(depth_ < json_depth_limit, "cannot write JSON that nests deeper than ",
            json_depth_limit, " levels");
    out_ += bracket;
    ++depth_;
    empty_ = true;
    return *this;
  }

  json_writer& end(char bracket) {
    --depth_;
    if (!empty_) new_line();
    out_ += bracket;
    empty_ = false;  // the container around has at least this one
    return *this;
  }

  // What stands between this value or key and the one before.
  void separate() {
    if (after_key_) {
      after_key_ = false;
    } else if (depth_ > 0) {
      if (!empty_) out_ += ',';
      new_line();
    }
    empty_ = false;
  }

  void new_line() {
    if (!style_.pretty) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(2 * depth_), ' ');
  }

  json_writer& plain(std::string_view token) {
    separate();
    out_ += token;
    return *this;
  }

  template <class Real>
  json_writer& real(Real number) {
    if (!std::isfinite(number)) {
      if (style_.null_for_non_finite) return value(nullptr);
      const std::string_view name =
          std::string_view(out_).substr(key_begin_, key_end_ - key_begin_);
      fail("JSON cannot hold ", std::isnan(number) ? "NaN" : "infinity",
           name.empty() ? "" : ", the value of ", name);
    }
    char digits[32];
    const char* last = std::to_chars(digits, digits + sizeof digits, number).ptr;
    const std::string_view text(digits, static_cast<std::size_t>(last - digits));
    plain(text);
    if (text.find_first_of(".e") == text.npos) out_ += ".0";
    return *this;
  }

  void quote(std::string_view text) {
    const std::size_t bad = utf8_error_offset(text);
    expects(bad == text.npos, "cannot write a text as JSON: it is not UTF-8 (byte ", bad,
            " of it)");
    out_ += '"';
    while (!text.empty()) {
      const auto special = [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
      };
      const auto stop = std::find_if(text.begin(), text.end(), special);
      const auto length = static_cast<std::size_t>(stop - text.begin());
      out_ += text.substr(0, length);
      if (stop == text.end()) break;
      escape(*stop);
      text.remove_prefix(length + 1);
    }
    out_ += '"';
  }

  void escape(char c) {
    constexpr std::string_view letters = "\"\\bfnrt";
    constexpr std::string_view meanings = "\"\\\b\f\n\r\t";
    constexpr std::string_view hexadecimal = "0123456789abcdef";
    const std::size_t which = meanings.find(c);
    out_ += '\\';
    if (which != meanings.npos) {
      out_ += letters[which];
    } else {
      out_ += c < 16 ? "u000" : "u001";
      out_ += hexadecimal[static_cast<std::size_t>(c % 16)];
    }
  }

  std::string& out_;
  json_style style_;
  int depth_ = 0;
  bool empty_ = true;                        // nothing yet in the innermost container
  bool after_key_ = false;                   // the next value belongs to the key just written
  std::size_t key_begin_ = 0, key_end_ = 0;  // in out_, for errors
};

inline std::string write_json(const json& value, json_style style = {}) {
  std::string text;
  json_writer(text, style).value(value);
  return text;
}

// The text in quotes, as errors show it.
inline std::string quote_json(std::string_view text) {
  std::string quoted, repaired;
  utf8_append_repaired(repaired, text);
  json_writer(quoted).value(repaired);
  return quoted;
}

}  // namespace ctgpt::inline CTGPT_ABI::io
