// tokenizer: the verbs `tokenizer encode`, `decode` and `count`, from standard input to standard
// output.
//
// Texts of any length are read as they come, in constant memory (text/bpe_stream.hpp). Ids are one
// JSON array, or little-endian numbers of 16 or 32 bits. Decoding writes the tokens' bytes as they
// are: a character whose tokens do not end it is not completed.
// Errors: usage_error for flags; a special token that is not allowed, with its place; ids that are
// no ids, with theirs; a vocabulary whose ids do not fit into 16 bits.
#pragma once

#include <unistd.h>

#include <functional>
#include <memory>

#include "ctgpt/app/print.hpp"
#include "ctgpt/app/tokenizer_path.hpp"
#include "ctgpt/app/verbs.hpp"
#include "ctgpt/text/bpe_stream.hpp"
#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI::app {

using take_ids = std::function<void(std::span<const std::int32_t>)>;

// Calls take(bytes) for all of standard input.
template <class Take>
void read_input(Take take) {
  std::string block(std::size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t got = ::read(0, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system("read", "standard input", errno);
    if (got == 0) return;
    take(std::string_view(block).substr(0, static_cast<std::size_t>(got)));
  }
}

// Calls take(ids) for the tokens of standard input; returns its bytes.
inline std::uint64_t encode_input(const text::tokenizer& tokens,
                                  const std::vector<std::string>& allowed, const take_ids& take) {
  const auto choice = text::specials::allow(allowed);
  static_cast<void>(tokens.encode("", choice));  // the names are known, or said at once
  std::uint64_t bytes = 0;
  const bool streamed = text::visit_bpe(tokens, [&]<class Pattern>(const text::bpe<Pattern>& held) {
    text::bpe_stream<Pattern> stream(held, choice);
    read_input([&](std::string_view block) {
      bytes += block.size();
      take(stream.push(block));
    });
    take(stream.finish());
  });
  if (streamed) return bytes;
  std::string held;
  std::size_t wanted = 0;
  read_input([&](std::string_view block) {
    bytes += block.size();
    held += block;
    if (held.size() < wanted) return;
    const bool any_place = tokens.kind() == text::tokenizer_kind::bytes;
    const std::size_t cut = any_place ? held.size() : text::last_cut<text::gpt2>(held);
    take(tokens.encode(std::string_view(held).substr(0, cut)));
    held.erase(0, cut);
    wanted = cut == 0 ? held.size() * 2 : 0;  // so that looking again stays linear
  });
  take(tokens.encode(held));
  return bytes;
}

enum class id_format : std::uint8_t { json, u16, u32 };

inline id_format parse_format(const std::optional<std::string>& name, isize vocab) {
  if (!name || *name == "json") return id_format::json;
  if (*name == "u32") return id_format::u32;
  if (*name != "u16")
    throw usage_error(join("--format must be json, u16 or u32, not \"", *name, "\""));
  if (vocab > 65536) {
    throw usage_error(join("--format u16 holds ids up to 65,535, but the tokenizer has ",
                           grouped(vocab), " tokens; use u32"));
  }
  return id_format::u16;
}

inline text::tokenizer open_tokenizer(const tokenizer_flags& given) {
  if (!given.tokenizer) throw usage_error("say which tokenizer by --tokenizer PATH");
  return load_tokenizer(*given.tokenizer, given.pattern.value_or(""));
}

inline void append_ids(std::string& out, std::span<const std::int32_t> ids, id_format format,
                       bool& first) {
  char digits[16];
  for (const std::int32_t id : ids) {
    if (format == id_format::json) {
      if (!first) out += ',';
      out.append(digits, std::to_chars(digits, digits + sizeof digits, id).ptr);
    } else {
      const int bytes = format == id_format::u16 ? 2 : 4;
      for (int i = 0; i < bytes; ++i) out += static_cast<char>((id >> (8 * i)) & 255);
    }
    first = false;
  }
}

int tokenizer_encode_command(const tokenizer_encode_flags& given) {
  const text::tokenizer tokens = open_tokenizer(given);
  const id_format format = parse_format(given.format, tokens.vocab_size());
  const bool json = format == id_format::json;
  std::string out = json ? "[" : "";
  bool first = true;
  encode_input(tokens, given.allow_special, [&](std::span<const std::int32_t> ids) {
    append_ids(out, ids, format, first);
    put(out);
    out.clear();
  });
  put(json ? out + "]\n" : out);
  return 0;
}

// Ids from blocks of a JSON array, or of numbers of two or four bytes.
class id_reader {
 public:
  explicit id_reader(id_format format) : format_(format) {}

  void push(std::string_view bytes, std::vector<std::int32_t>& ids) {
    for (const char byte : bytes) {
      if (format_ == id_format::json) {
        read_json(byte, ids);
      } else {
        value_ |= std::uint64_t{static_cast<unsigned char>(byte)} << (8 * count_);
        if (++count_ == (format_ == id_format::u16 ? 2 : 4)) add(ids);
      }
      ++place_;
    }
  }
  void finish() const {
    if (format_ == id_format::json) {
      expects(state_ == state::done, "the ids end at byte ", place_,
              " without the ] of their array");
    } else {
      expects(count_ == 0, "the last of the ids is cut off: the input has ", place_, " bytes");
    }
  }

 private:
  enum class state : std::uint8_t { begin, first, value, number, comma, done };

  void add(std::vector<std::int32_t>& ids) {
    expects(value_ < (std::uint64_t{1} << 31), "the id ", value_, " before byte ", place_ + 1,
            " is in no vocabulary");
    ids.push_back(static_cast<std::int32_t>(value_));
    value_ = 0;
    count_ = 0;
  }
  void read_json(char byte, std::vector<std::int32_t>& ids) {
    const bool digit = byte >= '0' && byte <= '9';
    const bool blank = byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
    if (state_ == state::number) {
      if (digit && count_++ < 10) {
        value_ = value_ * 10 + static_cast<std::uint64_t>(byte - '0');
        return;
      }
      add(ids);
      state_ = state::comma;
    }
    if (blank) return;
    if (digit && (state_ == state::first || state_ == state::value)) {
      state_ = state::number;
      value_ = static_cast<std::uint64_t>(byte - '0');
      count_ = 1;
    } else if (byte == '[' && state_ == state::begin) {
      state_ = state::first;
    } else if (byte == ',' && state_ == state::comma) {
      state_ = state::value;
    } else if (byte == ']' && (state_ == state::first || state_ == state::comma)) {
      state_ = state::done;
    } else {
      fail("the input is no JSON array of ids at byte ", place_);
    }
  }

  id_format format_;
  state state_ = state::begin;
  std::uint64_t value_ = 0, place_ = 0;
  int count_ = 0;
};

int tokenizer_decode_command(const tokenizer_decode_flags& given) {
  const text::tokenizer tokens = open_tokenizer(given);
  id_reader reader(parse_format(given.format, tokens.vocab_size()));
  std::vector<std::int32_t> ids;
  read_input([&](std::string_view block) {
    ids.clear();
    reader.push(block, ids);
    put(tokens.decode(ids));
  });
  reader.finish();
  return 0;
}

int tokenizer_count_command(const tokenizer_count_flags& given) {
  const text::tokenizer tokens = open_tokenizer(given);
  std::uint64_t count = 0;
  const std::uint64_t bytes = encode_input(
      tokens, given.allow_special, [&](std::span<const std::int32_t> ids) { count += ids.size(); });
  if (!given.json) {
    put(std::to_string(count) + "\n");
    return 0;
  }
  io::json out = io::json::object();
  out.set("tokens", count).set("bytes", bytes);
  const auto each =
      static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(count, 1));
  out.set("bytes_per_token", each);
  put(io::write_json(out) + "\n");
  return 0;
}

}  // namespace ctgpt::inline CTGPT_ABI::app
