// Writes safetensors files: streaming, deterministic, byte for byte what the format's own library
// writes for the same tensors.
//
// write_safetensors(directory.file("model.safetensors"),
//                   {{.name = "a", .type = dtype::f32, .shape = {2, 3}, .bytes = as_bytes(a)},
//                    {.name = "b", .type = dtype::bf16, .shape = {768}, .fill = copy_out}});
//
// Tensors are sorted by dtype, largest elements first, then by name; with the header padded to a
// multiple of 8 bytes by spaces, each tensor is aligned to its element. No time, no machine's name.
// A source gives its bytes as one span, or by fill(offset, part): called with ascending offsets,
// each time to fill `part` with the tensor's bytes from `offset` on (at most one piece at a time in
// memory).
// The metadata entry with_checksum becomes the checksum of the data, which safetensors::verify()
// reads again.
// Requires: little-endian bytes, row-major. Names are UTF-8, unique, and not "__metadata__".
// Errors: a source that contradicts its shape, a name twice; those of writing files.
// Reference: huggingface/safetensors, safetensors/src/tensor.rs (prepare, serialize_to_file).
#pragma once

#include <functional>

#include "ctgpt/io/safetensors.hpp"

namespace ctgpt::inline CTGPT_ABI::io {

struct tensor_source {
  std::string name;
  dtype type = dtype::f32;
  std::vector<isize> shape;
  std::span<const std::byte> bytes = {};  // all of them, unless `fill` is given
  std::function<void(std::uint64_t offset, std::span<std::byte> part)> fill = {};
};

using metadata_list = std::vector<std::pair<std::string, std::string>>;

// What fill() is asked for at a time at most; whole elements of every type.
inline constexpr std::size_t fill_piece_bytes = std::size_t{1} << 20;

// The order of the file. Checks what the header cannot say.
inline void sort_tensor_sources(std::vector<tensor_source>& sources, const std::string& path) {
  std::sort(sources.begin(), sources.end(), [](const auto& a, const auto& b) {
    return a.type != b.type ? a.type > b.type : a.name < b.name;
  });
  std::vector<std::string_view> names;
  for (const tensor_source& source : sources) {
    const std::optional<std::uint64_t> bytes = tensor_bytes(source.type, source.shape);
    const std::string name = quote_json(source.name);
    expects(bytes.has_value(), "cannot write ", path, ": the tensor ", name,
            " has a shape whose bytes cannot be counted");
    expects(source.fill || source.bytes.size() == *bytes, "cannot write ", path, ": the tensor ",
            name, " needs ", *bytes, " bytes for its shape, but its source has ",
            source.bytes.size());
    expects(source.name != "__metadata__", "cannot write ", path,
            ": no tensor may be called __metadata__");
    names.push_back(source.name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    fail("cannot write ", path, ": two tensors are called ", quote_json(*twice));
  }
}

inline std::string safetensors_header(const std::vector<tensor_source>& sources,
                                      const metadata_list& metadata, const std::string& path) {
  std::string text(8, '\0');
  json_writer writer(text);
  writer.begin_object();
  if (!metadata.empty()) {
    writer.key("__metadata__").begin_object();
    for (const auto& [key, value] : metadata) writer.member(key, value);
    writer.end_object();
  }
  std::uint64_t offset = 0;
  for (const tensor_source& source : sources) {
    writer.key(source.name).begin_object().member("dtype", dtype_name(source.type));
    writer.key("shape").begin_array();
    for (const isize size : source.shape) writer.value(size);
    writer.end_array().key("data_offsets").begin_array().value(offset);
    offset += *tensor_bytes(source.type, source.shape);
    writer.value(offset).end_array().end_object();
  }
  writer.end_object();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size() - 8;
  expects(length <= safetensors::largest_header, "cannot write ", path, ": its header would have ",
          length, " bytes, more than safetensors allow");
  std::memcpy(text.data(), &length, 8);
  return text;
}

// A metadata entry that becomes the checksum of the file's data.
inline const std::pair<std::string, std::string> with_checksum{checksum_key, std::string(16, '0')};

// To an open file, for example of an atomic_directory; the caller closes it. Returns the checksum.
inline std::uint64_t write_safetensors(output_file& file, std::vector<tensor_source> sources,
                                       const metadata_list& metadata = {}) {
  sort_tensor_sources(sources, file.path());
  const std::string header = safetensors_header(sources, metadata, file.path());
  file.write(header);
  xxh64 sum;
  const auto write = [&](std::span<const std::byte> bytes) {
    sum.update(bytes);
    file.write(bytes);
  };
  std::vector<std::byte> piece;
  for (const tensor_source& source : sources) {
    if (!source.fill) {
      write(source.bytes);
      continue;
    }
    const std::uint64_t bytes = *tensor_bytes(source.type, source.shape);
    for (std::uint64_t offset = 0; offset < bytes; offset += piece.size()) {
      piece.resize(
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes - offset, fill_piece_bytes)));
      source.fill(offset, piece);
      write(piece);
    }
  }
  if (std::find(metadata.begin(), metadata.end(), with_checksum) != metadata.end()) {
    const std::string key = quote_json(checksum_key) + ":\"";
    file.write_at(header.find(key + with_checksum.second) + key.size(),
                  checksum_text(sum.finish()));
  }
  return sum.finish();
}

// To a path, atomically: the old file or the new one, never half of one.
inline std::uint64_t write_safetensors(const std::string& path, std::vector<tensor_source> sources,
                                       const metadata_list& metadata = {}) {
  atomic_file target(path);
  const std::uint64_t sum = write_safetensors(target.file(), std::move(sources), metadata);
  target.commit();
  return sum;
}

}  // namespace ctgpt::inline CTGPT_ABI::io
