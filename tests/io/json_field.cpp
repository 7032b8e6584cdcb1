#include "ctgpt/io/json_field.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"

using namespace ctgpt;
using namespace ctgpt::io;
using ctgpt_test::sentence_of;

namespace {

const json document = parse_json(R"({
  "n_layer": "twelve", "n_head": 0, "rate": 3e-4, "tied": true, "n_inner": null,
  "seed": 18446744073709551615,
  "rope": {"base": [10000, "x"]}, "name": "gpt", "negative": -3, "half": 1.5,
  "long": "0123456789012345678901234567890123456789012345678901234567890123456789",
  "odd key\n": 1
})",
                                 "config.json");
const json_field config(document, "config.json");

}  // namespace

TEST_CASE("json_field: values of the right kind are returned") {
  CHECK(config["n_head"].integer() == 0);
  CHECK(config["negative"].integer(-3, -3) == -3);
  CHECK(config["rate"].number() == 3e-4);
  CHECK(config["negative"].number() == -3.0);
  CHECK(config["seed"].unsigned_integer() == UINT64_MAX);
  CHECK(config["seed"].number() == 0x1p64);
  CHECK(config["n_head"].unsigned_integer() == 0);
  CHECK(config["tied"].boolean());
  CHECK(config["name"].string() == "gpt");
  CHECK(config["rope"]["base"][0].integer(1) == 10000);
  CHECK(config["rope"]["base"].size() == 2);
  CHECK(config["rope"].members().size() == 1);
  CHECK(config["n_inner"].value()->is_null());
  CHECK(config["none"].value() == nullptr);
}

TEST_CASE("json_field: a fallback stands for what is missing or null, and for nothing else") {
  CHECK(config["n_inner"].integer_or(3072, 1) == 3072);
  CHECK(config["none"].integer_or(7) == 7);
  CHECK(config["none"].unsigned_integer_or(8) == 8);
  CHECK(config["none"].number_or(0.5) == 0.5);
  CHECK(config["none"].boolean_or(true));
  CHECK(config["none"].string_or("x") == "x");
  CHECK(config["n_head"].integer_or(7) == 0);
  CHECK(config["name"].string_or("x") == "gpt");
  CHECK(sentence_of([] { config["n_layer"].integer_or(7); }) ==
        "config.json: n_layer must be an integer, found the string \"twelve\"");
  CHECK_FALSE(config["none"].present());
  CHECK_FALSE(config["n_inner"].present());
  CHECK(config["tied"].present());
}

TEST_CASE("json_field: errors are one sentence with file, path, rule and finding") {
  CHECK(sentence_of([] { config["rope"].wrong("a number"); }) ==
        "config.json: rope must be a number, found an object");
  CHECK(sentence_of([] { config["rope"].refuse("must name every base; none is there"); }) ==
        "config.json: rope must name every base; none is there");
  CHECK(sentence_of([] { config.refuse("must be left out"); }) ==
        "config.json: the whole text must be left out");
  CHECK(sentence_of([] { config["n_layer"].integer(1); }) ==
        "config.json: n_layer must be an integer of at least 1, found the string \"twelve\"");
  CHECK(sentence_of([] { config["n_head"].integer(1, 64); }) ==
        "config.json: n_head must be an integer from 1 to 64, found 0");
  CHECK(sentence_of([] { config["n_head"].integer(json_field::lowest, -1); }) ==
        "config.json: n_head must be an integer of at most -1, found 0");
  CHECK(sentence_of([] { config["half"].integer(); }) ==
        "config.json: half must be an integer, found 1.5");
  CHECK(sentence_of([] { config["seed"].integer(); }) ==
        "config.json: seed must be an integer, found 18446744073709551615");
  CHECK(sentence_of([] { config["negative"].unsigned_integer(); }) ==
        "config.json: negative must be an integer of at least 0, found -3");
  CHECK(sentence_of([] { config["none"].integer(1); }) ==
        "config.json: none is missing; it must be an integer of at least 1");
  CHECK(sentence_of([] { config["n_inner"].boolean(); }) ==
        "config.json: n_inner must be true or false, found null");
  CHECK(sentence_of([] { config["tied"].string(); }) ==
        "config.json: tied must be a string, found true");
  CHECK(sentence_of([] { config["rope"].number(); }) ==
        "config.json: rope must be a number, found an object");
  CHECK(sentence_of([] { config["rope"]["base"][1].number(); }) ==
        "config.json: rope.base[1] must be a number, found the string \"x\"");
  CHECK(sentence_of([] { config["name"]["inner"]; }) ==
        "config.json: name must be an object, found the string \"gpt\"");
  CHECK(sentence_of([] { config["none"]["inner"]; }) ==
        "config.json: none is missing; it must be an object");
  CHECK(sentence_of([] { config["tied"].size(); }) ==
        "config.json: tied must be an array, found true");
  const json array = json::array();
  CHECK(sentence_of([&] { json_field(array, "list.json")["a"]; }) ==
        "list.json: the whole text must be an object, found an array");
}

TEST_CASE("json_field: long and strange texts of foreign files are cut and quoted") {
  CHECK(sentence_of([] { config["long"].integer(); }) ==
        "config.json: long must be an integer, found the string "
        "\"012345678901234567890123456789012345678901234567890123456789\"...");
  CHECK(sentence_of([] { config["odd key\n"].string(); }) ==
        "config.json: \"odd key\\n\" must be a string, found 1");
  // The cut falls between characters.
  const json text(std::string(59, 'a') + "\xC3\xA9\xC3\xA9");
  CHECK(sentence_of([&] { json_field(text, "t").integer(); }) ==
        "t: the whole text must be an integer, found the string \"" + std::string(59, 'a') +
            "\"...");
}
