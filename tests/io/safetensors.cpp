#include "ctgpt/io/safetensors.hpp"

#include <doctest/doctest.h>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/base/random.hpp"
#include "io/python.hpp"

using namespace ctgpt;
using namespace ctgpt::io;
using ctgpt_test::golden;
using ctgpt_test::sentence_of;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string file_of(std::string_view header, std::size_t data_bytes) {
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  file += header;
  return file + std::string(data_bytes, 'd');
}

std::string refusal(const std::string& file) {
  return sentence_of([&] { safetensors::parse(bytes_of(file), "m"); });
}
std::string refusal(std::string_view header, std::size_t data_bytes) {
  return refusal(file_of(header, data_bytes));
}

// Reads what can be read; every span must lie inside the file.
bool sound(const std::string& file) {
  try {
    const safetensors parsed = safetensors::parse(bytes_of(file), "m");
    const auto* first = reinterpret_cast<const std::byte*>(file.data());
    for (const tensor_info& info : parsed.tensors()) {
      const std::span<const std::byte> bytes = parsed.bytes(info);
      if (!bytes.empty() &&
          (bytes.data() < first || bytes.data() + bytes.size() > first + file.size())) {
        return false;
      }
    }
  } catch (const error&) {
  }
  return true;
}

}  // namespace

TEST_CASE("safetensors: the golden file of the format's own package is read, every type") {
  const std::string path = golden("io/all_types.safetensors");
  const safetensors file = safetensors::open(path);
  CHECK(file.metadata() == std::vector<std::pair<std::string, std::string>>{{"format", "pt"}});
  struct expectation {
    const char* name;
    dtype type;
    std::vector<isize> shape;
  };
  const std::vector<expectation> all{
      {"a.f32", dtype::f32, {2, 3}},
      {"b.f64", dtype::f64, {3}},
      {"c.f16", dtype::f16, {5}},
      {"d.bf16", dtype::bf16, {2, 2}},
      {"e.i64", dtype::i64, {1, 2}},
      {"f.i32", dtype::i32, {3}},
      {"g.i16", dtype::i16, {3}},
      {"h.i8", dtype::i8, {7}},
      {"i.u64", dtype::u64, {2}},
      {"j.u32", dtype::u32, {1}},
      {"k.u16", dtype::u16, {3}},
      {"l.u8", dtype::u8, {3}},
      {"m.bool", dtype::boolean, {2}},
      {"n.f8_e4m3", dtype::f8_e4m3, {3}},
      {"o.f8_e5m2", dtype::f8_e5m2, {3}},
      {"p.c64", dtype::c64, {2}},
      {"q.scalar", dtype::f32, {}},
      {"r.empty", dtype::f32, {0, 4}},
      {"s.\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x8E\x89 \"quoted\"\n", dtype::f32, {1}}};
  CHECK(file.names().size() == all.size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    const tensor_info* info = file.find(all[k].name);
    REQUIRE(info != nullptr);
    CHECK(info->type == all[k].type);
    CHECK(info->shape == all[k].shape);
    const std::span<const std::byte> bytes = file.bytes(*info);
    CHECK(bytes.size() == *tensor_bytes(info->type, info->shape));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      CHECK(static_cast<std::size_t>(bytes[i]) == (7 * i + 31 * k + 3) % 256);
    }
  }
  CHECK(file.find("a.f3") == nullptr);
  CHECK(file.find("") == nullptr);
}

TEST_CASE("safetensors: spans outlive a move, and the file may go once it is mapped") {
  const ctgpt_test::temporary_directory directory;
  const std::string path = directory.file("m");
  write_file_atomic(path, file_of(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2));
  safetensors first = safetensors::open(path);
  const auto bytes = first.bytes(*first.find("a"));
  const safetensors second = std::move(first);
  std::filesystem::remove(path);
  CHECK(static_cast<char>(bytes[1]) == 'd');
  CHECK(second.bytes(*second.find("a")).data() == bytes.data());
}

TEST_CASE("safetensors: empty files and padded headers are allowed") {
  CHECK(refusal("{}", 0) == "(no error)");
  CHECK(refusal("{}   ", 0) == "(no error)");
  CHECK(refusal(" \t\n{}\r\n", 0) == "(no error)");
  CHECK(refusal(R"({"__metadata__":{}})", 0) == "(no error)");
  CHECK(refusal(R"({"a":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]}})", 0) == "(no error)");
  CHECK(refusal(R"({"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}})", 3) == "(no error)");
}

TEST_CASE("safetensors: header lengths are checked before anything is read or allocated") {
  CHECK(refusal(std::string("1234567")) ==
        "m: a safetensors file begins with 8 bytes of header length, but this one has 7 bytes");
  CHECK(refusal(std::string(8, '\xFF')) ==
        "m: the header length 18446744073709551615 is larger than the 100000000 bytes that "
        "safetensors allow; this is not such a file, or it is damaged");
  CHECK(refusal(std::string("\x01\xE1\xF5\x05\0\0\0\0{}", 10)).find("100000001") !=
        std::string::npos);
  CHECK(refusal(std::string("\x03\0\0\0\0\0\0\0{}", 10)) ==
        "m: the header should have 3 bytes, but only 2 follow; the file is cut short or damaged");
  // A pickled checkpoint or a text under the wrong name.
  CHECK(refusal(std::string("once upon a time, there was")).find("not such a file") !=
        std::string::npos);
  CHECK(sentence_of([] { safetensors::open("/dev/null"); }) ==
        "cannot map /dev/null: it is not a regular file");
}

