// tokenizer.json: the format of Hugging Face tokenizers, for bytes and characters.
//
// Both are BPE models without merges, which split a text into single symbols and look each up.
//   bytes:       the 256 byte-level symbols (GPT-2's table of a printable character for each byte)
//                have their byte as id; ByteLevel as pre-tokenizer (no regex, no prefix space) and
//                decoder
//   characters:  each character is a symbol, ids in the tokenizer's order; the decoder is Fuse
// The Python package opens either and gives the same ids and texts; only what the character model
// does not know differs: here it is an error, there it is dropped.
// Ensures: write, read, write gives the same text; the file is what the package would write itself.
// Errors: a damaged file, and a tokenizer of any other kind, give a sentence with the file's name.
// Reference: huggingface/tokenizers, tokenizers/src/models/bpe, pre_tokenizers/byte_level.rs.
#pragma once

#include "ctgpt/io/json.hpp"
#include "ctgpt/text/byte_symbols.hpp"
#include "ctgpt/text/characters.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// The three flags matter to a pre-tokenizer alone; the package writes true for a decoder.
inline void write_byte_level(io::json_writer& out, std::string_view key, bool flags) {
  out.key(key).begin_object().member("type", "ByteLevel").member("add_prefix_space", flags);
  out.member("trim_offsets", flags).member("use_regex", flags).end_object();
}

// symbols[i] becomes the token i.
inline std::string write_tokenizer_json(std::span<const char32_t> symbols, bool byte_level) {
  std::string text, symbol;
  io::json_writer out(text, {.pretty = true});
  out.begin_object().member("version", "1.0").member("truncation", nullptr);
  out.member("padding", nullptr).key("added_tokens").begin_array().end_array();
  out.member("normalizer", nullptr);
  if (byte_level) {
    write_byte_level(out, "pre_tokenizer", false);
  } else {
    out.member("pre_tokenizer", nullptr);
  }
  out.member("post_processor", nullptr);
  if (byte_level) {
    write_byte_level(out, "decoder", true);
  } else {
    out.key("decoder").begin_object().member("type", "Fuse").end_object();
  }
  out.key("model").begin_object().member("type", "BPE").member("dropout", nullptr);
  out.member("unk_token", nullptr).member("continuing_subword_prefix", nullptr);
  out.member("end_of_word_suffix", nullptr).member("fuse_unk", false);
  out.member("byte_fallback", false).member("ignore_merges", false).key("vocab").begin_object();
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    symbol.clear();
    utf8_append(symbol, symbols[i]);
    out.member(symbol, i);
  }
  out.end_object().key("merges").begin_array().end_array().end_object().end_object();
  return text;
}

inline std::string write_tokenizer_json(const bytes&) {
  return write_tokenizer_json(byte_symbols, true);
}
inline std::string write_tokenizer_json(const characters& tokenizer) {
  return write_tokenizer_json(tokenizer.alphabet(), false);
}

namespace detail {
inline std::string type_of(const io::json_field& part) {
  return part.present() ? part["type"].string() : std::string("null");
}
}  // namespace detail

// What a tokenizer.json holds: its symbols in the order of their ids, and how it splits a text.
struct tokenizer_file {
  std::vector<char32_t> symbols;
  bool byte_level = false;
};

// "model.vocab": a map from single characters to 0 .. n - 1.
inline std::vector<char32_t> read_symbols(const io::json_field& vocabulary) {
  const std::vector<io::json_member>& entries = vocabulary.members();
  std::vector<char32_t> symbols(entries.size());
  std::vector<bool> taken(entries.size(), false);
  for (const io::json_member& entry : entries) {
    const utf8_character symbol = utf8_decode(entry.key);
    if (symbol.length == 0 || symbol.length != entry.key.size()) {
      vocabulary.refuse(join("must be a map from single characters to tokens; the entry ",
                             io::quote_json(entry.key), " is none"));
    }
    const auto last = static_cast<std::int64_t>(entries.size()) - 1;
    const auto token = static_cast<std::size_t>(vocabulary[entry.key].integer(0, last));
    if (taken[token]) {
      vocabulary.refuse(join("must be a map to distinct tokens; ", token, " is there twice"));
    }
    taken[token] = true;
    symbols[token] = symbol.code;
  }
  return symbols;
}

// Whether a post_processor leaves the tokens as they are: it is none, or a template that holds the
// text alone, which transformers writes for a tokenizer without special tokens.
inline bool adds_nothing(const io::json_field& post_processor) {
  if (!post_processor.present()) return true;
  const std::string type = post_processor["type"].string();
  if (type == "ByteLevel") return true;  // which moves offsets alone
  if (type != "TemplateProcessing") return false;
  const io::json_field single = post_processor["single"];
  return single.size() == 1 && single[0]["Sequence"].present();
}

inline tokenizer_file read_tokenizer_json(const io::json_field& root, const std::string& name) {
  const io::json_field model = root["model"];
  const auto refuse_unless = [&](bool condition, const auto&... found) {
    if (!condition) {
      fail(name, ": ", found...,
           "; only byte and character tokenizers (BPE without merges) can be opened here");
    }
  };
  const std::string model_type = model["type"].string();
  refuse_unless(model_type == "BPE", "the model is ", io::quote_json(model_type));
  const std::size_t merges = model["merges"].size();
  refuse_unless(merges == 0, "the model has ", merges, " merges");
  const std::size_t added = root["added_tokens"].present() ? root["added_tokens"].size() : 0;
  refuse_unless(added == 0, "there are ", added, " added tokens");
  // Whatever else could change the tokens of a text.
  refuse_unless(!root["normalizer"].present(), "there is a normalizer");
  refuse_unless(adds_nothing(root["post_processor"]), "the post_processor adds tokens");
  for (const char* part : {"unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
    refuse_unless(model[part].string_or("").empty(), "the model has a ", part);
  }
  refuse_unless(model["dropout"].number_or(0.0) == 0.0, "the model has a dropout");
  refuse_unless(!model["byte_fallback"].boolean_or(false), "the model has a byte_fallback");

  tokenizer_file result;
  const std::string splitter = detail::type_of(root["pre_tokenizer"]),
                    decoder = detail::type_of(root["decoder"]);
  result.byte_level = splitter == "ByteLevel" && decoder == "ByteLevel";
  refuse_unless(result.byte_level || (splitter == "null" && decoder == "Fuse"),
                "the pre_tokenizer is ", splitter, " and the decoder is ", decoder);
  result.symbols = read_symbols(model["vocab"]);
  if (result.byte_level) {
    refuse_unless(!root["pre_tokenizer"]["add_prefix_space"].boolean_or(true),
                  "the pre_tokenizer adds a space");
    if (!std::equal(result.symbols.begin(), result.symbols.end(), byte_symbols.begin(),
                    byte_symbols.end())) {
      model["vocab"].refuse("must be the 256 byte-level symbols, each with its byte as token");
    }
  }
  return result;
}

}  // namespace ctgpt::inline CTGPT_ABI::text
