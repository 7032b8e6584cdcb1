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
// Errors: one sentence with file and line: what is no token, twice there, or merges nothing; in a
// .tiktoken file, a token above 4096 bytes.
// Reference: openai/gpt-2, src/encoder.py; openai/tiktoken, tiktoken/load.py.
#pragma once

#include "ctgpt/base/file.hpp"
#include "ctgpt/io/json.hpp"
#include "ctgpt/text/bpe_tables.hpp"
#include "ctgpt/text/byte_symbols.hpp"
#include "ctgpt/text/token_index.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

inline constexpr std::uint64_t most_vocabulary_bytes = std::uint64_t{1} << 28;
// Of a token in a .tiktoken file, whose merges are all ways to cut it: the square of its length.
inline constexpr std::size_t most_ranked_bytes = 4096;

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
    if (number == nullptr || *number < 0 || *number >= (std::int64_t{1} << 28)) {
      fail(name, ": the id of ", io::quote_json(entry.key),
           " must be an integer from 0 to 268,435,455");
    }
    const auto id = static_cast<std::size_t>(*number);
    if (!from_symbols(entry.key, bytes) || bytes.empty()) {
      others.push_back({entry.key, static_cast<std::int32_t>(id)});
      continue;
    }
    if (id >= 4 * entries.size() + 1024) {
      fail(name, ": the id ", id, " of ", io::quote_json(entry.key), " is far beyond its ",
           entries.size(), " tokens");
    }
    if (tokens.size() <= id) tokens.resize(id + 1);
    if (!tokens[id].empty()) {
      fail(name, ": the id ", id, " is there twice, of ", io::quote_json(to_symbols(tokens[id])),
           " and ", io::quote_json(entry.key));
    }
    tokens[id] = bytes;
  }
  return tokens;
}

// Ids by their spelling.
class merge_reader {
 public:
  explicit merge_reader(const std::vector<std::string>& tokens) : index_(tokens), tokens_(tokens) {}
  // The token that is spelled so, or -1.
  std::int32_t find(std::string_view spelled) {
    return from_symbols(spelled, bytes_) ? find_bytes(bytes_) : -1;
  }
  std::int32_t find_bytes(std::string_view bytes) const { return index_.find(tokens_, bytes); }

 private:
  token_index index_;
  const std::vector<std::string>& tokens_;
  std::string bytes_;
};

// Tokens of several bytes that no merge makes are specials: text never becomes them.
// index: of the tokens, which change here.
inline void take_specials(std::vector<std::string>& tokens, const merge_reader& index,
                          std::span<const token_pair> merges,
                          std::vector<special_token>& specials) {
  std::string both;
  std::vector<bool> made(tokens.size(), false);
  for (const token_pair& pair : merges) {
    both =
        tokens[static_cast<std::size_t>(pair.left)] + tokens[static_cast<std::size_t>(pair.right)];
    const std::int32_t token = index.find_bytes(both);
    if (token >= 0) made[static_cast<std::size_t>(token)] = true;
  }
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].size() < 2 || made[id]) continue;
    specials.push_back({to_symbols(tokens[id]), static_cast<std::int32_t>(id)});
    tokens[id].clear();
  }
  while (!tokens.empty() && tokens.back().empty()) tokens.pop_back();
}

// The texts of both files; the paths are for errors.
inline bpe_tables parse_vocab_merges(std::string_view vocab, const std::string& vocab_path,
                                     std::string_view merges_text, const std::string& merges_path) {
  const io::json parsed = io::parse_json(vocab, vocab_path);
  std::vector<special_token> specials;
  std::vector<std::string> tokens =
      read_spelled_tokens(io::json_field(parsed, vocab_path), vocab_path, specials);
  std::vector<token_pair> merges;
  merge_reader index(tokens);
  for_each_line(merges_text, [&](std::string_view line, std::size_t number) {
    if (line.empty() || (number == 1 && line.starts_with("#version"))) return;
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || blank == 0 || blank + 1 == line.size() ||
        line.find(' ', blank + 1) != std::string_view::npos) {
      fail(merges_path, ":", number, ": a merge is two tokens with a blank between them, not ",
           io::quote_json(line));
    }
    token_pair pair{index.find(line.substr(0, blank)), index.find(line.substr(blank + 1))};
    if (pair.left < 0 || pair.right < 0) {
      fail(merges_path, ":", number, ": ", io::quote_json(line), " names a token that ", vocab_path,
           " does not have");
    }
    merges.push_back(pair);
  });
  take_specials(tokens, index, merges, specials);
  try {
    return bpe_tables::from_merges(tokens, merges, specials);
  } catch (const error& problem) {
    const bool of_merges = std::string_view(problem.what()).starts_with("merge ");
    fail(of_merges ? merges_path : vocab_path, ": ", problem.what());
  }
}

