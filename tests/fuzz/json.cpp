// Any bytes: they are refused with a sentence, or give a value that survives writing and reading.
#include "ctgpt/io/json.hpp"

#include "fuzz/require.hpp"

using namespace ctgpt;
using namespace ctgpt::io;
using fuzz::require;

namespace {

// Every key is found where it stands, at every level.
void check_keys(const json& value) {
  if (const auto* array = value.get_if<json_array>()) {
    for (const json& element : *array) check_keys(element);
  } else if (const auto* object = value.get_if<json_object>()) {
    for (const json_member& member : object->members()) {
      require(object->find(member.key) == &member.value, "a key is found at its own value");
      check_keys(member.value);
    }
  }
}

// Fields never crash on a foreign value; they return or throw.
void ask_fields(const json_field& field) {
  const auto ask = [](auto question) {
    try {
      question();
    } catch (const error& refusal) {
      require(std::string_view(refusal.what()).starts_with("f: "), "errors begin with the name");
    }
  };
  ask([&] { field.integer(-3, 3); });
  ask([&] { field.unsigned_integer(); });
  ask([&] { field.number_or(1.0); });
  ask([&] { field.string(); });
  ask([&] { field.boolean(); });
  ask([&] { field["a"]["b"].number(); });
  ask([&] {
    if (field.size() > 0) field[field.size() - 1].string();
  });
  ask([&] {
    for (const json_member& member : field.members()) field[member.key].integer();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  json value;
  try {
    value = parse_json(fuzz::text_of(data, size), "f");
  } catch (const error& refusal) {
    require(std::string_view(refusal.what()).starts_with("f: line "), "errors name the line");
    return 0;
  }
  check_keys(value);
  ask_fields(json_field(value, "f"));
  const std::string compact = write_json(value), pretty = write_json(value, {.pretty = true});
  require(parse_json(compact, "compact") == value, "the compact form reads back equal");
  require(parse_json(pretty, "pretty") == value, "the pretty form reads back equal");
  require(write_json(parse_json(pretty, "pretty")) == compact, "writing is stable");
  return 0;
}
