#include "ctgpt/io/json_value.hpp"

#include <doctest/doctest.h>

using namespace ctgpt::io;

TEST_CASE("json_value: one integer has one form, whatever type it came from") {
  CHECK(json(5) == json(5u));
  CHECK(json(std::uint64_t{5}) == json(std::int8_t{5}));
  CHECK(json(std::uint64_t{1} << 63).get_if<std::uint64_t>() != nullptr);
  CHECK(json((std::uint64_t{1} << 63) - 1).get_if<std::int64_t>() != nullptr);
  CHECK_FALSE(json(1) == json(1.0));
  CHECK_FALSE(json(1) == json(true));
  CHECK(json("x") == json(std::string("x")));
}

TEST_CASE(
    "json_value: setting keeps the order of first keys and replaces values, small and large") {
  json object;
  for (int i = 0; i < 100; ++i) {
    object.set("k" + std::to_string(i * 37 % 100), i);
    // Around the size where the index begins as well.
    for (int j = 0; j <= i; j += 3) {
      const json* found = object.find("k" + std::to_string(j * 37 % 100));
      REQUIRE(found != nullptr);
      REQUIRE(*found == json(j));
    }
    const bool next_is_absent = object.find("k" + std::to_string((i + 1) * 37 % 100)) == nullptr;
    REQUIRE(next_is_absent == (i < 99));
  }
  object.set("k0", "new").set("k37", "too");
  const json_object& members = *object.get_if<json_object>();
  CHECK(members.size() == 100);
  CHECK(members.members()[0].key == "k0");
  CHECK(members.members()[0].value == json("new"));
  CHECK(members.members()[1].key == "k37");
  CHECK(members.members()[99].key == "k63");
}

TEST_CASE("json_value: copies are independent, and the order of keys counts in comparisons") {
  json first = json::object().set("a", json(json_array{1})).set("b", 2);
  json second = first;
  CHECK(first == second);
  second.set("b", 3);
  CHECK_FALSE(first == second);
  CHECK(*first.find("b") == json(2));
  CHECK_FALSE(first == json::object().set("b", 2).set("a", json(json_array{1})));
  CHECK(json().push(1).push("x") == json(json_array{1, "x"}));
  CHECK(json(1).find("a") == nullptr);
}