inline bpe_tables read_vocab_merges(const std::string& vocab_path, const std::string& merges_path) {
  return parse_vocab_merges(read_file(vocab_path, most_vocabulary_bytes), vocab_path,
                            read_file(merges_path, most_vocabulary_bytes), merges_path);
}

// The merges of any tables in their order; of ranks, every pair that makes a token, by its rank.
inline std::vector<token_pair> listed_merges(const bpe_tables& tables) {
  std::vector<token_pair> merges(tables.merges().begin(), tables.merges().end());
  if (!tables.ranked()) return merges;
  for (std::size_t id = 0; id < tables.token_count(); ++id) {
    const std::string_view bytes = tables.bytes(static_cast<std::int32_t>(id));
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const std::int32_t left = tables.find(bytes.substr(0, cut));
      const std::int32_t right = left >= 0 ? tables.find(bytes.substr(cut)) : -1;
      if (right >= 0) merges.push_back({left, right});
    }
  }
  return merges;
}

// How tokens and specials are spelled, in the order of their ids; ids of neither are left out.
struct spelled_token {
  std::string spelled;
  std::int32_t token;
};
inline std::vector<spelled_token> spelled_tokens(const bpe_tables& tables) {
  std::vector<spelled_token> all;
  for (std::size_t id = 0; id < tables.token_count(); ++id) {
    const auto token = static_cast<std::int32_t>(id);
    if (tables.has(token)) all.push_back({to_symbols(tables.bytes(token)), token});
  }
  std::string bytes;
  for (const special_token& each : tables.specials()) {
    expects(!from_symbols(each.name, bytes) || tables.find(bytes) < 0, "the special token ",
            io::quote_json(each.name),
            " is spelled like a token of text, so no file can hold both");
    all.push_back({each.name, each.token});
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.token < b.token; });
  return all;
}

// Appends the texts of both files.
inline void print_vocab_merges(const bpe_tables& tables, std::string& vocab, std::string& merges) {
  merges += "#version: 0.2\n";
  io::json_writer out(vocab);
  out.begin_object();
  for (const spelled_token& each : spelled_tokens(tables)) out.member(each.spelled, each.token);
  out.end_object();
  for (const token_pair& pair : listed_merges(tables)) {
    merges +=
        to_symbols(tables.bytes(pair.left)) + " " + to_symbols(tables.bytes(pair.right)) + "\n";
  }
}
inline void write_vocab_merges(const bpe_tables& tables, const std::string& vocab_path,
                               const std::string& merges_path) {
  std::string vocab, merges;
  print_vocab_merges(tables, vocab, merges);
  write_file_atomic(vocab_path, vocab);
  write_file_atomic(merges_path, merges);
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

inline std::string encode_base64(std::string_view bytes) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = i; j < i + 3; ++j) {
      three = (three << 8) | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? letters[(three >> (18 - 6 * j)) & 63] : '=';
    }
  }
  return text;
}

inline bpe_tables parse_tiktoken(std::string_view text, const std::string& path,
                                 std::span<const special_token> specials = {}) {
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
    expects(bytes.size() <= most_ranked_bytes, path, ":", number, ": the token has ", bytes.size(),
            " bytes; those of a .tiktoken file have at most ", most_ranked_bytes);
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

inline bpe_tables read_tiktoken(const std::string& path,
                                std::span<const special_token> specials = {}) {
  return parse_tiktoken(read_file(path, most_vocabulary_bytes), path, specials);
}

// Special tokens are not in such a file: whoever reads it names them.
// Errors: merges that are not in the order of the tokens they make, which ranks cannot say.
// `path` is for errors.
inline std::string print_tiktoken(const bpe_tables& tables, const std::string& path) {
  std::int32_t last = -1;
  for (const token_pair& pair : tables.merges()) {
    const std::int32_t made = tables.table().find(pair.left, pair.right)->token;
    expects(made > last, path, ": the merge that makes the token ", made,
            " comes after that of the token ", last,
            ", but in a .tiktoken file the order is that of the ids");
    last = made;
  }
  std::string text;
  for (std::size_t id = 0; id < tables.token_count(); ++id) {
    const auto token = static_cast<std::int32_t>(id);
    if (!tables.has(token)) continue;
    text += encode_base64(tables.bytes(token)) + " " + std::to_string(id) + "\n";
  }
  return text;
}
inline void write_tiktoken(const bpe_tables& tables, const std::string& path) {
  write_file_atomic(path, print_tiktoken(tables, path));
}

}  // namespace ctgpt::inline CTGPT_ABI::text