TEST_CASE("safetensors: each rule of the header has its sentence") {
  CHECK(refusal("", 0) ==
        "m: the header: line 1, column 1: expected a value, found the end of the text");
  CHECK(refusal("[]", 0) == "m: the header is not a JSON object");
  CHECK(refusal("{}\xFF", 0) ==
        "m: the header: line 1, column 3: the text is not UTF-8 (byte 2 of it)");
  CHECK(refusal(R"({"__metadata__":1})", 0) == "m: __metadata__ is not a JSON object");
  CHECK(refusal(R"({"__metadata__":{"k":1}})", 0) ==
        "m: the __metadata__ entry \"k\" is not a string");
  const std::string three =
      "m: the tensor \"a\" must have a string dtype, an array shape and an "
      "array data_offsets";
  CHECK(refusal(R"({"a":1})", 0) == three);
  CHECK(refusal(R"({"a":{"dtype":"F32","shape":[1]}})", 0) == three);
  CHECK(refusal(R"({"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}})", 4) == three);
  CHECK(refusal(R"({"a":{"dtype":"F32","shape":{},"data_offsets":[0,4]}})", 4) == three);
  CHECK(refusal(R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", 4) ==
        "m: the tensor \"a\" has the unknown dtype \"F33\"");
  for (const char* size : {"-1", "1.0", "\"1\"", "18446744073709551615", "null"}) {
    CHECK(refusal(std::string(R"({"a":{"dtype":"F32","shape":[)") + size +
                      R"(],"data_offsets":[0,4]}})",
                  4) == "m: the tensor \"a\" has the size " + std::string(size) +
                            " in its shape; sizes are integers of at least 0");
  }
  for (const char* ends : {"", "0", "0,4,8", "0,\"4\"", "-4,0", "0,4.0"}) {
    CHECK(refusal(std::string(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[)") + ends + "]}}",
                  4) == "m: the tensor \"a\" must have two integers of at least 0 as data_offsets");
  }
  CHECK(
      refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4) ==
      "m: the tensor \"a\" has data_offsets 0 to 8, but the file holds 4 bytes of data; it is cut "
      "short or damaged");
  CHECK(refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4).find("4 to 0") !=
        std::string::npos);
  CHECK(refusal(R"({"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,4]}})", 4) ==
        "m: the tensor \"a\" needs 16 bytes for its shape, but its data_offsets span 4");
  CHECK(refusal(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
                0) == "m: the tensor \"a\" has a shape whose bytes cannot be counted");
  CHECK(refusal(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}})", 1) ==
        "m: the tensor \"a\" has a shape whose bytes cannot be counted");
  CHECK(refusal(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                2)
            .find("the key \"a\" is there already") != std::string::npos);
}

TEST_CASE("safetensors: holes, overlaps and bytes that nobody owns are refused") {
  const auto two = [](int a_begin, int a_end, int b_begin, int b_end) {
    return join(R"({"a":{"dtype":"U8","shape":[)", a_end - a_begin, R"(],"data_offsets":[)",
                a_begin, ",", a_end, R"(]},"b":{"dtype":"U8","shape":[)", b_end - b_begin,
                R"(],"data_offsets":[)", b_begin, ",", b_end, "]}}");
  };
  CHECK(refusal(two(0, 2, 2, 4), 4) == "(no error)");
  CHECK(refusal(two(2, 4, 0, 2), 4) == "(no error)");  // any order in the header
  CHECK(refusal(two(0, 0, 0, 4), 4) == "(no error)");
  CHECK(refusal(two(0, 2, 3, 4), 4) ==
        "m: the tensor \"b\" begins at byte 3 of the data, but the one before ends at 2");
  CHECK(refusal(two(0, 3, 2, 4), 4) ==
        "m: the tensor \"b\" begins at byte 2 of the data, but the one before ends at 3");
  CHECK(refusal(two(1, 2, 2, 4), 4) ==
        "m: the tensor \"a\" begins at byte 1 of the data, but the one before ends at 0");
  CHECK(refusal(two(0, 2, 2, 4), 5) ==
        "m: the tensors end at byte 4 of the data, but the file goes on to 5");
}

TEST_CASE("safetensors: a golden file cut anywhere or with any bit flipped is refused or sound") {
  const std::string whole = read_file(golden("io/all_types.safetensors"));
  REQUIRE(refusal(whole) == "(no error)");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CHECK(refusal(whole.substr(0, length)) != "(no error)");
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    REQUIRE(sound(flipped));
  }
  random_stream random(8);
  for (int i = 0; i < 3000; ++i) {  // several wrong bytes at once
    std::string wrong = whole;
    for (std::uint64_t n = 1 + random.below(8); n > 0; --n) {
      wrong[random.below(wrong.size())] = static_cast<char>(random.next());
    }
    REQUIRE(sound(wrong));
  }
}

TEST_CASE("safetensors: the library's elements have their names in files") {
  for (const element type :
       {element::f32, element::bf16, element::f64, element::i32, element::u32, element::u8}) {
    CHECK(element_of_dtype(dtype_of(type)) == type);
    CHECK(dtype_bits(dtype_of(type)) == 8 * element_bytes(type));
  }
  CHECK(element_of_dtype(dtype::f16) == element::none);
  CHECK(dtype_name(dtype::bf16) == "BF16");
  CHECK(dtype_name(dtype::u64) == "U64");
  CHECK(sentence_of([] { dtype_of(element::q8_0); }) ==
        "a safetensors file cannot hold elements of type q8_0");
}
