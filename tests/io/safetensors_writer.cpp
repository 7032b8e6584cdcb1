#include "ctgpt/io/safetensors_writer.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "base/child.hpp"
#include "base/temporary.hpp"
#include "ctgpt/base/directory.hpp"
#include "ctgpt/base/hash.hpp"
#include "io/python.hpp"

using namespace ctgpt;
using namespace ctgpt::io;
using ctgpt_test::golden;
using ctgpt_test::names;
using ctgpt_test::sentence_of;
using ctgpt_test::temporary_directory;

namespace {

const std::vector<float> some_floats{1.0f, -2.5f, 0x1p-140f, 3.0f, 4.0f, 5.0f};

tensor_source floats(std::string name, std::vector<isize> shape) {
  return {.name = std::move(name),
          .type = dtype::f32,
          .shape = std::move(shape),
          .bytes = std::as_bytes(std::span(some_floats))};
}

std::string written(const std::vector<tensor_source>& sources, const metadata_list& metadata = {}) {
  const temporary_directory directory;
  write_safetensors(directory.file("m"), sources, metadata);
  return read_file(directory.file("m"));
}

}  // namespace

TEST_CASE("safetensors_writer: a file that is read and written again has the same bytes") {
  // The golden file comes from the format's own package, so this is its layout, order and padding.
  const std::string path = golden("io/all_types.safetensors");
  const safetensors file = safetensors::open(path);
  std::vector<tensor_source> sources;
  for (const tensor_info& info : file.tensors()) {
    sources.push_back(
        {.name = info.name, .type = info.type, .shape = info.shape, .bytes = file.bytes(info)});
  }
  std::reverse(sources.begin(), sources.end());  // the caller's order does not matter
  CHECK(written(sources, file.metadata()) == read_file(path));
}

TEST_CASE(
    "safetensors_writer: a source that fills pieces gives the same file as one that is a span") {
  std::vector<std::byte> large((std::size_t{5} << 19) + 12);  // two and a half pieces
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::byte>(i * 31 >> 3);
  std::vector<std::uint64_t> offsets;
  tensor_source by_span{.name = "a",
                        .type = dtype::f32,
                        .shape = {static_cast<isize>(large.size() / 4)},
                        .bytes = large};
  tensor_source by_pieces = by_span;
  by_pieces.bytes = {};
  by_pieces.fill = [&](std::uint64_t offset, std::span<std::byte> part) {
    offsets.push_back(offset);
    std::copy_n(large.begin() + static_cast<std::ptrdiff_t>(offset), part.size(), part.begin());
  };
  CHECK(written({by_span}) == written({by_pieces}));
  CHECK(offsets == std::vector<std::uint64_t>{0, fill_piece_bytes, 2 * fill_piece_bytes});
}

TEST_CASE("safetensors_writer: tensors are aligned to their elements") {
  std::vector<tensor_source> sources{floats("b", {6})};
  const std::vector<std::byte> odd(7);
  sources.push_back({.name = "a", .type = dtype::u8, .shape = {7}, .bytes = odd});
  const std::vector<double> doubles(3);
  sources.push_back(
      {.name = "c", .type = dtype::f64, .shape = {3}, .bytes = std::as_bytes(std::span(doubles))});
  const std::string file = written(sources, {{"format", "pt"}});
  const safetensors parsed =
      safetensors::parse(std::as_bytes(std::span(file.data(), file.size())), "m");
  CHECK(parsed.names() == names{"c", "b", "a"});
  std::uint64_t header = 0;
  std::memcpy(&header, file.data(), 8);
  CHECK(header % 8 == 0);
  for (const tensor_info& info : parsed.tensors()) {
    CHECK((8 + header + info.begin) * 8 % static_cast<std::uint64_t>(dtype_bits(info.type)) == 0);
  }
}

