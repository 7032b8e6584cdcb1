#include "ctgpt/io/json_writer.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "base/child.hpp"
#include "ctgpt/base/random.hpp"
#include "ctgpt/io/json_reader.hpp"

using namespace ctgpt;
using namespace ctgpt::io;
using ctgpt_test::sentence_of;

namespace {

// A value with everything in it, `depth` levels deep.
json random_json(random_stream& random, int depth) {
  switch (random.below(depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return random.below(2) == 0;
    case 2:
      return static_cast<std::int64_t>(std::uint64_t{random.next()} << 32 | random.next()) >>
             random.below(64);
    case 3:
      return ~std::uint64_t{0} >> random.below(64);
    case 4: {
      const std::uint64_t bits = std::uint64_t{random.next()} << 32 | random.next();
      const auto real = __builtin_bit_cast(double, bits);
      return std::isfinite(real) ? real : 0.5;
    }
    case 5: {
      std::string text;
      for (std::uint64_t i = random.below(12); i > 0; --i) {
        const auto code = static_cast<char32_t>(random.below(0x110000) >> random.below(21));
        utf8_append(text, is_unicode_scalar(code) ? code : U'?');
      }
      return text;
    }
    case 6: {
      json array = json::array();
      for (std::uint64_t i = random.below(5); i > 0; --i)
        array.push(random_json(random, depth - 1));
      return array;
    }
    default: {
      json object = json::object();
      for (std::uint64_t i = random.below(20); i > 0; --i) {
        object.set("k" + std::to_string(random.below(30)), random_json(random, depth - 1));
      }
      return object;
    }
  }
}

}  // namespace

TEST_CASE("json_writer: compact and pretty forms") {
  json value = json::object();
  value.set("name", "gpt").set("sizes", json(json_array{1, 2})).set("none", json::array());
  value.set("inner", json::object().set("x", nullptr)).set("empty", json::object());
  CHECK(write_json(value) ==
        R"({"name":"gpt","sizes":[1,2],"none":[],"inner":{"x":null},"empty":{}})");
  CHECK(write_json(value, {.pretty = true}) == R"({
  "name": "gpt",
  "sizes": [
    1,
    2
  ],
  "none": [],
  "inner": {
    "x": null
  },
  "empty": {}
})");
  CHECK(write_json(json_array{json::array(), json::object(), 1}) == "[[],{},1]");
  CHECK(write_json("top") == "\"top\"");
}

TEST_CASE("json_writer: a metrics line allocates nothing once its string has grown") {
  std::string line;
  for (int step = 0; step < 3; ++step) {
    line.clear();
    const char* memory = line.data();
    json_writer(line)
        .begin_object()
        .member("step", step)
        .member("loss", 1.25f)
        .member("lr", 3e-4)
        .member("note", "a \"quote\"")
        .member("done", false)
        .end_object();
    line += '\n';
    if (step > 0) CHECK(line.data() == memory);
    CHECK(line == "{\"step\":" + std::to_string(step) +
                      R"(,"loss":1.25,"lr":3e-04,"note":"a \"quote\"","done":false})" + "\n");
  }
}

TEST_CASE("json_writer: numbers have the shortest form that reads back to the same bits") {
  const auto written = [](auto number) {
    std::string text;
    json_writer(text).value(number);
    return text;
  };
  CHECK(written(0.1) == "0.1");
  CHECK(written(0.1f) == "0.1");
  CHECK(written(1.0) == "1.0");
  CHECK(written(-0.0) == "-0.0");
  CHECK(written(1e22) == "1e+22");
  CHECK(written(100.0f) == "100.0");
  CHECK(written(1.0 / 3.0) == "0.3333333333333333");
  CHECK(written(1.0f / 3.0f) == "0.33333334");
  CHECK(written(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  CHECK(written(std::numeric_limits<double>::denorm_min()) == "5e-324");
  CHECK(written(std::int64_t{INT64_MIN}) == "-9223372036854775808");
  CHECK(written(std::uint64_t{UINT64_MAX}) == "18446744073709551615");
  CHECK(written(std::uint8_t{65}) == "65");
  random_stream random(5);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t bits = std::uint64_t{random.next()} << 32 | random.next();
    const auto real = __builtin_bit_cast(double, bits);
    if (!std::isfinite(real)) continue;
    const json again = parse_json(written(real), "t");
    REQUIRE(again.get_if<double>() != nullptr);
    REQUIRE(__builtin_bit_cast(std::uint64_t, *again.get_if<double>()) == bits);
  }
}

TEST_CASE("json_writer: NaN and infinity are refused by name, or null where asked") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(sentence_of([&] { write_json(json(nan)); }) == "JSON cannot hold NaN");
  CHECK(sentence_of([&] { write_json(json::object().set("loss", -infinity)); }) ==
        "JSON cannot hold infinity, the value of \"loss\"");
  CHECK(write_json(json_array{nan, infinity, 1.5}, {.null_for_non_finite = true}) ==
        "[null,null,1.5]");
}

TEST_CASE("json_writer: strings are escaped where they must be and nowhere else") {
  std::string controls;
  for (char c = 0; c < 0x20; ++c) controls += c;
  CHECK(write_json(controls) ==
        R"("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f)"
        R"(\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d)"
        R"(\u001e\u001f")");
  CHECK(write_json("\"\\/\x7F\xC3\xA9") == "\"\\\"\\\\/\x7F\xC3\xA9\"");
  CHECK(sentence_of([] { write_json("ab\xFF"); }) ==
        "cannot write a text as JSON: it is not UTF-8 (byte 2 of it)");
  CHECK(quote_json("a\xFF\n") == "\"a\xEF\xBF\xBD\\n\"");
}

TEST_CASE("json_writer: nesting deeper than what can be read is refused") {
  json deep = json::array();
  for (int i = 1; i < json_depth_limit; ++i) deep = json(json_array{deep});
  CHECK(parse_json(write_json(deep), "t") == deep);
  CHECK(sentence_of([&] { write_json(json(json_array{deep})); }) ==
        "cannot write JSON that nests deeper than 64 levels");
}

TEST_CASE("json_writer: random values come back equal, compact and pretty") {
  random_stream random(6);
  for (int i = 0; i < 2000; ++i) {
    const json value = random_json(random, 4);
    const std::string compact = write_json(value), pretty = write_json(value, {.pretty = true});
    REQUIRE(parse_json(compact, "compact") == value);
    REQUIRE(parse_json(pretty, "pretty") == value);
    REQUIRE(write_json(parse_json(pretty, "pretty")) == compact);
  }
}
