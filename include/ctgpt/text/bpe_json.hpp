// tokenizer.json of byte-pair and word tokenizers, as Hugging Face tokenizers writes and reads it.
//
// std::string json = write_bpe_json(tables, "cl100k");      words: write_words_json(tokens)
// bpe_file file = read_bpe_json(root, "tokenizer.json");    file.pattern, file.tables
//
// Byte-pair: a BPE model whose tokens are spelled in GPT-2's characters for bytes. ByteLevel with
// its own regex is the pattern gpt2; a Sequence of Split and ByteLevel is the one whose regular
// expression it holds, known by its text. Ranks of tiktoken are written as merges with
// ignore_merges. Special tokens are added_tokens. Words: a WordLevel model behind ByteLevel.
// Ensures: the package gives the same ids; what is read and written again is the same text.
// Errors: whatever would make the ids differ gives a sentence with the file's name and the reason.
// Reference: huggingface/tokenizers, tokenizers/src/models/bpe, pre_tokenizers/split.rs.
#pragma once

#include "ctgpt/text/bpe_files.hpp"
#include "ctgpt/text/tokenizer_json.hpp"
#include "ctgpt/text/words.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

struct known_regex {
  std::string_view pattern, regex;
};

// The first of each pattern is the one that is written. Oniguruma, which the package uses, reads
// $ as the end of a line and {1,3}+ as a repeated run, so tiktoken's own texts are not written.
// The older cl100k cuts blanks behind a last line end: where no token holds both, ids are equal.
inline constexpr known_regex known_regexes[] = {
    {"gpt2", R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {"gpt2", R"('(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s)"},
    {"gpt2", R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {"cl100k", R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
               R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"cl100k", R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
               R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {"cl100k", R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|)"
               R"( ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"},
    {"cl100k", R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+|)"
               R"( ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s)"},
    {"nanochat", R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}|)"
                 R"( ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)"},
    {"o200k", R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
              R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?)"
              R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
              R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)"
              R"(\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

struct bpe_file {
  std::string_view pattern;  // "gpt2", "cl100k", "o200k" or "nanochat"
  bpe_tables tables;
};

namespace detail {

// What stands before the model: special tokens, and how a text is cut.
inline void begin_tokenizer_json(io::json_writer& out, std::span<const special_token> specials,
                                 std::string_view pattern) {
  out.begin_object().member("version", "1.0").member("truncation", nullptr);
  out.member("padding", nullptr).key("added_tokens").begin_array();
  for (const special_token& each : specials) {
    out.begin_object().member("id", each.token).member("content", each.name);
    out.member("single_word", false).member("lstrip", false).member("rstrip", false);
    out.member("normalized", false).member("special", true).end_object();
  }
  out.end_array().member("normalizer", nullptr).key("pre_tokenizer").begin_object();
  const auto byte_level = [&](bool regex) {
    out.member("type", "ByteLevel").member("add_prefix_space", false);
    out.member("trim_offsets", true).member("use_regex", regex).end_object();
  };
  if (pattern == gpt2::name()) {
    byte_level(true);
  } else {
    std::string_view regex;
    for (const known_regex& each : known_regexes) {
      if (each.pattern == pattern && regex.empty()) regex = each.regex;
    }
    expects(!regex.empty(), "there is no regular expression of the pattern ", pattern);
    out.member("type", "Sequence").key("pretokenizers").begin_array().begin_object();
    out.member("type", "Split").key("pattern").begin_object().member("Regex", regex).end_object();
    out.member("behavior", "Isolated").member("invert", false).end_object().begin_object();
    byte_level(false);
    out.end_array().end_object();
  }
  out.member("post_processor", nullptr);
  write_byte_level(out, "decoder", true);
  out.key("model").begin_object();
}

// The name of the pattern that a pre_tokenizer cuts by.
inline std::string_view read_pattern(const io::json_field& splitter, const std::string& name) {
  const auto byte_level = [&](const io::json_field& part, bool regex) {
    expects(type_of(part) == "ByteLevel", name, ": the pre_tokenizer is ", type_of(part),
            ", not ByteLevel");
    expects(!part["add_prefix_space"].boolean_or(true), name, ": the pre_tokenizer adds a space");
    expects(part["use_regex"].boolean_or(true) == regex, name, ": the pre_tokenizer ",
            regex ? "has no regex" : "has two regexes");
  };
  if (type_of(splitter) != "Sequence") {
    byte_level(splitter, true);
    return gpt2::name();
  }
  const io::json_field parts = splitter["pretokenizers"];
  expects(parts.size() == 2 && type_of(parts[0]) == "Split", name,
          ": the pre_tokenizer is a Sequence, but not of Split and ByteLevel");
  byte_level(parts[1], false);
  const io::json_field split = parts[0];
  const std::string behavior = split["behavior"].string();
  const bool invert = split["invert"].boolean_or(false);
  expects((behavior == "Isolated" && !invert) || (behavior == "Removed" && invert), name,
          ": the Split has the behavior ", io::quote_json(behavior), invert ? ", inverted" : "",
          "; only pieces that are kept each can be opened here");
  const std::string& regex = split["pattern"]["Regex"].string();
  for (const known_regex& each : known_regexes) {
    if (each.regex == regex) return each.pattern;
  }
  fail(name, ": the regular expression ", io::quote_json(regex),
       " is not one of gpt2, cl100k, o200k or nanochat");
}

inline std::vector<special_token> read_added_tokens(const io::json_field& added,
                                                    const std::string& name) {
  std::vector<special_token> specials;
  for (std::size_t i = 0; added.present() && i < added.size(); ++i) {
    const io::json_field each = added[i];
    const std::string& content = each["content"].string();
    expects(each["special"].boolean_or(false), name, ": the added token ", io::quote_json(content),
            " is not special");
    for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
      expects(!each[flag].boolean_or(false), name, ": the added token ", io::quote_json(content),
              " is ", flag);
    }
    specials.push_back({content, static_cast<std::int32_t>(each["id"].integer(0, (1 << 28) - 1))});
  }
  return specials;
}

