// Safetensors files, read without trust and without copying.
//
// const auto file = safetensors::open("model.safetensors");
// const tensor_info* info = file.find("wte.weight");          nullptr when it is not there
// file.bytes(*info)                                           the tensor's bytes, in the file's map
//
// Layout: u64 length N; N bytes of JSON, space-padded; data. Everything is little-endian, tensors
// row-major. The header maps a name to {dtype, shape, data_offsets: [begin, end)}, relative to the
// data; "__metadata__" maps strings to strings.
// Checked before a byte of data is touched: N at most 100,000,000 and inside the file; shapes and
// sizes without overflow; the tensors cover the data without hole or overlap; each name is there
// once.
// Ensures: every span that bytes() gives lies inside the file. It lives as long as the safetensors.
// Alignment is not promised: foreign files may put an F32 at any byte.
// Errors: one sentence with the file's name and the tensor's.
// Reference: huggingface/safetensors, README.md ("Format") and safetensors/src/tensor.rs.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>

#include "ctgpt/base/checksum.hpp"
#include "ctgpt/base/element.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"

namespace ctgpt::inline CTGPT_ABI::io {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian and are mapped as they are");

// In the order of the format's own implementation: writers sort by it, largest elements first.
enum class dtype : std::uint8_t {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64
};

struct dtype_facts {
  std::string_view name;
  std::uint8_t bits;
};
inline constexpr std::array<dtype_facts, 22> dtype_table{
    {{"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
     {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
     {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
     {"I32", 32},        {"U32", 32},    {"F32", 32},    {"C64", 64},    {"F64", 64},
     {"I64", 64},        {"U64", 64}}};

constexpr std::string_view dtype_name(dtype type) {
  return dtype_table[static_cast<std::size_t>(type)].name;
}
constexpr int dtype_bits(dtype type) { return dtype_table[static_cast<std::size_t>(type)].bits; }

// How a tensor of the library is stored.
// Requires: an element that the format knows.
inline dtype dtype_of(element type) {
  switch (type) {
    case element::f32:
      return dtype::f32;
    case element::bf16:
      return dtype::bf16;
    case element::f64:
      return dtype::f64;
    case element::i32:
      return dtype::i32;
    case element::u32:
      return dtype::u32;
    case element::u8:
      return dtype::u8;
    default:
      fail("a safetensors file cannot hold elements of type ", element_name(type));
  }
}

// element::none for what the library has no element for.
constexpr element element_of_dtype(dtype type) {
  switch (type) {
    case dtype::f32:
      return element::f32;
    case dtype::bf16:
      return element::bf16;
    case dtype::f64:
      return element::f64;
    case dtype::i32:
      return element::i32;
    case dtype::u32:
      return element::u32;
    case dtype::u8:
      return element::u8;
    default:
      return element::none;
  }
}

struct tensor_info {
  std::string name;
  dtype type = dtype::f32;
  std::vector<isize> shape;          // empty: one element
  std::uint64_t begin = 0, end = 0;  // in the data, which begins after the header
};

// Bytes of a tensor of this shape; empty when they overflow or do not fill whole bytes.
inline std::optional<std::uint64_t> tensor_bytes(dtype type, std::span<const isize> shape) {
  std::uint64_t bits = 1;
  for (const isize size : shape) {
    if (size < 0 || __builtin_mul_overflow(bits, static_cast<std::uint64_t>(size), &bits))
      return {};
  }
  if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(dtype_bits(type)), &bits)) return {};
  if (bits % 8 != 0) return {};
  return bits / 8;
}

// The metadata entry with the XXH64 of all that follows the header.
inline constexpr std::string_view checksum_key = "xxh64";

class safetensors {
 public:
  static constexpr std::uint64_t largest_header = 100'000'000;

  static safetensors open(const std::string& path) {
    auto file = std::make_shared<const mapped_file>(path);
    safetensors result = parse(file->bytes(), path);
    result.file_ = std::move(file);
    return result;
  }
  // Requires: `file` outlives the result. `name` is for errors.
  static safetensors parse(std::span<const std::byte> file, std::string_view name) {
    return safetensors(file, std::string(name));
  }

  // In the order of their data.
  const std::vector<tensor_info>& tensors() const { return tensors_; }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const tensor_info& info : tensors_) result.push_back(info.name);
    return result;
  }
  const tensor_info* find(std::string_view name) const {
    const auto less = [this](std::uint32_t at, std::string_view key) {
      return tensors_[at].name < key;
    };
    const auto place = std::lower_bound(order_.begin(), order_.end(), name, less);
    if (place == order_.end() || tensors_[*place].name != name) return nullptr;
    return &tensors_[*place];
  }
  // Requires: info is one of tensors().
  std::span<const std::byte> bytes(const tensor_info& info) const {
    return data_.subspan(info.begin, info.end - info.begin);
  }
  // In the order of the file.
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }
  // The metadata entry of that name, or nullptr.
  const std::string* metadata(std::string_view key) const {
    for (const auto& [name, value] : metadata_) {
      if (name == key) return &value;
    }
    return nullptr;
  }
  // Throws where the file carries a checksum of its data (ours do) and the data has another.
  void verify() const {
    const std::string* wanted = metadata(checksum_key);
    if (wanted == nullptr) return;
    xxh64 sum;
    sum.update(data_);
    const std::string found = checksum_text(sum.finish());
    expects(found == *wanted, name_, " is damaged: the checksum of its data is ", found,
            ", but the file says ", quote_json(*wanted));
  }

 private:
  safetensors(std::span<const std::byte> file, std::string name) : name_(std::move(name)) {
    const std::string_view header = cut_header(file);
    const json parsed = parse_json(header, name_ + ": the header");
    const auto* entries = parsed.get_if<json_object>();
    expects(entries != nullptr, name_, ": the header is not a JSON object");
    for (const json_member& entry : entries->members()) {
      if (entry.key == "__metadata__") {
        read_metadata(entry.value);
      } else {
        read_tensor(entry);
      }
    }
    check_cover();
    order_.resize(tensors_.size());
    std::iota(order_.begin(), order_.end(), 0u);
    std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) {
      return tensors_[a].name < tensors_[b].name;
    });
  }

  // Sets data_ to what follows the header.
  std::string_view cut_header(std::span<const std::byte> file) {
    expects(file.size() >= 8, name_, ": a safetensors file begins with 8 bytes of header length, ",
            "but this one has ", file.size(), " bytes");
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), 8);
    expects(length <= largest_header, name_, ": the header length ", length, " is larger than the ",
            largest_header,
            " bytes that safetensors allow; this is not such a file, or it is damaged");
    expects(length <= file.size() - 8, name_, ": the header should have ", length,
            " bytes, but only ", file.size() - 8, " follow; the file is cut short or damaged");
    data_ = file.subspan(8 + length);
    return {reinterpret_cast<const char*>(file.data()) + 8, length};
  }

  void read_metadata(const json& value) {
    const auto* entries = value.get_if<json_object>();
    expects(entries != nullptr, name_, ": __metadata__ is not a JSON object");
    for (const json_member& entry : entries->members()) {
      const auto* text = entry.value.get_if<std::string>();
      expects(text != nullptr, name_, ": the __metadata__ entry ", quote_json(entry.key),
              " is not a string");
      metadata_.emplace_back(entry.key, *text);
    }
  }

  template <class... Parts>
  void tensor_expects(bool condition, const tensor_info& info, const Parts&... parts) const {
    if (!condition) fail(name_, ": the tensor ", quote_json(info.name), parts...);
  }

  void read_tensor(const json_member& entry) {
    tensor_info info;
    info.name = entry.key;
    const json* type = entry.value.find("dtype");
    const json* shape = entry.value.find("shape");
    const json* offsets = entry.value.find("data_offsets");
    const auto* type_name = type != nullptr ? type->get_if<std::string>() : nullptr;
    const auto* sizes = shape != nullptr ? shape->get_if<json_array>() : nullptr;
    const auto* ends = offsets != nullptr ? offsets->get_if<json_array>() : nullptr;
    tensor_expects(type_name != nullptr && sizes != nullptr && ends != nullptr, info,
                   " must have a string dtype, an array shape and an array data_offsets");
    const auto same = [&](const dtype_facts& facts) { return facts.name == *type_name; };
    const auto known = std::find_if(dtype_table.begin(), dtype_table.end(), same);
    tensor_expects(known != dtype_table.end(), info, " has the unknown dtype ",
                   quote_json(*type_name));
    info.type = static_cast<dtype>(known - dtype_table.begin());
    for (const json& size : *sizes) {
      const auto* number = size.get_if<std::int64_t>();
      tensor_expects(number != nullptr && *number >= 0, info, " has the size ", write_json(size),
                     " in its shape; sizes are integers of at least 0");
      info.shape.push_back(*number);
    }
    const auto end_at = [&](std::size_t i) {
      const auto* number = i < ends->size() ? (*ends)[i].get_if<std::int64_t>() : nullptr;
      tensor_expects(ends->size() == 2 && number != nullptr && *number >= 0, info,
                     " must have two integers of at least 0 as data_offsets");
      return static_cast<std::uint64_t>(*number);
    };
    info.begin = end_at(0);
    info.end = end_at(1);
    tensor_expects(info.begin <= info.end && info.end <= data_.size(), info, " has data_offsets ",
                   info.begin, " to ", info.end, ", but the file holds ", data_.size(),
                   " bytes of data; it is cut short or damaged");
    const std::optional<std::uint64_t> bytes = tensor_bytes(info.type, info.shape);
    tensor_expects(bytes.has_value(), info, " has a shape whose bytes cannot be counted");
    tensor_expects(*bytes == info.end - info.begin, info, " needs ", *bytes,
                   " bytes for its shape, but its data_offsets span ", info.end - info.begin);
    tensors_.push_back(std::move(info));
  }

  // Sorts the tensors by their data and checks that they follow each other without hole or overlap.
  void check_cover() {
    std::stable_sort(tensors_.begin(), tensors_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t reached = 0;
    for (const tensor_info& info : tensors_) {
      tensor_expects(info.begin == reached, info, " begins at byte ", info.begin,
                     " of the data, but the one before ends at ", reached);
      reached = info.end;
    }
    expects(reached == data_.size(), name_, ": the tensors end at byte ", reached,
            " of the data, but the file goes on to ", data_.size());
  }

  std::string name_;
  std::shared_ptr<const mapped_file> file_;
  std::span<const std::byte> data_;
  std::vector<tensor_info> tensors_;
  std::vector<std::uint32_t> order_;  // tensors_ by name
  std::vector<std::pair<std::string, std::string>> metadata_;
};

}  // namespace ctgpt::inline CTGPT_ABI::io