TEST_CASE("safetensors_writer: sources that contradict themselves are refused, no file appears") {
  const temporary_directory directory;
  const std::string path = directory.file("m");
  const auto refusal = [&](std::vector<tensor_source> sources) {
    return sentence_of([&] { write_safetensors(path, sources); });
  };
  CHECK(refusal({floats("a", {5})}) ==
        "cannot write " + path +
            ": the tensor \"a\" needs 20 bytes for its shape, but its source has 24");
  CHECK(refusal({floats("a", {-1})}) ==
        "cannot write " + path + ": the tensor \"a\" has a shape whose bytes cannot be counted");
  CHECK(refusal({floats("a", {6}), floats("b", {6}), floats("a", {6})}) ==
        "cannot write " + path + ": two tensors are called \"a\"");
  CHECK(refusal({floats("__metadata__", {6})}) ==
        "cannot write " + path + ": no tensor may be called __metadata__");
  CHECK(refusal({floats("\xFF", {6})}) ==
        "cannot write a text as JSON: it is not UTF-8 (byte 0 of it)");
  CHECK(directory.names().empty());
}

TEST_CASE("safetensors_writer: a write that stops half way keeps the old file") {
  const temporary_directory directory;
  const std::string path = directory.file("m");
  write_safetensors(path, {floats("a", {6})});
  const std::string before = read_file(path);
  const auto result = ctgpt_test::in_child([&]() -> std::string {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1500000, 1500000};
    expects(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "no limit");
    const auto zeros = [](std::uint64_t, std::span<std::byte>) {};
    write_safetensors(path,
                      {{.name = "a", .type = dtype::u8, .shape = {isize{1} << 21}, .fill = zeros}});
    return "written";
  });
  CHECK(result.said == "cannot write " + path + ": File too large");
  CHECK(read_file(path) == before);
  CHECK(directory.names() == names{"m"});
}

TEST_CASE("safetensors_writer: a file of an atomic directory is complete at commit") {
  const temporary_directory root;
  atomic_directory step(root.file("step-1"));
  output_file file = output_file::create(step.file("model.safetensors"));
  write_safetensors(file, {floats("a", {2, 3})});
  file.close();
  step.commit();
  const safetensors parsed = safetensors::open(root.file("step-1/model.safetensors"));
  CHECK(parsed.find("a")->shape == std::vector<isize>{2, 3});
  CHECK(std::memcmp(parsed.bytes(*parsed.find("a")).data(), some_floats.data(), 24) == 0);
}

TEST_CASE("safetensors_writer: the format's own package reads the same tensors" *
          doctest::timeout(120)) {
  if (!ctgpt_test::python_has("safetensors")) return;
  const temporary_directory directory;
  const std::string path = directory.file("m.safetensors");
  std::vector<tensor_source> sources{floats("b.weight", {2, 3}), floats("a", {6})};
  const std::vector<std::byte> odd(7, std::byte{3});
  sources.push_back({.name = "c \xC3\xA9\"\\", .type = dtype::i8, .shape = {7, 1}, .bytes = odd});
  sources.push_back(
      {.name = "half", .type = dtype::bf16, .shape = {1, 3}, .bytes = std::span(odd).first(6)});
  sources.push_back({.name = "none", .type = dtype::i64, .shape = {3, 0}});
  sources.push_back(
      {.name = "one", .type = dtype::u8, .shape = {}, .bytes = std::span(odd).first(1)});
  write_safetensors(path, sources, {{"format", "pt"}, {"made by", "ctgpt"}});
  const std::optional<std::string> printed =
      ctgpt_test::python(ctgpt_test::quoted_for_shell(golden("make_safetensors.py")) + " read " +
                         ctgpt_test::quoted_for_shell(path));
  REQUIRE(printed.has_value());
  std::sort(sources.begin(), sources.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  std::size_t line_begin = 0;
  for (const tensor_source& source : sources) {
    const std::size_t line_end = printed->find('\n', line_begin);
    REQUIRE(line_end != std::string::npos);
    const json line = parse_json(printed->substr(line_begin, line_end - line_begin), "printed");
    line_begin = line_end + 1;
    json_array shape;
    for (const isize size : source.shape) shape.push_back(size);
    CHECK(*line.find("name") == json(source.name));
    CHECK(*line.find("dtype") == json(dtype_name(source.type)));
    CHECK(*line.find("shape") == json(shape));
    sha256 hash;
    hash.update(source.bytes);
    CHECK(*line.find("sha256") == json(to_hex(hash.finish())));
  }
  CHECK(line_begin == printed->size());
}
