// Any bytes in any pieces: the stream gives what the whole gives, always UTF-8. The first byte
// chooses how the rest is cut.
#include "ctgpt/text/utf8.hpp"

#include "fuzz/require.hpp"

using namespace ctgpt;
using namespace ctgpt::text;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = fuzz::text_of(data + 1, size - 1);
  const std::string whole = repair_utf8(bytes);
  require(utf8_error_offset(whole) == std::string::npos, "repaired text is UTF-8");
  require((utf8_error_offset(bytes) == bytes.npos) == (whole == bytes), "UTF-8 is left alone");

  // A piece of 1 to 4 bytes at a time, two bits of the first byte each, again and again.
  utf8_stream stream;
  std::string pieces;
  unsigned cuts = data[0];
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = 1 + (cuts & 3);
    cuts = (cuts >> 2 | cuts << 6) & 0xFF;
    const std::string piece = stream.push(bytes.substr(at, length));
    require(utf8_error_offset(piece) == std::string::npos, "each piece is UTF-8");
    require(stream.pending() <= 3, "at most three bytes are held back");
    pieces += piece;
    at += length;
  }
  pieces += stream.flush();
  require(pieces == whole, "the pieces are the whole");

  // Character by character, the decoder sees the same text.
  std::string rebuilt;
  for (std::size_t at = 0; at < bytes.size();) {
    const utf8_character next = utf8_decode(bytes.substr(at));
    require(next.length >= 1 && next.length <= 4, "decoding advances");
    require(is_unicode_scalar(next.code), "what is decoded is a character");
    utf8_append(rebuilt, next.code);
    at += next.length;
  }
  require(rebuilt == whole, "decoding and repairing agree");
  return 0;
}
