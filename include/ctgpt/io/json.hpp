// JSON, the whole of it: a value, a strict reader, a streaming writer, typed access with sentences.
//
//   json_value.hpp    json, json_array, json_object: build, find, compare
//   json_reader.hpp   parse_json(text, name), read_json(path): RFC 8259 to the letter
//   json_writer.hpp   json_writer (streaming), write_json(value): compact or pretty
//   json_field.hpp    json_field: config["n_layer"].integer(1), errors with the path of the value
//
// This is the core's own reader, small and fuzzed, for configs, tokenizers, safetensors headers and
// metrics.
// Reference: RFC 8259.
#pragma once

#include "ctgpt/io/json_field.hpp"
#include "ctgpt/io/json_reader.hpp"
#include "ctgpt/io/json_value.hpp"
#include "ctgpt/io/json_writer.hpp"