// What else could change the ids of a text.
inline void expect_plain(const io::json_field& root, const std::string& name) {
  expects(!root["normalizer"].present(), name, ": there is a normalizer");
  expects(adds_nothing(root["post_processor"]), name, ": the post_processor adds tokens");
  expects(type_of(root["decoder"]) == "ByteLevel", name, ": the decoder is ",
          type_of(root["decoder"]), ", not ByteLevel");
}

}  // namespace detail

inline std::string write_bpe_json(const bpe_tables& tables, std::string_view pattern) {
  std::string text;
  io::json_writer out(text, {.pretty = true});
  detail::begin_tokenizer_json(out, tables.specials(), pattern);
  out.member("type", "BPE").member("dropout", nullptr).member("unk_token", nullptr);
  out.member("continuing_subword_prefix", nullptr).member("end_of_word_suffix", nullptr);
  out.member("fuse_unk", false).member("byte_fallback", false);
  out.member("ignore_merges", tables.whole_pieces()).key("vocab").begin_object();
  for (const spelled_token& each : spelled_tokens(tables)) out.member(each.spelled, each.token);
  out.end_object().key("merges").begin_array();
  for (const token_pair& pair : listed_merges(tables)) {
    out.begin_array().value(to_symbols(tables.bytes(pair.left)));
    out.value(to_symbols(tables.bytes(pair.right))).end_array();
  }
  out.end_array().end_object().end_object();
  return text;
}

// Whether a tokenizer.json is one of the byte-pair tokenizers read here.
inline bool is_bpe_json(const io::json_field& root) {
  if (detail::type_of(root["model"]) != "BPE") return false;
  const io::json_field splitter = root["pre_tokenizer"];
  const std::string type = detail::type_of(splitter);
  return type == "Sequence" || (type == "ByteLevel" && splitter["use_regex"].boolean_or(true));
}

