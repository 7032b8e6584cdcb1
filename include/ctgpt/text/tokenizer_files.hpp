// Opens a tokenizer: a tokenizer.json, a .tiktoken file, or the directory of a model.
//
// text::tokenizer t = text::tokenizer::load("gpt2");                  a directory
// text::tokenizer t = text::tokenizer::load("cl100k_base.tiktoken");
// text::tokenizer t = text::tokenizer::load("ours.tiktoken", "nanochat");
//
// Of a directory tokenizer.json is read, else vocab.json with merges.txt, whose pattern is gpt2
// unless told. The pattern and the special tokens of a .tiktoken file are known by its name where
// it is one of OpenAI's; other files need a pattern and have no special tokens.
// Errors: a pattern that is none, or not the file's; those of the files (text/bpe_files.hpp,
// text/bpe_json.hpp, text/tokenizer_json.hpp).
// Reference: openai/tiktoken, tiktoken_ext/openai_public.py.
#pragma once

#include "ctgpt/text/tokenizer.hpp"

namespace ctgpt::inline CTGPT_ABI::text {

// Calls visit(Pattern{}) with the pattern of that name.
template <class Visit>
void visit_pattern(std::string_view name, Visit visit) {
  const auto is = [&]<class Pattern>(Pattern pattern) {
    if (name != Pattern::name()) return false;
    visit(pattern);
    return true;
  };
  if (is(gpt2{}) || is(cl100k{}) || is(o200k{}) || is(nanochat{})) return;
  throw usage_error(join("there is no pattern ", io::quote_json(name),
                         "; choose gpt2, cl100k, o200k or nanochat"));
}

template <class Lazy = void>
tokenizer bpe_tokenizer(bpe_tables tables, std::string_view pattern) {
  std::optional<tokenizer> made;
  visit_pattern(pattern, [&]<class Pattern>(Pattern) { made = bpe<Pattern>(std::move(tables)); });
  return *made;
}

// Calls visit(tokens) with the bpe<Pattern> that a tokenizer holds; false where it holds none.
template <class Visit>
bool visit_bpe(const tokenizer& any, Visit visit) {
  const auto is = [&]<class Pattern>(Pattern) {
    const auto* held = any.get_if<bpe<Pattern>>();
    if (held != nullptr) visit(*held);
    return held != nullptr;
  };
  return is(gpt2{}) || is(cl100k{}) || is(o200k{}) || is(nanochat{});
}

struct known_encoding {
  std::string_view pattern;  // "" of none that is known
  std::vector<special_token> specials;
};
inline known_encoding encoding_named(std::string_view file) {
  file = file.substr(file.rfind('/') + 1);
  const std::string end = "<|endoftext|>", prompt = "<|endofprompt|>", prefix = "<|fim_prefix|>",
                    middle = "<|fim_middle|>", suffix = "<|fim_suffix|>";
  if (file == "r50k_base.tiktoken" || file == "p50k_base.tiktoken") {
    return {gpt2::name(), {{end, 50256}}};
  }
  if (file == "cl100k_base.tiktoken") {
    return {
        cl100k::name(),
        {{end, 100257}, {prefix, 100258}, {middle, 100259}, {suffix, 100260}, {prompt, 100276}}};
  }
  if (file == "o200k_base.tiktoken") return {o200k::name(), {{end, 199999}, {prompt, 200018}}};
  return {};
}

template <class Lazy>
tokenizer tokenizer::from_json(std::string_view json, const std::string& name) {
  const io::json parsed = io::parse_json(json, name);
  const io::json_field root(parsed, name);
  if (is_bpe_json(root)) {
    bpe_file file = read_bpe_json(root, name);
    return bpe_tokenizer<Lazy>(std::move(file.tables), file.pattern);
  }
  if (detail::type_of(root["model"]) == "WordLevel") return read_words_json(root, name);
  tokenizer_file file = read_tokenizer_json(root, name);
  if (file.byte_level) return bytes{};
  expects(!file.symbols.empty(), name, ": model.vocab is empty");
  return characters(std::move(file.symbols));
}

template <class Lazy>
tokenizer tokenizer::load(const std::string& path, std::string_view pattern) {
  const std::string vocab = path + "/vocab.json", merges = path + "/merges.txt";
  std::string file = path;
  if (is_directory(path)) {
    file = path + "/tokenizer.json";
    if (!is_file(file) && is_file(vocab) && is_file(merges)) {
      return bpe_tokenizer<Lazy>(read_vocab_merges(vocab, merges),
                                 pattern.empty() ? gpt2::name() : pattern);
    }
  }
  if (file.ends_with(".tiktoken")) {
    known_encoding known = encoding_named(file);
    if (pattern.empty()) pattern = known.pattern;
    if (pattern.empty()) {
      throw usage_error(join(file,
                             " does not say its pattern; give gpt2, cl100k, o200k or "
                             "nanochat"));
    }
    return bpe_tokenizer<Lazy>(read_tiktoken(file, known.specials), pattern);
  }
  tokenizer made = from_json<Lazy>(read_file(file, most_vocabulary_bytes), file);
  if (!pattern.empty() && pattern != made.pattern()) {
    throw usage_error(join(file, " is of ",
                           made.pattern().empty() ? join("the tokenizer ", made.name())
                                                  : join("the pattern ", made.pattern()),
                           ", not of the pattern ", io::quote_json(pattern)));
  }
  return made;
}

}  // namespace ctgpt::inline CTGPT_ABI::text
