// The files of byte-pair vocabularies: GPT-2's vocab.json with merges.txt, and tiktoken's ranks.
//
// bpe_tables t = read_vocab_merges("gpt2/vocab.json", "gpt2/merges.txt");
// bpe_tables t = read_tiktoken("cl100k_base.tiktoken", specials);
// write_vocab_merges(t, vocab_path, merges_path);  write_tiktoken(t, path);
//
// vocab.json maps tokens, in GPT-2's spelling of bytes, to ids; an entry that no merge makes and
// that is longer than a byte is a special token, such as <|endoftext|>. merges.txt has a pair a
// line, in their order; a first line that begins with #version is left out. A .tiktoken file has a
// token in base64 and its rank a line.
// Errors: one sentence with file and line: what is no token, twice there, or merges nothing.
// Reference: openai/gpt-2, src/encoder.py; openai/tiktoken, tiktoken/load.py.
#pragma once

#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/text/bpe_tables.hpp"
#include "ctgpt/text/byte_symbols.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

inline constexpr std::uint64_t most_vocabulary_bytes = std::uint64_t{1} << 28;

// Calls line(text, number) for each line, without its end.
template <class Line>
void for_each_line(std::string_view text, Line line) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view one = text.substr(0, end);
    if (one.ends_with('\r')) one.remove_suffix(1);
    line(one, number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The tokens of a map from spelled tokens to ids: tokens[id] is the bytes, or empty.
// What is not spelled as bytes goes to `others`.
inline std::vector<std::string> read_spelled_tokens(const io::json_field& vocabulary,
                                                    const std::string& name,
                                                    std::vector<special_token>& others) {
  const std::vector<io::json_member>& entries = vocabulary.members();
  std::vector<std::string> tokens;
  std::string bytes;
  for (const io::json_member& entry : entries) {
    const auto* number = entry.value.get_if<std::int64_t>();
    expects(number != nullptr && *number >= 0 && *number < (std::int64_t{1} << 28), name,
            ": the id of ", io::quote_json(entry.key),
            " must be an integer from 0 to 268,435,455");
    const auto id = static_cast<std::size_t>(*number);
    if (!from_symbols(entry.key, bytes) || bytes.empty()) {
      others.push_back({entry.key, static_cast<std::int32_t>(id)});
      continue;
    }
    expects(id < 4 * entries.size() + 1024, name, ": the id ", id, " of ",
            io::quote_json(entry.key), " is far beyond its ", entries.size(), " tokens");
    if (tokens.size() <= id) tokens.resize(id + 1);
    expects(tokens[id].empty(), name, ": the id ", id, " is there twice, of ",
            io::quote_json(to_symbols(tokens[id])), " and ", io::quote_json(entry.key));
    tokens[id] = bytes;
  }
  return tokens;
}

// Pairs of ids by their spelling.
class merge_reader {
 public:
  explicit merge_reader(const std::vector<std::string>& tokens)
      : slots_(2048, -1), tokens_(tokens) {
    while (slots_.size() < 2 * tokens.size()) slots_.resize(2 * slots_.size(), -1);
    for (std::size_t id = 0; id < tokens.size(); ++id) {
      if (!tokens[id].empty()) slots_[slot_of(tokens[id])] = static_cast<std::int32_t>(id);
    }
  }
  // The token that is spelled so, or -1.
  std::int32_t find(std::string_view spelled) {
    return from_symbols(spelled, bytes_) ? slots_[slot_of(bytes_)] : -1;
  }

 private:
  std::size_t slot_of(std::string_view bytes) const {
    std::size_t slot = std::hash<std::string_view>{}(bytes) & (slots_.size() - 1);
    while (slots_[slot] >= 0 && tokens_[static_cast<std::size_t>(slots_[slot])] != bytes) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }
  std::vector<std::int32_t> slots_;
  const std::vector<std::string>& tokens_;
  std::string bytes_;
};

// Tokens of several bytes that no merge makes are specials: text never becomes them.
inline void take_specials(std::vector<std::string>& tokens, std::span<const token_pair> merges,
                          std::vector<special_token>& specials) {
  std::string both;
  std::vector<bool> made(tokens.size(), false);
  merge_reader index(tokens);
  for (const token_pair& pair : merges) {
    both = tokens[static_cast<std::size_t>(pair.left)] +
           tokens[static_cast<std::size_t>(pair.right)];
    const std::int32_t token = index.find(to_symbols(both));
    if (token >= 0) made[static_cast<std::size_t>(token)] = true;
  }
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].size() < 2 || made[id]) continue;
    specials.push_back({to_symbols(tokens[id]), static_cast<std::int32_t>(id)});
    tokens[id].clear();
  }
  while (!tokens.empty() && tokens.back().empty()) tokens.pop_back();
}

