#include "ctgpt/io/json_reader.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/io/json_writer.hpp"

using namespace ctgpt;
using namespace ctgpt::io;
using ctgpt_test::sentence_of;

namespace {

std::string refusal(std::string_view text) {
  return sentence_of([&] { parse_json(text, "t"); });
}
std::string compact(std::string_view text) { return write_json(parse_json(text, "t")); }

std::string repeat(std::string_view piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

}  // namespace

TEST_CASE("json_reader: values of every kind") {
  CHECK(parse_json("null", "t").is_null());
  CHECK(*parse_json(" true ", "t").get_if<bool>());
  CHECK_FALSE(*parse_json("\t\r\nfalse", "t").get_if<bool>());
  CHECK(*parse_json("\"text\"", "t").get_if<std::string>() == "text");
  CHECK(parse_json("[]", "t") == json::array());
  CHECK(parse_json("{ }", "t") == json::object());
  const json nested = parse_json(R"({"b": [1, {"a": null}, "x"], "a": -2.5})", "t");
  CHECK(nested.get_if<json_object>()->members()[0].key == "b");  // the order of the text
  CHECK(*nested.find("a")->get_if<double>() == -2.5);
  CHECK(nested.find("c") == nullptr);
  CHECK((*nested.find("b")->get_if<json_array>())[1].find("a")->is_null());
}

TEST_CASE("json_reader: integers are exact to 64 bits, and double beyond") {
  CHECK(*parse_json("9223372036854775807", "t").get_if<std::int64_t>() == INT64_MAX);
  CHECK(*parse_json("-9223372036854775808", "t").get_if<std::int64_t>() == INT64_MIN);
  CHECK(*parse_json("9223372036854775808", "t").get_if<std::uint64_t>() == 9223372036854775808u);
  CHECK(*parse_json("18446744073709551615", "t").get_if<std::uint64_t>() == UINT64_MAX);
  CHECK(*parse_json("18446744073709551616", "t").get_if<double>() == 0x1p64);
  CHECK(*parse_json("-9223372036854775809", "t").get_if<double>() == -0x1p63);
  CHECK(*parse_json("-0", "t").get_if<std::int64_t>() == 0);
}

TEST_CASE("json_reader: numbers with fraction or exponent are the nearest double") {
  CHECK(*parse_json("0.1", "t").get_if<double>() == 0.1);
  CHECK(*parse_json("1e0", "t").get_if<double>() == 1.0);
  CHECK(*parse_json("1E+2", "t").get_if<double>() == 100.0);
  CHECK(*parse_json("25e-1", "t").get_if<double>() == 2.5);
  CHECK(*parse_json("1.7976931348623157e308", "t").get_if<double>() == 0x1.fffffffffffffp1023);
  CHECK(*parse_json("4.9406564584124654e-324", "t").get_if<double>() == 0x1p-1074);
  CHECK(*parse_json("2.2250738585072011e-308", "t").get_if<double>() == 0x0.fffffffffffffp-1022);
  CHECK(std::signbit(*parse_json("-0.0", "t").get_if<double>()));
  CHECK(*parse_json("9007199254740993.0", "t").get_if<double>() == 9007199254740992.0);
}

TEST_CASE("json_reader: escapes, surrogate pairs and plain UTF-8 are the same characters") {
  CHECK(*parse_json(R"("\"\\\/\b\f\n\r\t")", "t").get_if<std::string>() == "\"\\/\b\f\n\r\t");
  CHECK(*parse_json(R"("\u0041\u00e9\u65E5\ud83c\uDF89")", "t").get_if<std::string>() ==
        "A\xC3\xA9\xE6\x97\xA5\xF0\x9F\x8E\x89");
  CHECK(*parse_json("\"\xC3\xA9\xF0\x9F\x8E\x89\x7F\"", "t").get_if<std::string>() ==
        "\xC3\xA9\xF0\x9F\x8E\x89\x7F");
  CHECK(*parse_json(R"("\u0000")", "t").get_if<std::string>() == std::string(1, '\0'));
  CHECK(parse_json(R"("\uFFFF\uD7FF\uE000")", "t").get_if<std::string>()->size() == 9);
}

TEST_CASE("json_reader: nesting is allowed to 64 levels and refused beyond") {
  CHECK(compact(repeat("[", 64) + repeat("]", 64)).size() == 128);
  const std::string too_deep = "t: line 1, column 65: the text nests deeper than 64 levels";
  CHECK(refusal(repeat("[", 65) + repeat("]", 65)) == too_deep);
  CHECK(refusal(repeat("[", 1000000)) == too_deep);
  CHECK(refusal(repeat("{\"a\":", 1000000)) ==
        "t: line 1, column 321: the text nests deeper than 64 levels");
}

TEST_CASE("json_reader: errors name line, column and what was expected") {
  CHECK(refusal("") == "t: line 1, column 1: expected a value, found the end of the text");
  CHECK(refusal("{\"a\": 1,\n \"b\": x}") == "t: line 2, column 7: expected a value, found 'x'");
  CHECK(refusal("[1 2]") == "t: line 1, column 4: expected ',' or ']', found '2'");
  CHECK(refusal("{\"a\" 1}") == "t: line 1, column 6: expected ':', found '1'");
  CHECK(refusal("{\"a\": 1") ==
        "t: line 1, column 8: expected ',' or '}', found the end of the text");
  CHECK(refusal("{1: 2}") == "t: line 1, column 2: expected a string or '}', found '1'");
  CHECK(refusal("{\"a\": 1,}") == "t: line 1, column 9: expected a string, found '}'");
  CHECK(refusal("[1,]") == "t: line 1, column 4: expected a value, found ']'");
  CHECK(refusal("1 2") == "t: line 1, column 3: expected the end of the text, found '2'");
  // Columns count characters, not bytes.
  CHECK(refusal("[\"\xC3\xA9\xE6\x97\xA5\" \xC3\xA9]") ==
        "t: line 1, column 7: expected ',' or ']', found '\xC3\xA9'");
  CHECK(refusal("\"a\nb\"") ==
        "t: line 1, column 3: expected '\"' at the end of the string, found the control character "
        "10");
  CHECK(refusal("\"abc") ==
        "t: line 1, column 5: expected '\"' at the end of the string, found the end of the text");
  CHECK(refusal("\"\\q\"") ==
        "t: line 1, column 3: expected one of \"\\/bfnrtu after '\\', found 'q'");
  CHECK(refusal("\"\\u12g4\"") ==
        "t: line 1, column 6: expected four hexadecimal digits, found 'g'");
  CHECK(refusal("\"\\ud800\"") == "t: line 1, column 2: half a surrogate pair is no character");
  CHECK(refusal("\"\\udc00\\ud800\"") ==
        "t: line 1, column 2: half a surrogate pair is no character");
  CHECK(refusal("\"\\ud800\\u0041\"") ==
        "t: line 1, column 2: half a surrogate pair is no character");
  CHECK(refusal("[-]") == "t: line 1, column 3: expected a digit, found ']'");
  CHECK(refusal("[1.]") == "t: line 1, column 4: expected a digit, found ']'");
  CHECK(refusal("[1e+]") == "t: line 1, column 5: expected a digit, found ']'");
  CHECK(refusal("[1e999]") == "t: line 1, column 2: the number is outside the range of a double");
  CHECK(refusal("ab\n\ncd") == "t: line 1, column 1: expected a value, found 'a'");
  CHECK(refusal("\xEF\xBB\xBF{}") == "t: line 1, column 1: expected a value, found '\xEF\xBB\xBF'");
}

TEST_CASE("json_reader: a text that is part of a file names the file's lines") {
  CHECK(sentence_of([] { parse_json("[1,\n2", "t", 7); }) ==
        "t: line 8, column 2: expected ',' or ']', found the end of the text");
}

TEST_CASE("json_reader: a key twice in one object is refused where it comes again") {
  CHECK(
      refusal("{\"a\": 1, \"b\": 2, \"a\": 3}") ==
      "t: line 1, column 18: the key \"a\" is there already; each key of an object must be unique");
  CHECK(refusal("{\"a\": 1,\n\"\\u0061\": 3}") ==
        "t: line 2, column 1: the key \"\\u0061\" is there already; each key of an object must be "
        "unique");
  CHECK(compact("{\"a\":{\"a\":1},\"b\":{\"a\":1}}") == "{\"a\":{\"a\":1},\"b\":{\"a\":1}}");
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += "\"k" + std::to_string(i * 7919 % 1000) + "\": 0, ";
  CHECK(refusal(many + "\"last\": 1}") == "(no error)");
  CHECK(refusal(many + "\"k123\": 1}").find("the key \"k123\" is there already") !=
        std::string::npos);
}

TEST_CASE("json_reader: text that is not UTF-8 is refused with the offset") {
  CHECK(refusal("[\"a\xFF\"]") == "t: line 1, column 4: the text is not UTF-8 (byte 3 of it)");
  CHECK(refusal("[1,\n\"\xC3\xA9\xED\xA0\x80\"]") ==
        "t: line 2, column 3: the text is not UTF-8 (byte 7 of it)");
  CHECK(refusal("\"\xE2\x82") == "t: line 1, column 2: the text is not UTF-8 (byte 1 of it)");
}

TEST_CASE("json_reader: what only looks like JSON is refused") {
  for (const std::string_view text : {"[1,,2]",
                                      "[,1]",
                                      "[1",
                                      "]",
                                      "}",
                                      "{\"a\":}",
                                      "{\"a\"}",
                                      "{a: 1}",
                                      "{'a': 1}",
                                      "'a'",
                                      "[01]",
                                      "[-01]",
                                      "[+1]",
                                      "[.5]",
                                      "[0x10]",
                                      "[1_000]",
                                      "[NaN]",
                                      "[Infinity]",
                                      "[-Infinity]",
                                      "[nul]",
                                      "[nulll]",
                                      "[True]",
                                      "TRUE",
                                      "// c\n1",
                                      "/* c */ 1",
                                      "[1]x",
                                      "[1] [2]",
                                      "\"\\x41\"",
                                      "\"\\U0041\"",
                                      "\"\\u004\"",
                                      "\"\\u 041\"",
                                      "\"\\ud83c\\n\"",
                                      "\"tab\there\"",
                                      "[1e]",
                                      "[1.e1]",
                                      "[--1]",
                                      "\x0B[1]",
                                      "\xC2\xA0[1]",
                                      "{\"a\":1 \"b\":2}",
                                      "[1;2]",
                                      "\"a",
                                      "{\"a\":1,,}"}) {
    CHECK_MESSAGE(refusal(text).starts_with("t: line 1, column "), text);
  }
  CHECK(refusal(std::string_view("\"a\0b\"", 5)).find("the control character 0") !=
        std::string::npos);
  CHECK(refusal(std::string_view("1\0", 2)).find("the control character 0") != std::string::npos);
}

TEST_CASE("json_reader: every prefix of a text is refused, and never read past") {
  const std::string text =
      R"({"a": [1, -2.5e3, "x\u00e9\ud83c\udf89\n", true, null, {}], "b": []})";
  REQUIRE(refusal(text) == "(no error)");
  for (std::size_t length = 0; length < text.size(); ++length) {
    const std::string prefix =
        text.substr(0, length);  // of its own, so that sanitizers see the end
    CHECK(refusal(prefix).find("t: line 1, column ") == 0);
  }
}

TEST_CASE("json_reader: a large object is read and searched fast") {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i) {
    text +=
        (i > 0 ? ",\"" : "\"") + std::to_string(i * 7919ll % 200003) + "\":" + std::to_string(i);
  }
  const json large = parse_json(text + "}", "t");
  CHECK(large.get_if<json_object>()->size() == 200000);
  for (int i = 0; i < 200000; i += 997) {
    CHECK(*large.find(std::to_string(i * 7919ll % 200003))->get_if<std::int64_t>() == i);
  }
  CHECK(large.find("none") == nullptr);
}

TEST_CASE("json_reader: a file's errors carry its path, and its size is limited") {
  const ctgpt_test::temporary_directory directory;
  const std::string path = directory.file("config.json");
  write_file_atomic(path, "{\"a\": 1}");
  CHECK(*read_json(path).find("a")->get_if<std::int64_t>() == 1);
  CHECK(sentence_of([&] { read_json(path, 7); }) ==
        "cannot read " + path + ": it is larger than the 7 bytes allowed here");
  write_file_atomic(path, "{\"a\": }");
  CHECK(sentence_of([&] { read_json(path); }) ==
        path + ": line 1, column 7: expected a value, found '}'");
}
