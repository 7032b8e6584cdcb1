// Event files: the bytes of their records, and what TensorBoard's own reader finds in them.
#include "ctgpt/io/event_file.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "base/temporary.hpp"
#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"
#include "io/python.hpp"

using namespace ctgpt;
using namespace ctgpt_test;

namespace {

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  }
  return value;
}

// The payloads of the whole records; checks both sums of each.
std::vector<std::string> payloads_of(std::string_view file) {
  std::vector<std::string> payloads;
  while (file.size() >= 16) {
    const auto length = static_cast<std::size_t>(little_endian(file.substr(0, 8)));
    CHECK(little_endian(file.substr(8, 4)) == io::detail::masked_crc32c(file.substr(0, 8)));
    if (file.size() < length + 16) break;
    payloads.emplace_back(file.substr(12, length));
    CHECK(little_endian(file.substr(12 + length, 4)) == io::detail::masked_crc32c(payloads.back()));
    file.remove_prefix(length + 16);
  }
  return payloads;
}

std::string some_events() {
  std::string out;
  io::append_event_version(out, 1700000000.25);
  const io::event_scalar first[] = {{"loss", 4.25}, {"lr", 3e-4}};
  io::append_event_scalars(out, 1700000001.5, 1, first);
  const io::event_scalar last[] = {{"loss", -1.5}};
  io::append_event_scalars(out, 1700000002.5, 3'000'000'000, last);
  io::append_event_text(out, 1700000003.0, 300, "sample", "O \xC3\xA9 <b>\nnext");
  return out;
}

}  // namespace

TEST_CASE("event_file: the first record is the one that every writer begins a file with") {
  std::string out;
  io::append_event_version(out, 1.0);
  const std::string payload =
      std::string("\x09\0\0\0\0\0\0\xF0\x3F", 9) + "\x1A\x0D" + "brain.Event:2";
  CHECK(payloads_of(out) == std::vector<std::string>{payload});
  CHECK(out.substr(0, 8) == std::string("\x18\0\0\0\0\0\0\0", 8));
  CHECK(out.substr(8, 4) == "\xA3\x7F\x4B\x22");  // as TensorFlow writes it for 24 bytes
  CHECK(out.size() == 24 + 16);
}

TEST_CASE("event_file: a scalar's payload, byte by byte") {
  std::string out;
  const io::event_scalar loss[] = {{"loss", 1.5}};
  io::append_event_scalars(out, 1.0, 300, loss);
  const std::string value = std::string("\x0A\x04loss\x15\0\0\xC0\x3F", 11);
  const std::string expected =
      std::string("\x09\0\0\0\0\0\0\xF0\x3F\x10\xAC\x02\x2A\x0D\x0A\x0B", 16) + value;
  CHECK(payloads_of(out) == std::vector<std::string>{expected});
}

TEST_CASE("event_file: a file cut anywhere holds the whole records before the cut") {
  const std::string whole = some_events();
  const std::vector<std::string> all = payloads_of(whole);
  REQUIRE(all.size() == 4);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const std::vector<std::string> left = payloads_of(std::string_view(whole).substr(0, cut));
    REQUIRE(left.size() < all.size());
    for (std::size_t i = 0; i < left.size(); ++i) CHECK(left[i] == all[i]);
  }
}

TEST_CASE("event_file: verbatim Markdown indents every line") {
  CHECK(io::verbatim_markdown("a\n\nb") == "    a\n    \n    b");
}

TEST_CASE("event_file: TensorBoard's own reader finds what was written, also before a torn end") {
  if (!python_has("tensorboard")) return;
  const temporary_directory made;
  const std::string path = made.file("events.out.tfevents.1700000000.ctgpt");
  for (const std::size_t torn : {std::size_t{0}, std::size_t{5}, std::size_t{30}}) {
    const std::string whole = some_events();
    std::string text = whole;
    if (torn > 0) text += whole.substr(40, torn);  // the start of one more record
    write_file_atomic(path, text);
    const auto read =
        python(quoted_for_shell(golden("read_events.py")) + " " + quoted_for_shell(path));
    REQUIRE(read.has_value());
    CHECK(*read ==
          "{\"step\": 0, \"time\": 1700000000.25, \"version\": \"brain.Event:2\"}\n"
          "{\"step\": 1, \"time\": 1700000001.5, \"tag\": \"loss\", \"value\": 4.25}\n"
          "{\"step\": 1, \"time\": 1700000001.5, \"tag\": \"lr\", "
          "\"value\": 0.0003000000142492354}\n"
          "{\"step\": 3000000000, \"time\": 1700000002.5, \"tag\": \"loss\", \"value\": -1.5}\n"
          "{\"step\": 300, \"time\": 1700000003.0, \"tag\": \"sample\", "
          "\"value\": \"O \\u00e9 <b>\\nnext\"}\n");
  }
}
