// Event files: the scalars and texts of a run in the form that TensorBoard reads.
//
//   std::string out;
//   append_event_version(out, now);                              the first record of a file
//   append_event_scalars(out, now, 12, {{{"loss", 1.25}, {"lr", 3e-4}}});
//   append_event_text(out, now, 12, "sample", "Once upon a time");
//
// Each call appends one whole record, so that a file to which records are appended by one write
// each holds at most one torn record, its last; readers stop before it.
// A record: its length (8 bytes), the masked CRC-32C of those, the payload, its masked CRC-32C; the
// mask is rotr(crc, 15) + 0xa282ead8; everything little-endian. The payload is a protobuf message:
//   Event        {1: double wall_time, 2: int64 step, 3: string file_version, 5: Summary}
//   Summary      {1: repeated Value {1: string tag, 2: float simple_value, 8: TensorProto tensor,
//                 9: SummaryMetadata {1: PluginData {1: string plugin_name}}}}
//   TensorProto  {1: DataType dtype (7 is a string), 2: shape {2: dim {1: int64 size}},
//                 8: repeated bytes string_val}
// TensorBoard reads texts as Markdown; a caller that wants the characters as they are indents each
// line by four spaces (verbatim_markdown).
// Requires: tags and texts in UTF-8.
// Errors: none.
// Reference: TensorFlow, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto
// and tensorflow/core/lib/io/record_writer.cc; Protocol Buffers, "Encoding".
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ctgpt/base/crc32c.hpp"

namespace ctgpt::inline CTGPT_ABI::io {

struct event_scalar {
  std::string_view tag;
  double value = 0.0;
};

namespace detail {

// One protobuf message.
class protobuf_message {
 public:
  protobuf_message& varint(int field, std::uint64_t value) { return key(field, 0).bare(value); }
  protobuf_message& real(int field, double value) {
    return key(field, 1).fixed(std::bit_cast<std::uint64_t>(value), 8);
  }
  protobuf_message& real(int field, float value) {
    return key(field, 5).fixed(std::bit_cast<std::uint32_t>(value), 4);
  }
  protobuf_message& text(int field, std::string_view value) {
    key(field, 2).bare(value.size());
    bytes_ += value;
    return *this;
  }
  protobuf_message& message(int field, const protobuf_message& value) {
    return text(field, value.bytes_);
  }
  // Not a part of protobuf messages, but of the records around them.
  protobuf_message& fixed(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_ += static_cast<char>((value >> (8 * i)) & 0xFF);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  protobuf_message& key(int field, unsigned wire) {
    return bare(static_cast<std::uint64_t>(field) << 3 | wire);
  }
  protobuf_message& bare(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
    return *this;
  }

  std::string bytes_;
};

constexpr std::uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

inline void append_record(std::string& out, const std::string& payload) {
  const std::string length = protobuf_message().fixed(payload.size(), 8).bytes();
  out += length + protobuf_message().fixed(masked_crc32c(length), 4).bytes();
  out += payload + protobuf_message().fixed(masked_crc32c(payload), 4).bytes();
}

inline protobuf_message event_at(double wall_time, std::int64_t step) {
  protobuf_message event;
  event.real(1, wall_time).varint(2, static_cast<std::uint64_t>(step));
  return event;
}

}  // namespace detail

// Wall times are seconds since 1970.
inline void append_event_version(std::string& out, double wall_time) {
  detail::append_record(
      out, detail::protobuf_message().real(1, wall_time).text(3, "brain.Event:2").bytes());
}

inline void append_event_scalars(std::string& out, double wall_time, std::int64_t step,
                                 std::span<const event_scalar> scalars) {
  detail::protobuf_message summary;
  for (const event_scalar& each : scalars) {
    summary.message(
        1, detail::protobuf_message().text(1, each.tag).real(2, static_cast<float>(each.value)));
  }
  detail::append_record(out, detail::event_at(wall_time, step).message(5, summary).bytes());
}

inline void append_event_text(std::string& out, double wall_time, std::int64_t step,
                              std::string_view tag, std::string_view text) {
  using message = detail::protobuf_message;
  constexpr std::uint64_t string_type = 7;
  const message shape = message().message(2, message().varint(1, 1));
  const message tensor = message().varint(1, string_type).message(2, shape).text(8, text);
  const message metadata = message().message(1, message().text(1, "text"));
  const message value = message().text(1, tag).message(8, tensor).message(9, metadata);
  detail::append_record(
      out, detail::event_at(wall_time, step).message(5, message().message(1, value)).bytes());
}

// Markdown that shows the text as it is: a block of code.
inline std::string verbatim_markdown(std::string_view text) {
  std::string out = "    ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "    ";
  }
  return out;
}

}  // namespace ctgpt::inline CTGPT_ABI::io