inline bpe_tables read_vocab_merges(const std::string& vocab_path, const std::string& merges_path) {
  const std::string vocab = read_file(vocab_path, most_vocabulary_bytes);
  const io::json parsed = io::parse_json(vocab, vocab_path);
  std::vector<special_token> specials;
  std::vector<std::string> tokens =
      read_spelled_tokens(io::json_field(parsed, vocab_path), vocab_path, specials);
  const std::string merges_text = read_file(merges_path, most_vocabulary_bytes);
  std::vector<token_pair> merges;
  merge_reader index(tokens);
  for_each_line(merges_text, [&](std::string_view line, std::size_t number) {
    if (line.empty() || (number == 1 && line.starts_with("#version"))) return;
    const std::size_t blank = line.find(' ');
    expects(blank != std::string_view::npos && blank != 0 && blank + 1 < line.size() &&
                line.find(' ', blank + 1) == std::string_view::npos,
            merges_path, ":", number, ": a merge is two tokens with a blank between them, not ",
            io::quote_json(line));
    token_pair pair{index.find(line.substr(0, blank)), index.find(line.substr(blank + 1))};
    expects(pair.left >= 0 && pair.right >= 0, merges_path, ":", number, ": ",
            io::quote_json(line), " names a token that ", vocab_path, " does not have");
    merges.push_back(pair);
  });
  take_specials(tokens, merges, specials);
  try {
    return bpe_tables::from_merges(tokens, merges, specials);
  } catch (const error& problem) {
    fail(vocab_path, ": ", problem.what());
  }
}

// Base64 without line ends (RFC 4648); false where it is none.
inline bool decode_base64(std::string_view text, std::string& bytes) {
  const auto value = [](char c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
  };
  bytes.clear();
  if (text.size() % 4 != 0) return false;
  while (text.ends_with('=')) text.remove_suffix(1);
  unsigned bits = 0, count = 0;
  for (const char each : text) {
    const int six = value(each);
    if (six < 0) return false;
    bits = (bits << 6) | static_cast<unsigned>(six);
    if ((count += 6) >= 8) bytes += static_cast<char>((bits >> (count -= 8)) & 255u);
  }
  return !bytes.empty();
}

inline bpe_tables read_tiktoken(const std::string& path,
                                std::span<const special_token> specials = {}) {
  const std::string text = read_file(path, most_vocabulary_bytes);
  std::vector<std::string> tokens;
  std::string bytes;
  const std::size_t lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    if (line.empty()) return;
    const std::size_t blank = line.find(' ');
    std::size_t rank = 0;
    bool good = blank != std::string_view::npos && decode_base64(line.substr(0, blank), bytes) &&
                blank + 1 < line.size() && line.size() - blank <= 10;
    for (std::size_t i = blank + 1; good && i < line.size(); ++i) {
      good = line[i] >= '0' && line[i] <= '9';
      rank = rank * 10 + static_cast<std::size_t>(line[i] - '0');
    }
    expects(good, path, ":", number, ": a line is a token in base64, a blank and its rank");
    expects(rank < 4 * lines + 1024, path, ":", number, ": the rank ", rank,
            " is far beyond the file's ", lines, " tokens");
    if (tokens.size() <= rank) tokens.resize(rank + 1);
    expects(tokens[rank].empty(), path, ":", number, ": the rank ", rank, " is there twice");
    tokens[rank] = bytes;
  });
  try {
    return bpe_tables::from_ranks(tokens, specials);
  } catch (const error& problem) {
    fail(path, ": ", problem.what());
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::text