inline bpe_file read_bpe_json(const io::json_field& root, const std::string& name) {
  const std::string_view pattern = detail::read_pattern(root["pre_tokenizer"], name);
  detail::expect_plain(root, name);
  const io::json_field model = root["model"];
  for (const char* part : {"unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
    expects(model[part].string_or("").empty(), name, ": the model has a ", part);
  }
  expects(model["dropout"].number_or(0.0) == 0.0, name, ": the model has a dropout");
  expects(!model["byte_fallback"].boolean_or(false), name, ": the model has a byte_fallback");
  std::vector<special_token> specials = detail::read_added_tokens(root["added_tokens"], name);
  std::vector<special_token> others;
  std::vector<std::string> tokens = read_spelled_tokens(model["vocab"], name, others);
  std::string bytes;
  for (const special_token& each : specials) {  // most are in the vocabulary as well
    const io::json* id = model["vocab"].value()->find(each.name);
    const auto* number = id != nullptr ? id->get_if<std::int64_t>() : nullptr;
    expects(number == nullptr || *number == each.token, name, ": the added token ",
            io::quote_json(each.name), " has another id in the vocabulary");
    // What is not spelled in bytes, or is empty, went to `others`.
    if (number == nullptr || !from_symbols(each.name, bytes) || bytes.empty()) continue;
    tokens[static_cast<std::size_t>(each.token)].clear();
  }
  for (const special_token& each : others) {
    expects(std::find(specials.begin(), specials.end(), each) != specials.end(), name,
            ": the token ", io::quote_json(each.name),
            " is neither spelled in bytes nor an added token");
  }
  while (!tokens.empty() && tokens.back().empty()) tokens.pop_back();
  std::vector<token_pair> merges;
  merge_reader index(tokens);
  const io::json_field listed = model["merges"];
  const auto* array =
      listed.value() != nullptr ? listed.value()->get_if<io::json_array>() : nullptr;
  if (array == nullptr) listed.wrong("an array of merges");
  for (std::size_t i = 0; i < array->size(); ++i) {
    std::string_view left, right;
    if (const auto* both = (*array)[i].get_if<std::string>()) {
      const std::size_t blank = both->find(' ');
      if (blank == std::string::npos) listed[i].wrong("two tokens with a blank between them");
      left = std::string_view(*both).substr(0, blank);
      right = std::string_view(*both).substr(blank + 1);
    } else {
      if (listed[i].size() != 2) listed[i].wrong("two tokens");
      left = listed[i][0].string();
      right = listed[i][1].string();
    }
    const token_pair pair{index.find(left), index.find(right)};
    if (pair.left < 0 || pair.right < 0) {
      fail(name, ": merge ", i + 1, ", of ", io::quote_json(left), " and ", io::quote_json(right),
           ", names a token that the vocabulary does not have");
    }
    merges.push_back(pair);
  }
  try {
    bpe_file file{pattern, bpe_tables::from_merges(tokens, merges, specials,
                                                   model["ignore_merges"].boolean_or(false))};
    spelled_tokens(file.tables);  // that it can be written again
    return file;
  } catch (const error& problem) {
    fail(name, ": ", problem.what());
  }
}

inline std::string write_words_json(const words& tokens) {
  std::string text;
  io::json_writer out(text, {.pretty = true});
  detail::begin_tokenizer_json(out, {}, gpt2::name());
  out.member("type", "WordLevel").key("vocab").begin_object();
  for (std::size_t id = 0; id < tokens.tokens().size(); ++id) {
    out.member(to_symbols(tokens.tokens()[id]), id);
  }
  out.end_object();
  out.member("unk_token", to_symbols(tokens.token_bytes(tokens.unknown_token())));
  out.end_object().end_object();
  return text;
}

inline words read_words_json(const io::json_field& root, const std::string& name) {
  const std::string_view pattern = detail::read_pattern(root["pre_tokenizer"], name);
  expects(pattern == gpt2::name(), name, ": words are cut by the pattern gpt2, not ", pattern);
  detail::expect_plain(root, name);
  expects(detail::read_added_tokens(root["added_tokens"], name).empty(), name,
          ": a word tokenizer has no added tokens");
  std::vector<special_token> others;
  const io::json_field vocab = root["model"]["vocab"];
  std::vector<std::string> tokens = read_spelled_tokens(vocab, name, others);
  expects(others.empty(), name, ": the word ", io::quote_json(others.empty() ? "" : others[0].name),
          " is not spelled in bytes");
  const std::string unknown = root["model"]["unk_token"].string();
  const io::json* id = vocab.value()->find(unknown);
  expects(id != nullptr, name, ": the unknown word ", io::quote_json(unknown),
          " is not in the vocabulary");
  try {
    return words(std::move(tokens), static_cast<std::int32_t>(*id->get_if<std::int64_t>()));
  } catch (const error& problem) {
    fail(name, ": ", problem.what());
  }
}

}  // namespace ctgpt::inline CTGPT_ABI::text
