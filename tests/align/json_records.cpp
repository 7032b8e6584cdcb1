// json_records: JSON lines and arrays as records with their lines, whatever is damaged in them.
#include "ctgpt/align/json_records.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace ctgpt;

namespace {

struct found {
  std::string record;
  std::int64_t line;
  bool operator==(const found&) const = default;
};
std::vector<found> records(std::string_view text) {
  std::vector<found> all;
  align::json_records(text).each([&](std::string_view record, std::int64_t line) {
    all.push_back({std::string(record), line});
  });
  return all;
}

}  // namespace

TEST_CASE("json_records: lines, with blank ones, line ends of two kinds and a byte order mark") {
  CHECK(records("{\"a\":1}\n{\"b\":[2]}\n") ==
        std::vector<found>{{"{\"a\":1}", 1}, {"{\"b\":[2]}", 2}});
  CHECK(records("\xEF\xBB\xBF{}\r\n\r\n  {}") == std::vector<found>{{"{}\r", 1}, {"{}", 3}});
  CHECK(records("").empty());
  CHECK(records(" \n\n").empty());
  // Each line an array: lines.
  CHECK(records("[1]\n[2]\n").size() == 2);
}

TEST_CASE("json_records: the elements of an array, over lines") {
  const std::string text = "[\n {\"a\": \"], {\\\"\"},\n\n {\"b\": [1,\n 2]}\n]\n";
  const std::vector<found> all = records(text);
  REQUIRE(all.size() == 2);
  CHECK(all[0] == found{"{\"a\": \"], {\\\"\"}", 2});
  CHECK(all[1] == found{"{\"b\": [1,\n 2]}", 4});
  CHECK(records("[]").empty());
  CHECK(records("[1, 2]") == std::vector<found>{{"1", 1}, {"2", 1}});
}

TEST_CASE("json_records: what is damaged costs itself alone, and nothing hangs") {
  CHECK(records("{\"a\":\n{\"b\":1}\n").size() == 2);     // half a line
  CHECK(records("[{\"a\":1},\n{\"b\":1").size() == 2);    // a file that was cut
  CHECK(records("[{\"a\":1}]\ngarbage").size() == 2);     // something behind the array
  CHECK(records("[{\"a\":\"").size() == 1);               // an open text
  CHECK(records(std::string(1 << 20, '[')).size() == 1);  // nesting takes no stack
  CHECK(records("[}}}}]").size() >= 1);
}
